"""A batch is decided on the part of the state it can touch, read by SQL: with the answers of a full replay.

Verification decides each of its events again, and the outsider's script checks them: both agree.
"""

from collections import deque
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import cycle
from tempfile import NamedTemporaryFile
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from commands.domain.auction import decide
from commands.domain.bidders import Bidder
from commands.domain.commands import AnnounceWinner, CreateAuction, DoubleBid, WithdrawBids
from commands.domain.events import AuctionEvent, BidDoubled, NothingDrawn, UserCreated, UserDeleted
from commands.domain.openness import not_open
from commands.domain.rejections import Rejection
from commands.domain.rules.buy_now import BuyNow
from commands.domain.rules.increments import NOTHING, Bracket, Increments
from commands.domain.rules.masked import Masked
from commands.domain.rules.own_lot import OwnLot
from commands.domain.rules.proxy_bids import ProxyBids
from commands.domain.rules.reserve import Reserve, ReservePrice
from commands.domain.rules.rule import Rule
from commands.domain.rules.sealed import Sealed
from commands.domain.rules.second_chance import SecondChance
from commands.domain.rules.soft_close import SoftClose
from commands.domain.rules.starting_price import StartingPrice
from commands.domain.rules.table import Rules, chosen, in_order
from commands.domain.state import Auction, replay
from commands.handling.auctions import handle_auctions
from commands.handling.draws import NO_BIDS
from commands.ids import new_id
from commands.postgres.auctions import read_auction
from commands.postgres.connections import Pool, SyncConnection, clock
from commands.postgres.event_store import PostgresEventStore, recorded_event
from commands.postgres.exporting import events_of, streams_to_check
from commands.postgres.facts import moments_since
from commands.postgres.secret_keys import key_for_auction
from commands.record.codec import command_name, encode
from commands.record.sealing import commitment, seal
from commands.streams import NewEvent, RecordedEvent, Stream
from portal.transfer.lines import framed
from portal.transfer.record import FORMAT, line_of
from projections.upkeep.one_moment import pages
from projections.upkeep.verify_auction import Decisions
from projections.upkeep.verify_rows import StateRows
from tests.domain.histories import (
    GONE_AT,
    POLICIES,
    SECRET,
    Asked,
    Move,
    asked,
    drawing,
    goes_on,
    moves,
    sales,
)
from tests.domain.masks import Wardrobe
from tests.domain.rules.some_rules import (
    SECOND_CHANCES,
    price_of,
    proxied_rules,
    reserve_of,
    rules_of_auctions,
)
from tests.domain.scenario import AFTER, BEFORE, CLOSING, DURING, OPENING
from tests.domain.sealing import key_of, opened, opened_maxima
from tests.e2e.outsider import as_module

SCRIPT = as_module()
ACCEPT = """
INSERT INTO jobs (id, stream_kind, stream_id, command, payload, idempotency_scope, fingerprint,
                  correlation_id, accepted_at, status)
VALUES (%s, 'auction', %s, %s, %s, 'test', '', %s, %s, 'QUEUED')
"""
SIGN_UP = """
INSERT INTO users (id, username, password, is_staff, version, created_at)
VALUES (%s, %s, '', false, 1, %s)
"""
KEY = "INSERT INTO secret_keys (owner_id, key) VALUES (%s, %s)"
MAKE_TICK = """
INSERT INTO promoter_ticks
    (number, stream_id, version, commitment, secret, committed_at, made_at, draws)
VALUES (%s, %s, 2, '', %s, clock_timestamp(), %s, 1)
"""
CHANGE_POLICY = """
INSERT INTO promoter_policies (version, withdrawn, chance, weight, exclude, limits, changed_at)
VALUES (%s, false, %s, %s, %s, %s, clock_timestamp())
"""
SETTLED = """
SELECT status, rejection_code, result_version FROM jobs WHERE stream_id = %s ORDER BY accepted_at, id
"""

Settled = tuple[str, str | None, int | None]


