"""The event browser in admin, as a person uses it: streams, events, a request's timeline, the search."""

import html
import re

import httpx
import pytest
import pytest_asyncio

from commands.ids import new_id
from commands.postgres.connections import Pool
from portal.laptop.demo.client import PLACE_BID, PortalClient
from tests.conftest import Join, RunningPortal, until
from tests.e2e.acting import Json, create_auction, delete, place
from tests.e2e.test_admin import Browser, browser  # noqa: F401  (a fixture)

RECORD = "/admin/commands/event/"
NOWHERE = "01a20969-5c3e-7d11-8f0a-3a0f1de1c9aa"


def text_of(answer: httpx.Response) -> str:
    """What a reader sees: without tags, in one line."""
    assert answer.status_code == 200, answer.text
    content = answer.text.partition('id="content"')[2]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", content)).split())


async def asked_with(
    client: PortalClient, correlation_id: object, mutation: str, **values: object
) -> Json:
    """The settled job of a command whose request carries that correlation id."""
    async with httpx.AsyncClient(base_url=client.url, timeout=60) as http:
        answer = await http.post(
            "/graphql",
            json={"query": mutation, "variables": {"input": values}},
            headers={**client.headers(), "X-Correlation-ID": str(correlation_id)},
        )
    assert answer.headers["X-Correlation-ID"] == str(correlation_id)
    return await client.settled(answer.json()["data"]["job"]["id"])


@pytest_asyncio.fixture
async def auction_id(carol: PortalClient) -> str:
    """An auction with a title that no other has."""
    return await create_auction(carol, title=f"A clock from {new_id().hex[-12:]}")


async def test_a_stream_is_listed_and_its_events_are_told_with_their_hashes(
    browser: Browser,  # noqa: F811
    join: Join,
    auction_id: str,
) -> None:
    alice, bob = await join("alice"), await join("bob")
    await place(alice, auction_id, "1234.50")
    bid = await place(bob, auction_id, "1300.00")
    await delete(bob, auction_id, bid["result"]["bidId"])
    listed = browser.get(f"{RECORD}?kind=auction").text
    assert f"{RECORD}stream/{auction_id}/" in listed
    page = text_of(browser.get(f"{RECORD}stream/{auction_id}/"))
    names = [each.user["username"] for each in (alice, bob)]
    assert "Each of the 4 events shown here fits its predecessor" in page
    assert re.search(rf"4 \S+ \S+ Bid \w+ of {names[1]} was deleted. BidDeleted fits job", page)
    assert f"{names[0]} bid 1,234.50 ( bid " in page
    assert "created “A clock from" in page


async def test_a_page_of_a_stream_opens_at_a_version_and_leads_both_ways(
    browser: Browser,  # noqa: F811
    join: Join,
    auction_id: str,
) -> None:
    alice = await join("alice")
    for amount in range(1, 60):
        await place(alice, auction_id, f"{amount}.00")

    def versions(query: str) -> list[int]:
        page = browser.get(f"{RECORD}stream/{auction_id}/{query}").text
        return [int(each) for each in re.findall(r'data-label="Version">(\d+)</td>', page)]

    assert versions("") == list(range(60, 10, -1))
    assert versions("?before=11") == list(range(10, 0, -1))
    assert versions("?after=0") == list(range(50, 0, -1))
    assert versions("?after=50") == list(range(60, 50, -1))
    assert versions("?at=5") == list(range(15, 0, -1))
    assert versions("?at=60") == list(range(60, 10, -1))
    at = browser.get(f"{RECORD}stream/{auction_id}/?at=5").text
    assert re.findall(
        r'<tr class="chosen"><td class="number" data-label="Version">(\d+)</td>', at
    ) == ["5"]


