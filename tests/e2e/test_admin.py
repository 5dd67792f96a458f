"""Admin over HTTP, with cookies and forms as in a browser."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest

from commands.ids import new_id
from commands.postgres.connections import Pool, SyncConnection
from commands.promoter.rounds import commit, tick
from portal.admin import OWN
from portal.laptop.demo.client import PortalClient
from tests.conftest import PASSWORD, Join, RunningPortal
from tests.e2e.acting import create_auction, place
from tests.integration.in_process import InProcessPortal

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
    "commands/bid",
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
    with Browser(base_url=portal.url, follow_redirects=True, timeout=30) as admin:
        welcome = admin.submit(
            "/admin/login/?next=/admin/", {"username": auctioneer, "password": PASSWORD}
        )
        assert "Auctions, jobs and schedules" in welcome.text
        yield admin


async def test_bidders_do_not_get_in(portal: RunningPortal, join: Join) -> None:
    alice = await join("alice")
    with Browser(base_url=portal.url, follow_redirects=True) as browser:
        who = {"username": alice.user["username"], "password": PASSWORD}
        assert (
            "Please enter the correct username"
            in browser.submit("/admin/login/?next=/admin/", who).text
        )
        assert browser.get("/admin/commands/auction/").url.path == "/admin/login/"


def test_a_job_from_admin_carries_the_id_of_its_request(
    browser: Browser, portal_pool: Pool
) -> None:
    title, correlation_id = f"A lamp {new_id()}", new_id()
    browser.headers["X-Correlation-ID"] = str(correlation_id)
    answer = browser.submit("/admin/commands/auction/add/", {**FORM, "title": title})
    assert answer.headers["X-Correlation-ID"] == str(correlation_id)
    with portal_pool.connection() as connection:
        [job] = connection.execute(
            "SELECT correlation_id FROM jobs WHERE payload->>'title' = %s", (title,)
        ).fetchall()
    assert job["correlation_id"] == correlation_id


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


def test_an_auctions_rules_are_chosen_in_its_form_and_told_on_its_page(
    browser: Browser, portal_pool: Pool
) -> None:
    title = f"A lamp {new_id()}"
    rules = {"starting_price": "1000", "increments": "0:50", "soft_close": "60s/120s/5"}
    answer = browser.submit("/admin/commands/auction/add/", {**FORM, "title": title, **rules})
    assert "Created <a" in answer.text
    with portal_pool.connection() as connection:
        found = connection.execute("SELECT id FROM auctions WHERE title = %s", (title,)).fetchone()
    assert found
    page = browser.get(f"/admin/commands/auction/{found['id']}/change/").text
    assert "Bids start at 1,000.00." in page
    assert "higher than the leading one by at least 50.00" in page
    assert "A bid in the last 60 seconds moves the end by 2 minutes, 5 times at most." in page


@pytest.mark.parametrize(
    ("field", "value", "expected_text"),
    [
        ("starting_price", "much", "is not an amount; write it like 120.00"),
        ("increments", "5:1", "table of increments begins with a bracket from 0.00"),
        ("soft_close", "60s/60s", "so many times at most, or up to a hard end"),
        ("withdrawal", "soon", "is no length of time; write"),
        ("promoter", "on", "is no option; write"),
        ("buy_now", "500/300", "says no end; a buy-now price is written 500 or"),
        ("second_chance", "48h", "a second chance is written like 48h/24h/3"),
        ("second_chance", "48h/24h/0", "lot is offered to 1 to 20 bidders at most, not 0"),
        ("own_lot", "bob", "is no user&#x27;s id; write ids"),
        ("ends_at_0", "2020-01-01", "and end at 2020-01-01 18:00:00 UTC; an auction starts now or"),
        ("ends_at_0", "soon", "Enter a valid date"),
        ("ends_at_0", "", "required"),
        ("title", "", "required"),
        ("title", "a\x07b", "U+0007"),
        ("title", "x" * 201, "at most 200"),
    ],
)
def test_an_error_is_shown_in_the_form(
    browser: Browser,
    portal_pool: Pool,
    field: str,
    value: str,
    expected_text: str,
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
    assert expected_text in answer.text
    assert auctions() == before


def opened(page: str) -> list[str]:
    """The titles of the form's sections that are open."""
    return re.findall(r"<details open>\s*<summary>([\w ]+?) <", page)


