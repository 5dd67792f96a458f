"""Warns when the portal's processes sign in to Postgres as a role that may change events."""

import threading
from collections.abc import Sequence
from typing import Any

import psycopg
import structlog
from celery.signals import beat_init, worker_ready
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register
from psycopg.rows import dict_row

from portal.database.granting import may_change_events

log = structlog.get_logger("portal")

MAY_CHANGE_EVENTS = "may change or remove events; run `manage.py database_roles`, and let DATABASE_URL name the writer"


def role_at_fault() -> str | None:
    """The role that DATABASE_URL signs in as, if it may change events. psycopg.Error if Postgres is away."""
    with psycopg.connect(
        settings.DATABASE_URL, autocommit=True, row_factory=dict_row, connect_timeout=5
    ) as connection:
        return may_change_events(connection)


def warn_of_owner(**_: Any) -> None:
    """Log it, without waiting for Postgres; on a laptop one's own role may be the owner."""
    if not settings.LOCAL:
        threading.Thread(target=_warn, daemon=True).start()


worker_ready.connect(warn_of_owner)
beat_init.connect(warn_of_owner)


@register(Tags.database, deploy=True)
def check(
    *, app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None, **_: Any
) -> list[CheckMessage]:
    """What `manage.py check --deploy --database default` says of it."""
    if not databases:
        return []
    role = role_at_fault()
    return [Warning(f"{role} {MAY_CHANGE_EVENTS}", id="portal.W001")] if role else []


def _warn() -> None:
    try:
        role = role_at_fault()
    except psycopg.Error:
        # Whoever looks at a portal without Postgres has other worries; `status` says it, too.
        return
    if role:
        log.warning("the database role " + MAY_CHANGE_EVENTS, role=role)
