"""The audit's schedule: round after round it compares documents with their events."""

from typing import Any

from django.db import migrations

NAME = "Audit"


def create(apps: Any, _: Any) -> None:
    intervals = apps.get_model("django_celery_beat", "IntervalSchedule")
    interval, _created = intervals.objects.get_or_create(every=30, period="seconds")
    apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
        name=NAME,
        defaults={
            "task": "projections.audit",
            "queue": "projections",
            "interval": interval,
            "description": "Compares the next documents with their events, repairs and reports.",
            "expire_seconds": 30,
        },
    )


def remove(apps: Any, _: Any) -> None:
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [("portal", "0002_notifications_schedule")]

    operations = [migrations.RunPython(create, remove)]
