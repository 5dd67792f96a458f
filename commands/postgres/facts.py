"""What an auction's decisions depended on, for deciding again: its jobs, and who its bidders are."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import cast
from uuid import UUID

from psycopg.rows import DictRow

from commands.domain.commands import AuctionCommand
from commands.domain.events import (
    AuctionCreated,
    AuctionEvent,
    AuctionRevised,
    BanLifted,
    BidDeleted,
    BidPlaced,
    BidRemoved,
    Event,
    MaximumSet,
    SealedBidPlaced,
    UserBanned,
    UserCreated,
    UserDeleted,
)
from commands.domain.rules.table import people, proxy_bids
from commands.domain.user import bans_after
from commands.jobs import JobStatus
from commands.postgres.aliases import known_aliases
from commands.postgres.connections import SyncConnection
from commands.postgres.event_store import PostgresEventStore
from commands.postgres.secret_keys import keys_of
from commands.record.codec import decode_command, decode_event
from commands.record.facts import Account, Cause, Facts, GivenAlias
from commands.record.maxima import opened_maximum
from commands.record.redeciding import rules_in
from commands.streams import RecordedEvent

# So many events a contest between maxima has at most.
MOST_TOGETHER = 10
# Of those that wait only a withdrawal or a close may have caused events already, or a draw that failed and is
# re-driven.
CAUSES = """
SELECT id, command, payload, accepted_at, status FROM jobs
WHERE id = ANY(%s) AND stream_id = %s AND (status <> 'QUEUED'
    OR command IN ('WithdrawBids', 'AnnounceWinner', 'DoubleBid'))
"""
ACCOUNTS = """
SELECT stream_id, type, schema_version, data, accepted_at, position FROM events
WHERE stream_id = ANY(%s) AND stream_kind = 'user' ORDER BY stream_id, version
"""
# Settled jobs end in the order in which they were settled, which is when their events were recorded.
# So of what was recorded since the oldest was settled, all are kept, whatever JOBS_KEPT_DAYS was.
JOBS_SINCE = """
SELECT min(settled_at) AS since FROM jobs WHERE status IN ('SUCCEEDED', 'REJECTED')
"""
MOMENTS_SINCE = """
SELECT position AS since FROM events WHERE accepted_at IS NOT NULL ORDER BY position LIMIT 1
"""
# A withdrawal may have had nothing to withdraw.
WITHOUT_EVENTS = """
SELECT id, command, result_version FROM jobs
WHERE stream_id = %(id)s AND status = 'SUCCEEDED' AND command <> 'WithdrawBids' AND NOT EXISTS (
    SELECT FROM events
    WHERE stream_id = %(id)s AND version = jobs.result_version AND causation_id = jobs.id
) ORDER BY accepted_at, id LIMIT 1
"""


def moments_since(connection: SyncConnection) -> int | None:
    """The position of the first event that says when its command was accepted."""
    row = connection.execute(MOMENTS_SINCE).fetchone()
    return row["since"] if row else None


def facts_since(connection: SyncConnection, moments_since: int | None) -> Facts:
    """The facts that are there before any event is looked at."""
    row = connection.execute(JOBS_SINCE).fetchone()
    return Facts(jobs_since=row["since"] if row else None, moments_since=moments_since)


def look_up(
    connection: SyncConnection, auction_id: UUID, page: Sequence[RecordedEvent], facts: Facts
) -> None:
    """Put the jobs and the users of some of the auction's events among the facts."""
    ids = [recorded.causation_id for recorded in page]
    facts.causes = dict(_causes(connection.execute(CAUSES, (ids, auction_id))))
    facts.proxied = facts.proxied or any(_lets_maxima_bid(each.event) for each in page)
    # Maxima bid together with what they answer, so the decision on the last event may be about what follows on it.
    at_hand = [*page, *_rest_of_last(connection, auction_id, page)] if facts.proxied else page
    named = {id for recorded in at_hand for id in _named(recorded.event)}
    unknown = named - facts.users.keys()
    if any(_may_name_aliases(each.event) for each in at_hand):
        unknown -= _look_up_aliases(connection, unknown, facts)
    if unknown:
        facts.users.update(accounts_of(connection, unknown))
    if facts.proxied:
        facts.maxima |= _maxima(connection, auction_id, at_hand, facts)
        facts.together = _together(at_hand)


def _lets_maxima_bid(event: Event) -> bool:
    return isinstance(event, AuctionCreated | AuctionRevised) and proxy_bids(rules_in(event))


