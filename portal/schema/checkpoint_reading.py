"""Reading checkpoints, and working out proofs from the kept nodes of the tree and the leaves of a few blocks."""

from collections.abc import Sequence
from uuid import UUID

from commands.postgres.checkpoints import Kept, find_checkpoint, next_checkpoints
from commands.postgres.connections import WebConnection
from commands.postgres.event_store import event_at
from commands.postgres.tree import (
    block_at,
    entries,
    events_of_block,
    kept_nodes,
    leaf_hashes,
)
from commands.record.merkle import (
    BLOCK_SIZE,
    Known,
    Needed,
    Span,
    consistency_path,
    entry_of,
    hash_of_leaf,
    inclusion_path,
)
from portal.errors import bad_input, not_found, unavailable
from portal.schema.checkpoints import Checkpoint, ConsistencyProof, InclusionProof
from portal.web.runtime import Runtime


async def checkpoint_numbered(runtime: Runtime, number: int | None) -> Checkpoint | None:
    """The checkpoint of that number, or the newest; None if there is none."""
    async with runtime.pool.connection() as connection:
        found = await find_checkpoint(connection, number)
    return Checkpoint.of(found) if found else None


async def checkpoints_after(runtime: Runtime, number: int, limit: int) -> list[Checkpoint]:
    """The next checkpoints after that number."""
    async with runtime.pool.connection() as connection:
        return [Checkpoint.of(each) for each in await next_checkpoints(connection, number, limit)]


async def inclusion(
    runtime: Runtime, stream_id: UUID, version: int, number: int | None
) -> InclusionProof:
    """The proof for an event of an auction, a tick or the policies.

    NOT_FOUND for an event or checkpoint that is not there, UNAVAILABLE if the newest checkpoint does not
    cover the event yet, BAD_USER_INPUT if the one asked for never will.
    """
    async with runtime.pool.connection() as connection:
        checkpoint = await _existing(connection, number)
        event = await event_at(connection, stream_id, version)
        if event is None or event["stream_kind"] == "user":
            raise not_found("there is no such event")
        if event["position"] > checkpoint.last_position:
            if number is None:
                raise unavailable("no checkpoint covers this event yet; the next one will")
            raise bad_input("checkpoint", f"checkpoint {number} is from before this event")
        entry = entry_of(event["stream_kind"], stream_id, version, event["hash"])
        leaf = hash_of_leaf(entry)
        block, size = await block_at(connection, event["position"]), checkpoint.checkpoint.size
        leaves = leaf_hashes(await events_of_block(connection, block))
        if leaf not in leaves or (index := block * BLOCK_SIZE + leaves.index(leaf)) >= size:
            raise unavailable("the log does not agree with this checkpoint")
        path = await _hashes(connection, inclusion_path(index, size), {block: leaves})
    return InclusionProof(
        checkpoint=Checkpoint.of(checkpoint), index=index, leaf=leaf.hex(), path=path
    )


async def consistency(runtime: Runtime, old: int, new: int | None) -> ConsistencyProof:
    """The proof that a checkpoint's events are the first ones of another's; NOT_FOUND, BAD_USER_INPUT."""
    async with runtime.pool.connection() as connection:
        first, second = await _existing(connection, old), await _existing(connection, new)
        if first.checkpoint.number > second.checkpoint.number:
            raise bad_input("from", "`from` is the checkpoint that was made first")
        sizes = first.checkpoint.size, second.checkpoint.size
        path = await _hashes(connection, consistency_path(*sizes), {})
    return ConsistencyProof(old=Checkpoint.of(first), new=Checkpoint.of(second), path=path)


async def entries_from(runtime: Runtime, start: int, limit: int) -> list[bytes]:
    """The entries of so many events from that place on, as far as the newest checkpoint covers them."""
    async with runtime.pool.connection() as connection:
        newest = await find_checkpoint(connection, None)
        end = min(start + limit, newest.checkpoint.size if newest else 0)
        found: list[bytes] = []
        for block in range(start // BLOCK_SIZE, (end - 1) // BLOCK_SIZE + 1):
            found += entries(await events_of_block(connection, block))
    first = start % BLOCK_SIZE
    return found[first : first + max(end - start, 0)]


async def _existing(connection: WebConnection, number: int | None) -> Kept:
    found = await find_checkpoint(connection, number)
    if found is None:
        raise not_found("there is no such checkpoint" if number else "there is no checkpoint yet")
    return found


async def _hashes(
    connection: WebConnection, spans: Sequence[Span], read: dict[int, list[bytes]]
) -> list[str]:
    """The spans' hashes in hex; `read` are leaves of blocks that were read already."""
    needed = Needed.by(*spans)
    nodes = await kept_nodes(connection, needed.nodes)
    blocks = dict(read)
    for block in needed.blocks - blocks.keys():
        blocks[block] = leaf_hashes(await events_of_block(connection, block))
    if needed.nodes - nodes.keys():
        raise unavailable("the tree does not agree with this checkpoint")
    known = Known(nodes, blocks)
    return [known.hash_of(span).hex() for span in spans]
