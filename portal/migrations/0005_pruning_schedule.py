"""The schedule of pruning: rows whose time is over end, some at a time."""

from typing import Any

from django.db import migrations

NAME = "Pruning"


def create(apps: Any, _: Any) -> None:
    intervals = apps.get_model("django_celery_beat", "IntervalSchedule")
    interval, _created = intervals.objects.get_or_create(every=30, period="seconds")
    apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
        name=NAME,
        defaults={
            "task": "portal.prune",
            "queue": "projections",
            "interval": interval,
            "description": "Deletes rows whose time is over: settled jobs, read notifications and the like.",
            "expire_seconds": 30,
        },
    )


def remove(apps: Any, _: Any) -> None:
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [("portal", "0004_failing_tasks")]

    operations = [migrations.RunPython(create, remove)]