# Alice is bidder 0, Bob 1, and the stranger 2. Bids are counted from 0.
A1, A5, B5, B8 = (Move("place", who, euros) for who, euros in ((0, 1), (0, 5), (1, 5), (1, 8)))
DELETE_1 = Move("delete", bid=1)
BUY = Move("buy", 1)
DRAW = Move("double")
LIMITED_DRAW = Move("double", policy=1_000_001)


@pytest.mark.parametrize(
    ("given", "when"),
    [
        pytest.param([A1, A5, B8], [A5, A1], id="own highest is neither the lowest nor the leader"),
        pytest.param([A1, A5, B8], [DELETE_1, A1], id="next highest once the own highest is gone"),
        pytest.param([A5, B8], [DELETE_1], id="next leader once the leader is deleted"),
        pytest.param(
            [A5, B8], [Move("withdraw", 1)], id="next leader once the leader is withdrawn"
        ),
        pytest.param([A5, B8, A1], [Move("withdraw", 1), DELETE_1], id="withdrawn, then deleted"),
        pytest.param([A5, B5], [], id="of equals the first leads"),
        pytest.param([A5, B8, DELETE_1], [DELETE_1], id="deleted before"),
        pytest.param([A5, B8, DELETE_1], [DELETE_1, DRAW], id="deleted, and then a draw"),
        pytest.param([A5, B8], [A1, DRAW, B8], id="a draw between bids"),
        pytest.param([A1, B5, DRAW], [DELETE_1, Move("delete")], id="nobody leads"),
        pytest.param(
            [A1, A5, B8, DRAW],
            [Move("delete"), DELETE_1, A5, LIMITED_DRAW],
            id="a deleted bid that was doubled counts towards the limit",
        ),
        pytest.param(
            [A5, B8], [A1, Move("cancel"), B8, DELETE_1, DRAW], id="cancelled between bids"
        ),
        pytest.param([A5, B8], [A1, Move("close"), B8, DELETE_1, DRAW], id="closed between bids"),
        pytest.param(
            [A5, B8], [Move("pause"), A5, DELETE_1, DRAW, Move("remove", bid=1), B5], id="paused"
        ),
        pytest.param([A5, Move("pause")], [DRAW, Move("resume"), DRAW, B8], id="paused before"),
        pytest.param([A5, Move("pause"), Move("resume")], [B8, DRAW, Move("close")], id="resumed"),
        pytest.param([A5, Move("pause")], [Move("close"), B8, DRAW], id="closed in a pause"),
        pytest.param([A5, Move("close")], [Move("withdraw", 0), B8], id="closed early before"),
        pytest.param([A5, B8], [Move("remove", bid=1), B5, A1], id="the leader is removed"),
        pytest.param(
            [A1, A5, Move("remove", bid=1)], [A1, B5, DRAW], id="the own highest is removed"
        ),
        pytest.param([A5, B8, Move("cancel")], [Move("cancel"), B8], id="cancelled before"),
        pytest.param([A5, B8], [Move("place", 2, 9)], id="a bidder who does not exist"),
    ],
)
def test_a_batch_knows_all_it_needs(pool: Pool, given: list[Move], when: list[Move]) -> None:
    # The first batch creates the auction and holds the given, each draw apart; the end is in the last.
    compare_with_full_replay(pool, [*given, *when], [1 + len(given), 100])


@pytest.mark.parametrize(
    ("given", "when"),
    [
        pytest.param([A1, A5], [B5, B8], id="the leading one is another's, from before"),
        pytest.param([A1, A5], [DELETE_1, B5], id="the leader is deleted in the same batch"),
        pytest.param([A1, A5, DRAW], [B8, Move("place", 1, 12)], id="the leader was doubled"),
    ],
)
def test_a_batch_knows_what_increments_are_over(
    pool: Pool, given: list[Move], when: list[Move]
) -> None:
    increments = Increments((Bracket(NOTHING, Decimal("2.00")),))
    # The end, at which the leading bid is read in any case, comes in a batch of its own.
    batches = [1 + len(given), len(when), 100]
    compare_with_full_replay(pool, [*given, *when], batches, (increments,))


