"""SQL on the table `notification_preferences`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from commands.postgres.connections import SyncConnection
from notifications.preferences import DEFAULTS, NotificationChannel, NotificationKind

CHOOSE = """
INSERT INTO notification_preferences (user_id, kind, channel, enabled)
SELECT users.id, kind, channel, enabled
FROM users, unnest(%(kinds)s::text[], %(channels)s::text[], %(enabled)s::bool[])
     AS chosen (kind, channel, enabled)
WHERE users.id = %(user)s AND users.deleted_at IS NULL
ORDER BY kind, channel
ON CONFLICT (user_id, kind, channel) DO UPDATE SET enabled = excluded.enabled
"""
CHOSEN_BY = """
SELECT user_id, kind, channel, enabled FROM notification_preferences WHERE user_id = ANY(%s)
ORDER BY user_id, kind, channel
"""
CHOSEN = "SELECT kind, channel, enabled FROM notification_preferences WHERE user_id = %s"


@dataclass(frozen=True, slots=True)
class Choice:
    """Whether the user wants that kind over that channel."""

    kind: NotificationKind
    channel: NotificationChannel
    enabled: bool


def parameters(user_id: UUID, choices: Sequence[Choice]) -> dict[str, object]:
    """The parameters of CHOOSE; of two choices for the same kind and channel the last applies."""
    last = {(choice.kind, choice.channel): choice.enabled for choice in choices}
    return {
        "user": user_id,
        "kinds": [kind.value for kind, _ in last],
        "channels": [channel.value for _, channel in last],
        "enabled": list(last.values()),
    }


def choose(connection: SyncConnection, user_id: UUID, choices: Sequence[Choice]) -> None:
    """Store the choices, unless the user was deleted."""
    connection.execute(CHOOSE, parameters(user_id, choices))


def mails_wanted(connection: SyncConnection, user_id: UUID) -> Mapping[NotificationKind, bool]:
    """For each kind, whether the user wants mails about it."""
    email = NotificationChannel.EMAIL
    chosen = {
        NotificationKind(row["kind"]): row["enabled"]
        for row in connection.execute(CHOSEN, (user_id,))
        if row["channel"] == email
    }
    return {kind: chosen.get(kind, DEFAULTS[kind, email]) for kind in NotificationKind}


def choices_of(
    connection: SyncConnection, user_ids: Collection[UUID]
) -> Mapping[UUID, Sequence[Choice]]:
    """By user, what they chose."""
    found: dict[UUID, list[Choice]] = {}
    for row in connection.execute(CHOSEN_BY, (list(user_ids),)):
        choice = Choice(
            NotificationKind(row["kind"]), NotificationChannel(row["channel"]), row["enabled"]
        )
        found.setdefault(row["user_id"], []).append(choice)
    return found
