"""The auctioneer's desk, as a browser would use it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from commands.ids import new_id
from commands.postgres.connections import Pool, SyncConnection
from portal.laptop.demo.client import PortalClient
from tests.conftest import PASSWORD, Join, RunningPortal
from tests.e2e.acting import create_auction, place

FORM = {
    "title": "A brass lamp",
    "description": "",
    "starts_at_0": "",
    "starts_at_1": "",
    "ends_at_0": "2099-01-31",
    "ends_at_1": "18:00:00",
}
LISTS = (
    "commands/auction",
    "commands/job",
    "commands/event",
    "commands/user",
    "commands/promotertick",
    "commands/promoterpolicy",
    "notifications/mail",
    "projections/drift",
    "projections/stuckstream",
    "django_celery_beat/periodictask",
)


class Browser(httpx.Client):
    """Keeps cookies, follows redirects, and sends the form's own CSRF token."""

    def submit(
        self, path: str, fields: Mapping[str, Any], *, to: str | None = None
    ) -> httpx.Response:
        """Open the form, fill it in, send it to where it goes."""
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(path).text)
        assert token, path
        return self.post(to or path, data={**fields, "csrfmiddlewaretoken": token[1]})


@pytest.fixture
def browser(portal: RunningPortal, auctioneer: str) -> Iterator[Browser]:
    """A browser in which an auctioneer is signed in."""
    with Browser(base_url=portal.url, follow_redirects=True, timeout=30) as desk:
        welcome = desk.submit(
            "/admin/login/?next=/admin/", {"username": auctioneer, "password": PASSWORD}
        )
        assert "Auctioneer&#x27;s desk" in welcome.text
        yield desk


async def test_bidders_do_not_get_in(portal: RunningPortal, join: Join) -> None:
    alice = await join("alice")
    with Browser(base_url=portal.url, follow_redirects=True) as browser:
        who = {"username": alice.user["username"], "password": PASSWORD}
        assert (
            "Please enter the correct username"
            in browser.submit("/admin/login/?next=/admin/", who).text
        )
        assert browser.get("/admin/commands/auction/").url.path == "/admin/login/"


def test_creating_an_auction_submits_the_command_and_shows_it(
    browser: Browser, portal_pool: Pool
) -> None:
    title = f"A lamp {new_id()}"
    answer = browser.submit("/admin/commands/auction/add/", {**FORM, "title": title})
    assert answer.url.path == "/admin/commands/auction/"
    assert "Created <a" in answer.text
    with portal_pool.connection() as connection:
        rows = connection.execute(
            "SELECT jobs.status, jobs.submitted_by, jobs.result_version FROM auctions "
            "JOIN jobs ON jobs.stream_id = auctions.id WHERE title = %s",
            (title,),
        ).fetchall()
    assert [(row["status"], row["result_version"]) for row in rows] == [("SUCCEEDED", 1)]
    assert rows[0]["submitted_by"] is not None


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("ends_at_0", "2020-01-01", "and end at 2020-01-01 18:00:00 UTC; an auction starts now or"),
        ("ends_at_0", "soon", "Enter a valid date"),
        ("ends_at_0", "", "required"),
        ("title", "", "required"),
        ("title", "a\x07b", "U+0007"),
        ("title", "x" * 201, "at most 200"),
    ],
)
def test_what_is_wrong_with_the_form_is_told_in_it(
    browser: Browser,
    portal_pool: Pool,
    field: str,
    value: str,
    told: str,
) -> None:
    def auctions() -> int:
        with portal_pool.connection() as connection:
            row = connection.execute("SELECT count(*) AS n FROM auctions").fetchone()
        assert row
        return int(row["n"])

    before = auctions()
    answer = browser.submit("/admin/commands/auction/add/", {**FORM, field: value})
    assert answer.status_code == 200
    assert answer.url.path == "/admin/commands/auction/add/"
    assert told in answer.text
    assert auctions() == before


async def test_an_auction_is_shown_with_bids_events_and_jobs(
    browser: Browser, join: Join, carol: PortalClient
) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol)
    await place(alice, auction_id, "12.34")
    page = browser.get(f"/admin/commands/auction/{auction_id}/change/").text
    assert "12.34" in page
    assert alice.user["username"] in page
    for kind, told in (("event", "BidPlaced"), ("job", "PlaceBid")):
        listed = browser.get(f"/admin/commands/{kind}/?stream_id={auction_id}").text
        assert told in listed


@pytest.mark.parametrize("path", LISTS)
def test_every_list_opens(browser: Browser, path: str) -> None:
    assert browser.get(f"/admin/{path}/").status_code == 200


