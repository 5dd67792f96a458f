"""The write side's tables. Handlers write them in SQL; Django migrates them and shows them in admin."""

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models, transaction
from django.db.models.functions import Collate, Lower, Now

from commands import passwords
from commands.domain.amounts import DIGITS, PLACES
from commands.wake import publish

BID_COMMANDS = ("PlaceBid", "DeleteBid", "DoubleBid")
BID_EVENTS = ("BidPlaced", "BidDeleted", "BidDoubled")


class UserManager(BaseUserManager["User"]):
    """Looks users up for sign-in."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """The user of that name, whatever its case."""
        return self.get(username__iexact=username)


class User(AbstractBaseUser):
    """State row of a user's stream, and the only place that holds their name, address and password."""

    id = models.UUIDField(primary_key=True, editable=False)
    username = models.CharField(max_length=30, null=True, unique=True)
    email = models.EmailField(null=True)
    is_staff = models.BooleanField("staff", default=False)
    # Whoever reads mail there said so; until then nothing else is sent there.
    email_confirmed_at = models.DateTimeField(null=True)
    # Since when a mail that asks for it is due, until the notifier has taken that up.
    confirmation_due_at = models.DateTimeField(null=True)
    version = models.IntegerField(default=0)
    created_at = models.DateTimeField("created")
    deleted_at = models.DateTimeField("deleted", null=True)
    last_login = None
    # What set_password was given, until it is saved.
    _password: str | None = None

    USERNAME_FIELD = "username"
    objects = UserManager()

    class Meta:
        db_table = "users"
        constraints = (models.UniqueConstraint(Lower("username"), name="users_username_unique"),)
        indexes = (
            models.Index(Collate(Lower("username"), "C"), name="users_by_beginning"),
            models.Index(fields=["id"], name="users_staff", condition=models.Q(is_staff=True)),
            models.Index(
                Lower("email"),
                name="users_email",
                condition=models.Q(email__isnull=False),
            ),
            models.Index(
                fields=["confirmation_due_at"],
                name="users_confirmation_due",
                condition=models.Q(confirmation_due_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return self.username or f"deleted user {self.id}"

    @property
    def is_active(self) -> bool:  # type: ignore[override]  # it follows from another field
        """Whether the user may sign in; Django's sign-in asks this."""
        return self.deleted_at is None

    def save(self, *_: Any, **__: Any) -> None:
        """Write a new password, which ends the user's sessions; all else in the row comes from events.

        The same password hashed anew, which Django saves without `_password`, ends nothing.
        """
        with transaction.atomic():
            User.objects.filter(pk=self.pk, deleted_at=None).update(password=self.password)
            if self._password is not None:
                Session.objects.filter(user=self, expires_at__gt=Now()).update(expires_at=Now())
                subjects = {"user": str(self.pk)}
                transaction.on_commit(lambda: publish("sessions", subjects))
        self._password = None

    def set_password(self, raw_password: str | None) -> None:
        """In the normal form of passwords; None for none that fits."""
        super().set_password(None if raw_password is None else passwords.normal_form(raw_password))

    def check_password(self, raw_password: str | None) -> bool:
        """Whether it is the user's, however it was typed."""
        return raw_password is not None and any(
            map(super().check_password, passwords.forms(raw_password))
        )

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Auctioneers may what the admin pages offer; those offer no more than what is safe."""
        return self.is_active and self.is_staff

    def has_module_perms(self, app_label: str) -> bool:
        """As has_perm, for a whole app."""
        return self.is_active and self.is_staff


class Session(models.Model):
    """A sign-in, which lasts until `expires_at`; whoever ends it early puts that to now.

    Its refresh token has a number, `generation`, which rises with every use. What proves a token
    follows from the secret key, `seed` and the number: no row holds what would pass for a token.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, db_index=False)
    seed = models.BinaryField(max_length=32)
    generation = models.IntegerField()
    created_at = models.DateTimeField()
    used_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "sessions"
        indexes = (
            models.Index(fields=["user", "-created_at", "-id"], name="sessions_of_user"),
            models.Index(fields=["expires_at"], name="sessions_ended"),
        )

    def __str__(self) -> str:
        return f"session {self.id}"


class Auction(models.Model):
    """State row of an auction's stream: what deciding the next command needs."""

    id = models.UUIDField(primary_key=True, editable=False)
    version = models.IntegerField()
    title = models.CharField(max_length=200)
    description = models.TextField()
    starts_at = models.DateTimeField("starts")
    ends_at = models.DateTimeField("ends")
    closed = models.BooleanField(default=False)
    winning_bid_id = models.UUIDField(null=True)

    class Meta:
        db_table = "auctions"
        indexes = (
            models.Index(
                fields=["ends_at"], name="auctions_to_close", condition=models.Q(closed=False)
            ),
            models.Index(fields=["ends_at"], name="auctions_by_end"),
            GinIndex(SearchVector("title", config="simple"), name="auctions_title_words"),
        )

    def __str__(self) -> str:
        return self.title


class Bid(models.Model):
    """State row of a bid; written with its auction's."""

    id = models.UUIDField(primary_key=True, editable=False)
    auction = models.ForeignKey(
        Auction, on_delete=models.DO_NOTHING, db_index=False, related_name="bids"
    )
    bidder = models.ForeignKey(User, on_delete=models.DO_NOTHING, db_index=False)
    amount = models.DecimalField(max_digits=DIGITS, decimal_places=PLACES)
    effective_amount = models.DecimalField("counts", max_digits=DIGITS, decimal_places=PLACES)
    placed_at = models.DateTimeField("placed")
    placed_version = models.IntegerField()
    reached_version = models.IntegerField()
    doubled = models.BooleanField(default=False)
    deleted = models.BooleanField(default=False)

    class Meta:
        db_table = "bids"
        indexes = (
            models.Index(
                models.F("auction"),
                models.F("effective_amount").desc(),
                models.F("reached_version"),
                name="bids_ranking",
                condition=models.Q(deleted=False),
            ),
            models.Index(
                models.F("auction"),
                models.F("bidder"),
                models.F("effective_amount").desc(),
                name="bids_own_highest",
                condition=models.Q(deleted=False),
            ),
            models.Index(
                fields=["bidder", "auction"],
                name="bids_of_bidder",
                condition=models.Q(deleted=False),
            ),
            models.Index(
                fields=["auction"],
                name="bids_to_double",
                condition=models.Q(deleted=False, doubled=False),
            ),
            models.Index(fields=["auction"], name="bids_doubled", condition=models.Q(doubled=True)),
            models.Index(
                fields=["auction", "id"],
                name="bids_deleted_of_auction",
                condition=models.Q(deleted=True),
            ),
            models.Index(
                fields=["bidder", "id"],
                name="bids_deleted_of_bidder",
                condition=models.Q(deleted=True),
            ),
        )

    def __str__(self) -> str:
        return f"bid …{str(self.id)[-8:]}"


class Job(models.Model):
    """An accepted command and its outcome. Once the row is committed, the command is accepted."""

    class Status(models.TextChoices):
        """What became of a job; see commands.jobs.JobStatus."""

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
            models.Index(
                fields=["settled_at"], name="jobs_failed", condition=models.Q(status="FAILED")
            ),
            models.Index(
                fields=["settled_at"],
                name="jobs_with_key",
                condition=models.Q(idempotency_key__isnull=False, settled_at__isnull=False)
                & ~models.Q(idempotency_scope="system"),
            ),
            models.Index(
                fields=["rejection_code", "id"],
                name="jobs_rejected",
                condition=models.Q(rejection_code__isnull=False),
            ),
            # Those on bids are so many that a list of the latest finds them without an index.
            models.Index(
                fields=["command", "id"],
                name="jobs_of_rarer_commands",
                condition=~models.Q(command__in=BID_COMMANDS),
            ),
        )

    def __str__(self) -> str:
        return f"{self.command} {self.status}"


class Event(models.Model):
    """What happened, for ever: triggers refuse every change, and each row's hash covers its predecessor."""

    position = models.BigAutoField(primary_key=True)
    stream_kind = models.CharField(max_length=10)
    stream_id = models.UUIDField()
    version = models.IntegerField()
    type = models.CharField(max_length=40)
    schema_version = models.SmallIntegerField()
    data = models.JSONField()
    correlation_id = models.UUIDField()
    causation_id = models.UUIDField()
    recorded_at = models.DateTimeField("recorded")
    hash = models.BinaryField(max_length=32)

    class Meta:
        db_table = "events"
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


class PromoterTick(models.Model):
    """State row of a tick: the secret stays in it until it is revealed."""

    number = models.IntegerField(primary_key=True)
    stream_id = models.UUIDField(unique=True)
    version = models.IntegerField()
    commitment = models.CharField(max_length=64)
    secret = models.CharField(max_length=64)
    committed_at = models.DateTimeField("committed")
    made_at = models.DateTimeField("made", null=True)
    draws = models.IntegerField(null=True)
    revealed_at = models.DateTimeField("revealed", null=True)

    class Meta:
        db_table = "promoter_ticks"
        indexes = (
            models.Index(
                fields=["number"],
                name="promoter_ticks_unrevealed",
                condition=models.Q(revealed_at=None),
            ),
            models.Index(models.F("made_at").desc(nulls_last=True), name="promoter_ticks_latest"),
        )

    def __str__(self) -> str:
        return f"tick {self.number}"


class PromoterPolicy(models.Model):
    """State row of a version of the promoter's policies; a withdrawn one has no options."""

    version = models.IntegerField(primary_key=True)
    auction = models.ForeignKey(Auction, on_delete=models.DO_NOTHING, null=True)
    withdrawn = models.BooleanField()
    chance = models.DecimalField(max_digits=5, decimal_places=2, null=True)
    weight = ArrayField(models.CharField(max_length=40), null=True)
    exclude = ArrayField(models.CharField(max_length=40), null=True)
    limits = ArrayField(models.CharField(max_length=40), null=True)
    changed_at = models.DateTimeField("since")

    class Meta:
        db_table = "promoter_policies"
        verbose_name_plural = "promoter policies"

    def __str__(self) -> str:
        return f"policy {self.version}"
