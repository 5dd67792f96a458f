"""Checking draws: each must be the one that its tick's committed secret gives."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from commands.domain.auction import Auction, replay
from commands.domain.events import (
    AuctionEvent,
    BidDoubled,
    SecretRevealed,
    TickCommitted,
    TickEvent,
    TickMade,
)
from commands.domain.promoter import BidsInDraw, Promoter, seed_of
from commands.domain.tick import commitment_to
from commands.postgres.connections import SyncConnection
from commands.postgres.event_store import PostgresEventStore
from commands.postgres.policies import policy_at, policy_versions
from commands.postgres.ticks import policies_of_tick, stream_of_tick
from commands.streams import RecordedEvent


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of checking one draw: fair if there is no problem and its secret is revealed."""

    version: int
    draw: BidDoubled
    revealed: bool = True
    problem: str | None = None


def check_draws(connection: SyncConnection, history: Sequence[RecordedEvent]) -> Iterator[Checked]:
    """Check each draw in an auction's whole history, except those of tick 0, which had no commitment."""
    auction, done, ticks = None, 0, set[int]()
    for place, recorded in enumerate(history):
        if not isinstance(recorded.event, BidDoubled) or recorded.event.tick == 0:
            continue
        before = [cast(AuctionEvent, item.event) for item in history[done:place]]
        auction, done = replay(before, auction) if before else auction, place
        assert auction is not None, "a history begins with the auction's creation"
        if recorded.event.tick in ticks:
            problem = "the tick had drawn in this auction before"
            yield Checked(recorded.version, recorded.event, problem=problem)
            continue
        ticks.add(recorded.event.tick)
        yield _checked(connection, auction, recorded, history[place - 1].hash)


def _checked(
    connection: SyncConnection, auction: Auction, recorded: RecordedEvent, last_hash: bytes
) -> Checked:
    draw = cast(BidDoubled, recorded.event)
    tick = _events_of_tick(connection, draw.tick)
    committed, revealed = tick.get(TickCommitted), tick.get(SecretRevealed)
    if committed is None or committed.recorded_at >= recorded.recorded_at:
        return Checked(recorded.version, draw, problem="the house had not committed to it")
    if TickMade not in tick:
        return Checked(recorded.version, draw, problem="there was no such tick")
    if problem := _another_policy(connection, recorded.stream.id, draw):
        return Checked(recorded.version, draw, problem=problem)
    if revealed is None:
        return Checked(recorded.version, draw, revealed=False)
    if revealed.recorded_at <= recorded.recorded_at:
        return Checked(recorded.version, draw, problem="the secret was revealed before it")
    secret = bytes.fromhex(cast(SecretRevealed, revealed.event).secret)
    if commitment_to(secret) != cast(TickCommitted, committed.event).commitment:
        problem = "the revealed secret is not the one that the house committed to"
        return Checked(recorded.version, draw, problem=problem)
    among = BidsInDraw(tuple(auction.bids.values()), frozenset(draw.staff))
    promoter = Promoter.of(policy_at(connection, draw.policy_version))
    seed = seed_of(secret, last_hash, draw.tick)
    fair = promoter.draw(among, seed) if promoter.is_on(seed) else None
    found = (fair.bid.id, fair.weight, fair.total_weight) if fair else None
    if found != (draw.bid_id, draw.weight, draw.total_weight):
        hit = f"bid {fair.bid.id}, weight {fair.weight} of {fair.total_weight}" if fair else "none"
        return Checked(recorded.version, draw, problem=f"the secret gives {hit}")
    return Checked(recorded.version, draw)


def _another_policy(connection: SyncConnection, auction_id: UUID, draw: BidDoubled) -> str | None:
    policies = policies_of_tick(connection, draw.tick)
    if policies is None:
        return None
    applied = policy_versions(connection, policies, [auction_id])[auction_id]
    if applied == draw.policy_version:
        return None
    return f"policy {applied} applied, not {draw.policy_version}"


def _events_of_tick(
    connection: SyncConnection, number: int
) -> dict[type[TickEvent], RecordedEvent]:
    stream_id = stream_of_tick(connection, number)
    events = PostgresEventStore(connection).read(stream_id) if stream_id else []
    return {type(cast(TickEvent, item.event)): item for item in events}
