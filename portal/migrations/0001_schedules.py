"""The house's three schedules. Made here once, so that what auctioneers change in admin stays."""

from typing import Any

from django.db import migrations

# name, task, queue, every, unit
SCHEDULES = (
    ("Announce winners", "commands.announce_winners", "auctions", 1, "seconds"),
    ("Promoter", "commands.run_promoter", "auctions", 1, "minutes"),
    ("Sweep", "projections.sweep", "projections", 10, "seconds"),
)
DESCRIPTIONS = {
    "commands.announce_winners": "Closes the auctions whose time is over and announces who won.",
    "commands.run_promoter": "Draws one bid in each open auction and doubles it.",
    "projections.sweep": "Wakes jobs that were left waiting and documents that are behind.",
}


def create(apps: Any, _: Any) -> None:
    intervals = apps.get_model("django_celery_beat", "IntervalSchedule")
    tasks = apps.get_model("django_celery_beat", "PeriodicTask")
    for name, task, queue, every, unit in SCHEDULES:
        interval, _created = intervals.objects.get_or_create(every=every, period=unit)
        tasks.objects.get_or_create(
            name=name,
            defaults={
                "task": task,
                "queue": queue,
                "interval": interval,
                "description": DESCRIPTIONS[task],
                # Messages that pile up while no worker runs would only say the same again.
                "expire_seconds": 30,
            },
        )


def remove(apps: Any, _: Any) -> None:
    names = [name for name, *_rest in SCHEDULES]
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name__in=names).delete()


class Migration(migrations.Migration):
    dependencies = [("django_celery_beat", "0019_alter_periodictasks_options")]

    operations = [migrations.RunPython(create, remove)]
