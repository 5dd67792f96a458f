"""What is sealed in the events of bids."""

from collections.abc import Collection, Mapping
from uuid import UUID

from commands.postgres.connections import SyncConnection, WebConnection

READ = """
SELECT version, data->>'sealed' AS sealed FROM events
WHERE stream_id = %s AND version = ANY(%s) AND type = 'SealedBidPlaced'
"""


def sealed_texts(
    connection: SyncConnection, auction_id: UUID, versions: Collection[int]
) -> Mapping[int, str]:
    """By version of the auction, what the bid holds that was placed there."""
    rows = connection.execute(READ, (auction_id, list(versions)))
    return {row["version"]: row["sealed"] for row in rows}


async def sealed_text_async(
    connection: WebConnection, auction_id: UUID, version: int
) -> str | None:
    """What the bid holds that was placed at that version of the auction, for the web process."""
    row = await (await connection.execute(READ, (auction_id, [version]))).fetchone()
    return row["sealed"] if row else None