def test_the_choice_is_explained_and_nothing_is_created(
    browser: Browser, portal_pool: Pool
) -> None:
    add = "/admin/commands/auction/add/"
    assert opened(browser.get(add).text) == []
    asked = {"preset": "english", "starting_price": "50", "ask": "meaning"}
    page = browser.submit(add, {**FORM, "title": "", "ends_at_0": "", **asked}).text
    assert opened(page) == ["Starting price"]
    assert "<li>Bids start at 50.00.</li>" in page
    # In the summary of its section, which is closed: the preset has chosen it.
    assert page.count("A bid in the last 60 seconds moves the end by 60 seconds, 10 times") == 2
    assert "required" not in page
    with portal_pool.connection() as connection:
        jobs = "SELECT 1 FROM jobs WHERE payload->'rules'->'starting_price'->>'amount' = '50.00'"
        assert connection.execute(jobs).fetchone() is None


def test_bids_are_tried_and_nothing_is_stored(browser: Browser, portal_pool: Pool) -> None:
    def stored() -> list[int]:
        tables = ("jobs", "events", "auctions", "bids", "users", "secret_keys")
        with portal_pool.connection() as connection:
            rows = [connection.execute(f"SELECT count(*) AS n FROM {t}").fetchone() for t in tables]
        return [row["n"] for row in rows if row]

    before = stored()
    bids = "alice 10\nbob 10.50\n\nbob 12, 30 s before the end\nbob deletes 12, 0 s later"
    asked = {"preset": "english", "reserve": "12", "withdrawal": "never", "bids": bids, "ask": "1"}
    page = browser.submit("/admin/commands/auction/add/", {**FORM, **asked}).text
    found = re.findall(r"<tr[^>]*><td>(.*?)</td><td>(.*?)</td></tr>", page)
    assert found == [
        ("alice 10", "leads"),
        (
            "bob 10.50",
            "Refused: 10.50 is not enough: the leading bid counts 10.00, and a bid must be higher by 1.00, so "
            "11.00 or more.",
        ),
        (
            "bob 12, 30 s before the end",
            "leads; the end moves by 60 s; the reserve is met",
        ),
        (
            "bob deletes 12, 0 s later",
            "Refused: Bids in this auction are binding and can&#x27;t be deleted.",
        ),
        ("the end", "bob wins and pays 12.00"),
    ]
    assert stored() == before


@pytest.mark.parametrize(
    ("bids", "says"),
    [
        (
            "alice 10\nnonsense",
            "Line 2: &#x27;nonsense&#x27; can&#x27;t be read; write a line like",
        ),
        ("alice 1\n" * 51, "At most 50 lines are tried, not 51."),
        ("alice much", "Line 1: &#x27;much&#x27; is not an amount; write it like 120.00."),
        ("a\x00b 1", "Null characters are not allowed."),
    ],
)
def test_bids_that_can_not_be_tried_are_named_by_their_line(
    browser: Browser, bids: str, says: str
) -> None:
    page = browser.submit("/admin/commands/auction/add/", {**FORM, "bids": bids, "ask": "1"}).text
    assert says in page
    assert opened(page) == ["Try it"]
    assert "<caption>" not in page


@pytest.mark.parametrize(
    ("times", "says"),
    [
        ({"ends_at_0": "0001-01-01"}, "an auction starts now or later and ends after it starts."),
        ({"starts_at_0": "0001-01-01", "starts_at_1": "00:00:00"}, "It would start in the past"),
        (
            {
                "starts_at_0": "9999-12-31",
                "starts_at_1": "23:59:59",
                "ends_at_0": "",
                "ends_at_1": "",
            },
            "AUCTION_NOT_STARTED|alice wins",
        ),
    ],
)
def test_bids_are_tried_at_the_edges_of_time(
    browser: Browser, times: dict[str, str], says: str
) -> None:
    form = {**FORM, **times, "bids": "alice 1", "ask": "1"}
    answer = browser.submit("/admin/commands/auction/add/", form)
    assert answer.status_code == 200
    assert re.search(says, answer.text)


def test_the_sections_with_errors_are_open_and_say_them(browser: Browser) -> None:
    wrong = {"increments": "5:1", "soft_close": "60s/60s", "starting_price": "1"}
    page = browser.submit("/admin/commands/auction/add/", {**FORM, **wrong}).text
    assert opened(page) == ["Starting price", "Increments", "Soft close"]
    assert re.findall(r'<ul class="errorlist" id="id_(\w+)_error"><li>(.*?)</li>', page) == [
        ("increments", "A table of increments begins with a bracket from 0.00."),
        (
            "soft_close",
            "A soft close moves the end so many times at most, or up to a hard end.",
        ),
    ]


