"""Admin: auctions, bids, jobs, events, users, the promoter and its ticks."""

from commands.admin import auctions, bids, events, jobs, promoter, ticks, users

__all__ = ["auctions", "bids", "events", "jobs", "promoter", "ticks", "users"]