async def test_a_timeline_leads_from_a_request_to_its_notices(
    browser: Browser,  # noqa: F811
    join: Join,
    auction_id: str,
) -> None:
    alice, bob = await join("alice"), await join("bob")
    await place(alice, auction_id, "10.00")
    correlation_id = new_id()
    job = await asked_with(bob, correlation_id, PLACE_BID, auctionId=auction_id, amount="20.00")
    assert job["status"] == "SUCCEEDED"
    path = f"{RECORD}request/{correlation_id}/"

    def notified() -> str:
        page = text_of(browser.get(path))
        return page if "OUTBID for" in page else ""

    page = await until(notified, 30, "the notice")
    names = {name: each.user["username"] for name, each in (("alice", alice), ("bob", bob))}
    steps = [
        rf"Request {names['bob']} asked for PlaceBid: accepted as job \w+",
        rf"Event {names['bob']} bid 20\.00 \( bid \w+ \)\. \(BidPlaced, version 3 of A clock",
        r"Job job \w+ succeeded, at version 3 of its stream",
        r"Documents The documents of this auction stand at version 3: they show version 3\.",
        rf"Notice OUTBID for {names['alice']} \(version 3, 20\.00\): not read yet",
    ]
    places = [re.search(step, page) for step in steps]
    assert all(places), page
    assert [each.start() for each in places if each] == sorted(
        each.start() for each in places if each
    )
    assert re.search(r"\+[\d.]+ m?s Event", page)


async def test_a_rejected_request_has_its_reason_and_no_events(
    browser: Browser,  # noqa: F811
    join: Join,
    auction_id: str,
) -> None:
    alice = await join("alice")
    await place(alice, auction_id, "10.00")
    correlation_id = new_id()
    job = await asked_with(alice, correlation_id, PLACE_BID, auctionId=auction_id, amount="5.00")
    page = text_of(browser.get(f"{RECORD}request/{correlation_id}/"))
    assert "was rejected: " in page
    assert "(BID_TOO_LOW)" in page
    assert " Event " not in page
    assert job["id"][-8:] in page


async def test_the_mail_that_confirms_an_address_is_told_without_its_content(
    browser: Browser,  # noqa: F811
    join: Join,
    portal_pool: Pool,
) -> None:
    alice = await join("alice", email=f"alice-{new_id().hex[-12:]}@example.org")
    with portal_pool.connection() as connection:
        [row] = connection.execute(
            "SELECT correlation_id FROM events WHERE stream_id = %s", (alice.user["id"],)
        ).fetchall()

    def mailed() -> str:
        page = text_of(browser.get(f"{RECORD}request/{row['correlation_id']}/"))
        return page if "CONFIRM_EMAIL" in page else ""

    page = await until(mailed, 30, "the mail")
    assert "Request Somebody who was not signed in asked for CreateUser" in page
    assert f"{alice.user['username']} got an account." in page
    assert "@example.org" not in page
    assert "confirm-email" not in page


async def test_a_search_leads_to_what_it_names(
    browser: Browser,  # noqa: F811
    join: Join,
    auction_id: str,
    portal_pool: Pool,
) -> None:
    alice, correlation_id = await join("alice"), new_id()
    amount = f"{int(new_id().hex[-6:], 16)}.07"
    job = await asked_with(alice, correlation_id, PLACE_BID, auctionId=auction_id, amount=amount)
    bid_id, name = job["result"]["bidId"], alice.user["username"]
    with portal_pool.connection() as connection:
        [event] = connection.execute(
            "SELECT position FROM events WHERE stream_id = %s AND version = 2", (auction_id,)
        ).fetchall()
        [row] = connection.execute(
            "SELECT title FROM auctions WHERE id = %s", (auction_id,)
        ).fetchall()
    stream, bid = f"{RECORD}stream/{auction_id}/", f"/admin/commands/bid/{bid_id}/change/"
    request = f"{RECORD}request/{correlation_id}/"
    for text, expected in (
        (name, f"{RECORD}stream/{alice.user['id']}/"),
        (name[:-3].upper(), f"{RECORD}stream/{alice.user['id']}/"),
        (row["title"], stream),
        (amount, bid),
        (f"{row['title']} {amount}", bid),
        (auction_id, stream),
        (bid_id, bid),
        (job["id"], f"/admin/commands/job/{job['id']}/change/"),
        (str(correlation_id), request),
        (str(event["position"]), f"/admin/commands/event/{event['position']}/change/"),
        ("bid deleted", f"{RECORD}latest/?type=BidDeleted"),
    ):
        answer = browser.submit(RECORD, {"text": text})
        assert f'href="{expected}' in answer.text, text
        assert answer.url.query == b"", "names stay out of URLs"


