"""Aliases: who is behind them in masked auctions."""

from django.db import models
from django.db.models import Q


class Alias(models.Model):
    """Somebody in a masked auction, as others know them; `user_id` is for the house alone.

    It is null once its user was deleted, and in a portal that was made of a record without its people.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    auction_id = models.UUIDField()
    number = models.IntegerField()
    user_id = models.UUIDField(null=True)

    class Meta:
        db_table = "aliases"
        verbose_name_plural = "aliases"
        constraints = (
            models.UniqueConstraint(fields=("auction_id", "number"), name="aliases_numbered"),
            models.UniqueConstraint(
                fields=("user_id", "auction_id"),
                condition=Q(user_id__isnull=False),
                name="aliases_of_user",
            ),
        )

    def __str__(self) -> str:
        return f"Bidder {self.number}"
