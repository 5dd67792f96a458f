"""The write side's tables, declared for migrations and admin. Handlers write them in SQL (commands/postgres)."""

from commands.models.aliases import Alias
from commands.models.auctions import Auction, Bid
from commands.models.bans import Ban
from commands.models.checkpoints import Checkpoint, CheckpointKey, Subtree, Witness
from commands.models.events import Event
from commands.models.exposure import ExposureLimit, Stake
from commands.models.imports import Import
from commands.models.jobs import Job
from commands.models.promoter import PromoterPolicy, PromoterTick
from commands.models.secret_keys import SecretKey
from commands.models.users import Session, User

__all__ = (
    "Alias",
    "Auction",
    "Ban",
    "Bid",
    "Checkpoint",
    "CheckpointKey",
    "Event",
    "ExposureLimit",
    "Import",
    "Job",
    "PromoterPolicy",
    "PromoterTick",
    "SecretKey",
    "Session",
    "Stake",
    "Subtree",
    "User",
    "Witness",
)
