"""Random bids, deletions and ends in several auctions, in random batches, of a user with a limit: as a naive model decides."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commands.domain.commands import CancelAuction, Command, DeleteBid, PlaceBid, RemoveBid
from commands.domain.rules.masked import Masked
from commands.ids import new_id
from commands.jobs import Job
from commands.streams import Stream
from tests.integration.in_process import InProcessPortal
from tests.integration.limiting import code, limit, together, used, used_by_all_bids

AUCTIONS = 3


@dataclass(frozen=True)
class Move:
    """What happens in an auction: a bid of so much, or the end of one that was placed there, or of the auction."""

    kind: str
    auction: int
    number: int


@dataclass
class Naive:
    """Bids by auction, each with its amount while it is live; None is an auction that is over."""

    limit: int
    bids: list[list[int] | None] = field(default_factory=lambda: [[] for _ in range(AUCTIONS)])

    def used(self) -> int:
        """What the user would pay at most."""
        return sum(max(bids, default=0) for bids in self.bids if bids is not None)

    def answer(self, move: Move) -> str | None:
        """Why the move is refused; None if it is not, and then it has happened."""
        bids = self.bids[move.auction]
        if bids is None:
            return "AUCTION_CANCELLED"
        match move.kind:
            case "bid":
                highest = max(bids, default=0)
                if move.number <= highest:
                    return "BID_TOO_LOW"
                if self.used() - highest + move.number > self.limit:
                    return "OVER_LIMIT"
                bids.append(move.number)
            case "delete" | "remove":
                bids.remove(move.number)
            case "cancel":
                self.bids[move.auction] = None
        return None


MOVES = st.one_of(
    # More often than the others.
    st.builds(Move, st.just("bid"), st.integers(0, AUCTIONS - 1), st.integers(1, 12)),
    st.builds(Move, st.just("bid"), st.integers(0, AUCTIONS - 1), st.integers(1, 12)),
    st.builds(
        Move, st.sampled_from(["delete", "remove"]), st.integers(0, AUCTIONS - 1), st.integers(0, 9)
    ),
    st.builds(Move, st.just("cancel"), st.integers(0, AUCTIONS - 1), st.just(0)),
)
BATCHES = st.lists(st.lists(MOVES, min_size=1, max_size=5), min_size=1, max_size=5)


class Played:
    """The portal's auctions, and the ids of the bids there by amount."""

    def __init__(self, portal: InProcessPortal, user_id: UUID) -> None:
        self.portal, self.user_id = portal, user_id
        # One is masked, so that bids of the user stand under another id there.
        self.auctions = [
            portal.auction(rules=(Masked(),) if n == 0 else ()) for n in range(AUCTIONS)
        ]
        self.ids: dict[tuple[int, int], UUID] = {}

    def accept(self, move: Move) -> Job:
        """The job of the move."""
        stream = self.auctions[move.auction]
        return self.portal.accept(stream, self._command(move, stream))

    def _command(self, move: Move, stream: Stream) -> Command:
        match move.kind:
            case "bid":
                return PlaceBid(stream.id, new_id(), self.user_id, Decimal(move.number))
            case "cancel":
                return CancelAuction(stream.id, "Broken.", None)
            case kind:
                bid_id = self.ids[move.auction, move.number]
                if kind == "delete":
                    return DeleteBid(stream.id, bid_id, self.user_id)
                return RemoveBid(stream.id, bid_id, "A typo.", None)


def possible(moves: Iterable[Move], naive: Naive) -> list[Move]:
    """The moves with each deletion of a bid that is live before the batch, each bid once; without the others."""
    left = [sorted(bids or []) for bids in naive.bids]
    found = []
    for move in moves:
        if move.kind in ("delete", "remove"):
            if not left[move.auction]:
                continue
            index = move.number % len(left[move.auction])
            found.append(Move(move.kind, move.auction, left[move.auction].pop(index)))
        else:
            found.append(move)
    return found


def in_order(moves: Sequence[Move]) -> list[Move]:
    """As a batch decides them: auction by auction, those first whose oldest job is older."""
    auctions = list(dict.fromkeys(move.auction for move in moves))
    return [move for auction in auctions for move in moves if move.auction == auction]


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(amount=st.integers(5, 25), batches=BATCHES)
def test_what_is_placed_is_what_a_naive_model_places(
    in_process: InProcessPortal, amount: int, batches: list[list[Move]]
) -> None:
    alice = in_process.user()
    limit(in_process, alice, str(amount))
    played, naive = Played(in_process, alice), Naive(amount)
    for batch in batches:
        moves = possible(batch, naive)
        jobs = [(move, played.accept(move)) for move in moves]
        of_moves = {id(move): job for move, job in jobs}
        together(in_process, played.auctions)
        for move in in_order(moves):
            job = in_process.job(of_moves[id(move)].id)
            assert code(job) == naive.answer(move), (move, moves)
            if move.kind == "bid" and code(job) is None:
                played.ids[move.auction, move.number] = UUID(job.payload["bid_id"])
        assert used(in_process, alice) == used_by_all_bids(in_process, alice) == naive.used()
        assert naive.used() <= amount
