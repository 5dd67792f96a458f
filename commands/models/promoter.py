"""The promoter's ticks and policies."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Coalesce

from commands.models.auctions import Auction


class PromoterTick(models.Model):
    """State row of a tick, with its secret also before that is revealed; long after it is, it is empty.

    Of a tick that was imported before it was revealed the secret is empty, too: it is given up.
    `policies` is the version of the policies that its draws follow. Until all are accepted, `draws`
    is null, `accepted` says how many are, and `reached` is the last auction that was looked at. Ticks
    from before there was a beacon name no round of it.
    """

    number = models.IntegerField(primary_key=True)
    stream_id = models.UUIDField(unique=True)
    version = models.IntegerField()
    commitment = models.CharField(max_length=64)
    secret = models.CharField(max_length=64)
    committed_at = models.DateTimeField("committed")
    made_at = models.DateTimeField("made", null=True)
    policies = models.IntegerField(null=True)
    beacon = models.TextField(null=True)
    round = models.BigIntegerField(null=True)
    public_at = models.DateTimeField("round public", null=True)
    value = models.TextField(null=True)
    accepted = models.IntegerField(db_default=0)
    reached = models.UUIDField(null=True)
    draws = models.IntegerField(null=True)
    revealed_at = models.DateTimeField("revealed", null=True)
    given_up_at = models.DateTimeField("given up", null=True)

    class Meta:
        db_table = "promoter_ticks"
        indexes = (
            models.Index(
                fields=["number"],
                name="promoter_ticks_unrevealed",
                condition=models.Q(revealed_at=None),
            ),
            models.Index(
                fields=["revealed_at"],
                name="promoter_ticks_secrets",
                condition=~models.Q(secret=""),
            ),
            models.Index(models.F("made_at").desc(nulls_last=True), name="promoter_ticks_latest"),
            models.Index(
                Coalesce("public_at", "made_at"),
                name="promoter_ticks_cutoffs",
                condition=~models.Q(made_at=None),
            ),
        )

    def __str__(self) -> str:
        return f"tick {self.number}"


class PromoterPolicy(models.Model):
    """State row of one version of the promoter's policies; the options of a withdrawn one are null."""

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
