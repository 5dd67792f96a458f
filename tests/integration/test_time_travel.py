"""The API shows an auction as it stood at a version or a time, and why it ended as it did."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from commands.domain.commands import AnnounceWinner, DeleteUser
from commands.domain.events import BidDoubled
from commands.ids import new_id
from commands.postgres.event_store import PostgresEventStore
from commands.streams import RecordedEvent, Stream
from portal.schema import schema
from portal.schema.context import Context
from portal.web.runtime import Runtime, running
from projections.wiring import catch_up
from tests.integration.in_process import SHORTLY, InProcessPortal

Json = dict[str, Any]

INSTANT = timedelta(microseconds=1)
BID = "id amount effectiveAmount doubled deleted placedAt bidder { id username }"
STATE = f"""version title description status startsAt endsAt bidCount bidderCount
  leadingBid {{ {BID} }} bids {{ edges {{ cursor node {{ {BID} }} }} pageInfo {{ hasNextPage }} }}
  few: bids(first: 1) {{ edges {{ cursor node {{ {BID} }} }} pageInfo {{ hasNextPage endCursor }} }}
  winner {{ bid {{ {BID} }} announcedAt }} whyWinner {{ sentence }}"""
NOW = f"query ($id: UUID!, $v: Int) {{ auction(id: $id, atLeastVersion: $v) {{ {STATE} }} }}"
AT_VERSION = f"query ($id: UUID!, $v: Int) {{ auction(id: $id, atVersion: $v) {{ asOf {STATE} }} }}"
AT_TIME = f"query ($id: UUID!, $t: DateTime) {{ auction(id: $id, atTime: $t) {{ asOf {STATE} }} }}"
BOTH = """query ($id: UUID!, $l: Int, $v: Int, $t: DateTime) {
  auction(id: $id, atLeastVersion: $l, atVersion: $v, atTime: $t) { version } }"""
DRAW = "tick policyVersion weight totalWeight chance beaconRound { beacon value }"
WHY = f"""query ($id: UUID!, $n: Int, $a: String) {{ auction(id: $id) {{ whyWinner {{ sentence
  closing {{ version sentence lastBid {{ amount }} secondsBeforeEnd secondsAfterEnd }}
  ranking {{ place sentence bid {{ effectiveAmount }} }}
  deletions {{ version sentence bid {{ amount }} }}
  doublings {{ version sentence draw {{ {DRAW} }} }}
  leads(first: $n, after: $a) {{
    edges {{ node {{ version cause sentence leading {{ effectiveAmount }} before {{ amount }} draw {{ tick }} }} }}
    pageInfo {{ hasNextPage endCursor }} }} }} }} }}"""


@dataclass(slots=True)
class Api:
    """Asks as somebody who is not signed in."""

    runtime: Runtime

    async def answer(self, query: str, **variables: Any) -> Any:
        """The answer with its errors."""
        context = Context(self.runtime, new_id(), None, over_websocket=False, address="192.0.2.1")
        return await schema.execute(query, variable_values=variables, context_value=context)

    async def auction(self, query: str, **variables: Any) -> Any:
        """The auction; no errors."""
        found = await self.answer(query, **variables)
        assert not found.errors, found.errors
        return found.data["auction"]

    async def refused(self, **variables: Any) -> tuple[str, str, str]:
        """The code, the field and the message of the error."""
        [error] = (await self.answer(BOTH, **variables)).errors
        return error.extensions["code"], error.extensions["field"], error.message


@pytest_asyncio.fixture
async def api() -> AsyncIterator[Api]:
    """The API in this process."""
    async with running() as runtime:
        yield Api(runtime)


@dataclass(slots=True)
class Story:
    """An auction, and its states as the API showed them while they were the present ones."""

    stream: Stream
    alice: UUID
    bob: UUID
    states: list[Json] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The auction's id."""
        return str(self.stream.id)

    async def look(self, api: Api) -> None:
        """Note the state after the last event."""
        catch_up(self.stream)
        self.states.append(await api.auction(NOW, id=self.id, v=len(self.states) + 1))

    def events(self, in_process: InProcessPortal) -> list[RecordedEvent]:
        """All of them."""
        with in_process.pool.connection() as connection:
            return PostgresEventStore(connection).read(self.stream.id)


