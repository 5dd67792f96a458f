"""All sections, in the order of the rules, and what the presets are good for. A new rule is one line here."""

from collections.abc import Mapping, Sequence

from commands.inbox.choosing.buy_now import BUY_NOW
from commands.inbox.choosing.increments import INCREMENTS
from commands.inbox.choosing.masked import MASKED
from commands.inbox.choosing.own_lot import OWN_LOT
from commands.inbox.choosing.promoter import PROMOTER
from commands.inbox.choosing.proxy_bids import PROXY_BIDS
from commands.inbox.choosing.reserve import RESERVE
from commands.inbox.choosing.sealed import SEALED
from commands.inbox.choosing.second_chance import SECOND_CHANCE
from commands.inbox.choosing.section import Section, Text
from commands.inbox.choosing.soft_close import SOFT_CLOSE
from commands.inbox.choosing.starting_price import STARTING_PRICE
from commands.inbox.choosing.withdrawal import WITHDRAWAL

SECTIONS: Sequence[Section] = (
    STARTING_PRICE,
    INCREMENTS,
    RESERVE,
    BUY_NOW,
    PROXY_BIDS,
    SEALED,
    SOFT_CLOSE,
    WITHDRAWAL,
    MASKED,
    PROMOTER,
    OWN_LOT,
    SECOND_CHANCE,
)
TEXTS: Sequence[Text] = tuple(text for section in SECTIONS for text in section.texts)
# What each of `commands.domain.rules.presets` is, in a line.
PRESETS: Mapping[str, str] = {
    "plain": "A bid need not lead, and the end stays.",
    "english": "Increments by the house's table, and a soft close of 60s/60s/10.",
    "charity": "A bid need not lead and is binding; increments over one's own by the house's table, and a soft close of 60s/60s/10.",
    "sealed": "Amounts are hidden until the end, and the winner pays the highest.",
    "vickrey": "Amounts are hidden until the end, and the winner pays the second highest.",
}
