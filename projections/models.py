"""Checkpoints of the lag sweep and the audit, and the streams that they found."""

from django.db import models


class Checkpoint(models.Model):
    """The sweep's place in the global order of events: it has read all events up to it."""

    name = models.CharField(primary_key=True, max_length=40)
    transaction_id = models.DecimalField(max_digits=20, decimal_places=0)
    position = models.BigIntegerField()

    class Meta:
        db_table = "projection_checkpoints"

    def __str__(self) -> str:
        return f"{self.name} at {self.transaction_id}/{self.position}"


class LaggingStream(models.Model):
    """A stream that a reader (its documents, or the notifier) was behind with at the last sweep."""

    pk = models.CompositePrimaryKey("reader", "stream_id")
    reader = models.CharField(max_length=20, db_default="projections")
    stream_id = models.UUIDField()
    stream_kind = models.CharField(max_length=10)
    version = models.IntegerField()
    since = models.DateTimeField()

    class Meta:
        db_table = "projection_lagging"

    def __str__(self) -> str:
        return f"{self.reader}: {self.stream_kind} {self.stream_id} behind version {self.version}"


class StuckStream(models.Model):
    """A stream that an event stops for one of its readers; it is retried after `retry_after`."""

    reader = models.CharField(max_length=20)
    stream_id = models.UUIDField()
    stream_kind = models.CharField(max_length=10)
    version = models.IntegerField()
    error = models.TextField()
    unknown = models.TextField(null=True)
    attempts = models.IntegerField()
    since = models.DateTimeField()
    retry_after = models.DateTimeField()

    class Meta:
        db_table = "stuck_streams"
        constraints = (
            models.UniqueConstraint(fields=("reader", "stream_id"), name="stuck_streams_unique"),
        )

    def __str__(self) -> str:
        return f"{self.reader} stopped at version {self.version} of {self.stream_kind} {self.stream_id}"


class AuditProgress(models.Model):
    """The audit's checkpoint: the last stream it compared, and when it last finished all."""

    name = models.CharField(primary_key=True, max_length=40)
    after_stream = models.UUIDField(null=True)
    completed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "audit_progress"

    def __str__(self) -> str:
        return f"{self.name} after {self.after_stream}"


class Drift(models.Model):
    """A stream whose events, state rows and documents differed at an audit; the latest finding for it."""

    stream_id = models.UUIDField(primary_key=True)
    stream_kind = models.CharField(max_length=10)
    what = models.TextField()
    repaired = models.BooleanField()
    found_at = models.DateTimeField()

    class Meta:
        db_table = "drifts"
        indexes = (
            models.Index(
                fields=("found_at",), condition=models.Q(repaired=True), name="drifts_repaired"
            ),
            models.Index(
                fields=("stream_id",), condition=models.Q(repaired=False), name="drifts_unrepaired"
            ),
        )

    def __str__(self) -> str:
        return f"{self.stream_kind} {self.stream_id}"