def _may_name_aliases(event: Event) -> bool:
    return isinstance(event, MaximumSet) or (
        isinstance(event, BidPlaced) and event.number is not None
    )


def _maxima(
    connection: SyncConnection, auction_id: UUID, at_hand: Iterable[RecordedEvent], facts: Facts
) -> Mapping[UUID, Decimal]:
    """What the maxima are that these events set, and that can still be opened."""
    sealed = dict[MaximumSet, UUID]()
    for each in at_hand:
        if isinstance(each.event, MaximumSet):
            alias = facts.aliases.get(each.event.bidder_id)
            if user_id := alias.user_id if alias else each.event.bidder_id:
                sealed[each.event] = user_id
    keys = keys_of(connection, {*sealed.values()})
    return {
        event.maximum_id: most
        for event, user_id in sealed.items()
        if user_id in keys
        and (most := opened_maximum(keys[user_id], event.sealed, auction_id, event.maximum_id))
    }


def _rest_of_last(
    connection: SyncConnection, auction_id: UUID, page: Sequence[RecordedEvent]
) -> list[RecordedEvent]:
    """What follows on the page's last event and came of the same job."""
    if not page:
        return []
    last = page[-1]
    following = PostgresEventStore(connection).read(auction_id, last.version, MOST_TOGETHER)
    return [each for each in following if each.causation_id == last.causation_id]


def _together(at_hand: Iterable[RecordedEvent]) -> Mapping[UUID, Sequence[AuctionEvent]]:
    """The events by job, in their order."""
    found = defaultdict[UUID, list[AuctionEvent]](list)
    for each in at_hand:
        found[each.causation_id].append(cast(AuctionEvent, each.event))
    return found


def accounts_of(connection: SyncConnection, ids: Collection[UUID]) -> dict[UUID, Account]:
    """Those of the ids that are users', with what their events say."""
    return _accounts(connection.execute(ACCOUNTS, (list(ids),)))


def _look_up_aliases(connection: SyncConnection, ids: Collection[UUID], facts: Facts) -> set[UUID]:
    """Put those that are aliases among the facts, as the users behind them."""
    known = known_aliases(connection, ids)
    users = {each.user_id for each in known.values() if each.user_id}
    accounts = accounts_of(connection, users) if users else {}
    for id, alias in known.items():
        facts.aliases[id] = GivenAlias(alias.auction_id, alias.number, alias.user_id)
        if alias.user_id is None:
            facts.users[id] = Account(None, forgotten=True)
        elif account := accounts.get(alias.user_id):
            facts.users[id] = account
    return set(known)


def _named(event: Event) -> Collection[UUID]:
    """The users on whom the decision depended."""
    match event:
        case BidPlaced() | SealedBidPlaced() | MaximumSet() | BidDeleted() | BidRemoved():
            return (event.bidder_id,)
        case AuctionCreated() | AuctionRevised():
            return people(rules_in(event))
        case _:
            return ()


def job_without_events(connection: SyncConnection, auction_id: UUID) -> str | None:
    """What is missing of the first of the auction's jobs that succeeded and whose events are not there."""
    row = connection.execute(WITHOUT_EVENTS, {"id": auction_id}).fetchone()
    if row is None:
        return None
    return (
        f"job {row['id']} ({row['command']}) gave version {row['result_version']}, "
        "which is not here"
    )


def _causes(rows: Iterable[DictRow]) -> Iterator[tuple[UUID, Cause]]:
    """The jobs that may have caused events; one that can't be read has caused none."""
    for row in rows:
        try:
            command = cast(AuctionCommand, decode_command(row["command"], row["payload"]))
        except (KeyError, ValueError, TypeError):
            continue
        yield row["id"], Cause(command, row["accepted_at"], JobStatus(row["status"]))


def _accounts(rows: Iterable[DictRow]) -> dict[UUID, Account]:
    accounts: dict[UUID, Account] = {}
    for row in rows:
        accounts[row["stream_id"]] = _account(accounts.get(row["stream_id"]), row)
    return accounts


def _account(before: Account | None, row: DictRow) -> Account:
    account, position = before or Account(row["stream_id"]), row["position"]
    match decode_event(row["type"], row["schema_version"], row["data"]):
        case UserCreated(is_staff=is_staff):
            return replace(account, is_staff=is_staff)
        case UserDeleted():
            return replace(account, deleted_at=row["accepted_at"], deleted_position=position)
        case UserBanned() | BanLifted() as event:
            bans = bans_after(account.banned[-1][1] if account.banned else (), event)
            return replace(account, banned=(*account.banned, (position, bans)))
        case _:
            return account
