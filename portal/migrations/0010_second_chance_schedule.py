"""The schedule of ending offers that nobody answered in time."""

from typing import Any

from django.db import migrations

NAME = "Second chances"


def create(apps: Any, _: Any) -> None:
    intervals = apps.get_model("django_celery_beat", "IntervalSchedule")
    interval, _created = intervals.objects.get_or_create(every=1, period="seconds")
    apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
        name=NAME,
        defaults={
            "task": "commands.lapse_offers",
            "queue": "auctions",
            "interval": interval,
            "description": "Offers lots to the next bidders once the time to answer is over.",
            "expire_seconds": 30,
        },
    )


def remove(apps: Any, _: Any) -> None:
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [("portal", "0009_watching_schedule")]

    operations = [migrations.RunPython(create, remove)]
