"""The hidden reserves of a batch's auctions, as their keys make them readable."""

import logging
from collections.abc import Iterable, Mapping
from decimal import Decimal
from uuid import UUID

from commands.domain.rules.reserve import Reserve, ReservePrice
from commands.domain.rules.table import Rules, chosen
from commands.postgres.connections import SyncConnection
from commands.postgres.secret_keys import keys_of
from commands.record.sealing import Unsealable, unseal

log = logging.getLogger(__name__)


def reserves_of(
    connection: SyncConnection, rules: Iterable[tuple[UUID, Rules]]
) -> Mapping[UUID, ReservePrice]:
    """By auction, its reserve; without those that have none, or whose key is lost."""
    hidden = {id: reserve for id, each in rules if each and (reserve := chosen(each, Reserve))}
    keys = keys_of(connection, hidden)
    found = {}
    for id, reserve in hidden.items():
        try:
            value = unseal(keys[id], reserve.sealed, id)
        except (KeyError, Unsealable) as error:
            log.error("The reserve of auction %s can't be read: %s", id, type(error).__name__)
            continue
        found[id] = ReservePrice(Decimal(value["amount"]), value["salt"])
    return found
