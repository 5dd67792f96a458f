"""Events: the log that all other tables follow from."""

from django.db import models

BID_EVENTS = ("BidPlaced", "BidDeleted", "BidDoubled")


class Event(models.Model):
    """An event. Triggers refuse changes to it; `hash` covers the row and its predecessor's hash."""

    position = models.BigAutoField(primary_key=True)
    stream_kind = models.CharField(max_length=10)
    stream_id = models.UUIDField()
    version = models.IntegerField()
    type = models.CharField(max_length=40)
    schema_version = models.SmallIntegerField()
    data = models.JSONField()
    correlation_id = models.UUIDField()
    causation_id = models.UUIDField()
    accepted_at = models.DateTimeField("accepted", null=True)
    recorded_at = models.DateTimeField("recorded")
    hash = models.BinaryField(max_length=32)

    class Meta:
        db_table = "events"
        verbose_name_plural = "record"
        constraints = (
            models.UniqueConstraint(fields=["stream_id", "version"], name="events_stream_version"),
        )
        indexes = (
            models.Index(
                fields=["position"], name="events_draws", condition=models.Q(type="BidDoubled")
            ),
            models.Index(
                fields=["type", "position"],
                name="events_of_rarer_types",
                condition=~models.Q(type__in=BID_EVENTS),
            ),
        )

    def __str__(self) -> str:
        return f"{self.type} (version {self.version})"
