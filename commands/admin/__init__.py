"""Admin: auctions, bids, jobs, events, users, and the promoter."""

from commands.admin import auctions, events, jobs, promoter, users

__all__ = ["auctions", "events", "jobs", "promoter", "users"]
