"""Who asks for a command, and how it becomes a submission for the inbox."""

import re
from dataclasses import dataclass, field
from typing import Any, TypedDict
from uuid import UUID

from commands.domain.commands import Command
from commands.ids import new_id
from commands.inbox.deadlines import deadline
from commands.inbox.invalid import InvalidInput
from commands.inbox.keys import stored_key
from commands.jobs import Submission
from commands.record.codec import command_name
from commands.streams import Stream

ANONYMOUS = "anonymous"
KEY = re.compile(r"[\x21-\x7e]{1,200}")


class How(TypedDict, total=False):
    """What every command may be sent with: an idempotency key, and seconds after which it is not to be run any more."""

    idempotency_key: str | None
    expires_in: float | None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what ties the request together: a user (or nobody, or the house itself).

    With a `session_id` it is still to be checked whether that session of theirs goes on.
    """

    user_id: UUID | None
    scope: str
    correlation_id: UUID = field(default_factory=new_id)
    session_id: UUID | None = None

    @classmethod
    def user(cls, user_id: UUID, correlation_id: UUID | None = None) -> "Caller":
        """A signed-in user; idempotency keys are separate for each user."""
        return cls(user_id, f"user:{user_id}", correlation_id or new_id())

    @classmethod
    def anonymous(cls, correlation_id: UUID | None = None) -> "Caller":
        """A caller who is not signed in."""
        return cls(None, ANONYMOUS, correlation_id or new_id())

    @classmethod
    def operator(cls) -> "Caller":
        """An operator at the command line."""
        return cls(None, "operator")


def submission(
    caller: Caller,
    stream: Stream,
    command: Command,
    content: dict[str, Any],
    *,
    idempotency_key: str | None = None,
    expires_in: float | None = None,
) -> Submission:
    """The command to that stream; `content` is what a repetition with the same key must have, too. InvalidInput."""
    if idempotency_key is not None and not KEY.fullmatch(idempotency_key):
        raise InvalidInput(
            "idempotencyKey", "an idempotency key is 1 to 200 printable ASCII characters"
        )
    return Submission(
        stream=stream,
        command=command,
        content=content,
        scope=caller.scope,
        submitted_by=caller.user_id,
        session_id=caller.session_id,
        idempotency_key=_stored(caller, idempotency_key, content) if idempotency_key else None,
        correlation_id=caller.correlation_id,
        expires_after=deadline(command_name(command), expires_in),
    )


def _stored(caller: Caller, key: str, content: dict[str, Any]) -> str:
    # Anonymous callers share one scope, so their keys count only together with the content.
    return stored_key(caller.scope, key, content if caller.scope == ANONYMOUS else None)
