"""Other users, who act over the API while a test drives a browser."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any, TypeVar

from portal.laptop.demo.client import PortalClient
from tests.conftest import PASSWORD
from tests.e2e import acting

T = TypeVar("T")
SECONDS = 60.0
# Commands in one request; it may have 30 aliases.
AT_ONCE = 25
PROJECTED = "query ($id: UUID!) { auction(id: $id, atLeastVersion: 1) { version } }"


class LoopThread:
    """An event loop in a thread of its own; Playwright's own loop occupies the tests' thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="behind the browser")
        self._thread.start()

    def run(self, action: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result, or what it raises; TimeoutError after a minute."""
        return asyncio.run_coroutine_threadsafe(action, self._loop).result(SECONDS)

    def call(self, action: Callable[[], object]) -> None:
        """Call that on the loop's thread, and return once it is done."""

        async def called() -> None:
            action()

        self.run(called())

    def close(self) -> None:
        """Stop the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Others:
    """Carol the auctioneer, and bidders without a browser."""

    def __init__(self, url: str, loop: LoopThread) -> None:
        self._url = url
        self._clients: list[PortalClient] = []
        self._carol: PortalClient | None = None
        self.run, self.call = loop.run, loop.call

    def bidder(self, name: str, **more: str) -> PortalClient:
        """Somebody who has just signed up, and in, under exactly that name."""
        client = self._client()
        job = self.run(client.sign_up(name, PASSWORD, **more))
        assert job["status"] == "SUCCEEDED", job
        return client

    def auction(self, title: str, seconds: float = 600, **more: Any) -> str:
        """The id of a new auction that ends that many seconds from now; everybody can find it."""
        return self.run(self._create(title, seconds, **more))

    def auctions(self, endings: dict[str, float]) -> None:
        """New auctions: their titles, and in how many seconds each ends; everybody can find them."""

        async def create() -> None:
            await asyncio.gather(
                *(self._create(title, seconds) for title, seconds in endings.items())
            )

        self.run(create())

    def bid(self, bidder: PortalClient, auction_id: str, amount: str) -> str:
        """The id of a bid that succeeded."""
        job = self.run(acting.place(bidder, auction_id, amount))
        assert job["status"] == "SUCCEEDED", job
        bid_id: str = job["result"]["bidId"]
        return bid_id

    def bids(self, bidder: PortalClient, auction_id: str, amounts: list[str]) -> list[str]:
        """The ids of many rising bids that succeeded."""

        async def place() -> list[str]:
            jobs = [
                await _submit(
                    bidder,
                    (
                        f'placeBid(input: {{auctionId: "{auction_id}", amount: "{amount}"}})'
                        for amount in batch
                    ),
                )
                for batch in _batches(amounts)
            ]
            # One auction's jobs are handled in their order.
            await bidder.settled(jobs[-1][-1])
            return [bid for batch in jobs for bid in await _placed(bidder, batch)]

        return self.run(place())

    def delete_all(self, bidder: PortalClient, auction_id: str, bid_ids: list[str]) -> None:
        """Many deletions that succeeded."""

        async def delete() -> None:
            last = ""
            for batch in _batches(bid_ids):
                *_, last = await _submit(
                    bidder,
                    (
                        f'deleteBid(input: {{auctionId: "{auction_id}", bidId: "{bid}"}})'
                        for bid in batch
                    ),
                )
            # One auction's jobs are handled in their order.
            job = await bidder.settled(last)
            assert job["status"] == "SUCCEEDED", job

        self.run(delete())

    def delete(self, bidder: PortalClient, auction_id: str, bid_id: str) -> None:
        """A deletion that succeeded."""
        job = self.run(acting.delete(bidder, auction_id, bid_id))
        assert job["status"] == "SUCCEEDED", job

    def command(self, mutation: str, **given: Any) -> None:
        """A command of the auctioneer that succeeded."""
        job = self.run(self._auctioneer.command(mutation, **given))
        assert job["status"] == "SUCCEEDED", job

    def ask(self, query: str, **variables: Any) -> Any:
        """The answer to the auctioneer."""
        return self.run(self._auctioneer.execute(query, **variables))

    def open(self, auctioneer: str) -> None:
        """Sign the auctioneer in; once, as her sign-ins are limited."""
        self._carol = self._client()
        self.run(self._carol.sign_in(auctioneer, PASSWORD))

    def close(self) -> None:
        """Close every client."""
        for client in self._clients:
            self.run(client.close())

    @property
    def _auctioneer(self) -> PortalClient:
        assert self._carol
        return self._carol

    async def _create(self, title: str, seconds: float, **more: Any) -> str:
        auction = await acting.create_auction(self._auctioneer, seconds, title=title, **more)
        # A list or a search shows it from the moment at which it is projected.
        await self._auctioneer.execute(PROJECTED, id=auction)
        return auction

    def _client(self) -> PortalClient:
        self._clients.append(PortalClient(self._url))
        return self._clients[-1]


def _batches(values: list[str]) -> list[list[str]]:
    return [values[n : n + AT_ONCE] for n in range(0, len(values), AT_ONCE)]


async def _submit(bidder: PortalClient, commands: Iterable[str]) -> list[str]:
    """The ids of the jobs of several mutations, submitted in one request, in their order."""
    aliased = [f"c{n}: {command} {{ id }}" for n, command in enumerate(commands)]
    answer = await bidder.execute(f"mutation {{ {' '.join(aliased)} }}")
    return [answer[f"c{n}"]["id"] for n in range(len(aliased))]


async def _placed(bidder: PortalClient, jobs: list[str]) -> list[str]:
    """The ids of the bids that these settled jobs placed."""
    asked = " ".join(
        f'j{n}: job(id: "{job}") {{ result {{ bidId }} }}' for n, job in enumerate(jobs)
    )
    answer = await bidder.execute(f"{{ {asked} }}")
    return [answer[f"j{n}"]["result"]["bidId"] for n in range(len(jobs))]


@contextmanager
def others(url: str, auctioneer: str) -> Iterator[Others]:
    """The auctioneer and bidders, with their event loop."""
    loop = LoopThread()
    try:
        people = Others(url, loop)
        people.open(auctioneer)
        yield people
        people.close()
    finally:
        loop.close()
