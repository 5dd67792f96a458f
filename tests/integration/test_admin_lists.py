"""Admin's lists over tables that have grown: few queries, each by its index, and a page of rows."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl
from uuid import UUID

import pytest
from django.contrib import admin
from django.db import connection, transaction
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import resolve
from pytest_django.plugin import DjangoDbBlocker

from commands.admin import search
from commands.admin.read_only import BoundedPaginator
from commands.ids import new_id
from commands.models import Auction, Bid, Job, User

BIDS = 6_000
CROWDED, STAFF, ALICE = new_id(), new_id(), new_id()
# Rows as handlers would leave them; nothing here is ever committed.
ROWS = """
INSERT INTO users (id, username, password, is_staff, version, created_at)
SELECT gen_random_uuid(), 'lists-bidder-' || n, '!', false, 1, now()
FROM generate_series(1, 300) AS n;
INSERT INTO users (id, username, password, is_staff, version, created_at)
VALUES (%(staff)s, 'lists-staff', '!', true, 1, now()),
       (%(alice)s, 'Lists-Alice', '!', false, 1, now());
INSERT INTO auctions (id, version, title, description, starts_at, ends_at, closed)
SELECT gen_random_uuid(), 1, 'A lamp', '', now(), now() + n * interval '1 hour', false
FROM generate_series(1, 120) AS n;
INSERT INTO auctions (id, version, title, description, starts_at, ends_at, closed)
VALUES (%(crowded)s, 1, 'A crowded clock', '', now(), now() + interval '9 days', false),
       (gen_random_uuid(), 1, 'Lot-12 of clock-5e14420c', '', now(), now() + interval '9 days', false);
INSERT INTO bids (id, auction_id, bidder_id, amount, effective_amount, placed_at, placed_version,
                  reached_version, doubled, deleted)
SELECT gen_random_uuid(), %(crowded)s, %(alice)s, n, n, now(), n, n, false, n %% 20 = 0
FROM generate_series(1, %(bids)s) AS n;
INSERT INTO jobs (id, stream_kind, stream_id, command, payload, submitted_by, idempotency_scope,
                  fingerprint, correlation_id, accepted_at, status, rejection_code)
SELECT gen_random_uuid(), 'auction', %(crowded)s,
       CASE n %% 500 WHEN 0 THEN 'CreateAuction' ELSE 'PlaceBid' END, '{}', %(alice)s, 'test',
       '', gen_random_uuid(), now(), 'SUCCEEDED', CASE n %% 500 WHEN 1 THEN 'BID_TOO_LOW' END
FROM generate_series(1, %(bids)s) AS n;
INSERT INTO events (stream_kind, stream_id, version, type, schema_version, data, correlation_id,
                    causation_id, recorded_at, hash)
SELECT 'auction', %(crowded)s, n, CASE n %% 500 WHEN 0 THEN 'WinnerAnnounced' ELSE 'BidPlaced' END,
       1, '{}', gen_random_uuid(), gen_random_uuid(), now(), ''
FROM generate_series(1, %(bids)s) AS n;
ANALYZE users; ANALYZE auctions; ANALYZE bids; ANALYZE jobs; ANALYZE events;
"""
TABLES = re.compile(r"Seq Scan on (users|auctions|bids|jobs|events\w*)\b")


@pytest.fixture(scope="module")
def _crowd(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Rows that only this module's own transaction sees."""
    # Which pages there are is settled where they get their addresses.
    resolve("/admin/")
    with django_db_blocker.unblock(), transaction.atomic():
        values: dict[str, int | UUID] = {
            "bids": BIDS,
            "crowded": CROWDED,
            "staff": STAFF,
            "alice": ALICE,
        }
        with connection.cursor() as cursor:
            cursor.execute(ROWS, values)
            # Sequential scans that remain are those for which there is no index.
            cursor.execute("SET LOCAL enable_seqscan = off")
        yield
        transaction.set_rollback(True)
    connection.close()


@dataclass(frozen=True, slots=True)
class Shown:
    """A page, and what was asked of Postgres for it."""

    html: str
    plans: str
    queries: int
    rows: int


def shown(model: type, query: str) -> Shown:
    """The list of that model, as a member of staff sees it."""
    request = RequestFactory().get(f"/admin/?{query}", dict(parse_qsl(query)))
    request.user = User.objects.get(pk=STAFF)
    with CaptureQueriesContext(connection) as captured:
        answer = admin.site.get_model_admin(model).changelist_view(request)
        assert not isinstance(answer, HttpResponseRedirect), "a lookup that is not allowed"
        assert isinstance(answer, TemplateResponse)
        html = answer.render().content.decode()
    rows = html.count("<tr><t") + html.count("<tr class")
    return Shown(html, plans(captured), len(captured), rows)


def plans(captured: CaptureQueriesContext) -> str:
    """How Postgres ran the queries."""
    lines = []
    with connection.cursor() as cursor:
        for query in captured:
            cursor.execute("EXPLAIN " + query["sql"])
            lines += [str(line) for (line,) in cursor.fetchall()]
    return "\n".join(lines)


