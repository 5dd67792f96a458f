"""Limits on users' exposure, and the auctions that they are used in."""

from django.db import models

from commands.domain.amounts import DIGITS, PLACES


class ExposureLimit(models.Model):
    """The limit of a user who has one, of the state of that user. Its reason can be read with the user's key alone.

    Whoever decides a bid of theirs has locked the row.
    """

    user_id = models.UUIDField(primary_key=True, editable=False)
    id = models.UUIDField()
    amount = models.DecimalField(max_digits=DIGITS, decimal_places=PLACES)
    since = models.DateTimeField()
    reason = models.TextField()
    limited_by = models.UUIDField(null=True)

    class Meta:
        db_table = "exposure_limits"

    def __str__(self) -> str:
        return f"limit of user …{str(self.user_id)[-8:]}"


class Stake(models.Model):
    """An auction in which a user with a limit has bid, so that nobody looks for it among all that they ever did.

    One that is closed counts no more, and goes with the user's next bid. In a masked auction `bidder_id` is their alias.
    """

    pk = models.CompositePrimaryKey("user_id", "auction_id")
    user_id = models.UUIDField()
    auction_id = models.UUIDField()
    bidder_id = models.UUIDField()

    class Meta:
        db_table = "stakes"

    def __str__(self) -> str:
        return f"stake in auction …{str(self.auction_id)[-8:]}"
