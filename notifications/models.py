"""What people chose, what they were told, and how far the notifier has read each auction."""

from django.db import models
from django.db.models import Q


class Preference(models.Model):
    """A user's own choice; where there is none, the defaults hold."""

    user_id = models.UUIDField()
    kind = models.CharField(max_length=20)
    channel = models.CharField(max_length=10)
    enabled = models.BooleanField()

    class Meta:
        db_table = "notification_preferences"
        constraints = (
            models.UniqueConstraint(
                fields=("user_id", "kind", "channel"), name="notification_preferences_unique"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.channel} {'on' if self.enabled else 'off'}"


class Notification(models.Model):
    """One thing that one person is told about; `version` is that of the event that caused it.

    A mail is due at mail_after; null means that none is wanted, or that it is on its way.
    """

    id = models.UUIDField(primary_key=True)
    user_id = models.UUIDField()
    kind = models.CharField(max_length=20)
    auction_id = models.UUIDField()
    version = models.IntegerField()
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    in_app = models.BooleanField()
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    mail_after = models.DateTimeField(null=True)
    mail_attempts = models.IntegerField(default=0)
    mailed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "notifications"
        constraints = (
            # Exactly one per cause, person and kind ...
            models.UniqueConstraint(
                fields=("user_id", "auction_id", "kind", "version"),
                condition=~Q(kind="MAX_BID_CHANGED"),
                name="notifications_one_per_cause",
            ),
            # ... but of the highest bid's changes one that is brought up to date while unread.
            models.UniqueConstraint(
                fields=("user_id", "auction_id"),
                condition=Q(kind="MAX_BID_CHANGED", read_at=None),
                name="notifications_one_unread",
            ),
        )
        indexes = (
            models.Index(
                fields=("user_id", "-changed_at", "-id"), name="notifications_newest_first"
            ),
            models.Index(
                fields=("mail_after",),
                condition=Q(mail_after__isnull=False),
                name="notifications_mails_due",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} for {self.user_id}"


class Progress(models.Model):
    """Up to which version of an auction everybody was told, and which bid led then."""

    auction_id = models.UUIDField(primary_key=True)
    version = models.IntegerField()
    leading_bid_id = models.UUIDField(null=True)
    leading_amount = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    ran_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "notification_progress"

    def __str__(self) -> str:
        return f"{self.auction_id} told up to {self.version}"
