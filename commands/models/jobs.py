"""Jobs: accepted commands and their outcomes."""

from django.db import models
from django.db.models.fields.json import KeyTextTransform

BID_COMMANDS = ("PlaceBid", "DeleteBid", "DoubleBid")


class Job(models.Model):
    """An accepted command and its outcome. Once the row is committed, the command is accepted."""

    class Status(models.TextChoices):
        """The choices for admin's filter; commands.jobs.JobStatus explains them."""

        QUEUED = "QUEUED"
        SUCCEEDED = "SUCCEEDED"
        REJECTED = "REJECTED"
        FAILED = "FAILED"

    id = models.UUIDField(primary_key=True, editable=False)
    stream_kind = models.CharField(max_length=10)
    stream_id = models.UUIDField()
    command = models.CharField(max_length=40)
    payload = models.JSONField()
    submitted_by = models.UUIDField(null=True)
    idempotency_scope = models.CharField(max_length=60)
    idempotency_key = models.CharField(max_length=200, null=True)
    fingerprint = models.BinaryField(max_length=32)
    correlation_id = models.UUIDField()
    causation_id = models.UUIDField(null=True)
    accepted_at = models.DateTimeField("accepted")
    expires_at = models.DateTimeField("expires", null=True)
    status = models.CharField(max_length=10, choices=Status.choices)
    settled_at = models.DateTimeField("settled", null=True)
    rejection_code = models.CharField(max_length=40, null=True)
    rejection_message = models.TextField(null=True)
    result_version = models.IntegerField("version reached", null=True)
    error = models.TextField(null=True)
    attempts = models.SmallIntegerField("faults met", db_default=0)

    class Meta:
        db_table = "jobs"
        constraints = (
            models.UniqueConstraint(
                fields=["idempotency_scope", "idempotency_key"],
                name="jobs_idempotency",
                condition=models.Q(idempotency_key__isnull=False),
            ),
        )
        indexes = (
            models.Index(
                fields=["stream_id", "accepted_at", "id"],
                name="jobs_waiting_of_stream",
                condition=models.Q(status="QUEUED"),
            ),
            models.Index(
                fields=["accepted_at"], name="jobs_waiting", condition=models.Q(status="QUEUED")
            ),
            models.Index(fields=["stream_id", "accepted_at"], name="jobs_of_stream"),
            models.Index(fields=["submitted_by"], name="jobs_of_user"),
            models.Index(fields=["correlation_id", "id"], name="jobs_of_request"),
            models.Index(
                fields=["settled_at"], name="jobs_failed", condition=models.Q(status="FAILED")
            ),
            models.Index(
                fields=["settled_at"],
                name="jobs_settled",
                condition=models.Q(status__in=("SUCCEEDED", "REJECTED")),
            ),
            models.Index(
                fields=["expires_at"],
                name="jobs_failed_sign_ups",
                condition=models.Q(
                    status="FAILED", command="CreateUser", payload__has_key="password_hash"
                ),
            ),
            models.Index(
                KeyTextTransform("tick", "payload"),
                name="jobs_waiting_draws",
                condition=models.Q(status="QUEUED", command="DoubleBid"),
            ),
            models.Index(
                fields=["rejection_code", "id"],
                name="jobs_rejected",
                condition=models.Q(rejection_code__isnull=False),
            ),
            # Bid commands need no entries: they are so frequent that a scan of the latest jobs finds them.
            models.Index(
                fields=["command", "id"],
                name="jobs_of_rarer_commands",
                condition=~models.Q(command__in=BID_COMMANDS),
            ),
            models.Index(
                KeyTextTransform("tick", "payload"),
                name="jobs_of_tick",
                condition=models.Q(command="DoubleBid"),
            ),
            models.Index(
                fields=["stream_id"],
                name="jobs_closing",
                condition=models.Q(command="AnnounceWinner"),
            ),
            models.Index(
                fields=["accepted_at"],
                name="jobs_deleting_users",
                condition=models.Q(command="DeleteUser", status="QUEUED"),
            ),
        )

    def __str__(self) -> str:
        return f"{self.command} {self.status}"
