"""Which faults of the read side pass by themselves, and the event that does not."""

from pymongo.errors import ConnectionFailure, ExecutionTimeout, WTimeoutError

from commands.postgres import errors
from commands.streams import Stream


class PoisonEvent(Exception):
    """An event that stops its stream: it can't be read, or what it does can't be done; see the cause."""

    def __init__(self, stream: Stream, version: int) -> None:
        super().__init__(f"version {version} of {stream.kind} {stream.id}")
        self.stream = stream
        self.version = version


class Moved(Exception):
    """What stood at one version can't be read any more, or not yet; the same may succeed in a moment."""


def passes(error: BaseException) -> bool:
    """Whether the same may well succeed in a moment."""
    return errors.passes(error) or isinstance(
        error, ConnectionFailure | ExecutionTimeout | WTimeoutError
    )