@pytest.mark.parametrize(
    "text", ["%", "' & | !", "nobody-has-this-name", NOWHERE, "-1.00", "()", "日本", "9" * 60]
)
def test_a_search_that_finds_nothing_says_so(browser: Browser, text: str) -> None:  # noqa: F811
    assert "Nothing was found." in text_of(browser.submit(RECORD, {"text": text}))


@pytest.mark.parametrize(
    ("text", "says"), [("", "required"), ("a\x00b", "Null characters"), ("x" * 201, "at most 200")]
)
def test_a_search_for_what_is_no_text_is_refused(browser: Browser, text: str, says: str) -> None:  # noqa: F811
    assert says in text_of(browser.submit(RECORD, {"text": text}))


@pytest.mark.parametrize(
    "path",
    [
        "stream/nonsense/",
        f"stream/{NOWHERE}/",
        "request/nonsense/",
        f"request/{NOWHERE}/?near=x",
        f"request/{NOWHERE}/?job=x",
        "?kind=nonsense",
        "?before=x",
        "?after=" + "9" * 5000,
        "latest/?type=nonsense",
        "latest/?type=%00",
        "latest/?before=1.5",
    ],
)
def test_what_is_not_there_is_not_found(browser: Browser, path: str) -> None:  # noqa: F811
    assert browser.get(RECORD + path).status_code == 404


@pytest.mark.parametrize("number", ["-1", "0", "9" * 30])
@pytest.mark.parametrize("place", ["before", "after", "at", "near"])
async def test_any_number_is_a_place(
    browser: Browser,  # noqa: F811
    auction_id: str,
    place: str,
    number: str,
) -> None:
    for page in (
        "",
        "latest/",
        "latest/?type=BidDeleted",
        f"stream/{auction_id}/",
        f"request/{NOWHERE}/",
    ):
        path = f"{RECORD}{page}{'&' if '?' in page else '?'}{place}={number}"
        assert browser.get(path).status_code == 200, path


def test_an_unknown_request_says_where_it_was_looked_for(browser: Browser) -> None:  # noqa: F811
    page = text_of(browser.get(f"{RECORD}request/{NOWHERE}/"))
    assert "Nothing with this id was found." in page
    assert "No job with this id is kept: settled jobs end after" in page


async def test_who_is_not_on_the_staff_does_not_get_in(portal: RunningPortal, join: Join) -> None:
    alice = await join("alice")
    with Browser(base_url=portal.url, follow_redirects=True) as stranger:
        for page in ("", "latest/", f"stream/{alice.user['id']}/", f"request/{NOWHERE}/"):
            answer = stranger.get(RECORD + page)
            assert answer.url.path == "/admin/login/"
            assert alice.user["username"] not in answer.text


async def test_pages_of_rows_lead_to_the_record(
    browser: Browser,  # noqa: F811
    join: Join,
    auction_id: str,
) -> None:
    alice = await join("alice")
    job = await place(alice, auction_id, "10.00")
    bid_id, user_id = job["result"]["bidId"], alice.user["id"]
    for path, link in (
        (f"auction/{auction_id}", f"stream/{auction_id}/"),
        (f"bid/{bid_id}", f"stream/{auction_id}/?at=2"),
        (f"user/{user_id}", f"stream/{user_id}/"),
        (f"job/{job['id']}", f"stream/{auction_id}/?at=2"),
        (f"job/{job['id']}", "request/"),
    ):
        page = browser.get(f"/admin/commands/{path}/change/").text
        assert f'href="{RECORD}{link}' in page, path
