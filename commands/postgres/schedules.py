"""The schedules that auctioneers set in admin, where the write side needs them."""

from datetime import timedelta

from commands.postgres.connections import SyncConnection

PROMOTER = """
SELECT every * ('1 ' || period)::interval AS every
FROM django_celery_beat_periodictask AS task
JOIN django_celery_beat_intervalschedule AS schedule ON schedule.id = task.interval_id
WHERE task = 'commands.run_promoter' AND enabled ORDER BY task.id LIMIT 1
"""


def promoter_interval(connection: SyncConnection) -> timedelta | None:
    """The time between two ticks; None if they come when somebody makes one."""
    row = connection.execute(PROMOTER).fetchone()
    return row["every"] if row else None
