"""An auction's row in the list and its page, in each of its states."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, cast

import pytest
from django.contrib import admin
from django.db import connection, transaction
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.test import RequestFactory
from django.urls import resolve
from pytest_django import Settings
from pytest_django.plugin import DjangoDbBlocker

from commands.admin.policy_form import OFFERED, PolicyForm
from commands.domain.commands import AnnounceWinner
from commands.ids import new_id
from commands.models import Auction, User
from commands.postgres.secret_keys import destroy_key
from commands.streams import Stream
from projections.wiring import catch_up
from tests.integration.in_process import SHORTLY, InProcessPortal

COLUMNS = ("state", "leading_bid", "winner", "pays", "counts")
CELL = re.compile(r"<[^>]+>")


@pytest.fixture(autouse=True)
def _database(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Django's own connection to this process's database."""
    resolve("/admin/")
    with django_db_blocker.unblock():
        yield
        connection.close()


def asked(**query: str) -> HttpRequest:
    """A request of somebody on the staff."""
    request = RequestFactory().get("/", query)
    request.user = User(id=new_id(), username="carol", is_staff=True)
    return request


def listed(stream: Stream) -> dict[str, str]:
    """What the auction's row in the list says, by column."""
    answer = admin.site.get_model_admin(Auction).changelist_view(asked(q=str(stream.id)))
    html = cast(TemplateResponse, answer).render().content.decode()
    cells = re.findall(r'<td class="field-(\w+)[^>]*>(.*?)</td>', html)
    return {name: CELL.sub("", text) for name, text in cells if name in COLUMNS}


def page(stream: Stream) -> dict[str, str]:
    """What the auction's page says, by field."""
    answer = admin.site.get_model_admin(Auction).change_view(asked(), str(stream.id))
    html = cast(TemplateResponse, answer).render().content.decode()
    assert "History" not in html
    fields = re.findall(
        r'field-(\w+)[^>]*>\s*(?:<div>)?\s*<div class="flex-container[^>]*>.*?'
        r'<div class="readonly">(.*?)</div>',
        html,
        re.DOTALL,
    )
    return {name: CELL.sub("", text) for name, text in fields}


def both(stream: Stream) -> tuple[str, ...]:
    """State, leading bid, winner, pays, counts: the same in the list and on the page."""
    row, fields = listed(stream), page(stream)
    assert [row[name] for name in COLUMNS] == [fields[name] for name in COLUMNS]
    return tuple(row[name] for name in COLUMNS)


def why(stream: Stream) -> str:
    """What the auction's page tells of the winner."""
    answer = admin.site.get_model_admin(Auction).change_view(asked(), str(stream.id))
    html = cast(TemplateResponse, answer).render().content.decode()
    [text] = re.findall(r'field-why.*?<div class="readonly">(.*?)</div>\s*</div>', html, re.DOTALL)
    return " ".join(CELL.sub(" ", text).split())


def name_of(user_id: Any) -> str:
    """As admin shows it."""
    return str(User.objects.get(pk=user_id))


def test_a_doubled_bid_leads_with_what_it_counts(in_process: InProcessPortal) -> None:
    stream, alice = in_process.auction(), in_process.user()
    assert both(stream) == ("open", "-", "-", "-", "-")
    in_process.bid(stream, alice, "1150.00")
    name = name_of(alice)
    assert both(stream) == ("open", f"1,150.00 by {name}", "-", "-", "-")
    in_process.double(stream)
    assert both(stream) == ("open", f"2,300.00 (1,150.00 doubled) by {name}", "-", "-", "-")


def test_a_doubled_bid_wins_for_what_was_bid(in_process: InProcessPortal) -> None:
    alice, stream = in_process.user(), in_process.auction(seconds=5)
    in_process.bid(stream, alice, "1150.00")
    in_process.double(stream)
    ended = in_process.over(stream)
    assert both(stream)[0] == "closing"
    in_process.settled(stream, AnnounceWinner(stream.id), at=ended)
    assert both(stream) == ("sold", "-", name_of(alice), "1,150.00", "2,300.00")


