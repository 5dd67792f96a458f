"""What every document store does when two write at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import TypeVar

from commands.ids import new_id
from projections.documents import BidDocument
from projections.ports import Documents
from tests.contracts.sample_documents import auction, bid

Result = TypeVar("Result")


def at_once(act: Callable[[str], Result]) -> dict[str, Result]:
    """What two threads that start together get."""
    barrier = Barrier(2)

    def run(name: str) -> Result:
        barrier.wait(timeout=10)
        return act(name)

    with ThreadPoolExecutor(2) as threads:
        running = {name: threads.submit(run, name) for name in ("left", "right")}
        return {name: future.result(timeout=10) for name, future in running.items()}


def test_of_two_who_write_an_auction_at_the_same_version_exactly_one_wins(
    documents: Documents,
) -> None:
    lamp = auction()
    for version in range(20):

        def write(name: str, version: int = version) -> bool:
            after = replace(lamp, version=version + 1, title=name)
            documents.save_auctions([(after, version)])
            return documents.auction(lamp.id) == after

        written = at_once(write)
        winners = [name for name, won in written.items() if won]
        assert len(winners) == 1, "what one wrote, the other did not replace"
        assert documents.auction(lamp.id) == replace(lamp, version=version + 1, title=winners[0])


def test_of_two_who_write_a_bid_the_newer_stays_whoever_comes_first(
    documents: Documents,
) -> None:
    for _ in range(150):
        first = bid(new_id())
        versions = {
            "left": replace(first, version=3, doubled=True),
            "right": replace(first, version=4, deleted_version=4),
        }

        def write(name: str, versions: dict[str, BidDocument] = versions) -> None:
            documents.save_bids([versions[name]])

        at_once(write)
        assert documents.bids([first.id]) == {first.id: versions["right"]}