@pytest.mark.usefixtures("_crowd")
@pytest.mark.parametrize(
    ("model", "query", "indexes"),
    [
        pytest.param(Auction, "", ["auctions_by_end", "bids_ranking"], id="auctions"),
        pytest.param(Auction, "state=open", ["auctions_"], id="auctions in a state"),
        pytest.param(Auction, "q=crow", ["auctions_words"], id="auctions by title"),
        pytest.param(Bid, "", ["bids_pkey"], id="bids"),
        pytest.param(Bid, f"auction={CROWDED}", ["bids_ranking"], id="an auction's bids"),
        pytest.param(
            Bid,
            f"auction={CROWDED}&state=deleted",
            ["bids_deleted_of_auction"],
            id="an auction's deleted bids",
        ),
        pytest.param(Bid, f"bidder={ALICE}", ["bids_of_bidder"], id="a bidder's bids"),
        pytest.param(
            Bid,
            f"bidder={ALICE}&state=deleted",
            ["bids_deleted_of_bidder"],
            id="a bidder's deleted bids",
        ),
        pytest.param(Bid, "q=lists-alice", ["users_by_beginning"], id="bids by name"),
        pytest.param(Bid, "q=crowded clock", ["auctions_words"], id="bids by title"),
        pytest.param(Bid, f"q={ALICE}", ["bids_of_bidder"], id="bids by id"),
        pytest.param(Job, "", ["jobs_pkey"], id="jobs"),
        pytest.param(Job, f"stream_id={CROWDED}", ["jobs_of_stream"], id="an auction's jobs"),
        pytest.param(Job, f"submitted_by={ALICE}", ["jobs_of_user"], id="a user's jobs"),
        pytest.param(Job, "status__exact=FAILED", ["jobs_failed"], id="failed jobs"),
        pytest.param(Job, "command=CreateAuction", ["jobs_of_rarer_commands"], id="rare commands"),
        pytest.param(Job, "rejection_code=BID_TOO_LOW", ["jobs_rejected"], id="rejected jobs"),
        pytest.param(Job, "q=LISTS-AL", ["users_by_beginning", "jobs_of_user"], id="jobs by name"),
        pytest.param(Job, "q=clock", ["auctions_words", "jobs_of_stream"], id="jobs by title"),
        pytest.param(
            Job,
            f"q={ALICE}",
            ["jobs_of_user", "jobs_of_stream", "jobs_of_request"],
            id="jobs by id",
        ),
        pytest.param(User, "", ["users_pkey"], id="users"),
        pytest.param(User, "q=lists-al", ["users_by_beginning"], id="users by name"),
        pytest.param(User, "is_staff__exact=1", ["users_staff"], id="staff"),
    ],
)
def test_a_list_is_a_page_that_indexes_serve(
    monkeypatch: pytest.MonkeyPatch, model: type, query: str, indexes: list[str]
) -> None:
    monkeypatch.setattr(search, "LATEST", BIDS // 10)
    page = shown(model, query)
    assert not TABLES.search(page.plans), page.plans
    for index in indexes:
        assert index in page.plans, page.plans
    assert page.queries <= 6
    assert len(page.html) < 150_000


@pytest.mark.usefixtures("_crowd")
@pytest.mark.parametrize(
    ("model", "query", "number"),
    [
        pytest.param(Auction, "q=crow", 1, id="a title"),
        pytest.param(Auction, "q=clo cro", 1, id="two beginnings in any order"),
        pytest.param(Auction, "q=crowded lamp", 0, id="words of two titles"),
        pytest.param(Auction, "q=lot-12", 1, id="with a hyphen before a number"),
        pytest.param(Auction, "q=lot 12", 1, id="a number behind a hyphen"),
        pytest.param(Auction, "q=clock-5e14420c", 1, id="letters and digits like a number"),
        pytest.param(Auction, f"q={CROWDED}", 1, id="an id"),
        pytest.param(Auction, "q=' & | ! :*", 0, id="no words"),
        pytest.param(User, "q=lists-bidder-29", 11, id="a beginning"),
        pytest.param(User, "q=LISTS-ALICE", 1, id="in capitals"),
        pytest.param(User, "q=%25", 0, id="a wildcard"),
        pytest.param(Bid, "q=lists-al", 50, id="bids of a bidder"),
        pytest.param(Bid, "q=crowded", 50, id="bids of an auction"),
        pytest.param(Bid, "q=lamp", 0, id="bids of an auction without any"),
        pytest.param(Job, "q=lists-alice", 50, id="jobs of a user"),
        pytest.param(Job, "q=nobody", 0, id="jobs of nobody"),
    ],
)
def test_what_a_search_finds(model: type, query: str, number: int) -> None:
    found = re.findall(
        r'class="field-(?:title|name|short_id|accepted_at)', shown(model, query).html
    )
    assert len(found) == number


@pytest.mark.usefixtures("_crowd")
def test_an_auctions_bids_are_ranked_and_counted() -> None:
    page = shown(Bid, f"auction={CROWDED}")
    amounts = re.findall(r"field-counts[^>]*>([0-9.,]+)<", page.html)
    assert amounts[:3] == ["5,999.00", "5,998.00", "5,997.00"], "the deleted one of 6000 is no more"
    assert len(amounts) == 50
    assert "5700 bids" in page.html
    listed = shown(Auction, "q=crowded").html
    assert f'?auction={CROWDED}">5,700</a>' in listed
    assert "5,999.00 by" in listed


@pytest.mark.usefixtures("_crowd")
def test_a_count_ends_somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedPaginator, "MOST", 1_000)
    page = shown(Bid, f"auction={CROWDED}")
    assert "The first 1000 bids: filters and the search lead to the others." in page.html