async def test_an_auction_is_shown_with_bids_events_and_jobs(
    browser: Browser, join: Join, carol: PortalClient
) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol)
    await place(alice, auction_id, "12.34")
    page = browser.get(f"/admin/commands/auction/{auction_id}/change/").text
    assert "12.34" in page
    assert alice.user["username"] in page
    assert "History" not in page
    for link, expected_text in (
        (f"event/stream/{auction_id}/", "BidPlaced"),
        (f"job/?stream_id={auction_id}", "PlaceBid"),
        (f"bid/?auction={auction_id}", "12.34"),
    ):
        assert f"/admin/commands/{link}" in page
        assert expected_text in browser.get(f"/admin/commands/{link}").text


async def test_an_auction_is_cancelled_with_a_form(
    browser: Browser, join: Join, carol: PortalClient
) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol)
    await place(alice, auction_id, "12.34")
    page, form = (f"/admin/commands/auction/{auction_id}/{part}/" for part in ("change", "cancel"))
    assert f'<a href="{form}">Cancel auction</a>' in browser.get(page).text
    for reason, said in (("", "This field is required"), ("a\x07b", "U+0007"), ("x" * 501, "500")):
        refused = browser.submit(form, {"reason": reason})
        assert (refused.url.path, said in refused.text) == (form, True), reason
    done = browser.submit(form, {"reason": "A <b>flood"})
    assert done.url.path == page
    assert "The auction is cancelled." in done.text
    assert "A &lt;b&gt;flood" in done.text
    assert f'href="{form}"' not in done.text
    again = browser.submit(form, {"reason": "A flood"})
    assert "This auction is cancelled already." in again.text
    cancelled = browser.get("/admin/commands/auction/?state=cancelled").text
    assert auction_id in cancelled
    assert auction_id not in browser.get("/admin/commands/auction/?state=unsold").text
    record = browser.get(f"/admin/commands/event/stream/{auction_id}/").text
    assert "cancelled the auction: “A &lt;b&gt;flood”" in record
    assert browser.get(f"/admin/commands/auction/{new_id()}/cancel/").status_code == 404


async def test_an_auction_is_closed_early_with_a_form(
    browser: Browser, join: Join, carol: PortalClient
) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol)
    await place(alice, auction_id, "12.34")
    page, form = (f"/admin/commands/auction/{auction_id}/{part}/" for part in ("change", "close"))
    assert f'<a href="{form}">Close auction now</a>' in browser.get(page).text
    done = browser.submit(form, {"reason": "The last one"})
    assert (done.url.path, "The auction has ended" in done.text) == (page, True)
    assert f'href="{form}"' not in done.text
    assert "The auction ended at" in browser.submit(form, {"reason": "Again"}).text
    record = browser.get(f"/admin/commands/event/stream/{auction_id}/").text
    assert "moved the end to" in record
    assert "“The last one”" in record


async def test_an_auction_is_paused_and_resumed_with_forms(
    browser: Browser, carol: PortalClient
) -> None:
    auction_id = await create_auction(carol)
    page, pause, resume = (
        f"/admin/commands/auction/{auction_id}/{part}/" for part in ("change", "pause", "resume")
    )
    buttons = browser.get(page).text
    assert f'<a href="{pause}">Pause auction</a>' in buttons
    assert f'href="{resume}"' not in buttons
    done = browser.submit(pause, {"reason": "A doubt"})
    assert (done.url.path, "The auction is paused." in done.text) == (page, True)
    assert f'<a href="{resume}">Resume auction</a>' in done.text
    assert f'href="{pause}"' not in done.text
    assert "paused until the house resumes it" in browser.submit(pause, {"reason": "Again"}).text
    assert auction_id in browser.get("/admin/commands/auction/?state=paused").text
    assert auction_id not in browser.get("/admin/commands/auction/?state=open").text
    done = browser.submit(resume, {"reason": "None left"})
    assert (done.url.path, "The auction goes on." in done.text) == (page, True)
    assert "This auction is not paused." in browser.submit(resume, {"reason": "Again"}).text
    record = browser.get(f"/admin/commands/event/stream/{auction_id}/").text
    assert "paused the auction: “A doubt”" in record
    assert "resumed the auction, which ends at" in record


