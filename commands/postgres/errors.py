"""Which errors of Postgres are transient, and how errors are stored."""

import traceback
from pathlib import Path

from psycopg import Error, InterfaceError, OperationalError
from psycopg.errors import (
    IdleInTransactionSessionTimeout,
    ProgramLimitExceeded,
    ReadOnlySqlTransaction,
)

from commands.streams import Conflict


class ImportUnfinished(OperationalError):
    """The portal has half a record: until its import is finished nothing can be decided."""


# OperationalError: connections (08), rollbacks such as deadlocks (40), resources (53), locks (55),
# intervention such as a shutdown or a timeout (57), the system (58), and the pool's own timeout.
_PASSING = (
    OperationalError,
    InterfaceError,
    IdleInTransactionSessionTimeout,
    # Raised while a replica becomes the primary.
    ReadOnlySqlTransaction,
    Conflict,
)


# The errors that mean that Postgres can't be reached; the pool's timeout is one of them.
AWAY = (OperationalError,)


def passes(error: BaseException) -> bool:
    """Whether the error is transient: the same may succeed in a moment."""
    return isinstance(error, _PASSING) and not isinstance(error, ProgramLimitExceeded)


def with_traceback(error: BaseException) -> str:
    """The error with its traceback. Postgres's details quote rows, and rows may hold personal data."""
    text = "".join(traceback.format_exception(error))
    return text.partition("\nDETAIL:")[0] if isinstance(error, Error) else text


def in_brief(error: BaseException) -> str:
    """The error's type and the line that raised it, without its text, which may hold personal data."""
    frames = traceback.extract_tb(error.__traceback__)
    line = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return type(error).__name__ + line