@pytest_asyncio.fixture
async def story(in_process: InProcessPortal, api: Api) -> Story:
    """Two outbid each other and have a bid doubled; then, shortly before the end, one takes back what leads."""
    alice, bob = in_process.user(), in_process.user()
    # As long as two bids and a draw take, on a slow machine, too.
    told = Story(in_process.auction(seconds=10), alice, bob)
    for each in (alice, bob):
        catch_up(Stream("user", each))
    await told.look(api)
    for bidder, amount in ((alice, "10.00"), (bob, "12.00")):
        in_process.bid(told.stream, bidder, amount)
        await told.look(api)
    in_process.double(told.stream)
    await told.look(api)
    ended = in_process.over(told.stream)
    high = in_process.bid(told.stream, alice, "50.00", at=ended - 3 * SHORTLY)
    await told.look(api)
    in_process.delete(told.stream, alice, high, at=ended - 2 * SHORTLY)
    await told.look(api)
    in_process.bid(told.stream, alice, "22.50", at=ended - SHORTLY)
    await told.look(api)
    in_process.settled(told.stream, AnnounceWinner(told.stream.id), at=ended)
    await told.look(api)
    return told


async def test_at_every_version_and_time_an_auction_is_as_it_was_shown_then(
    story: Story, api: Api, in_process: InProcessPortal
) -> None:
    events = story.events(in_process)
    assert len(events) == len(story.states) == 8
    assert [state["whyWinner"] is None for state in story.states] == [True] * 7 + [False]
    for version, (shown, recorded) in enumerate(zip(story.states, events, strict=True), 1):
        at = recorded.recorded_at.isoformat()
        assert shown["version"] == version
        assert await api.auction(AT_VERSION, id=story.id, v=version) == shown | {"asOf": at}
        assert await api.auction(AT_TIME, id=story.id, t=at) == shown | {"asOf": at}
        if version > 1:
            before = (recorded.recorded_at - INSTANT).isoformat()
            found = await api.auction(AT_TIME, id=story.id, t=before)
            assert found["version"] == version - 1


async def test_status_is_of_the_time_that_is_asked_for(
    story: Story, api: Api, in_process: InProcessPortal
) -> None:
    """Before the end, and after it; what was recorded later is not there."""
    end = datetime.fromisoformat(story.states[0]["endsAt"])
    for time, status in ((end - INSTANT, "OPEN"), (end, "ENDED")):
        found = await api.auction(AT_TIME, id=story.id, t=time.isoformat())
        assert (found["version"], found["status"], found["winner"]) == (4, status, None)


