"""Errors meant for clients: a message, and a code they can act on."""

from enum import StrEnum
from typing import Any

from graphql import GraphQLError


class Code(StrEnum):
    """The values of extensions.code."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    NOT_FOUND = "NOT_FOUND"
    RATE_LIMITED = "RATE_LIMITED"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL = "INTERNAL"


class PortalError(GraphQLError):
    """An error meant for the client, as it is."""

    def __init__(self, code: Code, message: str, **more: Any) -> None:
        super().__init__(message, extensions={"code": code.value, **more})


def unauthenticated(why: str = "sign in first") -> PortalError:
    """Nobody is signed in, or not any more."""
    return PortalError(Code.UNAUTHENTICATED, why)


def forbidden(why: str) -> PortalError:
    """Signed in, but this is not theirs to do."""
    return PortalError(Code.FORBIDDEN, why)


def bad_input(field: str, why: str) -> PortalError:
    """What was sent can't be meant; `field` says where."""
    return PortalError(Code.BAD_USER_INPUT, why, field=field)


def not_found(what: str) -> PortalError:
    """There is none, or none that the reader may see."""
    return PortalError(Code.NOT_FOUND, what)


def unavailable(why: str) -> PortalError:
    """Not now; the same request may succeed in a moment."""
    return PortalError(Code.UNAVAILABLE, why)


def rate_limited(what: str, seconds: int) -> PortalError:
    """Too often; `retryAfter` says in how many seconds it can succeed."""
    return PortalError(
        Code.RATE_LIMITED, f"too many {what}; try again in {seconds} s", retryAfter=seconds
    )