async def test_nothing_is_changed_or_deleted_by_writing_rows(
    browser: Browser, carol: PortalClient
) -> None:
    auction_id = await create_auction(carol)
    for action in ("change", "delete"):
        path = f"/admin/commands/auction/{auction_id}/{action}/"
        token = browser.cookies["csrftoken"]
        answer = browser.post(path, data={**FORM, "csrfmiddlewaretoken": token})
        assert answer.status_code == 403
    for kind in ("job", "event", "user", "promotertick"):
        assert browser.get(f"/admin/commands/{kind}/add/").status_code == 403


def test_schedules_can_be_edited(browser: Browser, portal_pool: Pool) -> None:
    listed = browser.get("/admin/django_celery_beat/periodictask/").text
    assert all(name in listed for name in ("Announce winners", "Promoter", "Sweep"))
    found = re.search(r"periodictask/(\d+)/change/[^>]*>Promoter<", listed)
    assert found
    page = browser.get(f"/admin/django_celery_beat/periodictask/{found[1]}/change/").text
    assert 'name="interval"' in page
    assert "Save" in page


POLICY = {"chance": "50", "weight": ["by_amount", "newcomers"], "exclude": ["leader"]}


async def test_a_policy_is_previewed_put_into_force_and_withdrawn(
    browser: Browser, join: Join, carol: PortalClient, portal_pool: Pool
) -> None:
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol)
    await place(alice, auction_id, "40.00")
    await place(bob, auction_id, "10.00")
    add, dashboard = "/admin/commands/promoterpolicy/add/", "/admin/commands/promoterpolicy/"
    form = {**POLICY, "auction": auction_id, "limit_per_bidder": "1"}

    preview = browser.submit(add, {**form, "preview": "Preview", "preview_auction": auction_id})
    rows = re.findall(r"<tr><td>(\S+)</td>.*?([0-9.]+) %</td>", preview.text, re.DOTALL)
    assert rows == [(alice.user["username"], "0.00"), (bob.user["username"], "50.00")]
    assert "excluded, or at its limit" in preview.text
    with portal_pool.connection() as connection:
        assert _policies(connection, auction_id) == [], "a preview changes nothing"

    done = browser.submit(add, form)
    assert done.url.path == dashboard
    assert "is in force from the next tick on" in done.text
    with portal_pool.connection() as connection:
        [(version, options)] = _policies(connection, auction_id)
    assert options == ["50.00", ["by_amount", "newcomers"], ["leader"], ["per_bidder:1"]]
    shown = browser.get(dashboard, params={"auction": auction_id}).text
    assert f"by policy {version}, in the next tick" in shown

    withdrawn = browser.submit(dashboard, {"auction": auction_id}, to=f"{dashboard}withdraw/")
    assert f"Policy {version + 1} is in force" in withdrawn.text
    with portal_pool.connection() as connection:
        assert _policies(connection, auction_id)[-1][1] == [None, None, None, None]


def _policies(connection: SyncConnection, auction_id: str) -> list[tuple[int, list[Any]]]:
    rows = connection.execute(
        "SELECT version, chance::text, weight, exclude, limits FROM promoter_policies "
        "WHERE auction_id = %s ORDER BY version",
        (auction_id,),
    )
    return [
        (row["version"], [row["chance"], row["weight"], row["exclude"], row["limits"]])
        for row in rows
    ]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"chance": "101"}, "less than or equal to 100"),
        ({"chance": "-1"}, "greater than or equal to 0"),
        ({"chance": "1.234"}, "no more than 2 decimal places"),
        ({"weight": []}, "This field is required"),
        ({"weight": ["nonsense"]}, "not one of the available choices"),
        ({"limit_per_bidder": "-1"}, "greater than or equal to 0"),
        ({"auction": str(new_id())}, "not one of the available choices"),
    ],
)
def test_what_can_be_no_policy_is_told_in_the_form(
    browser: Browser, change: dict[str, Any], says: str
) -> None:
    answer = browser.submit("/admin/commands/promoterpolicy/add/", {**POLICY, **change})
    assert says in answer.text


async def test_a_secret_does_not_show_before_it_is_revealed(
    browser: Browser, portal_pool: Pool
) -> None:
    with portal_pool.connection() as connection:
        row = connection.execute(
            "SELECT number, secret, commitment FROM promoter_ticks WHERE draws IS NULL"
        ).fetchone()
    assert row
    page = browser.get(f"/admin/commands/promotertick/{row['number']}/change/").text
    assert row["commitment"] in page
    assert row["secret"] not in page
    assert "not revealed yet" in page
