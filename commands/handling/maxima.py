"""The maxima of a batch: those that it sets, and those of leading bidders that may answer what it does."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from uuid import UUID

import structlog

from commands.domain.commands import AuctionCommand, DoubleBid, PlaceBid, SetMaximum
from commands.domain.maximum import NO_MAXIMA, Maxima, Maximum
from commands.domain.rules.table import masked, proxy_bids
from commands.domain.state import Auction
from commands.postgres.aliases import users_behind
from commands.postgres.connections import SyncConnection
from commands.postgres.secret_keys import keys_of
from commands.record.maxima import opened_maximum

log = structlog.get_logger("commands")

Asked = Iterable[tuple[Auction | None, AuctionCommand]]


def answering(asked: Asked) -> Mapping[UUID, Auction]:
    """The auctions in which a maximum from before the batch may answer one of the commands."""
    return {
        auction.id: auction
        for auction, command in asked
        if auction and auction.maxima and isinstance(command, PlaceBid | SetMaximum | DoubleBid)
    }


def users_answering(connection: SyncConnection, auctions: Iterable[Auction]) -> Mapping[UUID, UUID]:
    """The users whose maxima these auctions have, by the ids under which they bid there."""
    found, aliases = dict[UUID, UUID](), list[UUID]()
    for auction in auctions:
        holders = [each.bidder_id for each in auction.maxima]
        if masked(auction.rules):
            aliases += holders
        else:
            found |= {id: id for id in holders}
    return {**found, **users_behind(connection, aliases)}


def opened_maxima(
    connection: SyncConnection,
    asked: Asked,
    auctions: Iterable[Auction],
    users: Mapping[UUID, UUID],
) -> Maxima:
    """What they are, by their ids; without those that can't be opened any more. It must not be told."""
    sealed = [*_set(asked), *_held(auctions, users)]
    if not sealed:
        return NO_MAXIMA
    keys = keys_of(connection, {user_id for _, _, user_id in sealed})
    found = dict[UUID, Decimal]()
    for auction_id, maximum, user_id in sealed:
        key = keys.get(user_id)
        most = opened_maximum(key, maximum.sealed, auction_id, maximum.id) if key else None
        if most is None:
            id = str(maximum.id)
            log.warning("a maximum can't be opened", maximum_id=id, has_key=key is not None)
        else:
            found[maximum.id] = most
    return found


def _set(asked: Asked) -> Iterator[tuple[UUID, Maximum, UUID]]:
    """The maxima that the commands set, with their auctions and users."""
    for auction, command in asked:
        if isinstance(command, SetMaximum) and (auction is None or proxy_bids(auction.rules)):
            user_id = command.bidder_id
            new = Maximum(command.maximum_id, user_id, command.sealed)
            yield command.auction_id, new, user_id


def _held(
    auctions: Iterable[Auction], users: Mapping[UUID, UUID]
) -> Iterator[tuple[UUID, Maximum, UUID]]:
    """The maxima that the auctions have, of users who are there."""
    for auction in auctions:
        for maximum in auction.maxima:
            if user_id := users.get(maximum.bidder_id):
                yield auction.id, maximum, user_id
