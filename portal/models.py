"""The portal's own table."""

from django.db import models


class FailingTask(models.Model):
    """A task that failed and did not succeed since; `error` names the fault, without its text."""

    task = models.CharField(max_length=80)
    arguments = models.CharField(max_length=200)
    failures = models.IntegerField()
    since = models.DateTimeField()
    last_failed_at = models.DateTimeField()
    error = models.CharField(max_length=200)

    class Meta:
        db_table = "failing_tasks"
        constraints = (
            models.UniqueConstraint(fields=("task", "arguments"), name="failing_tasks_unique"),
        )
        indexes = (models.Index(fields=("last_failed_at",), name="failing_tasks_by_time"),)

    def __str__(self) -> str:
        return f"{self.task} failed {self.failures} times"
