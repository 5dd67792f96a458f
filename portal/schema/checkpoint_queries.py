"""Queries for outsiders who check that nothing was removed from the log, or put into it afterwards."""

from typing import Annotated
from uuid import UUID

import strawberry

from portal.errors import bad_input
from portal.schema.checkpoint_reading import (
    checkpoint_numbered,
    checkpoints_after,
    consistency,
    entries_from,
    inclusion,
)
from portal.schema.checkpoints import Checkpoint, ConsistencyProof, InclusionProof
from portal.schema.context import PortalInfo
from portal.schema.cursors import LARGEST_PAGE, FirstHundred, page_size


@strawberry.type
class CheckpointQuery:
    """The queries of checkpoints, for the Query type to inherit."""

    @strawberry.field(description="A signed checkpoint of all events; null if there is none.")
    async def checkpoint(
        self,
        info: PortalInfo,
        number: Annotated[
            int | None, strawberry.argument(description="Null means the newest one.")
        ] = None,
    ) -> Checkpoint | None:
        return await checkpoint_numbered(info.context.runtime, number)

    @strawberry.field(
        description="The checkpoints after one that is known, in their order: each names the hash of the one before."
    )
    async def checkpoints(
        self,
        info: PortalInfo,
        after_number: Annotated[
            int,
            strawberry.argument(description="The last number that is known; 0 for the beginning."),
        ] = 0,
        first: FirstHundred = LARGEST_PAGE,
    ) -> list[Checkpoint]:
        size = page_size(first, LARGEST_PAGE)
        return await checkpoints_after(info.context.runtime, after_number, size)

    @strawberry.field(
        description=(
            "Proof that an event of an auction, a tick or the policies is among those that a checkpoint "
            "covers. NOT_FOUND without such an event or checkpoint; UNAVAILABLE if the newest checkpoint "
            "does not cover the event yet, BAD_USER_INPUT if the one asked for is from before it."
        )
    )
    async def inclusion_proof(
        self,
        info: PortalInfo,
        stream_id: Annotated[
            UUID,
            strawberry.argument(
                description="The id of the auction, of the tick or of the policies."
            ),
        ],
        version: Annotated[
            int, strawberry.argument(description="The event's number among those of the stream.")
        ],
        checkpoint: Annotated[
            int | None,
            strawberry.argument(description="The checkpoint's number; null means the newest one."),
        ] = None,
    ) -> InclusionProof:
        return await inclusion(info.context.runtime, stream_id, version, checkpoint)

    @strawberry.field(
        description=(
            "Proof that the events that one checkpoint covers are the first ones of those that a later "
            "one covers: nothing of them was removed or changed between. NOT_FOUND without such "
            "checkpoints, BAD_USER_INPUT if the first is later than the second."
        )
    )
    async def consistency_proof(
        self,
        info: PortalInfo,
        from_: Annotated[
            int, strawberry.argument(name="from", description="The earlier checkpoint's number.")
        ],
        to: Annotated[
            int | None,
            strawberry.argument(description="The later one's; null means the newest one."),
        ] = None,
    ) -> ConsistencyProof:
        return await consistency(info.context.runtime, from_, to)

    @strawberry.field(
        description=(
            "The entries of all events in their order, in hex, as far as the newest checkpoint covers "
            "them: who has all can work out its root. 56 bytes are a stream's id (16), the event's version "
            "(8, big-endian) and its hash (32); of users' events there are 32, the SHA-256 of that."
        )
    )
    async def leaves(
        self,
        info: PortalInfo,
        from_: Annotated[
            int,
            strawberry.argument(
                name="from", description="The place of the first one in the whole log, from 0."
            ),
        ] = 0,
        first: FirstHundred = LARGEST_PAGE,
    ) -> list[str]:
        size = page_size(first, LARGEST_PAGE)
        if from_ < 0:
            raise bad_input("from", "places are counted from 0")
        found = await entries_from(info.context.runtime, from_, size)
        return [entry.hex() for entry in found]