@pytest.mark.parametrize(
    ("given", "when"),
    [
        pytest.param([A1, A5], [B8, Move("delete", bid=2)], id="met, and missed again"),
        pytest.param([A1, A5, B8], [Move("withdraw", 1)], id="the one that met it is withdrawn"),
        pytest.param([B5, A5, B8], [Move("withdraw", 1)], id="met by the next still"),
        pytest.param([A1], [DRAW], id="a doubling does not help over it"),
        pytest.param([A5, Move("place", 1, 4)], [DRAW, DRAW], id="a doubled lower bid leads"),
        pytest.param([B8], [Move("cancel")], id="cancelled while it is met"),
    ],
)
def test_a_batch_knows_whether_a_reserve_is_met(
    pool: Pool, given: list[Move], when: list[Move]
) -> None:
    reserve = reserve_of(Decimal("5.00"))
    batches = [1 + len(given), len(when), 100]
    compare_with_full_replay(pool, [*given, *when], batches, (reserve,))


@pytest.mark.parametrize(
    ("given", "when"),
    [
        pytest.param([A1], [BUY, B8, DELETE_1], id="bought before other jobs"),
        pytest.param(
            [A1, A5], [BUY, DELETE_1, BUY, A5], id="offered again once the leader is gone"
        ),
        pytest.param([A1, B5, BUY], [BUY, Move("withdraw", 1)], id="not offered"),
        pytest.param([A1, BUY], [B8, DRAW, BUY], id="bought before"),
        pytest.param([], [A1, BUY, Move("close")], id="a bid and a purchase in one batch"),
    ],
)
def test_a_batch_knows_what_decides_a_purchase(
    pool: Pool, given: list[Move], when: list[Move]
) -> None:
    rule = BuyNow(Decimal("9.00"), until=Decimal("5.00"))
    compare_with_full_replay(pool, [*given, *when], [1 + len(given), 100], (rule,))


@pytest.mark.parametrize(
    ("given", "when"),
    [
        pytest.param([A1, B5], [A5, B8], id="one bid each"),
        pytest.param([A1, B5], [Move("delete"), A5], id="deleted, and placed again"),
        pytest.param([A5, B5], [DRAW], id="of equals the first wins, and nothing is drawn"),
        pytest.param([A5, B8], [Move("withdraw", 1), DELETE_1], id="the highest is withdrawn"),
        pytest.param(
            [A5, B8], [Move("place", 2, 9), Move("cancel")], id="cancelled before the end"
        ),
        pytest.param([A5, Move("close")], [B8], id="closed early"),
    ],
)
@pytest.mark.parametrize("rule", [Sealed(), Sealed(second_price=True)])
def test_a_batch_knows_what_is_sealed(
    pool: Pool, given: list[Move], when: list[Move], rule: Sealed
) -> None:
    compare_with_full_replay(pool, [*given, *when], [1 + len(given), 100], (rule,))


END = Move("announce", moment=CLOSING)


