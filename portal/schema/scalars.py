"""Scalars: money as text with two places, times with their zone."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from commands.domain.amounts import InvalidAmount, amount

WRITTEN_ID = re.compile(r"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")


def _parse_amount(value: Any) -> Decimal:
    if not isinstance(value, str):
        raise GraphQLError('an amount is sent as text, e.g. "120.00"')
    try:
        return amount(value)
    except InvalidAmount as error:
        raise GraphQLError(str(error)) from error


def _write_amount(value: Decimal) -> str:
    return f"{value:.2f}"


def _parse_time(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise GraphQLError(f"{str(value)[:60]!r} is not a time like 2030-01-31T18:00:00Z") from None
    if moment.tzinfo is None:
        raise GraphQLError(f"{value[:60]!r} needs its zone, e.g. 2030-01-31T18:00:00Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise GraphQLError(f"{value[:60]!r} lies outside the years that can be counted") from None


def _write_time(value: datetime) -> str:
    return value.astimezone(UTC).isoformat()


def _parse_uuid(value: Any) -> UUID:
    # UUID() itself takes any script's digits, and underscores between them.
    if not isinstance(value, str) or not WRITTEN_ID.fullmatch(value):
        raise GraphQLError(
            f"{str(value)[:60]!r} is not an id like 01890a5d-ac96-774b-bcce-b302099a8057"
        )
    return UUID(value)


AMOUNT: ScalarDefinition = strawberry.scalar(
    name="Decimal",
    description='An amount of money as a string with two places, e.g. "120.00".',
    serialize=_write_amount,
    parse_value=_parse_amount,
)
TIME: ScalarDefinition = strawberry.scalar(
    name="DateTime",
    description="A moment in ISO 8601 with its zone, e.g. 2030-01-31T18:00:00Z; answered in UTC.",
    serialize=_write_time,
    parse_value=_parse_time,
)
IDENTIFIER: ScalarDefinition = strawberry.scalar(
    name="UUID",
    description="An id: 32 hexadecimal digits, e.g. 01890a5d-ac96-774b-bcce-b302099a8057.",
    serialize=str,
    parse_value=_parse_uuid,
)

SCALARS: dict[object, ScalarDefinition] = {
    Decimal: AMOUNT,
    datetime: TIME,
    UUID: IDENTIFIER,
}
