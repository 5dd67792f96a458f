"""Auctions and bids: their current state."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import F, Func, Value

from commands.domain.amounts import DIGITS, PLACES
from commands.models.users import User

# With one of these Postgres takes words together for a number, a host or the like ("Lot-12": lot, -12).
JOINING = "-+./:@<>&"


def title_words() -> SearchVector:
    """The words of a title by which admin finds it."""
    spaced = Func(F("title"), Value(JOINING), Value(" " * len(JOINING)), function="TRANSLATE")
    return SearchVector(spaced, config="simple")


class Auction(models.Model):
    """State row of an auction's stream, without its bids."""

    id = models.UUIDField(primary_key=True, editable=False)
    version = models.IntegerField()
    title = models.CharField(max_length=200)
    description = models.TextField()
    starts_at = models.DateTimeField("starts")
    ends_at = models.DateTimeField("ends")
    closed = models.BooleanField(default=False)
    winning_bid_id = models.UUIDField(null=True)
    draws = models.IntegerField(db_default=0)
    last_tick = models.IntegerField(db_default=0)
    # Those chosen beside the plain ones, by name, as in the event; null without any.
    rules = models.JSONField(null=True)
    reserve_met = models.BooleanField(db_default=False)
    # Once it is revealed.
    reserve = models.DecimalField(max_digits=DIGITS, decimal_places=PLACES, null=True)
    # Of one with a second chance: to whom the lot is offered or sold, and while it is offered, until when.
    sale = models.JSONField(null=True)
    sale_until = models.DateTimeField(null=True)
    # Those that bid for their bidders, each sealed with the bidder's key; null once it is closed.
    maxima = models.JSONField(null=True)
    extensions = models.IntegerField(db_default=0)
    cancelled_because = models.TextField(null=True)
    closed_early = models.BooleanField(db_default=False)
    # Whether ticks draw in it; by its rules, and for good.
    promoted = models.BooleanField(db_default=True)
    # What a release must know to decide it, beside its rules: events that not every release knows which looks here.
    needs = ArrayField(models.TextField(), null=True)
    # How many bidders have a number, if it is masked.
    aliases = models.IntegerField(db_default=0)
    paused_at = models.DateTimeField(null=True)
    # Those that are over, each as [since, until]; null without any.
    pauses = models.JSONField(null=True)
    # What the winner pays, if that is not the winning bid's amount.
    winning_price = models.DecimalField(max_digits=DIGITS, decimal_places=PLACES, null=True)

    class Meta:
        db_table = "auctions"
        indexes = (
            models.Index(
                fields=["ends_at", "id"], name="auctions_to_close", condition=models.Q(closed=False)
            ),
            models.Index(fields=["ends_at"], name="auctions_by_end"),
            models.Index(
                fields=["id"],
                name="auctions_promoted",
                condition=models.Q(closed=False, promoted=True),
            ),
            models.Index(
                fields=["sale_until", "id"],
                name="auctions_offered",
                condition=models.Q(sale_until__isnull=False),
            ),
            GinIndex(title_words(), name="auctions_words"),
        )

    def __str__(self) -> str:
        return self.title


class Bid(models.Model):
    """State row of a bid, written in one transaction with its auction's."""

    id = models.UUIDField(primary_key=True, editable=False)
    auction = models.ForeignKey(
        Auction, on_delete=models.DO_NOTHING, db_index=False, related_name="bids"
    )
    # In a masked auction it is an alias (commands.models.Alias), and no user.
    bidder = models.ForeignKey(
        User, on_delete=models.DO_NOTHING, db_index=False, db_constraint=False
    )
    amount = models.DecimalField(max_digits=DIGITS, decimal_places=PLACES)
    effective_amount = models.DecimalField("counts", max_digits=DIGITS, decimal_places=PLACES)
    placed_at = models.DateTimeField("placed")
    placed_version = models.IntegerField()
    reached_version = models.IntegerField()
    doubled = models.BooleanField(default=False)
    deleted = models.BooleanField(default=False)
    deleted_version = models.IntegerField(null=True)
    # The alias's, in a masked auction.
    number = models.IntegerField(null=True)
    # Of a sealed bid; while it is hidden both amounts are zero.
    commitment = models.CharField(max_length=64, null=True)
    hidden = models.BooleanField(db_default=False)

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
                fields=["auction", "placed_version"],
                name="bids_to_double",
                condition=models.Q(deleted=False, doubled=False),
            ),
            models.Index(
                fields=["auction", "placed_version"],
                name="bids_to_reveal",
                condition=models.Q(hidden=True, deleted=False),
            ),
            models.Index(
                fields=["bidder"],
                name="bids_hidden_of_bidder",
                condition=models.Q(hidden=True, deleted=False),
            ),
            models.Index(fields=["auction"], name="bids_doubled", condition=models.Q(doubled=True)),
            models.Index(
                fields=["auction", "deleted_version"],
                name="bids_deleted_since",
                condition=models.Q(deleted=True),
            ),
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
