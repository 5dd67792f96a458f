"""Rules as people write them in a form or at the command line."""

import re
from datetime import datetime
from decimal import Decimal

from commands.domain.amounts import InvalidAmount, amount
from commands.domain.rules.increments import HOUSE_TABLE, NOTHING, Bracket, Table
from commands.domain.rules.presets import PRESETS, rules_of
from commands.domain.rules.soft_close import SoftClose
from commands.domain.rules.table import Rules
from commands.domain.rules.withdrawal import Withdrawal
from commands.inbox.invalid import InvalidInput

# What chosen_rules takes.
RULES = ("preset", "starting_price", "increments", "own_increments", "soft_close", "withdrawal")
# What names the house's own table of increments.
HOUSE = "table"
# What names that bids can never, or always be deleted.
NEVER, ALWAYS = "never", "always"


def chosen_rules(
    *,
    preset: str = "",
    starting_price: str = "",
    increments: str = "",
    own_increments: str = "",
    soft_close: str = "",
    withdrawal: str = "",
) -> Rules:
    """The preset's rules and those that the texts choose, an empty one none; InvalidInput names the text that is wrong."""
    if preset and preset not in PRESETS:
        known = ", ".join(PRESETS)
        raise InvalidInput("preset", f"there is no preset {preset[:40]!r}; there are {known}")
    return rules_of(
        preset or "plain",
        starting_price=_amount("starting_price", starting_price) if starting_price else None,
        over_leader=_table("increments", increments),
        over_own=_table("own_increments", own_increments),
        soft_close=_soft_close(soft_close) if soft_close else None,
        withdrawal=_withdrawal(withdrawal.strip()),
        without={Withdrawal} if withdrawal.strip() == ALWAYS else (),
    )


def chosen_reserve(text: str) -> Decimal | None:
    """The reserve that the text chooses, an empty one none; InvalidInput."""
    return _amount("reserve", text) if text.strip() else None


def _table(name: str, text: str) -> Table:
    """ "table", or brackets such as "0:1, 100:5": from 0 on steps of 1, from 100 on steps of 5."""
    if not text.strip():
        return ()
    if text.strip() == HOUSE:
        return HOUSE_TABLE
    return tuple(_bracket(name, each.strip()) for each in text.split(","))


def _bracket(name: str, text: str) -> Bracket:
    start, colon, step = (part.strip() for part in text.partition(":"))
    if not colon:
        raise InvalidInput(
            name, f'{text[:40]!r} is no bracket; write "{HOUSE}", or brackets such as 0:1, 100:5'
        )
    nothing = start.strip("0.") == ""
    return Bracket(NOTHING if nothing else _amount(name, start), _amount(name, step))


def _soft_close(text: str) -> SoftClose:
    """ "60s/60s/10": a bid in the last 60 s moves the end by 60 s, 10 times at most; or "60s/60s/2030-01-31T18:00Z"."""
    window, _, rest = text.partition("/")
    extension, _, rest = rest.partition("/")
    times, hard_end = None, None
    for bound in filter(None, (part.strip() for part in rest.split("/"))):
        if bound.isascii() and bound.isdigit() and len(bound) < 10:
            times = int(bound)
        else:
            hard_end = _moment(bound)
    written = (
        "a soft close is written like 60s/60s/10: the window, what it moves the end by, and how often at most, "
        "or until when"
    )
    before, by = (_seconds("soft_close", each.strip(), written) for each in (window, extension))
    return SoftClose(before, by, times, hard_end)


def _withdrawal(text: str) -> Withdrawal | None:
    """ "never", or a length of time such as 10m; "always" is no rule."""
    if text in ("", ALWAYS):
        return None
    if text == NEVER:
        return Withdrawal(0)
    written = f'write "{NEVER}", "{ALWAYS}", or how long after bidding, like 10m'
    return Withdrawal(_seconds("withdrawal", text, written))


def _seconds(name: str, text: str, written: str) -> int:
    found = re.fullmatch(r"([0-9]{1,6})([smh])", text)
    if not found:
        raise InvalidInput(name, f"{text[:40]!r} is no length of time; {written}")
    return int(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2]]


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise InvalidInput(
            "soft_close", f"{text[:40]!r} is neither a number nor a time like 2030-01-31T18:00:00Z"
        )
    return found


def _amount(name: str, text: str) -> Decimal:
    try:
        return amount(text.strip())
    except InvalidAmount as error:
        raise InvalidInput(name, str(error)) from error
