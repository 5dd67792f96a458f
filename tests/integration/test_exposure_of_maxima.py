"""Random maxima and bids of a user with a limit, who others bid against, decided by several workers at once."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commands.domain.commands import (
    BuyNow,
    CancelAuction,
    ClearMaximum,
    Command,
    DeleteBid,
    PauseAuction,
    PlaceBid,
    ResumeAuction,
)
from commands.domain.rejections import RejectionCode
from commands.domain.rules.buy_now import BuyNow as BuyNowPrice
from commands.domain.rules.increments import NOTHING, Bracket, Increments
from commands.domain.rules.masked import Masked
from commands.domain.rules.proxy_bids import ProxyBids
from commands.domain.rules.rule import Rule
from commands.domain.rules.table import in_order
from commands.ids import new_id
from commands.jobs import Job
from commands.postgres.auctions import read_auction
from commands.streams import Stream
from projections.mongo.store import MongoDocuments
from projections.projector import project
from tests.integration.in_process import InProcessPortal
from tests.integration.limiting import code, limit, used
from tests.integration.test_verification import findings

RULES: tuple[Rule, ...] = (Increments((Bracket(NOTHING, Decimal("1.00")),)), ProxyBids())
# One is masked, so that the user's bids stand under another id there; in one the lot can be bought.
MORE: tuple[tuple[Rule, ...], ...] = (
    (),
    (Masked(),),
    (BuyNowPrice(Decimal(40), Decimal(30)),),
)
OPEN_BIDS = """
SELECT auction_id, max(amount) AS amount FROM bids JOIN auctions ON auctions.id = auction_id
WHERE (bidder_id = %(user)s OR bidder_id IN (SELECT id FROM aliases WHERE user_id = %(user)s))
  AND NOT deleted AND NOT closed GROUP BY auction_id
"""


@dataclass(frozen=True)
class Move:
    """What happens in an auction: of the user with the limit, or of somebody without one."""

    kind: str
    limited: bool
    auction: int
    amount: int


KINDS = ("maximum", "maximum", "bid", "buy", "clear", "delete", "pause", "resume", "cancel")
MOVES = st.builds(
    Move, st.sampled_from(KINDS), st.booleans(), st.integers(0, len(MORE) - 1), st.integers(1, 60)
)
ROUNDS = st.lists(st.lists(MOVES, min_size=1, max_size=8), min_size=1, max_size=5)


@dataclass
class Contest:
    """The auctions, and what the maxima are that were asked for."""

    portal: InProcessPortal
    limited: UUID
    other: UUID
    auctions: list[Stream] = field(default_factory=list)
    maxima: dict[UUID, Decimal] = field(default_factory=dict)
    others: list[Job] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.auctions = [self.portal.auction(rules=in_order([*RULES, *more])) for more in MORE]

    def play(self, moves: Sequence[Move], threads: ThreadPoolExecutor) -> None:
        """Accept them all, and have them decided, each auction by another worker."""
        for move in moves:
            stream = self.auctions[move.auction]
            user_id = self.limited if move.limited else self.other
            job = self.portal.accept(stream, self._command(move, stream, user_id))
            if not move.limited:
                self.others.append(job)
        list(threads.map(self.portal.drain, self.auctions))

    def _command(self, move: Move, stream: Stream, user_id: UUID) -> Command:
        match move.kind:
            case "maximum":
                command = self.portal.set_maximum(stream, user_id, str(move.amount))
                self.maxima[command.maximum_id] = Decimal(move.amount)
                return command
            case "bid":
                return PlaceBid(stream.id, new_id(), user_id, Decimal(move.amount))
            case "buy":
                return BuyNow(stream.id, new_id(), user_id)
            case "clear":
                return ClearMaximum(stream.id, user_id)
            case "delete":
                return DeleteBid(stream.id, self._leading(stream), user_id)
            case "pause":
                return PauseAuction(stream.id, "A flood.", None)
            case "resume":
                return ResumeAuction(stream.id, "It is dry.", None)
            case _:
                return CancelAuction(stream.id, "A fire.", None)

    def _leading(self, stream: Stream) -> UUID:
        query = "SELECT id FROM bids WHERE auction_id = %s AND NOT deleted ORDER BY amount DESC"
        with self.portal.pool.connection() as connection:
            row = connection.execute(query, (stream.id,)).fetchone()
        found: UUID = row["id"] if row else new_id()
        return found

    def promised(self) -> Decimal:
        """What the user with the limit would pay at most: by each auction's bids and maximum, without the tested code."""
        with self.portal.pool.connection() as connection:
            rows = connection.execute(OPEN_BIDS, {"user": self.limited}).fetchall()
            aliases = connection.execute(
                "SELECT id FROM aliases WHERE user_id = %s", (self.limited,)
            ).fetchall()
            names = {self.limited, *(row["id"] for row in aliases)}
            most = {row["auction_id"]: row["amount"] for row in rows}
            for stream in self.auctions:
                auction = read_auction(connection, stream.id)
                assert auction
                for maximum in auction.maxima:
                    if maximum.bidder_id in names:
                        most[stream.id] = max(most[stream.id], self.maxima[maximum.id])
        return sum(most.values(), Decimal("0.00"))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(amount=st.integers(20, 120), rounds=ROUNDS)
def test_no_maxima_decided_at_once_go_above_a_limit_or_are_in_anybody_elses_way(
    in_process: InProcessPortal, documents: MongoDocuments, amount: int, rounds: list[list[Move]]
) -> None:
    alice, bob = in_process.user(), in_process.user()
    limit(in_process, alice, str(amount))
    contest = Contest(in_process, alice, bob)
    with ThreadPoolExecutor(len(MORE)) as threads:
        for moves in rounds:
            contest.play(moves, threads)
            assert used(in_process, alice) == contest.promised() <= amount
    told = [code(in_process.job(job.id)) for job in contest.others]
    assert RejectionCode.OVER_LIMIT not in told
    for stream in (*contest.auctions, Stream("user", alice)):
        project(stream, in_process.pool, documents)
        assert findings(in_process, stream, documents) == []
