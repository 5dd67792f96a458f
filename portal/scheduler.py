"""Beat's scheduler: the library's, which reads the schedules from Postgres."""

import time
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, close_old_connections
from django_celery_beat.schedulers import DatabaseScheduler

log = structlog.get_logger("portal")

# Seconds between two tries to reach Postgres.
PAUSE = 1.0


class WaitingScheduler(DatabaseScheduler):  # type: ignore[misc]  # the library has no types
    """Waits for Postgres when it is away; the library's ends with an error, at the start and every five minutes."""

    def all_as_schedule(self) -> dict[str, Any]:
        """The schedules by their names."""
        while True:
            try:
                schedules: dict[str, Any] = super().all_as_schedule()
                return schedules
            except (OperationalError, InterfaceError) as error:
                log.warning("beat waits for Postgres", error=str(error))
                close_old_connections()
                time.sleep(PAUSE)