@pytest.mark.parametrize(
    "then",
    [
        pytest.param([Move("accept", 1, moment=CLOSING)], id="the winner confirms"),
        pytest.param([Move("decline", 1, moment=CLOSING)], id="the next one"),
        pytest.param([Move("lapse", bid=1, moment=AFTER)], id="the next one after the deadline"),
        pytest.param(
            [Move("decline", 1, moment=CLOSING), Move("decline", 0, moment=CLOSING)],
            id="nobody is left",
        ),
        pytest.param(
            [Move("accept", 1, moment=CLOSING), Move("forfeit", bid=1, moment=AFTER)],
            id="the house takes it back",
        ),
        pytest.param([Move("withdraw", 1, moment=AFTER)], id="the winner deletes their account"),
        pytest.param([Move("withdraw", 0, moment=AFTER)], id="somebody else does"),
    ],
)
def test_a_batch_knows_whose_turn_it_is(pool: Pool, then: list[Move]) -> None:
    rules = (SecondChance(confirm_within=3600, answer_within=60, most=2),)
    compare_with_full_replay(pool, [A1, B8, A5, DRAW, END, *then], [100], rules)
    compare_with_full_replay(pool, [A1, B8, A5, DRAW, END, *then], [1], rules)
    compare_with_full_replay(pool, [A1, B8, A5, DRAW, END, *then], [4, 100], rules)
    compare_with_full_replay(pool, [A1, B8, A5, END, *then], [100], in_order([Masked(), *rules]))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    moves(4, 16).map(lambda moves: [replace(move, moment=DURING) for move in moves]),
    sales(8),
    st.lists(st.integers(1, 12), min_size=1, max_size=4),
    rules_of_auctions(Decimal("1.00")),
    SECOND_CHANCES,
)
def test_however_jobs_are_batched_the_lot_goes_to_the_same(
    pool: Pool,
    moves: list[Move],
    sales: list[Move],
    batch_sizes: list[int],
    rules: Rules,
    chance: SecondChance,
) -> None:
    others = [rule for rule in rules if not isinstance(rule, SecondChance | SoftClose)]
    compare_with_full_replay(pool, [*moves, *sales], batch_sizes, in_order([*others, chance]))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    moves(12, 30),
    st.lists(st.integers(1, 12), min_size=1, max_size=4),
    st.just(()) | rules_of_auctions(Decimal("1.00")),
)
def test_however_jobs_are_batched_the_answers_are_those_of_a_full_replay(
    pool: Pool, moves: list[Move], batch_sizes: list[int], rules: Rules
) -> None:
    compare_with_full_replay(pool, moves, batch_sizes, rules)


def up_to(bidder: int, euros: int) -> Move:
    """Somebody sets a maximum."""
    return Move("set", bidder, euros)


BY_MAXIMA = (Increments((Bracket(NOTHING, Decimal("1.00")),)), ProxyBids())


@pytest.mark.parametrize(
    ("given", "when"),
    [
        pytest.param([up_to(0, 9)], [B5, B8, up_to(1, 8)], id="it answers one bid after another"),
        pytest.param([], [up_to(0, 9), B5, B8], id="set in the batch that it answers in"),
        pytest.param([up_to(0, 5)], [B5, up_to(1, 5), B8], id="of equals the earlier leads"),
        pytest.param([up_to(0, 5)], [up_to(1, 9), A5, up_to(0, 9)], id="beaten, and set again"),
        pytest.param([up_to(0, 9), up_to(0, 5)], [B5, up_to(0, 9)], id="lowered, then beaten"),
        pytest.param([up_to(0, 9), Move("clear")], [B5], id="cleared before"),
        pytest.param([up_to(0, 9)], [Move("clear"), Move("clear"), B5], id="cleared in the batch"),
        pytest.param([up_to(0, 9)], [Move("delete", 0), B5, A1], id="its bid is deleted"),
        pytest.param([up_to(0, 9)], [B5, Move("remove", bid=0), B8], id="another's is removed"),
        pytest.param([up_to(0, 9)], [Move("withdraw"), B5], id="withdrawn with its bidder"),
        pytest.param([B5, up_to(0, 20)], [DRAW], id="a draw"),
        pytest.param([B5, up_to(0, 20)], [DRAW, DRAW, B8], id="draws, and a bid"),
        pytest.param([up_to(0, 7)], [Move("cancel"), B8], id="cancelled"),
        pytest.param([up_to(0, 7)], [Move("announce", moment=CLOSING)], id="closed"),
        pytest.param([up_to(2, 9)], [B5], id="nobody sets it"),
    ],
)
def test_a_batch_knows_the_maximum_that_answers(
    pool: Pool, given: list[Move], when: list[Move]
) -> None:
    sizes = [1 + len(given), 100] if given else [100]
    compare_with_full_replay(pool, [*given, *when], sizes, BY_MAXIMA)
    compare_with_full_replay(pool, [*given, *when], sizes, in_order([*BY_MAXIMA, Masked()]))
    compare_with_full_replay(pool, [*given, *when], [1], BY_MAXIMA)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    moves(8, 24).map(lambda moves: [replace(move, moment=DURING) for move in moves]),
    st.lists(st.integers(1, 12), min_size=1, max_size=4),
    proxied_rules(Decimal("1.00")),
)
def test_however_jobs_are_batched_maxima_bid_the_same(
    pool: Pool, moves: list[Move], batch_sizes: list[int], rules: Rules
) -> None:
    compare_with_full_replay(pool, moves, batch_sizes, rules)


