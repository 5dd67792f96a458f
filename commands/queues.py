"""The queues of Celery's tasks, and which of them a command's stream is drained from."""

from collections.abc import Mapping

USERS = "users"
AUCTIONS = "auctions"
BIDS = "bids"
PROJECTIONS = "projections"
NOTIFICATIONS = "notifications"
MAILS = "mails"
UPKEEP = "upkeep"

# The worker processes of a portal, each with the queues it takes tasks from.
WORKERS: Mapping[str, tuple[str, ...]] = {
    # Of its own: however many bids come in, people sign up and auctions are closed.
    "house": (USERS, AUCTIONS),
    "bids": (BIDS,),
    "projections": (PROJECTIONS,),
    "notices": (NOTIFICATIONS,),
    # Of its own: whatever a mail server does, nothing else waits for it.
    "mails": (MAILS,),
    # Of its own: neither bids nor documents wait for what goes through the whole record.
    "upkeep": (UPKEEP,),
}
ALL = tuple(queue for queues in WORKERS.values() for queue in queues)

# Creating users and auctions, and closing auctions, never wait behind bids.
_OF_COMMANDS = {
    "CreateUser": USERS,
    "DeleteUser": USERS,
    "BanUser": USERS,
    "LiftBan": USERS,
    "LimitExposure": USERS,
    "LiftExposureLimit": USERS,
    "CreateAuction": AUCTIONS,
    "AnnounceWinner": AUCTIONS,
    "CancelAuction": AUCTIONS,
    "CloseAuctionNow": AUCTIONS,
    "PauseAuction": AUCTIONS,
    "ResumeAuction": AUCTIONS,
    "ReviseAuction": AUCTIONS,
    "LapseOffer": AUCTIONS,
    "ForfeitSale": AUCTIONS,
    "ChangePolicy": AUCTIONS,
    "WithdrawPolicy": AUCTIONS,
}


def queue_of(command: str) -> str:
    """The queue on which the stream of a job of that command is drained."""
    return _OF_COMMANDS.get(command, BIDS)