def test_a_closed_auction_says_why_it_was_won(in_process: InProcessPortal) -> None:
    alice, bob, stream = in_process.user(), in_process.user(), in_process.auction(seconds=0.1)
    ended = in_process.over(stream)
    in_process.bid(stream, bob, "10.00", at=ended - 2 * SHORTLY)
    in_process.bid(stream, alice, "1150.00", at=ended - SHORTLY)
    assert why(stream) == "-"
    in_process.settled(stream, AnnounceWinner(stream.id), at=ended)
    for each in (stream, Stream("user", alice), Stream("user", bob)):
        catch_up(each)
    told = why(stream)
    one, other = name_of(alice), name_of(bob)
    assert (
        f"{one} won with 1,150.00: the highest of anybody else was {other}’s bid of 10.00." in told
    )
    assert f"The last bid, {one}’s bid of 1,150.00, was accepted 0.0 s before the end." in told
    assert f"{one}’s bid of 1,150.00 overtook {other}’s bid of 10.00." in told


def test_an_auction_whose_documents_cannot_be_read_has_its_page(
    in_process: InProcessPortal, settings: Settings
) -> None:
    stream = in_process.auction(seconds=0.05)
    in_process.settled(stream, AnnounceWinner(stream.id), at=in_process.over(stream))
    settings.MONGODB_URL = "mongodb://%2Fnowhere.sock/portal?serverSelectionTimeoutMS=100"
    assert why(stream) == "Its documents can&#x27;t be read now."


def test_the_staff_are_told_a_hidden_reserve(in_process: InProcessPortal) -> None:
    alice, stream = in_process.user(), in_process.auction(reserve=Decimal("1150.00"))
    assert page(stream)["hidden_reserve"] == "1,150.00 (not met)"
    in_process.bid(stream, alice, "2000.00")
    assert page(stream)["hidden_reserve"] == "1,150.00 (met)"
    assert page(in_process.auction())["hidden_reserve"] == "-"
    with in_process.pool.connection() as db:
        destroy_key(db, stream.id)
    assert page(stream)["hidden_reserve"] == "the key that hides it is lost (met)"


def test_an_auction_without_bids_ends_unsold(in_process: InProcessPortal) -> None:
    stream = in_process.auction(seconds=0.5)
    ended = in_process.over(stream)
    in_process.settled(stream, AnnounceWinner(stream.id), at=ended)
    assert both(stream) == ("unsold", "-", "-", "-", "-")


def test_deleted_bids_are_counted_apart(in_process: InProcessPortal) -> None:
    stream, alice, bob = in_process.auction(), in_process.user(), in_process.user()
    gone = in_process.bid(stream, alice, "20.00")
    in_process.bid(stream, bob, "10.00")
    in_process.delete(stream, alice, gone, at=in_process.now() - SHORTLY)
    assert page(stream)["bids"] == "1 live, 1 deleted"
    assert both(stream)[1] == f"10.00 by {name_of(bob)}"


def test_of_many_auctions_some_are_offered_and_the_chosen_one_always() -> None:
    chosen = new_id()
    insert = (
        "INSERT INTO auctions (id, version, title, description, starts_at, ends_at, closed) "
        "SELECT coalesce(%s::uuid, gen_random_uuid()), 1, 'A lamp', '', now(), now() + %s * interval '1 hour', false "
        "FROM generate_series(1, %s)"
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(insert, [None, 1, 2 * OFFERED])
        cursor.execute(insert, [chosen, 9_999, 1])
        form = PolicyForm({"auction": str(chosen)}, initial={"auction": Auction(id=chosen)})
        html = str(form["auction"])
        valid = form.fields["auction"].clean(str(chosen))
        transaction.set_rollback(True)
    assert html.count("<option") == 1 + 1 + OFFERED
    assert f'value="{chosen}" selected' in html
    assert valid.pk == chosen
