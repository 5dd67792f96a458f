"""Who bidders are: users, or in masked auctions aliases, behind which users are."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from commands.postgres.aliases import users_behind
from commands.postgres.connections import SyncConnection
from notifications.notices import Notice
from notifications.postgres.progress import CurrentState

Addressed = Sequence[tuple[UUID, Notice]]


@dataclass(frozen=True, slots=True)
class People:
    """The auctions that are masked, and the users behind their aliases; those who were deleted are none."""

    masked: Collection[UUID] = ()
    behind: Mapping[UUID, UUID] = field(default_factory=dict)

    def users(self, auction_id: UUID, bidders: Iterable[UUID]) -> Mapping[UUID, UUID]:
        """The bidders in that auction, each with the user that they are."""
        if auction_id not in self.masked:
            return {bidder: bidder for bidder in bidders}
        return {bidder: self.behind[bidder] for bidder in bidders if bidder in self.behind}

    def leader(self, auction_id: UUID, state: CurrentState) -> UUID | None:
        """The user who leads in that auction; None if nobody does."""
        if state.leading is None:
            return None
        return next(iter(self.users(auction_id, [state.leading.bidder_id]).values()), None)

    def addressed(self, notices: Addressed) -> Addressed:
        """The notices, each to users."""
        if not self.masked:
            return notices
        return [
            (id, replace(notice, to=frozenset(self.users(id, notice.to or ()).values())))
            for id, notice in notices
        ]


# Where nobody is masked.
UNMASKED = People()


def people_in(
    connection: SyncConnection,
    states: Mapping[UUID, CurrentState],
    named: Iterable[tuple[UUID, Collection[UUID]]],
) -> People:
    """Who the bidders are that are named in auctions, and who leads; without a query unless one is masked."""
    masked = {id for id, state in states.items() if state.masked}
    if not masked:
        return UNMASKED
    leading = [states[id].leading for id in masked]
    aliases = {alias for id, each in named if id in masked for alias in each}
    aliases |= {bid.bidder_id for bid in leading if bid}
    return People(masked, users_behind(connection, aliases))