@pytest.mark.parametrize(
    ("given", "when"),
    [
        pytest.param([A1, B5], [A5, B8], id="both are known from before"),
        pytest.param([], [A5, A1, B5, B8, A5], id="both come in one batch, with their creation"),
        pytest.param(
            [A1], [Move("place", 2, 9), B5, B5, DELETE_1, B8], id="refusals get no number"
        ),
        pytest.param([A5, Move("delete")], [B5, A1], id="known by a deleted bid"),
        pytest.param([A5, B8], [Move("withdraw", 1), Move("withdraw", 0)], id="withdrawn"),
        pytest.param([A5, B8], [DRAW, DELETE_1, LIMITED_DRAW], id="draws"),
    ],
)
@pytest.mark.parametrize("names_winner", [True, False])
def test_a_batch_knows_the_aliases(
    pool: Pool, given: list[Move], when: list[Move], names_winner: bool
) -> None:
    sizes = [1 + len(given), 100] if given else [100]
    compare_with_full_replay(pool, [*given, *when], sizes, (Masked(names_winner),))


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(reserve_of(Decimal("5.00")), id="a reserve"),
        pytest.param(StartingPrice(Decimal("5.00")), id="a starting price"),
        pytest.param(Masked(names_winner=True), id="masks"),
        pytest.param(BuyNow(Decimal("9.00"), until=Decimal("5.00")), id="a price to buy at once"),
        pytest.param(Sealed(), id="seals, which stay"),
    ],
)
def test_a_batch_goes_by_the_rules_that_a_revision_leaves(pool: Pool, rule: Rule) -> None:
    without_rules = Move("revise", bid=3, by_its_bidder=False)
    moves = [without_rules, A1, B8, BUY, DELETE_1, A5, DRAW]
    compare_with_full_replay(pool, moves, [100], (rule,))
    compare_with_full_replay(pool, moves, [1, 3], (rule,))


def test_a_batch_knows_the_alias_of_whoever_buys(pool: Pool) -> None:
    buying = BuyNow(Decimal("50.00"), until=Decimal("40.00"))
    for when in ([A1, Move("buy", 1)], [B5, A1, Move("buy", 1)], [Move("buy", 0)]):
        compare_with_full_replay(pool, when, [1, 100], (buying, Masked(names_winner=True)))


def compare_with_full_replay(
    pool: Pool, moves: Sequence[Move], batch_sizes: Sequence[int], rules: Rules = ()
) -> None:
    """Through the inbox in batches of those sizes, and by hand: the same events, outcomes and state rows.

    The record of it is found to be as the rules give it.
    """
    auction_id, reserve = new_id(), price_of(rules)
    alice, bob, _stranger = bidders = [new_id(), new_id(), new_id()]
    with pool.connection() as connection, connection.transaction(force_rollback=True):
        if reserve:
            hidden = hidden_reserve(connection, auction_id, reserve)
            rules = tuple(hidden if isinstance(rule, Reserve) else rule for rule in rules)
        # Whoever is to own the lot is Bob.
        rules = tuple(
            replace(rule, owners=(bob,) * len(rule.owners)) if isinstance(rule, OwnLot) else rule
            for rule in rules
        )
        requests = one_by_one(
            [
                create(auction_id, rules),
                *asked(moves, auction_id, bidders, rules),
                close(auction_id),
            ]
        )
        sign_up(connection, alice, bob)
        set_the_promoter_up(connection, requests)
        accept(connection, auction_id, requests)
        handle_in_batches(connection, auction_id, batch_sizes)

        found = PostgresEventStore(connection).read(auction_id)
        wardrobe = worn(connection, auction_id, rules)
        people = {id: Bidder(id) for id in (alice, bob)}
        events, answers = by_full_replay(requests, people, found, reserve, wardrobe)
        assert [item.event for item in found] == events
        assert settled(connection, auction_id) == answers
        assert read_auction(connection, auction_id) == replay(events)
        delete_accounts(connection, requests, {alice, bob})
        assert decided_again(connection, auction_id, max(batch_sizes)) is None
        # Their ticks have no events by which an outsider could check the draws.
        if not any(isinstance(event, BidDoubled | NothingDrawn) for event in events):
            assert seen_from_outside(connection, auction_id) is None


