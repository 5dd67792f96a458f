"""The promoter's policies: which is in force where, under which version."""

from collections.abc import Sequence
from decimal import Decimal

from commands.domain.commands import ChangePolicy, PolicyCommand, WithdrawPolicy
from commands.domain.events import PolicyChanged, PolicyEvent, PolicyWithdrawn
from commands.domain.policies import FIRST, Policies, decide, evolve
from commands.domain.promoter import Policy
from commands.domain.rejections import Rejection, RejectionCode
from tests.domain.scenario import ALICE, AUCTION

HALF = Decimal("50.00")
PORTAL = PolicyChanged(None, HALF, ("by_amount",), (), ())
OWN = PolicyChanged(AUCTION, HALF, ("constant",), ("leader",), ("per_bidder:1",))


def after(*events: PolicyEvent) -> Policies:
    """The policies after those changes."""
    policies = Policies()
    for event in events:
        policies = evolve(policies, event)
    return policies


def said(
    command: PolicyCommand, policies: Policies, *, exists: bool = True
) -> Sequence[PolicyEvent] | Rejection:
    """The answer to a command."""
    return decide(command, policies, auction_exists=exists)


def test_before_the_first_change_every_auction_has_policy_0() -> None:
    assert Policies().of(AUCTION) == (0, FIRST) == Policies().of(None)


def test_a_change_is_what_was_asked_for() -> None:
    asked = ChangePolicy(AUCTION, HALF, ("constant",), ("leader",), ("per_bidder:1",))
    assert said(asked, Policies()) == [OWN]


def test_an_auctions_own_policy_takes_the_place_of_the_portals() -> None:
    policies = after(PORTAL, OWN)
    assert policies.of(AUCTION) == (2, Policy(HALF, ("constant",), ("leader",), ("per_bidder:1",)))
    assert policies.of(ALICE) == (1, Policy(HALF, ("by_amount",)))


def test_a_later_change_of_the_portals_does_not_touch_an_auctions_own() -> None:
    policies = after(OWN, PORTAL)
    assert policies.of(AUCTION)[0] == 1
    assert policies.of(None)[0] == 2


def test_a_withdrawn_policy_gives_way_to_the_portals() -> None:
    withdrawn = PolicyWithdrawn(AUCTION)
    assert said(WithdrawPolicy(AUCTION), after(PORTAL, OWN)) == [withdrawn]
    policies = after(PORTAL, OWN, withdrawn)
    assert (policies.version, policies.of(AUCTION)[0]) == (3, 1)


def test_nothing_to_withdraw_is_no_event() -> None:
    assert said(WithdrawPolicy(AUCTION), after(PORTAL)) == []


def test_an_auction_that_does_not_exist_has_no_policy() -> None:
    answer = said(ChangePolicy(AUCTION, HALF, ("constant",), (), ()), Policies(), exists=False)
    assert isinstance(answer, Rejection)
    assert answer.code is RejectionCode.AUCTION_NOT_FOUND
