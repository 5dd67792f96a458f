"""The draws of a batch: worked out where the bids are, and what one leaves that can't be made."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import cast
from uuid import UUID

from commands.domain.commands import DoubleBid
from commands.domain.doubling import nothing_drawn
from commands.domain.events import AuctionEvent, NoDoubling
from commands.domain.promoter import KnownDraw, Policy, Promoter, lot_of, seed_of
from commands.domain.rules.own_promoter import OWN
from commands.domain.rules.table import promoted
from commands.domain.state import Auction, replay
from commands.jobs import Job
from commands.postgres.auctions import lock_auctions, save_auctions, staff_among
from commands.postgres.connections import SyncConnection, clock, later_than
from commands.postgres.draw_bases import draw_bases
from commands.postgres.drawing import Lot, draw_bids
from commands.postgres.event_store import PostgresEventStore
from commands.postgres.policies import policy_at
from commands.postgres.ticks import Secret, secret_of
from commands.record.codec import decode_command
from commands.record.unknown import Unknown
from commands.streams import Conflict, NewEvent, RecordedEvent

# In an auction that was not open at the cut-off, or had no bid to draw from.
NO_BIDS = KnownDraw(0, Promoter(), bytes(32), any_bids=False)


def secrets_of(connection: SyncConnection, draws: Iterable[DoubleBid]) -> Mapping[int, Secret]:
    """By tick, the secret of the draws; without revealed ones."""
    found = {tick: secret_of(connection, tick) for tick in sorted({draw.tick for draw in draws})}
    return {tick: secret for tick, secret in found.items() if secret}


def draws_of(
    connection: SyncConnection,
    drawing: Mapping[UUID, DoubleBid],
    secrets: Mapping[int, Secret],
    own: Mapping[UUID, Policy],
) -> Mapping[UUID, KnownDraw]:
    """By auction, its draw among the bids at its tick's cut-off; none once the tick's secret is revealed.

    `own` are the policies of auctions that have one of their own.
    """
    timely = {id: command for id, command in drawing.items() if command.tick in secrets}
    if not timely:
        return {}
    then = draw_bases(
        connection, {id: secrets[command.tick].cutoff for id, command in timely.items()}
    )
    staff = staff_among(connection, timely)
    seeds = {
        id: _seed(secrets[command.tick], then[id].hash, command.tick)
        for id, command in timely.items()
        if id in then and then[id].any_bids
    }
    by_policy = defaultdict[int | Policy, dict[UUID, Lot]](dict)
    for id, seed in seeds.items():
        by_policy[own.get(id) or timely[id].policy_version][id] = Lot(
            lot_of(seed), then[id].version
        )
    found = dict.fromkeys(timely, NO_BIDS)
    for by, lots in by_policy.items():
        found |= _draws_by(connection, by, seeds, lots, staff)
    return found


def _seed(tick: Secret, chain_hash: bytes, number: int) -> bytes:
    return seed_of(tick.secret, chain_hash, number, tick.value)


def _draws_by(
    connection: SyncConnection,
    by: int | Policy,
    seeds: Mapping[UUID, bytes],
    lots: Mapping[UUID, Lot],
    staff: Mapping[UUID, frozenset[UUID]],
) -> Mapping[UUID, KnownDraw]:
    """By auction, its draw by that policy, or that version of the portal's."""
    version, policy = (by, policy_at(connection, by)) if isinstance(by, int) else (OWN, by)
    try:
        promoter = Promoter.of(policy)
    except KeyError as error:
        raise Unknown(f"option {error.args[0]} of policies") from error
    on = {id: lot for id, lot in lots.items() if promoter.is_on(seeds[id])}
    insiders = frozenset[UUID]().union(*(staff[id] for id in on))
    hits = draw_bids(connection, policy, on, insiders) if on else {}
    return {id: KnownDraw(version, promoter, seeds[id], staff[id], hits.get(id)) for id in lots}


def left_by(
    command: DoubleBid, auction: Auction | None, reason: NoDoubling
) -> Sequence[AuctionEvent]:
    """What a draw leaves that can't be made; nothing if the auction is over, or has drawn in that tick."""
    if auction is None or auction.closed or command.tick <= auction.last_tick:
        return ()
    if not promoted(auction.rules):
        return ()
    return [nothing_drawn(command, auction, reason)]


def leave_failed_draw(connection: SyncConnection, job: Job) -> list[RecordedEvent]:
    """Record that the draw failed, unless its command can't be read; Conflict if another worker has its auction.

    For a draw that makes its whole batch fail, so that it is never decided.
    """
    try:
        command = cast(DoubleBid, decode_command(job.command, job.payload))
    except (KeyError, ValueError):
        return []
    locked = lock_auctions(connection, [job.stream.id])
    if job.stream.id not in locked:
        raise Conflict(f"another worker has auction {job.stream.id}")
    auction = locked[job.stream.id]
    if isinstance(auction, Unknown):
        raise auction
    events = left_by(command, auction, NoDoubling.FAILED)
    if auction is None or not events:
        return []
    new = [NewEvent(event, job.id, job.correlation_id, job.accepted_at) for event in events]
    now = later_than(clock(connection), job.accepted_at)
    recorded = PostgresEventStore(connection).append(job.stream, auction.version, new, now)
    save_auctions(connection, [(replay(events, auction), [])])
    return recorded
