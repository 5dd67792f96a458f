"""How far the lag sweep has read, and the streams it found behind."""

from django.db import models


class Checkpoint(models.Model):
    """The sweep's place in the global order: every event up to here was seen, in no reader's way."""

    name = models.CharField(primary_key=True, max_length=40)
    transaction_id = models.DecimalField(max_digits=20, decimal_places=0)
    position = models.BigIntegerField()

    class Meta:
        db_table = "projection_checkpoints"

    def __str__(self) -> str:
        return f"{self.name} at {self.transaction_id}/{self.position}"


class LaggingStream(models.Model):
    """A stream whose documents were behind when the sweep came by."""

    stream_id = models.UUIDField(primary_key=True)
    stream_kind = models.CharField(max_length=10)
    version = models.IntegerField()
    since = models.DateTimeField()

    class Meta:
        db_table = "projection_lagging"

    def __str__(self) -> str:
        return f"{self.stream_kind} {self.stream_id} behind version {self.version}"
