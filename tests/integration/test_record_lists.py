"""The event browser over tables that have grown: few queries, each by an index, and a page of rows."""

import re
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from commands.admin.record import caused, latest
from commands.admin.record.streams import FIRST_EVENTS
from commands.ids import new_id
from commands.models.events import BID_EVENTS
from tests.integration.test_admin_lists import (  # noqa: F401  (a fixture)
    BIDS,
    CROWDED,
    TABLES,
    _crowd,
    plans,
)
from tests.integration.test_record_pages import RECORD, opened

FOREIGN = uuid4()


@pytest.mark.usefixtures("_crowd")
@pytest.mark.parametrize(
    ("path", "indexes"),
    [
        pytest.param("", ["events_of_rarer_types", "events_stream_version"], id="streams"),
        pytest.param("?kind=policies", ["events_stream_version"], id="the policies' stream"),
        pytest.param(
            "?kind=auction&before=1000000000", ["events_of_rarer_types"], id="older auctions"
        ),
        pytest.param("?kind=auction&after=10", ["events_of_rarer_types"], id="newer auctions"),
        pytest.param("latest/", ["events_pkey"], id="events"),
        pytest.param("latest/?type=WinnerAnnounced", ["events_of_rarer_types"], id="a rare type"),
        pytest.param("latest/?type=BidDoubled", ["events_draws"], id="draws"),
        pytest.param("latest/?type=BidDeleted", ["events_pkey"], id="a type without an index"),
        pytest.param(f"stream/{CROWDED}/", ["events_stream_version"], id="a stream's last events"),
        pytest.param(
            f"stream/{CROWDED}/?after=0", ["events_stream_version"], id="its first events"
        ),
        pytest.param(f"stream/{CROWDED}/?at=3000", ["events_stream_version"], id="at a version"),
        pytest.param(f"request/{FOREIGN}/", ["jobs_of_request", "events_pkey"], id="a request"),
        pytest.param(
            f"request/{new_id()}/", ["jobs_of_request", "events_pkey"], id="by its moment"
        ),
    ],
)
def test_a_page_is_served_by_indexes(
    monkeypatch: pytest.MonkeyPatch, path: str, indexes: list[str]
) -> None:
    monkeypatch.setattr(latest, "LATEST", BIDS // 10)
    monkeypatch.setattr(caused, "SEARCHED", BIDS // 10)
    with CaptureQueriesContext(connection) as captured:
        page = opened(RECORD + path)
    asked = plans(captured)
    assert not TABLES.search(asked), asked
    for index in indexes:
        assert index in asked, asked
    assert len(captured) <= 40
    assert len(page) < 150_000


@pytest.mark.usefixtures("_crowd")
@pytest.mark.parametrize(
    "text",
    [
        *("lists-al", "crowded", "17.00", "crowded 17.00", "17", "bid placed"),
        pytest.param(str(CROWDED), id="an id"),
    ],
)
def test_a_search_is_served_by_indexes(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("commands.admin.search.LATEST", BIDS // 10)
    with CaptureQueriesContext(connection) as captured:
        opened(RECORD, text=text)
    asked = plans(captured)
    assert not TABLES.search(asked), asked
    assert len(captured) <= 20


@pytest.mark.usefixtures("_crowd")
def test_a_type_without_an_index_is_looked_for_some_positions_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(latest, "LATEST", BIDS // 10)
    page = opened(f"{RECORD}latest/?type=BidDeleted")
    assert "Older events may hold some" in page
    [older] = re.findall(r"before=(\d+)", page)
    again = opened(f"{RECORD}latest/?type=BidDeleted&before={older}")
    [further] = re.findall(r"before=(\d+)", again)
    assert int(older) - int(further) == BIDS // 10


@pytest.mark.usefixtures("_crowd")
def test_a_page_of_a_type_without_an_index_reads_no_further_than_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(latest, "LATEST", 20)
    page = opened(f"{RECORD}latest/?type=BidPlaced")
    assert 0 < page.count('data-label="Version"') <= 20
    assert "before=" in page


def test_each_kind_of_stream_is_listed_by_a_type_that_has_an_index() -> None:
    assert not set(FIRST_EVENTS.values()) & set(BID_EVENTS)
