"""Which errors of the read side are transient, and PoisonEvent, which is not."""

from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    ExecutionTimeout,
    WriteConcernError,
)

from commands.postgres import errors
from commands.streams import Stream

# The error of an upsert whose version guard did not match; the store handles it.
DUPLICATE_KEY = 11000


class PoisonEvent(Exception):
    """An event that stops its stream: it can't be read or applied; see `__cause__`."""

    def __init__(self, stream: Stream, version: int) -> None:
        super().__init__(f"version {version} of {stream.kind} {stream.id}")
        self.stream = stream
        self.version = version


class VersionUnavailable(Exception):
    """The documents of a version can't be read any more, or not yet; the same may succeed in a moment."""


def passes(error: BaseException) -> bool:
    """Whether the error is transient: the same may succeed in a moment."""
    return (
        errors.passes(error)
        or isinstance(error, ConnectionFailure | ExecutionTimeout | WriteConcernError)
        or (isinstance(error, BulkWriteError) and _only_unconfirmed(error))
    )


def _only_unconfirmed(error: BulkWriteError) -> bool:
    """Whether everything was written, and only the majority's acknowledgement is missing."""
    details = error.details
    others = [each for each in details["writeErrors"] if each["code"] != DUPLICATE_KEY]
    return bool(details["writeConcernErrors"]) and not others