def decided_again(connection: SyncConnection, auction_id: UUID, page: int) -> str | None:
    """What verification finds that the rules do not give, so many events at a time."""
    decisions = Decisions(connection, auction_id, moments_since(connection))
    rows = StateRows(connection, auction_id)
    for read in pages(connection, auction_id):
        for first in range(0, len(read), page):
            some = read[first : first + page]
            events = [recorded_event(row) for row in some]
            rows.look_up(events)
            decisions.look_up(events)
            for row, item in zip(some, events, strict=True):
                decisions.decide(rows, item, row["position"])
                rows.apply(item.event)  # type: ignore[arg-type]  # of an auction
    return decisions.undecided


def seen_from_outside(connection: SyncConnection, auction_id: UUID) -> str | None:
    """What the outsider's script has against the record of the auction."""
    rows = events_of(connection, streams_to_check(connection, auction_id))
    with NamedTemporaryFile() as file:
        file.writelines(framed(FORMAT, str(auction_id), map(line_of, rows)))
        file.flush()
        try:
            deque(SCRIPT.check(SCRIPT.File(file.name), str(auction_id)), maxlen=0)
        except ValueError as wrong:
            return str(wrong)
    return None


def hidden_reserve(connection: SyncConnection, auction_id: UUID, price: ReservePrice) -> Reserve:
    """The reserve, sealed with the key of the auction."""
    value, key = {"amount": str(price.amount)}, key_for_auction(connection, auction_id)
    sealed = seal(key, {**value, "salt": price.salt}, auction_id)
    return Reserve(commitment(value, price.salt), sealed)


def one_by_one(requests: Sequence[Asked]) -> list[Asked]:
    """The same, each accepted later than the one before, as commands of an auction are."""
    later: list[Asked] = []
    for request in requests:
        earliest = later[-1].at + timedelta(microseconds=1) if later else request.at
        later.append(replace(request, at=max(request.at, earliest)))
    return later


def create(auction_id: UUID, rules: Rules) -> Asked:
    """An auction with the fixed times of all scenarios."""
    command = CreateAuction(auction_id, "A lamp", "Brass", OPENING, CLOSING, None, rules)
    return Asked(command, BEFORE)


def close(auction_id: UUID) -> Asked:
    """The end, at which the leading bid matters."""
    return Asked(AnnounceWinner(auction_id), AFTER)


def by_full_replay(
    requests: Sequence[Asked],
    bidders: Mapping[UUID, Bidder],
    found: Sequence[RecordedEvent],
    reserve: ReservePrice | None,
    wardrobe: Wardrobe,
) -> tuple[list[AuctionEvent], list[Settled]]:
    """Each request decided on everything that happened before it; draws by the recorded hashes,
    and the times of offers by when the events were recorded.
    """
    events: list[AuctionEvent] = []
    answers: list[Settled] = []
    auction_id = requests[0].command.auction_id
    contents = opened(auction_id, [request.command for request in requests])
    maxima = opened_maxima(request.command for request in requests)
    for request in requests:
        before: Auction | None = replay(events) if events else None
        if before:
            wardrobe.follow(before.rules)
        command = wardrobe.dressed(request.command)
        draw = (
            drawing(command, found[len(events) - 1].hash, before.rules if before else ())
            if isinstance(command, DoubleBid)
            else None
        )
        if draw and before and not_open(before, request.at):
            draw = NO_BIDS
        more = True
        while more:
            before = replay(events) if events else None
            [*follows] = found[len(events) : len(events) + 1]
            answer = decide(
                command,
                before,
                now=request.at,
                bidders=wardrobe.known(bidders),
                draw=draw,
                reserve=reserve if before and chosen(before.rules, Reserve) else None,
                behind=wardrobe.behind(bidders),
                opened=contents,
                recorded_at=follows[0].recorded_at if follows else None,
                maxima=maxima,
            )
            more = not isinstance(answer, Rejection) and goes_on(answer)
            events += answer if more and not isinstance(answer, Rejection) else []
        if isinstance(answer, Rejection):
            answers.append(("REJECTED", answer.code.value, None))
            continue
        events += answer
        wardrobe.saw(answer)
        answers.append(("SUCCEEDED", None, len(events)))
    return events, answers


