"""Errors for clients: a message, and a code in extensions.code."""

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
    """An error that is sent to the client unchanged."""

    def __init__(self, code: Code, message: str, **more: Any) -> None:
        super().__init__(message, extensions={"code": code.value, **more})


def unauthenticated(why: str = "sign in first") -> PortalError:
    """UNAUTHENTICATED: nobody is signed in, or the session has ended."""
    return PortalError(Code.UNAUTHENTICATED, why)


def forbidden(why: str) -> PortalError:
    """FORBIDDEN: the user may not do this."""
    return PortalError(Code.FORBIDDEN, why)


def bad_input(field: str, why: str) -> PortalError:
    """BAD_USER_INPUT: the input has a wrong shape; `field` says where."""
    return PortalError(Code.BAD_USER_INPUT, why, field=field)


def not_found(what: str) -> PortalError:
    """NOT_FOUND: there is none, or none that the reader may see."""
    return PortalError(Code.NOT_FOUND, what)


def unavailable(why: str) -> PortalError:
    """UNAVAILABLE: the same request may succeed in a moment."""
    return PortalError(Code.UNAVAILABLE, why)


def rate_limited(what: str, seconds: int) -> PortalError:
    """RATE_LIMITED; `retryAfter` says in how many seconds it can succeed."""
    return PortalError(
        Code.RATE_LIMITED, f"too many {what}; try again in {seconds} s", retryAfter=seconds
    )
