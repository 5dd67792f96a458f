"""A schedule of the notifier's own: it makes up for wake-ups that were lost."""

from typing import Any

from django.db import migrations

NAME = "Notifications"


def create(apps: Any, _: Any) -> None:
    intervals = apps.get_model("django_celery_beat", "IntervalSchedule")
    interval, _created = intervals.objects.get_or_create(every=10, period="seconds")
    apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
        name=NAME,
        defaults={
            "task": "notifications.sweep",
            "queue": "notifications",
            "interval": interval,
            "description": "Wakes notifications and mails that were left waiting.",
            "expire_seconds": 30,
        },
    )


def remove(apps: Any, _: Any) -> None:
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [("portal", "0001_schedules")]

    operations = [migrations.RunPython(create, remove)]
