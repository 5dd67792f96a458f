"""Writing the state rows that follow from events, as handling the commands wrote them.

What events don't hold is empty: names, addresses and passwords of users, secrets of ticks.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast
from uuid import UUID

from commands.domain import state as auction_rules
from commands.domain import tick as tick_rules
from commands.domain import user as user_rules
from commands.domain.bids import Bids
from commands.domain.events import (
    AuctionEvent,
    BidPlaced,
    DrawsAccepted,
    PolicyEvent,
    SealedBidPlaced,
    SecretRevealed,
    TickCommitted,
    TickEvent,
    TickGivenUp,
    TickMade,
)
from commands.domain.policies import STREAM
from commands.domain.state import Auction
from commands.domain.user import User
from commands.postgres.aliases import KnownAlias, insert_aliases
from commands.postgres.auctions import Touched, lock_auctions, save_auctions, touched_bids
from commands.postgres.bans import bans_of, save_bans
from commands.postgres.connections import SyncConnection
from commands.postgres.exposure import limits_of, save_limits
from commands.postgres.policies import last_policies, save_policy
from commands.postgres.rows import as_json
from commands.postgres.ticks import read_tick
from commands.record.codec import needed_by
from commands.record.unknown import Unknown
from commands.streams import RecordedEvent, Stream

USERS = """
SELECT id, version, is_staff, deleted_at IS NOT NULL AS deleted, banned_until FROM users WHERE id = ANY(%s)
"""
SAVE_USERS = """
INSERT INTO users (id, password, is_staff, version, created_at, deleted_at, withdrawing_at, banned_until, limited)
SELECT id, '', is_staff, version, created_at, deleted_at, withdrawing_at, banned_until, limited
FROM json_populate_recordset(NULL::users, %s)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, deleted_at = excluded.deleted_at,
    withdrawing_at = excluded.withdrawing_at, banned_until = excluded.banned_until,
    limited = excluded.limited
"""
COMMITTED = """
INSERT INTO promoter_ticks (
    number, stream_id, version, commitment, policies, secret, committed_at, beacon, round, public_at
) VALUES (%s, %s, 1, %s, %s, '', %s, %s, %s, %s)
"""
MADE = """
UPDATE promoter_ticks SET version = %s, policies = coalesce(policies, %s), made_at = %s, draws = %s,
    accepted = %s, value = %s
WHERE stream_id = %s
"""
DRAWN = "UPDATE promoter_ticks SET version = %s, draws = %s, accepted = %s WHERE stream_id = %s"
GIVEN_UP = "UPDATE promoter_ticks SET version = %s, given_up_at = %s WHERE stream_id = %s"
REVEALED = "UPDATE promoter_ticks SET version = %s, revealed_at = %s WHERE stream_id = %s"


class ImpossibleHistory(Exception):
    """An event that can't follow the ones before it in its stream; see `__cause__`."""

    def __init__(self, recorded: RecordedEvent) -> None:
        stream = recorded.stream
        super().__init__(
            f"version {recorded.version} of {stream.kind} {stream.id} can't follow those before it"
        )
        self.recorded = recorded


def restore(connection: SyncConnection, recorded: Sequence[RecordedEvent]) -> list[UUID]:
    """Bring the state rows that stand before these events behind them; the auctions that changed."""
    of_users, of_auctions = _by_stream(recorded, "user"), _by_stream(recorded, "auction")
    _restore_users(connection, of_users)
    _restore_auctions(connection, of_auctions)
    # One after the other: which policies applied to a tick follows from the order.
    for item in recorded:
        if step := _STEPS.get(item.stream.kind):
            step(connection, item)
    return [stream.id for stream in of_auctions]


def _by_stream(recorded: Iterable[RecordedEvent], kind: str) -> dict[Stream, list[RecordedEvent]]:
    found: dict[Stream, list[RecordedEvent]] = {}
    for item in recorded:
        if item.stream.kind == kind:
            found.setdefault(item.stream, []).append(item)
    return found


def _evolved(
    state: Any, recorded: Iterable[RecordedEvent], evolve: Callable[[Any, Any], Any]
) -> Any:
    """The state after the events; ImpossibleHistory."""
    for item in recorded:
        try:
            state = evolve(state, item.event)
            assert getattr(state, "id", item.stream.id) == item.stream.id, "it is another's event"
        except (AssertionError, KeyError) as error:
            raise ImpossibleHistory(item) from error
    return state


