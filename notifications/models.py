"""The notifier's tables: preferences, watched auctions, notifications, mails, and its checkpoint for each auction."""

from django.db import models
from django.db.models import Q

from commands.domain.amounts import DIGITS, PLACES


class Preference(models.Model):
    """A user's choice for a kind and channel; the defaults apply where there is none."""

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


class Watch(models.Model):
    """An auction that a user watches; `told_at` is when they were told that it ends soon."""

    user_id = models.UUIDField()
    auction_id = models.UUIDField()
    watched_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "watches"
        verbose_name_plural = "watches"
        constraints = (
            models.UniqueConstraint(fields=("user_id", "auction_id"), name="watches_unique"),
        )
        indexes = (
            models.Index(
                fields=("auction_id", "id"), condition=Q(told_at=None), name="watches_to_tell"
            ),
            models.Index(fields=("watched_at",), name="watches_oldest_first"),
            models.Index(fields=("auction_id", "user_id"), name="watches_of_auction"),
        )

    def __str__(self) -> str:
        return f"{self.auction_id} watched by {self.user_id}"


class Notification(models.Model):
    """A notification to one user; `version` is that of the event that caused it."""

    id = models.UUIDField(primary_key=True)
    user_id = models.UUIDField()
    kind = models.CharField(max_length=20)
    auction_id = models.UUIDField()
    version = models.IntegerField()
    amount = models.DecimalField(max_digits=DIGITS, decimal_places=PLACES, null=True)
    in_app = models.BooleanField()
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "notifications"
        constraints = (
            # One for each user, kind and causing event ...
            models.UniqueConstraint(
                fields=("user_id", "auction_id", "kind", "version"),
                condition=~Q(kind__in=("MAX_BID_CHANGED", "OUTBID")),
                name="notifications_one_per_cause",
            ),
            # ... but of the kinds about the highest bid one unread for each auction, which is updated.
            models.UniqueConstraint(
                fields=("user_id", "auction_id"),
                condition=Q(kind__in=("MAX_BID_CHANGED", "OUTBID"), read_at=None),
                name="notifications_one_unread",
            ),
        )
        indexes = (
            models.Index(
                fields=("user_id", "-changed_at", "-id"), name="notifications_newest_first"
            ),
            models.Index(fields=("auction_id", "version"), name="notifications_of_event"),
            models.Index(
                fields=("read_at",), condition=Q(read_at__isnull=False), name="notifications_read"
            ),
            models.Index(
                fields=("changed_at",), condition=Q(read_at=None), name="notifications_unread"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} for {self.user_id}"


class Mail(models.Model):
    """A mail to a user: its kind and content, when it is due, and its outcome.

    Once settled (sent, or given up), `due` is null. While it is being sent, `claim` names the
    attempt, and `due` is when its lease ends. Of a notification there is one mail, which goes once
    more if `version` rises. `error` says what went wrong last, without personal data.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    user_id = models.UUIDField(db_index=True)
    kind = models.CharField(max_length=20)
    notification_id = models.UUIDField(null=True, unique=True)
    context = models.JSONField()
    version = models.IntegerField()
    urgent = models.BooleanField(help_text="somebody waits for it: it goes before the others")
    due = models.DateTimeField(null=True)
    attempts = models.SmallIntegerField()
    claim = models.UUIDField(null=True)
    settled_at = models.DateTimeField(null=True)
    given_up = models.BooleanField()
    error = models.CharField(max_length=200, null=True)

    class Meta:
        db_table = "mails"
        verbose_name = "mail given up"
        verbose_name_plural = "mails given up"
        indexes = (
            models.Index(
                fields=("-urgent", "due"), condition=Q(due__isnull=False), name="mails_due"
            ),
            models.Index(fields=("settled_at",), condition=Q(due=None), name="mails_settled"),
            models.Index(
                fields=("-settled_at",), condition=Q(given_up=True), name="mails_given_up"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} for {self.user_id}"


class Progress(models.Model):
    """The notifier's checkpoint in an auction: the version it has read to, and which bid led then.

    `telling` are the notices for all bidders that only some of them have yet.
    """

    auction_id = models.UUIDField(primary_key=True)
    version = models.IntegerField()
    leading_bid_id = models.UUIDField(null=True)
    leading_amount = models.DecimalField(max_digits=DIGITS, decimal_places=PLACES, null=True)
    ran_at = models.DateTimeField(null=True)
    telling = models.JSONField(null=True)

    class Meta:
        db_table = "notification_progress"

    def __str__(self) -> str:
        return f"{self.auction_id} notified up to {self.version}"