def worn(connection: SyncConnection, auction_id: UUID, rules: Rules) -> Wardrobe:
    """The aliases that were given."""
    rows = connection.execute(
        "SELECT id, user_id FROM aliases WHERE auction_id = %s", (auction_id,)
    )
    return Wardrobe(rules, {row["user_id"]: row["id"] for row in rows})


def sign_up(connection: SyncConnection, *users: UUID) -> None:
    """Users exist."""
    store = PostgresEventStore(connection)
    for user_id in users:
        created = NewEvent(UserCreated(user_id, is_staff=False), new_id(), new_id(), BEFORE)
        store.append(Stream("user", user_id), 0, [created], BEFORE)
        connection.execute(SIGN_UP, (user_id, f"bidder-{user_id.hex[-12:]}", BEFORE))
        connection.execute(KEY, (user_id, key_of(user_id)))


def delete_accounts(
    connection: SyncConnection, requests: Sequence[Asked], users: Set[UUID]
) -> None:
    """Those of the users whose bids were withdrawn were deleted; all that they asked for they had asked for before."""
    withdrawn = (each.command for each in requests if isinstance(each.command, WithdrawBids))
    for user_id in users & {command.bidder_id for command in withdrawn}:
        deleted = NewEvent(UserDeleted(user_id), new_id(), new_id(), GONE_AT)
        PostgresEventStore(connection).append(Stream("user", user_id), 1, [deleted], GONE_AT)


def set_the_promoter_up(connection: SyncConnection, requests: Sequence[Asked]) -> None:
    """The draws' ticks, cut off when the draw was accepted, with the secret of all histories; their policies."""
    for request in requests:
        if isinstance(request.command, DoubleBid):
            number = request.command.tick
            connection.execute(MAKE_TICK, (number, new_id(), SECRET.hex(), request.at))
    for version, policy in POLICIES.items():
        if version:
            values = (policy.chance, list(policy.weight), list(policy.exclude), list(policy.limit))
            connection.execute(CHANGE_POLICY, (version, *values))


def accept(connection: SyncConnection, auction_id: UUID, requests: Sequence[Asked]) -> None:
    """The requests wait in the inbox, accepted when they say; later ids are later requests."""
    rows: list[tuple[Any, ...]] = [
        (
            new_id(), auction_id, command_name(request.command), Jsonb(encode(request.command)),
            new_id(), request.at,
        )
        for request in requests
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.executemany(ACCEPT, rows)


def handle_in_batches(
    connection: SyncConnection, auction_id: UUID, batch_sizes: Sequence[int]
) -> None:
    """Batch after batch until nothing waits."""
    cutoff: datetime = clock(connection)
    for size in cycle(batch_sizes):
        handled = handle_auctions(connection, {auction_id: cutoff}, size)
        if not handled.outcomes and not handled.recorded:
            return


def settled(connection: SyncConnection, auction_id: UUID) -> list[Settled]:
    """The jobs' outcomes in order of acceptance."""
    rows = connection.execute(SETTLED, (auction_id,))
    return [(row["status"], row["rejection_code"], row["result_version"]) for row in rows]