def _restore_users(
    connection: SyncConnection, of_users: Mapping[Stream, Sequence[RecordedEvent]]
) -> None:
    if not of_users:
        return
    ids = [stream.id for stream in of_users]
    bans, limits = bans_of(connection, ids), limits_of(connection, ids)
    known = {
        row["id"]: User(**row, bans=bans.get(row["id"], ()), exposure_limit=limits.get(row["id"]))
        for row in connection.execute(USERS, (ids,))
    }
    after: dict[UUID, User] = {
        stream.id: _evolved(known.get(stream.id), events, user_rules.evolve)
        for stream, events in of_users.items()
    }
    rows = [_user_row(after[stream.id], events) for stream, events in of_users.items()]
    connection.execute(SAVE_USERS, (as_json(rows),))
    save_bans(connection, after.values())
    save_limits(connection, after.values())


def _user_row(after: User, recorded: Sequence[RecordedEvent]) -> dict[str, Any]:
    last = recorded[-1]
    return {
        "id": last.stream.id,
        "is_staff": after.is_staff,
        "version": after.version,
        "created_at": recorded[0].recorded_at,
        "deleted_at": last.recorded_at if after.deleted else None,
        "banned_until": after.banned_until,
        "limited": True if after.exposure_limit else None,
        "withdrawing_at": (last.accepted_at or last.recorded_at) if after.deleted else None,
    }


def _restore_auctions(
    connection: SyncConnection, of_auctions: Mapping[Stream, Sequence[RecordedEvent]]
) -> None:
    if not of_auctions:
        return
    before = _known(lock_auctions(connection, [stream.id for stream in of_auctions]))
    bids = touched_bids(connection, Touched(named=_named(of_auctions)))
    changed = []
    for stream, recorded in of_auctions.items():
        auction = before[stream.id]
        if auction is not None:
            auction = replace(auction, bids=bids.get(stream.id, Bids()))
        after = _replayed(auction, recorded)
        changed.append((after, list(after.bids.values())))
    needs = {stream.id: needed_by(e.event for e in of) for stream, of in of_auctions.items()}
    save_auctions(connection, changed, needs)
    # Who is behind an alias no event says.
    insert_aliases(connection, list(_aliases(of_auctions)))


def _aliases(of_auctions: Mapping[Stream, Sequence[RecordedEvent]]) -> Iterator[KnownAlias]:
    for stream, recorded in of_auctions.items():
        for item in recorded:
            match item.event:
                case BidPlaced(bidder_id=alias, number=int() as number):
                    yield KnownAlias(alias, stream.id, number, None)


def _known(locked: Mapping[UUID, Auction | Unknown | None]) -> Mapping[UUID, Auction | None]:
    """All of them; Unknown if this release does not know one."""
    known = dict[UUID, Auction | None]()
    for id, found in locked.items():
        if isinstance(found, Unknown):
            raise found
        known[id] = found
    return known


def _replayed(auction: Auction | None, recorded: Sequence[RecordedEvent]) -> Auction:
    try:
        after = auction_rules.replay([cast(AuctionEvent, item.event) for item in recorded], auction)
        assert after.id == recorded[0].stream.id, "it is another's event"
    except (AssertionError, KeyError):
        # Which one it is takes longer to find out.
        return cast(Auction, _evolved(auction, recorded, auction_rules.evolve))
    return after


def _named(of_auctions: Mapping[Stream, Sequence[RecordedEvent]]) -> set[tuple[UUID, UUID]]:
    """The bids that the events change and that were placed before them."""
    return {
        (stream.id, bid_id)
        for stream, recorded in of_auctions.items()
        for item in recorded
        if not isinstance(item.event, BidPlaced | SealedBidPlaced)
        and (bid_id := getattr(item.event, "bid_id", None))
    }


def _restore_policy(connection: SyncConnection, item: RecordedEvent) -> None:
    if item.stream.id != STREAM:
        raise ImpossibleHistory(item)
    save_policy(connection, item.version, cast(PolicyEvent, item.event), item.recorded_at)


def _restore_tick(connection: SyncConnection, item: RecordedEvent) -> None:
    event, stream, at = cast(TickEvent, item.event), item.stream.id, item.recorded_at
    _evolved(read_tick(connection, stream), [item], tick_rules.evolve)
    values: tuple[object, ...]
    match event:
        case TickCommitted():
            query, values = COMMITTED, (
                event.number, stream, event.commitment, event.policies, at,
                event.beacon, event.round, event.public_at,
            )  # fmt: skip
        case TickMade(draws=draws, value=value):
            policies = last_policies(connection)
            query, values = MADE, (item.version, policies, at, draws, draws or 0, value, stream)
        case DrawsAccepted(draws=draws):
            query, values = DRAWN, (item.version, draws, draws, stream)
        case TickGivenUp():
            query, values = GIVEN_UP, (item.version, at, stream)
        case SecretRevealed():
            query, values = REVEALED, (item.version, at, stream)
    connection.execute(query, values)


_STEPS: Mapping[str, Callable[[SyncConnection, RecordedEvent], None]] = {
    "policies": _restore_policy,
    "tick": _restore_tick,
}