async def test_a_bid_is_removed_with_a_form(
    browser: Browser, join: Join, carol: PortalClient
) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol)
    bid_id = (await place(alice, auction_id, "12.34"))["result"]["bidId"]
    page, form = (f"/admin/commands/bid/{bid_id}/{part}/" for part in ("change", "remove"))
    assert f'<a href="{form}">Remove bid</a>' in browser.get(page).text
    assert "This field is required" in browser.submit(form, {"reason": ""}).text
    done = browser.submit(form, {"reason": "A typing error"})
    assert (done.url.path, "The bid is removed." in done.text) == (page, True)
    assert f'href="{form}"' not in done.text
    assert "version 3 of the auction" in done.text
    assert "This bid is deleted already." in browser.submit(form, {"reason": "Again"}).text
    record = browser.get(f"/admin/commands/event/stream/{auction_id}/").text
    assert "“A typing error”" in record


async def test_a_bidder_can_not_cancel_with_the_form(
    portal: RunningPortal, join: Join, carol: PortalClient
) -> None:
    auction_id = await create_auction(carol)
    with Browser(base_url=portal.url, follow_redirects=True) as stranger:
        assert (
            stranger.get(f"/admin/commands/auction/{auction_id}/cancel/").url.path
            == "/admin/login/"
        )


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
    for kind in ("bid", "job", "event", "user", "promotertick"):
        assert browser.get(f"/admin/commands/{kind}/add/").status_code == 403


SCHEDULES = "/admin/django_celery_beat/periodictask/"
INTERVALS = "/admin/django_celery_beat/intervalschedule/"


def schedules(portal_pool: Pool) -> dict[str, dict[str, Any]]:
    """The rows that beat reads, by name."""
    with portal_pool.connection() as connection:
        rows = connection.execute("SELECT * FROM django_celery_beat_periodictask").fetchall()
    return {row["name"]: row for row in rows}


def test_the_portals_own_schedules_are_known_to_admin(portal_pool: Pool) -> None:
    assert {row["name"] for row in schedules(portal_pool).values() if ours(row["task"])} == OWN


def ours(task: str) -> bool:
    """Whether the task is one of the portal's own."""
    return task.startswith(("commands.", "projections.", "notifications.", "portal."))


def test_an_own_schedule_gets_another_interval_and_nothing_else(
    browser: Browser, portal_pool: Pool
) -> None:
    audit = schedules(portal_pool)["Audit"]
    path = f"{SCHEDULES}{audit['id']}/change/"
    assert "Delete" not in browser.get(path).text
    with portal_pool.connection() as connection:
        row = connection.execute(
            "INSERT INTO django_celery_beat_intervalschedule (every, period) "
            "VALUES (45, 'seconds') RETURNING id"
        ).fetchone()
    assert row
    # Not ticking "enabled" is how a browser says that it is off.
    wish = {"interval": row["id"], "name": "Mine", "task": "nothing", "one_off": "on"}
    answer = browser.submit(path, wish)
    assert "was changed successfully" in answer.text
    changed = schedules(portal_pool)["Audit"]
    assert changed["interval_id"] == row["id"]
    kept = ("name", "task", "enabled", "queue", "one_off", "expires", "start_time")
    assert [changed[name] for name in kept] == [audit[name] for name in kept]
    answer = browser.submit(path, {"interval": ""})
    assert "must be set" in answer.text


@pytest.mark.parametrize("action", ["disable_tasks", "toggle_tasks", "delete_selected"])
def test_own_schedules_are_neither_stopped_nor_deleted_in_the_list(
    browser: Browser, portal_pool: Pool, action: str
) -> None:
    sweep = schedules(portal_pool)["Sweep"]
    chosen = {"action": action, "_selected_action": [sweep["id"]], "post": "yes"}
    answer = browser.submit(SCHEDULES, chosen)
    assert answer.status_code == 403 or "The portal needs Sweep" in answer.text
    assert schedules(portal_pool)["Sweep"]["enabled"]


def test_an_own_schedule_is_not_deleted_with_its_interval(
    browser: Browser, portal_pool: Pool
) -> None:
    sweep = schedules(portal_pool)["Sweep"]
    page = browser.get(f"{INTERVALS}{sweep['interval_id']}/delete/").text
    assert "Cannot delete interval" in page
    token = {"csrfmiddlewaretoken": browser.cookies["csrftoken"], "post": "yes"}
    one = browser.post(f"{INTERVALS}{sweep['interval_id']}/delete/", data=token)
    many = browser.post(
        INTERVALS,
        data={**token, "action": "delete_selected", "_selected_action": sweep["interval_id"]},
    )
    assert (one.status_code, many.status_code) == (403, 403)
    assert schedules(portal_pool)["Sweep"]["interval_id"] == sweep["interval_id"]


