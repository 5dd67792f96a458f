"""The schedules of checkpoints: making them, and sending them to witnesses that were not reached."""

from typing import Any

from django.db import migrations

# name, task, queue, seconds, description
SCHEDULES = (
    (
        "Checkpoints",
        "commands.make_checkpoint",
        "projections",
        2,
        "Signs how many events there are and the root of the tree over them: each minute and at closes.",
    ),
    (
        "Witnesses",
        "commands.send_checkpoints",
        "mails",
        10,
        "Sends checkpoints to witnesses that have not taken them yet.",
    ),
)


def create(apps: Any, _: Any) -> None:
    intervals = apps.get_model("django_celery_beat", "IntervalSchedule")
    tasks = apps.get_model("django_celery_beat", "PeriodicTask")
    for name, task, queue, every, description in SCHEDULES:
        interval, _created = intervals.objects.get_or_create(every=every, period="seconds")
        tasks.objects.get_or_create(
            name=name,
            defaults={
                "task": task,
                "queue": queue,
                "interval": interval,
                "description": description,
                "expire_seconds": 30,
            },
        )


def remove(apps: Any, _: Any) -> None:
    names = [name for name, *_rest in SCHEDULES]
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name__in=names).delete()


class Migration(migrations.Migration):
    dependencies = [("portal", "0006_failing_tasks_by_time")]

    operations = [migrations.RunPython(create, remove)]
