"""The schedule of telling those who watch auctions that these end soon."""

from typing import Any

from django.db import migrations

NAME = "Watched auctions"


def create(apps: Any, _: Any) -> None:
    intervals = apps.get_model("django_celery_beat", "IntervalSchedule")
    interval, _created = intervals.objects.get_or_create(every=5, period="seconds")
    apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
        name=NAME,
        defaults={
            "task": "notifications.tell_of_endings",
            "queue": "notifications",
            "interval": interval,
            "description": "Tells those who watch an auction ten minutes before its end.",
            "expire_seconds": 30,
        },
    )


def remove(apps: Any, _: Any) -> None:
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [("portal", "0008_upkeep_queue")]

    operations = [migrations.RunPython(create, remove)]
