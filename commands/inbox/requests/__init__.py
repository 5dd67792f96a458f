"""Requests of people, checked for their shape and made into submissions for the inbox.

Whether a rule of the auction allows a command is decided later, by the domain.
"""

from commands.inbox.requests.asking import Caller, How
from commands.inbox.requests.bans import ban_user, lift_ban
from commands.inbox.requests.bids import (
    answer_offer,
    buy_now,
    clear_maximum,
    delete_bid,
    place_bid,
    set_maximum,
)
from commands.inbox.requests.exposure import lift_exposure_limit, limit_exposure
from commands.inbox.requests.house import (
    LONGEST_REASON,
    cancel_auction,
    close_auction_now,
    create_auction,
    forfeit_sale,
    pause_auction,
    remove_bid,
    resume_auction,
    revise_auction,
)
from commands.inbox.requests.policies import POLICIES, change_policy, withdraw_policy
from commands.inbox.requests.users import USERNAME, create_user, delete_user

__all__ = (
    "LONGEST_REASON",
    "POLICIES",
    "USERNAME",
    "Caller",
    "How",
    "answer_offer",
    "ban_user",
    "buy_now",
    "cancel_auction",
    "change_policy",
    "clear_maximum",
    "close_auction_now",
    "create_auction",
    "create_user",
    "delete_bid",
    "delete_user",
    "forfeit_sale",
    "lift_ban",
    "lift_exposure_limit",
    "limit_exposure",
    "pause_auction",
    "place_bid",
    "remove_bid",
    "resume_auction",
    "revise_auction",
    "set_maximum",
    "withdraw_policy",
)