async def test_pages_of_a_version_lead_on(story: Story, api: Api) -> None:
    query = f"""query ($id: UUID!, $a: String) {{ auction(id: $id, atVersion: 4) {{
      bids(first: 1, after: $a) {{ edges {{ node {{ {BID} }} }} pageInfo {{ endCursor }} }} }} }}"""
    found, after = [], None
    for _ in range(4):
        page = (await api.auction(query, id=story.id, a=after))["bids"]
        found += [edge["node"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"] or after
    assert found == [edge["node"] for edge in story.states[3]["bids"]["edges"]]


async def test_what_cannot_be_shown_is_refused(
    story: Story, api: Api, in_process: InProcessPortal
) -> None:
    events = story.events(in_process)
    created = (events[0].recorded_at - INSTANT).isoformat()
    future = (in_process.now() + timedelta(minutes=1)).isoformat()
    nowhere = str(new_id())
    for given, field_, message in (
        ({"v": 9}, "atVersion", "the auction has not come further than version 8"),
        ({"v": 0}, "atVersion", "versions begin with 1"),
        ({"v": -1}, "atVersion", "versions begin with 1"),
        ({"t": created}, "atTime", "the auction was created later"),
        ({"t": future}, "atTime", "that is in the future"),
        ({"v": 1, "t": created}, "atTime", "exclude each other"),
        ({"l": 1, "t": created}, "atTime", "exclude each other"),
        ({"l": 1, "v": 1}, "atVersion", "exclude each other"),
    ):
        code, where, why = await api.refused(id=story.id, **given)
        assert (code, where) == ("BAD_USER_INPUT", field_)
        assert message in why
    assert await api.auction(BOTH, id=nowhere, v=1) is None
    assert await api.auction(BOTH, id=nowhere, t=created) is None


async def test_a_version_that_no_worker_has_projected_is_there(
    in_process: InProcessPortal, api: Api
) -> None:
    stream, alice = in_process.auction(), in_process.user()
    catch_up(stream)
    in_process.bid(stream, alice, "5.00")
    now = in_process.now()
    assert (await api.auction(BOTH, id=str(stream.id), v=2))["version"] == 2
    in_process.bid(stream, alice, "6.00")
    assert (await api.auction(BOTH, id=str(stream.id), t=now.isoformat()))["version"] == 2
    now = in_process.now()
    assert (await api.auction(BOTH, id=str(stream.id), t=now.isoformat()))["version"] == 3


async def test_a_deleted_users_name_is_shown_nowhere(
    story: Story, in_process: InProcessPortal
) -> None:
    in_process.settled(Stream("user", story.alice), DeleteUser(story.alice))
    catch_up(Stream("user", story.alice))
    # Names that a process has read are shown for a second.
    async with running() as runtime:
        later = Api(runtime)
        found = await later.auction(AT_VERSION, id=story.id, v=2)
        why = (await later.auction(WHY, id=story.id))["whyWinner"]
    assert found["leadingBid"]["bidder"] == {"id": str(story.alice), "username": None}
    assert why["leads"]["edges"][-1]["node"]["sentence"] == (
        "A deleted user’s bid of 10.00 led: there was no other."
    )


async def test_the_events_that_decided_are_told(
    story: Story, api: Api, in_process: InProcessPortal
) -> None:
    names = {edge["node"]["bidder"]["id"]: edge["node"]["bidder"]["username"]
            for edge in story.states[3]["bids"]["edges"]}  # fmt: skip
    alice, bob = names[str(story.alice)], names[str(story.bob)]
    why = (await api.auction(WHY, id=story.id, n=20))["whyWinner"]
    doubled = story.events(in_process)[3].event
    assert [(each["version"], each["bid"]["amount"]) for each in why["deletions"]] == [(6, "50.00")]
    assert alice in why["deletions"][0]["sentence"]
    [draw] = [each["draw"] for each in why["doublings"]]
    assert (draw["weight"], draw["totalWeight"], draw["chance"]) == ("1", "2", 0.5)
    assert isinstance(doubled, BidDoubled)
    assert draw["tick"] == doubled.tick
    assert draw["beaconRound"]["beacon"] == "local stand-in (not a public beacon)"
    assert len(bytes.fromhex(draw["beaconRound"]["value"])) == 32
    leads = [edge["node"] for edge in why["leads"]["edges"]]
    assert [each["version"] for each in leads][-5:] == [6, 5, 4, 3, 2]
    causes = ["DELETED", "PLACED", "DOUBLED", "PLACED", "PLACED"]
    assert [each["cause"] for each in leads][-5:] == causes
    assert leads[-1]["sentence"] == f"{alice}’s bid of 10.00 led: there was no other."
    assert leads[-2]["sentence"] == f"{bob}’s bid of 12.00 overtook {alice}’s bid of 10.00."
    hit = {story.alice: (alice, "10.00 to 20.00"), story.bob: (bob, "12.00 to 24.00")}
    name, amounts = hit[doubled.bidder_id]
    assert leads[-3]["sentence"].startswith(
        f"The house doubled {name}’s bid of {amounts} in tick {doubled.tick}, where it had a weight of "
        "1 out of 2 (50.0%) by policy "
    )
    assert leads[-5]["sentence"].startswith(
        f"{alice}’s leading bid of 50.00 was deleted: {name}’s bid"
    )
    assert leads[0]["leading"]["effectiveAmount"] == why["ranking"][0]["bid"]["effectiveAmount"]
    assert why["closing"]["lastBid"] == {"amount": "22.50"}
    assert why["closing"]["secondsBeforeEnd"] == SHORTLY.total_seconds()
    assert why["closing"]["secondsAfterEnd"] > 0
    assert [each["place"] for each in why["ranking"]] == [1, 2, 3]


async def test_the_changes_of_the_lead_come_page_by_page(story: Story, api: Api) -> None:
    whole = (await api.auction(WHY, id=story.id, n=20))["whyWinner"]["leads"]["edges"]
    found, after = [], None
    for _ in whole:
        page = (await api.auction(WHY, id=story.id, n=1, a=after))["whyWinner"]["leads"]
        found += page["edges"]
        after = page["pageInfo"]["endCursor"]
    assert found == whole
    assert not page["pageInfo"]["hasNextPage"]


@pytest.mark.parametrize(
    ("bids", "sentence"),
    [
        (0, "The auction ended unsold: nobody bid."),
        (2, "The auction ended unsold: all bids were deleted."),
    ],
)
async def test_an_unsold_auction_is_explained_too(
    in_process: InProcessPortal, api: Api, bids: int, sentence: str
) -> None:
    stream, alice = in_process.auction(seconds=0.05), in_process.user()
    ended = in_process.over(stream)
    for number in range(bids):
        bid = in_process.bid(stream, alice, f"{number + 1}.00", at=ended - SHORTLY)
        in_process.delete(stream, alice, bid, at=ended - SHORTLY)
    catch_up(stream)
    assert (await api.auction(WHY, id=str(stream.id)))["whyWinner"] is None
    in_process.settled(stream, AnnounceWinner(stream.id), at=ended)
    catch_up(stream)
    why = (await api.auction(WHY, id=str(stream.id)))["whyWinner"]
    assert why["sentence"] == sentence
    assert (why["ranking"], len(why["deletions"]), why["doublings"]) == ([], bids, [])
    assert len(why["leads"]["edges"]) == 2 * bids
    assert (why["closing"]["lastBid"] is None) == (not bids)
