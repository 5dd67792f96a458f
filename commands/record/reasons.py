"""Reasons of bans: words of the house about a person, readable with that person's key alone."""

from uuid import UUID

from commands.record.sealing import Unsealable, seal, unseal


def sealed_reason(key: bytes, reason: str, user_id: UUID, ban_id: UUID) -> str:
    """The reason as it stands in the event."""
    return seal(key, {"reason": reason}, user_id, ban_id)


def opened_reason(key: bytes | None, sealed: str, user_id: UUID, ban_id: UUID) -> str | None:
    """The reason; None if it can't be read any more, as in a portal that was made of a record."""
    if key is None:
        return None
    try:
        reason = unseal(key, sealed, user_id, ban_id).get("reason")
    except Unsealable:
        return None
    return reason if isinstance(reason, str) else None
