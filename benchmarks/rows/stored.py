"""Bytes on disk per bid, by table, index and collection, beside the JSON of its event."""

from collections.abc import Mapping

from benchmarks.bids import Bids
from benchmarks.harness import Bench, Samples, under
from commands.wiring import pool
from projections.mongo.generations import live_generations
from projections.mongo.layout import collection_name
from projections.wiring import database

SIZES = """
SELECT coalesce(pg_partition_root(coalesce(indrelid, oid)), indrelid, oid)::regclass::text AS of,
       coalesce(pg_partition_root(oid), oid)::regclass::text AS name, sum(pg_relation_size(oid)) AS bytes
FROM pg_class LEFT JOIN pg_index ON indexrelid = oid
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i') GROUP BY 1, 2
"""
JSON = """
SELECT avg(octet_length(data::text)) AS bytes FROM events WHERE type = 'BidPlaced'
"""
TOGETHER = 2000
# What weighs less for a bid is not shown by itself.
SHOWN = 2.0


def measure(bench: Bench) -> None:
    """As they stand when the bids were just projected, and as they stay when their jobs have ended."""
    bids, count = Bids(pool(), 200), bench.size(40_000, 2000)
    auctions = bids.auctions(10)
    before = postgres()
    for _ in range(0, count, TOGETHER):
        bids.waiting(auctions, TOGETHER)
        bids.drain(auctions)
        bids.project(auctions)
    after = {name: (size - before.get(name, 0)) / count for name, size in postgres().items()}
    documents = {name: size / count for name, size in mongodb().items()}
    for name, size in sorted({**after, **documents}.items(), key=lambda item: -item[1]):
        if size >= SHOWN:
            bench.report(name, size, "bytes/bid")
    fresh = sum(after.values()) + sum(documents.values())
    lasting = fresh - sum(size for name, size in after.items() if name.startswith("jobs"))
    with pool().connection() as connection:
        row = connection.execute(JSON).fetchone()
    assert row
    json = Samples("the event's JSON", [float(row["bytes"])])
    bench.compare(Samples("a bid that was just placed", [fresh]), json, "bytes/bid")
    bench.compare(Samples("a bid whose job has ended", [lasting]), json, "bytes/bid")
    at_once = Samples("the same bid, just placed", [fresh])
    bench.compare(Samples("what lasts of a bid", [lasting]), at_once, "bytes/bid", under(0.5))


def postgres() -> Mapping[str, float]:
    """The bytes of each table and index, by `table` or `table: index`."""
    with pool().connection() as connection:
        return {
            row["of"] if row["of"] == row["name"] else f"{row['of']}: {row['name']}": float(
                row["bytes"]
            )
            for row in connection.execute(SIZES)
        }


def mongodb() -> Mapping[str, float]:
    """The bytes of the collections that grow with bids and of their indexes, as they are on disk."""
    database().client.admin.command("fsync")
    generation = live_generations(database())["auctions"]
    sizes: dict[str, float] = {}
    for base in ("bids", "bidders", "moments"):
        stats = database().command("collStats", collection_name(base, generation))
        sizes[f"MongoDB {base}"] = stats["storageSize"]
        sizes |= {f"MongoDB {base}: {name}": size for name, size in stats["indexSizes"].items()}
    return sizes
