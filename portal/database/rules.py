"""What the portal's roles in Postgres may do with each table.

The owner makes and changes tables (`migrate`). The writer is what the portal's processes sign in as. It may
change the rows of every table, but only add to those that are append-only. The reader is for auditors: it sees
what the API shows to everybody, and how each command ended. What no rule names is hidden from it.

A part of a partitioned table follows its table's rules.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

# A privilege, and the column that it is for; None stands for the whole table.
Right = tuple[str, str | None]

# Tables whose rows are never changed or removed: the writer may read them and add to them.
APPEND_ONLY = frozenset({"events", "subtrees", "checkpoints", "checkpoint_keys"})
# Tables whose rows are never changed: the writer may read them, add to them and remove them.
UNCHANGED = frozenset({"secret_keys"})
# Tables that only the owner writes.
OWNERS = frozenset({"django_migrations"})
# What new tables allow to the writer until `grant` has run: enough for an append-only one, too much for none.
AT_FIRST = ("INSERT", "SELECT")


@dataclass(frozen=True, slots=True)
class Shown:
    """A table of which the reader sees some columns; a new column is in neither until somebody decides."""

    columns: Set[str]
    hidden: Set[str]


# The tables that the reader sees whole.
PUBLIC = frozenset(
    {
        "events",
        "subtrees",
        "checkpoints",
        "checkpoint_keys",
        "auctions",
        "bids",
        "promoter_policies",
        "imports",
        "django_migrations",
    }
)
# Those of which it sees a part: no addresses, password hashes, secrets not revealed yet, or commands' contents.
PUBLIC_IN_PART: Mapping[str, Shown] = {
    "promoter_ticks": Shown(
        columns={
            "number",
            "stream_id",
            "version",
            "commitment",
            "committed_at",
            "made_at",
            "policies",
            "beacon",
            "round",
            "public_at",
            "value",
            "accepted",
            "reached",
            "draws",
            "revealed_at",
            "given_up_at",
        },
        hidden={"secret"},
    ),
    "users": Shown(
        columns={"id", "username", "is_staff", "version", "created_at", "deleted_at"},
        hidden={
            "password",
            "email",
            "email_confirmed_at",
            "confirmation_due_at",
            "leftovers_due_at",
            "withdrawing_at",
            "withdrawn_to",
            "banned_until",
            "limited",
        },
    ),
    "jobs": Shown(
        columns={
            "id",
            "stream_kind",
            "stream_id",
            "command",
            "accepted_at",
            "expires_at",
            "status",
            "settled_at",
            "rejection_code",
            "result_version",
            "attempts",
        },
        # A sign-up's payload holds a password hash and an address; a bidder's rejected bids are their own business.
        # By the ids of requests it would show which bids under aliases belong together.
        hidden={
            "correlation_id",
            "causation_id",
            "payload",
            "submitted_by",
            "idempotency_scope",
            "idempotency_key",
            "fingerprint",
            "rejection_message",
            "error",
        },
    ),
}
# Those that it does not see at all.
HIDDEN = frozenset(
    {
        # As in the record; the API shows them to the user and to staff alone.
        "bans",
        "exposure_limits",
        "stakes",
        # What makes sealed values readable.
        "secret_keys",
        # Who is behind the aliases of masked auctions.
        "aliases",
        # Sign-ins, and what people chose, watch and were told.
        "sessions",
        "notification_preferences",
        "watches",
        "notifications",
        "notification_progress",
        "mails",
        # Who is told of checkpoints, and how far.
        "witnesses",
        # How the portal is doing; errors and differences may quote documents.
        "projection_checkpoints",
        "projection_lagging",
        "stuck_streams",
        "audit_progress",
        "drifts",
        "failing_tasks",
        # Admin's and beat's.
        "auth_group",
        "auth_group_permissions",
        "auth_permission",
        "django_admin_log",
        "django_content_type",
        "django_session",
        "django_celery_beat_clockedschedule",
        "django_celery_beat_crontabschedule",
        "django_celery_beat_intervalschedule",
        "django_celery_beat_periodictask",
        "django_celery_beat_periodictasks",
        "django_celery_beat_solarschedule",
    }
)


def writers_rights(table: str) -> frozenset[Right]:
    """What the writer may do with the table of that name."""
    if table in OWNERS:
        return _whole("SELECT")
    if table in APPEND_ONLY:
        return _whole("SELECT", "INSERT")
    if table in UNCHANGED:
        return _whole("SELECT", "INSERT", "DELETE")
    return _whole("SELECT", "INSERT", "UPDATE", "DELETE")


def readers_rights(table: str) -> frozenset[Right]:
    """What the reader may do with the table of that name."""
    if table in PUBLIC:
        return _whole("SELECT")
    if shown := PUBLIC_IN_PART.get(table):
        return frozenset(("SELECT", column) for column in shown.columns)
    return frozenset()


def undecided(table: str, columns: Iterable[str]) -> list[str]:
    """What no rule says whether the reader may see it: the table, or some of its columns."""
    if table in PUBLIC | HIDDEN:
        return []
    if shown := PUBLIC_IN_PART.get(table):
        return [f"{table}.{name}" for name in columns if name not in shown.columns | shown.hidden]
    return [table]


def _whole(*privileges: str) -> frozenset[Right]:
    return frozenset((privilege, None) for privilege in privileges)
