"""Admin: the auctioneer's desk, and the promoter's."""

from commands.admin import desk, promoter

__all__ = ["desk", "promoter"]
