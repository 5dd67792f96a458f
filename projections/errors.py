"""Which faults of the read side pass by themselves, and the event that does not."""

from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    ExecutionTimeout,
    WriteConcernError,
)

from commands.postgres import errors
from commands.streams import Stream

# An upsert that its guard refused; the store deals with these itself.
DUPLICATE_KEY = 11000


class PoisonEvent(Exception):
    """An event that stops its stream: it can't be read, or what it does can't be done; see the cause."""

    def __init__(self, stream: Stream, version: int) -> None:
        super().__init__(f"version {version} of {stream.kind} {stream.id}")
        self.stream = stream
        self.version = version


class VersionUnavailable(Exception):
    """What stood at one version can't be read any more, or not yet; the same may succeed in a moment."""


def passes(error: BaseException) -> bool:
    """Whether the same may well succeed in a moment."""
    return (
        errors.passes(error)
        or isinstance(error, ConnectionFailure | ExecutionTimeout | WriteConcernError)
        or (isinstance(error, BulkWriteError) and _only_unconfirmed(error))
    )


def _only_unconfirmed(error: BulkWriteError) -> bool:
    """Whether all was written, and only a majority's word is missing."""
    details = error.details
    others = [each for each in details["writeErrors"] if each["code"] != DUPLICATE_KEY]
    return bool(details["writeConcernErrors"]) and not others
