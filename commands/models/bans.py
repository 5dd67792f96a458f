"""Bans of users from bidding."""

from django.db import models


class Ban(models.Model):
    """A ban, of the state of its user. Its reason can be read with the user's key alone."""

    id = models.UUIDField(primary_key=True, editable=False)
    user_id = models.UUIDField()
    # Null: from all auctions.
    auction_id = models.UUIDField(null=True)
    since = models.DateTimeField()
    # Null: for good.
    until = models.DateTimeField(null=True)
    reason = models.TextField()
    banned_by = models.UUIDField(null=True)
    # When it was lifted, or another took its place.
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "bans"
        indexes = (models.Index(fields=["user_id", "since", "id"], name="bans_of_user"),)

    def __str__(self) -> str:
        return f"ban …{str(self.id)[-8:]}"
