"""Choosing who can't bid, because the lot is theirs."""

from uuid import UUID

from commands.domain.rules.own_lot import OwnLot
from commands.domain.rules.rule import Rule
from commands.inbox.choosing.section import Section, Text, Written
from commands.inbox.invalid import InvalidInput

# What names the house's own people among those who can't bid.
STAFF = "staff"


def _read(written: Written, _preset: Rule | None) -> Rule:
    """ "staff", ids of users, or both with commas between them."""
    named = [each.strip() for each in written["own_lot"].split(",")]
    return OwnLot(tuple(_owner(each) for each in named if each != STAFF), STAFF in named)


def _owner(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(
            "own_lot",
            f'{text[:40]!r} is no user\'s id; write ids, "{STAFF}" or both, like ID,ID,{STAFF}',
        ) from None


OWN_LOT = Section(
    OwnLot,
    title="Own lot",
    purpose="Who can't bid, because the lot is theirs.",
    texts=(
        Text(
            "own_lot",
            label="Can't bid",
            help=(
                "The ids of users, such as the seller and the consignors, and “staff” for all of the house, with commas "
                "between them. Left empty: everybody can."
            ),
            example="ID,ID,staff",
            longest=1000,
        ),
    ),
    read=_read,
)
