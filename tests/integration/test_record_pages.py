"""The event browser's pages: who may see them, and what they show of what is broken, behind or has ended."""

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.contrib.admin import site
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.test import RequestFactory
from django.urls import resolve
from pymongo.errors import ServerSelectionTimeoutError
from pytest_django import Settings
from pytest_django.plugin import DjangoDbBlocker

from commands.admin.record import caused
from commands.domain.commands import ChangePolicy, DeleteUser, WithdrawPolicy
from commands.domain.policies import STREAM as POLICIES
from commands.ids import new_id
from commands.models import Job, User
from commands.streams import Stream
from notifications.models import Mail
from projections.models import Drift, StuckStream
from projections.mongo.store import MongoDocuments
from projections.projector import project
from tests.integration.in_process import InProcessPortal
from tests.integration.test_verification import forget, tampering

RECORD = "/admin/commands/event/"
NOWHERE = UUID("4801ccbc-9712-42e8-9e0b-4b54e57d92ec")


@pytest.fixture
def _database(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Django's own connection to this process's database."""
    resolve("/admin/")
    with django_db_blocker.unblock():
        yield
        connection.close()


def opened(path: str, **sent: str) -> str:
    """The page as its HTML, for a member of staff; with fields it is asked for by POST."""
    factory = RequestFactory()
    request = factory.post(path, sent) if sent else factory.get(path)
    request.user = User(id=new_id(), username="carol", is_staff=True)
    request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
    match = resolve(path.partition("?")[0])
    answer: HttpResponse = match.func(request, *match.args, **match.kwargs)
    assert isinstance(answer, TemplateResponse), answer
    return str(answer.render().content.decode())


def text_of(page: str) -> str:
    """What a reader sees: without tags, in one line."""
    content = page.partition('id="content"')[2]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", content)).split())


@pytest.mark.usefixtures("_database")
@pytest.mark.parametrize("path", ["", "latest/", f"stream/{NOWHERE}/", f"request/{NOWHERE}/"])
def test_staff_without_the_permission_to_view_events_are_refused(
    monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(User, "has_perm", lambda _user, name, _row=None: "_event" not in name)
    with pytest.raises(PermissionDenied):
        opened(RECORD + path)
    with pytest.raises(PermissionDenied):
        opened(RECORD, text="carol")


@pytest.mark.usefixtures("_database")
def test_what_was_tampered_with_does_not_fit(in_process: InProcessPortal) -> None:
    stream, alice = in_process.auction(), in_process.user()
    for amount in ("1.00", "2.00", "3.00", "4.00"):
        in_process.bid(stream, alice, amount)
    path = f"{RECORD}stream/{stream.id}/"
    assert "Each of the 5 events shown here fits" in text_of(opened(path))
    with tampering(in_process) as owner:
        owner.execute(
            'UPDATE events SET data = data || \'{"amount": "9.00"}\' WHERE stream_id = %s AND version = 2',
            (stream.id,),
        )
        owner.execute("DELETE FROM events WHERE stream_id = %s AND version = 4", (stream.id,))
    page = text_of(opened(path))
    assert "2 of the 4 events shown here do not fit" in page
    assert "BidPlaced does not fit its predecessor and content" in page
    assert "BidPlaced version 4 is missing before it" in page
    with tampering(in_process) as owner:
        owner.execute("DELETE FROM events WHERE stream_id = %s AND version = 5", (stream.id,))
    assert "Its state row stands at version 5" in text_of(opened(path))
    forget(in_process, stream)


@pytest.mark.usefixtures("_database")
def test_streams_of_every_kind_agree_with_their_rows(in_process: InProcessPortal) -> None:
    auction, alice, bob = in_process.auction(), in_process.user(), in_process.user(is_staff=True)
    in_process.bid(auction, alice, "1.00")
    in_process.double(auction)
    in_process.settled(Stream("user", alice), DeleteUser(alice))
    policies = Stream("policies", POLICIES)
    in_process.settled(policies, ChangePolicy(None, Decimal(50), ("constant",), (), ()))
    in_process.settled(policies, WithdrawPolicy(None))
    with in_process.pool.connection() as own:
        rows = own.execute("SELECT stream_id FROM promoter_ticks").fetchall()
    ticks = [row["stream_id"] for row in rows]
    for stream_id in (auction.id, alice, bob, policies.id, *ticks[-2:]):
        page = opened(f"{RECORD}stream/{stream_id}/")
        assert "errornote" not in page, text_of(page)
        assert "fits its predecessor by its hash" in page


@pytest.mark.usefixtures("_database")
def test_an_event_that_this_release_can_not_read_is_shown(in_process: InProcessPortal) -> None:
    stream = in_process.auction()
    with tampering(in_process) as owner:
        owner.execute("UPDATE events SET type = 'BidPraised' WHERE stream_id = %s", (stream.id,))
    page = text_of(opened(f"{RECORD}stream/{stream.id}/"))
    assert "This release can't read the event" in page
    assert "BidPraised does not fit" in page
    forget(in_process, stream)


@pytest.mark.usefixtures("_database")
def test_what_has_ended_is_named(
    in_process: InProcessPortal, documents: MongoDocuments, settings: Settings
) -> None:
    stream, alice = in_process.auction(), in_process.user()
    in_process.bid(stream, alice, "1.00")
    project(stream, in_process.pool, documents)
    correlation_id = forget_jobs(in_process, stream)
    settings.READ_NOTIFICATIONS_KEPT = settings.MAILS_KEPT = timedelta(0)
    page = text_of(opened(f"{RECORD}request/{correlation_id}/"))
    ended = (
        r"\d\d\.\d{3} Request The job \(\w+\) is not kept: settled ones end after 7 days, and imported "
        r"records come without them\. Who asked for it is not known any more; the moment of its "
        r"acceptance is in the event\."
    )
    assert re.search(ended, page), page
    assert "bid 1.00" in page
    assert "No job with this id is kept" in page
    assert "Notices that were read have ended: they are kept for 0 hours." in page
    assert "Mails that were sent or given up have ended" in page
    assert "Unread notices have ended" not in page
    shown = text_of(opened(f"{RECORD}stream/{stream.id}/"))
    assert "(not kept any more)" in shown


def forget_jobs(in_process: InProcessPortal, stream: Stream) -> UUID:
    """End the stream's jobs, as pruning does; the correlation id of its last event."""
    with in_process.pool.connection() as own:
        own.execute("DELETE FROM jobs WHERE stream_id = %s", (stream.id,))
        row = own.execute(
            "SELECT correlation_id FROM events WHERE stream_id = %s ORDER BY version DESC LIMIT 1",
            (stream.id,),
        ).fetchone()
    assert row
    found: UUID = row["correlation_id"]
    return found


@pytest.mark.usefixtures("_database")
def test_documents_that_are_behind_are_told_apart(
    in_process: InProcessPortal, documents: MongoDocuments
) -> None:
    stream, alice = in_process.auction(), in_process.user()
    project(stream, in_process.pool, documents)
    in_process.bid(stream, alice, "1.00")
    with in_process.pool.connection() as own:
        row = own.execute(
            "SELECT correlation_id FROM events WHERE stream_id = %s AND version = 2", (stream.id,)
        ).fetchone()
    assert row
    path = f"{RECORD}request/{row['correlation_id']}/"
    page = text_of(opened(path))
    assert "documents of this auction stand at version 1: they do not show version 2 yet." in page
    assert "is notified of up to version 0: notices are still to come" in page
    project(stream, in_process.pool, documents)
    assert "stand at version 2: they show version 2." in text_of(opened(path))


@pytest.mark.usefixtures("_database")
def test_without_mongodb_the_rest_is_told(
    in_process: InProcessPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> MongoDocuments:
        raise ServerSelectionTimeoutError("nobody answers")

    stream = in_process.auction()
    with in_process.pool.connection() as own:
        row = own.execute(
            "SELECT correlation_id FROM events WHERE stream_id = %s", (stream.id,)
        ).fetchone()
    assert row
    monkeypatch.setattr("projections.steps.live_documents", away)
    page = text_of(opened(f"{RECORD}request/{row['correlation_id']}/"))
    assert "MongoDB is away: whether the documents show these events is not known now." in page
    assert "created “A clock”" in page


@pytest.mark.usefixtures("_database")
def test_a_request_with_many_jobs_has_pages(in_process: InProcessPortal) -> None:
    alice, correlation_id = in_process.user(), uuid4()
    auctions = [in_process.auction() for _ in range(caused.JOBS + 2)]
    for stream in auctions:
        in_process.bid(stream, alice, "1.00")
    with in_process.pool.connection() as own:
        own.execute(
            "UPDATE jobs SET correlation_id = %s WHERE command = 'PlaceBid' AND stream_id = ANY(%s)",
            (correlation_id, [stream.id for stream in auctions]),
        )
    path = f"{RECORD}request/{correlation_id}/"
    first = opened(path)
    assert text_of(first).count(" bid 1.00 ") == caused.JOBS
    [after] = re.findall(r"\?job=([0-9a-f-]+)\" rel", first)
    assert text_of(opened(f"{path}?job={after}")).count(" bid 1.00 ") == 2


NOTICE = """
INSERT INTO notifications (id, user_id, kind, auction_id, version, amount, in_app, created_at, changed_at,
                           read_at)
VALUES (%(id)s, %(user)s, 'BID_DOUBLED', %(auction)s, 2, 1, true, now(), now(), %(read)s)
"""
MAIL = """
INSERT INTO mails (id, user_id, kind, notification_id, context, version, urgent, due, attempts, given_up,
                   settled_at, error)
VALUES (%(id)s, %(user)s, 'NOTIFICATION', %(notice)s, '{"to": "secret@example.org"}', 2, false, %(due)s, 3,
        %(given_up)s, %(settled)s, NULL)
"""


@pytest.mark.usefixtures("_database")
@pytest.mark.parametrize(
    ("due", "settled", "given_up", "says"),
    [
        (True, False, False, "waiting, due at .*, 3 tries so far"),
        (False, True, False, "sent"),
        (True, True, False, "sent, and due once more because its notice changed, due at .*"),
        (False, True, True, "given up , after 3 tries"),
    ],
)
def test_a_mail_is_told_with_its_state_and_without_its_content(
    in_process: InProcessPortal, due: bool, settled: bool, given_up: bool, says: str
) -> None:
    stream, alice, notice, now = in_process.auction(), in_process.user(), new_id(), in_process.now()
    in_process.bid(stream, alice, "1.00")
    with in_process.pool.connection() as own:
        values = {"user": alice, "auction": stream.id, "read": now}
        own.execute(NOTICE, {**values, "id": notice})
        own.execute(
            MAIL,
            {
                "id": new_id(), "user": alice, "notice": notice, "due": now if due else None,
                "settled": now if settled else None, "given_up": given_up,
            },
        )  # fmt: skip
        row = own.execute(
            "SELECT correlation_id FROM jobs WHERE stream_id = %s AND result_version = 2",
            (stream.id,),
        ).fetchone()
    assert row
    page = text_of(opened(f"{RECORD}request/{row['correlation_id']}/"))
    assert re.search(r"BID_DOUBLED for \w+ \(version 2, 1\.00\): read at ", page)
    assert re.search(rf"NOTIFICATION to \w+ : {says}", page), page
    assert "secret@example.org" not in page
    with in_process.pool.connection() as own:
        own.execute("DELETE FROM mails WHERE notification_id = %s", (notice,))


@pytest.mark.usefixtures("_database")
def test_what_is_stuck_drifted_or_given_up_leads_to_its_events(in_process: InProcessPortal) -> None:
    stream, now = in_process.auction(), in_process.now()
    stuck = StuckStream(
        reader="projections", stream_id=stream.id, stream_kind="auction", version=1, error="",
        attempts=1, since=now, retry_after=now,
    )  # fmt: skip
    pages = site.get_model_admin
    link = f'href="{RECORD}stream/{stream.id}/'
    assert f'{link}?at=1"' in pages(StuckStream).events(stuck)  # type: ignore[attr-defined]
    drift = Drift(stream_id=stream.id, stream_kind="auction")
    assert f'{link}"' in pages(Drift).events(drift)  # type: ignore[attr-defined]
    notice, alice = new_id(), in_process.user()
    with in_process.pool.connection() as own:
        own.execute(NOTICE, {"id": notice, "user": alice, "auction": stream.id, "read": now})
    mail = Mail(id=new_id(), user_id=alice, notification_id=notice)
    assert f'{link}?at=2"' in pages(Mail).caused_by(mail)  # type: ignore[attr-defined]
    mail.notification_id = new_id()
    assert pages(Mail).caused_by(mail) == "a notice that is not kept any more"  # type: ignore[attr-defined]
    assert str(alice) in pages(Mail).to(mail)  # type: ignore[attr-defined]


@pytest.mark.usefixtures("_database")
def test_a_sign_up_that_waits_shows_no_password_hash() -> None:
    job = Job(payload={"username": "alice", "password_hash": "argon2$secret"})
    shown = site.get_model_admin(Job).asked_for(job)  # type: ignore[attr-defined]
    assert shown == '{"username": "alice"}'
