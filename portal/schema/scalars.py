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

# RFC 3339. Python's own reader takes much more: weeks, any character for the T, any script's digits.
WRITTEN_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
)


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
    problem = f"{str(value)[:60]!r} is not a time like 2030-01-31T18:00:00Z"
    if not isinstance(value, str) or not WRITTEN_TIME.fullmatch(value):
        raise GraphQLError(f"{problem}, with its zone")
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except ValueError:
        raise GraphQLError(f"{problem}: there is none") from None
    except OverflowError:
        raise GraphQLError(f"{problem}: it lies outside the years that can be counted") from None


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
    description="A moment in ISO 8601 as RFC 3339 narrows it, e.g. 2030-01-31T18:00:00Z; answered in UTC.",
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
