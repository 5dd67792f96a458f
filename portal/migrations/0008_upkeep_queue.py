"""Upkeep is done by a worker of its own: while it runs, documents are brought up to date."""

from typing import Any

from django.db import migrations

NAMES = ("Audit", "Checkpoints", "Pruning")


def move_to(queue: str) -> Any:
    def move(apps: Any, _: Any) -> None:
        tasks = apps.get_model("django_celery_beat", "PeriodicTask")
        tasks.objects.filter(name__in=NAMES).update(queue=queue)

    return move


class Migration(migrations.Migration):
    dependencies = [("portal", "0007_checkpoint_schedules")]

    operations = [migrations.RunPython(move_to("upkeep"), move_to("projections"))]