# An interval's page lists its schedules.
NO_TASKS = {"periodictask_set-TOTAL_FORMS": 0, "periodictask_set-INITIAL_FORMS": 0}
ABSURD = ((0, "seconds"), (-5, "seconds"), (999_999, "microseconds"), (2_147_483_647, "days"))


@pytest.mark.parametrize(("every", "period"), ABSURD)
def test_an_interval_that_beat_can_not_keep_to_is_refused(
    browser: Browser, portal_pool: Pool, every: int, period: str
) -> None:
    answer = browser.submit(f"{INTERVALS}add/", {**NO_TASKS, "every": every, "period": period})
    said = "at least one second" if every > 0 else "greater than or equal to 1"
    assert said in answer.text
    # One that was there already is not chosen.
    audit = schedules(portal_pool)["Audit"]
    with portal_pool.connection() as connection:
        values = (every, period)
        known = (
            "SELECT id FROM django_celery_beat_intervalschedule WHERE (every, period) = (%s, %s)"
        )
        assert connection.execute(known, values).fetchall() == []
        row = connection.execute(
            "INSERT INTO django_celery_beat_intervalschedule (every, period) "
            "VALUES (%s, %s) RETURNING id",
            values,
        ).fetchone()
        assert row
        try:
            wish = {"interval": row["id"]}
            answer = browser.submit(f"{SCHEDULES}{audit['id']}/change/", wish)
        finally:
            connection.execute(
                "DELETE FROM django_celery_beat_intervalschedule WHERE id = %s", (row["id"],)
            )
    assert "at least one second" in answer.text
    assert schedules(portal_pool)["Audit"]["interval_id"] == audit["interval_id"]


def test_an_interval_that_beat_can_keep_to_is_added(browser: Browser) -> None:
    second = {**NO_TASKS, "every": 1_000_000, "period": "microseconds"}
    answer = browser.submit(f"{INTERVALS}add/", second)
    assert "was added successfully" in answer.text


def test_other_schedules_are_added_stopped_and_deleted(browser: Browser, portal_pool: Pool) -> None:
    sweep = schedules(portal_pool)["Sweep"]
    extra = {
        "name": "Nightly", "task": "projections.sweep", "interval": sweep["interval_id"],
        "args": "[]", "kwargs": "{}", "headers": "{}", "start_time_0": "2099-01-01",
        "start_time_1": "00:00:00", "enabled": "on",
    }  # fmt: skip
    browser.submit(f"{SCHEDULES}add/", extra)
    made = schedules(portal_pool)["Nightly"]
    chosen = {"_selected_action": [made["id"]]}
    browser.submit(SCHEDULES, {**chosen, "action": "disable_tasks"})
    assert not schedules(portal_pool)["Nightly"]["enabled"]
    browser.submit(SCHEDULES, {**chosen, "action": "delete_selected", "post": "yes"})
    assert "Nightly" not in schedules(portal_pool)


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

    commit(portal_pool)
    done = browser.submit(add, form)
    assert done.url.path == dashboard
    assert "is in force from the tick after the next one on" in done.text
    with portal_pool.connection() as connection:
        [(version, options)] = _policies(connection, auction_id)
    assert options == ["50.00", ["by_amount", "newcomers"], ["leader"], ["per_bidder:1"]]
    shown = browser.get(dashboard, params={"auction": auction_id}).text
    assert f"by policy {version}, from the tick after the next one on" in shown
    assert tick(portal_pool, timedelta(0)), "the next one is committed to after the change"
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
def test_an_invalid_policy_is_shown_as_an_error_in_the_form(
    browser: Browser, change: dict[str, Any], says: str
) -> None:
    answer = browser.submit("/admin/commands/promoterpolicy/add/", {**POLICY, **change})
    assert says in answer.text


async def test_a_secret_does_not_show_before_it_is_revealed(
    browser: Browser, portal_pool: Pool
) -> None:
    commit(portal_pool)
    with portal_pool.connection() as connection:
        row = connection.execute(
            "SELECT number, secret, commitment FROM promoter_ticks WHERE draws IS NULL"
        ).fetchone()
    assert row
    page = browser.get(f"/admin/commands/promotertick/{row['number']}/change/").text
    assert row["commitment"] in page
    assert row["secret"] not in page
    assert "not revealed yet" in page
    InProcessPortal(portal_pool).give_up_open_tick()
