"""The labels of the promoter's options in admin, by the options' names."""

from collections.abc import Mapping

WEIGHT_LABELS: Mapping[str, str] = {
    "constant": "Every bid the same",
    "by_amount": "The higher the amount, the likelier",
    "by_bidder_activity": "The more live bids its bidder has here, the likelier",
    "underdogs": "The farther behind the leading bid, the likelier",
    "newcomers": "The later its bidder joined the auction, the likelier",
}
EXCLUSION_LABELS: Mapping[str, str] = {
    "leader": "The leading bidder's bids",
    "staff": "Bids of staff",
    "overtaken": "Bids below the same bidder's highest",
}
LIMIT_LABELS: Mapping[str, str] = {
    "per_auction": "doubled bids in an auction",
    "per_bidder": "doubled bids of a bidder in an auction",
}
