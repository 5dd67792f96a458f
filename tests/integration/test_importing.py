"""An exported record, imported into an empty portal, is the same record, and the portal goes on from there."""

import gzip
import io
import json
import signal
from collections.abc import Container, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from commands.beacon.local import LocalBeacon
from commands.domain.commands import AnnounceWinner, DeleteUser
from commands.domain.rules.second_chance import SecondChance
from commands.domain.sale import SaleState
from commands.jobs import JobStatus
from commands.postgres import auctions, exporting
from commands.postgres.connections import clock
from commands.postgres.errors import ImportUnfinished
from commands.postgres.importing import NotEmpty
from commands.postgres.ticks import commit_to_tick
from commands.promoter.rounds import reveal_secrets
from commands.streams import Stream
from notifications.notifier import notify
from portal.transfer.exporting import export_all
from portal.transfer.files import writing
from portal.transfer.importing import Imported, import_record
from portal.transfer.lines import Refused
from projections.mongo.generations import live_generations
from projections.mongo.layout import COLLECTIONS, ProjectionName, collection_name
from projections.projector import project
from projections.upkeep.every_stream import every_stream
from projections.upkeep.verify import verify
from tests.integration.elsewhere import Elsewhere, elsewhere
from tests.integration.exported_files import events_in, file_of
from tests.integration.in_process import InProcessPortal
from tests.integration.lived_in import live_in
from tests.integration.test_draws_leave_events import from_outside, keep_back

USERS = "id, is_staff, version, created_at, deleted_at, banned_until, limited"
PERSONAL = f"{USERS}, username, email, password, email_confirmed_at"
# Each table with all that follows from events; the secrets of ticks and where they have come do not.
FOLLOWS = {
    "events": """
        SELECT stream_kind, stream_id, version, type, schema_version, data, causation_id, correlation_id,
               accepted_at, recorded_at, hash FROM events ORDER BY position
    """,
    "auctions": "SELECT * FROM auctions ORDER BY id",
    "bids": "SELECT * FROM bids ORDER BY id",
    "aliases": "SELECT id, auction_id, number FROM aliases ORDER BY id",
    "users": f"SELECT {USERS} FROM users ORDER BY id",
    "bans": "SELECT * FROM bans ORDER BY id",
    "exposure_limits": "SELECT * FROM exposure_limits ORDER BY user_id",
    # Who is behind an alias no event says.
    "stakes": "SELECT * FROM stakes WHERE bidder_id = user_id ORDER BY user_id, auction_id",
    "promoter_policies": "SELECT * FROM promoter_policies ORDER BY version",
    "promoter_ticks": """
        SELECT number, stream_id, version, commitment, committed_at, made_at, policies, draws, revealed_at,
               given_up_at
        FROM promoter_ticks ORDER BY number
    """,
}
# What an import leaves empty.
EMPTY = (
    "jobs", "sessions", "notifications", "mails", "stuck_streams", "drifts", "failing_tasks",
)  # fmt: skip


@pytest.fixture
def empty() -> Iterator[Elsewhere]:
    """Another portal."""
    with elsewhere("target") as portal:
        yield portal


def bring_in(portal: Elsewhere, path: Path, users: Path | None = None) -> Imported:
    people = str(users) if users else None
    return import_record(portal.pool, portal.database, str(path), people, lambda todo, *_: todo)


def refusal(portal: Elsewhere, path: Path, users: Path | None = None) -> str:
    with pytest.raises((Refused, NotEmpty)) as refused:
        bring_in(portal, path, users)
    return str(refused.value)


def record_of(portal: Elsewhere) -> bytes:
    file = io.BytesIO()
    export_all(portal.pool, file, None, lambda rows, _: rows)
    return file.getvalue()


def assert_same_record(one: Elsewhere, other: Elsewhere) -> None:
    for table, query in FOLLOWS.items():
        assert one.rows(query) == other.rows(query), table
    for table in EMPTY:
        assert other.rows(f"SELECT * FROM {table}") == [], table


def assert_same_documents(
    one: Elsewhere, other: Elsewhere, projection: ProjectionName = "auctions"
) -> None:
    for name in COLLECTIONS[projection]:
        stored = [
            list(portal.database[collection_name(name, generation)].find().sort("_id"))
            for portal in (one, other)
            for generation in [live_generations(portal.database)[projection]]
        ]
        assert stored[0] == stored[1], name


def findings(
    portal: Elsewhere, of: Container[str] = ("auction", "user", "tick", "policies")
) -> list[str]:
    with portal.pool.connection() as connection:
        verdicts = [
            verify(connection, each, portal.documents)
            for each in every_stream(connection)
            if each.kind in of
        ]
    assert not any(verdict.behind for verdict in verdicts)
    return [finding.what for verdict in verdicts for finding in verdict.findings]


def test_state_rows_and_documents_are_those_of_the_source(
    source: Elsewhere, exported: Path, empty: Elsewhere
) -> None:
    bring_in(empty, exported)
    assert_same_record(source, empty)
    assert_same_documents(source, empty)
    assert record_of(empty) == exported.read_bytes()
    assert findings(empty) == []


STEPS = {
    "the import has begun": ("after", "begin", 1),
    "a page is counted": ("after", "advance", 3),
    "a page's events are written": ("after", "insert_events", 3),
    "a page's rows are written": ("after", "restore", 3),
    "a page's checkpoints are written": ("after", "begin_here", 3),
    "a page is committed": ("after", "_write_page", 3),
    "all events are written": ("before", "rebuild", 1),
    "some documents are built": ("after", "rebuild", 1),
    "all documents are built": ("before", "finish", 1),
    "it is finished": ("after", "finish", 1),
}


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_an_import_goes_on(
    source: Elsewhere, exported: Path, empty: Elsewhere, step: str
) -> None:
    when, name, call = STEPS[step]
    words = ("-m", "tests.integration.killed_imports", when, name, str(call), str(exported))
    done = empty.python(*words)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    if step != "it is finished":
        with (
            empty.pool.connection() as connection,
            pytest.raises(ImportUnfinished),
            connection.transaction(),
        ):
            commit_to_tick(connection, 0, LocalBeacon().round_from, timedelta(0))
    bring_in(empty, exported)
    assert_same_record(source, empty)
    assert_same_documents(source, empty)
    assert record_of(empty) == exported.read_bytes()


def test_an_import_of_the_same_file_again_changes_nothing(
    source: Elsewhere, exported: Path, empty: Elsewhere
) -> None:
    bring_in(empty, exported)
    before = empty.rows("SELECT * FROM imports")
    assert bring_in(empty, exported).written == 0
    assert empty.rows("SELECT * FROM imports") == before
    assert_same_record(source, empty)


def test_a_portal_that_has_something_is_left_alone(exported: Path, empty: Elsewhere) -> None:
    there = InProcessPortal(empty.pool)
    there.user()
    before = empty.rows("SELECT * FROM events")
    assert "this portal is not empty: it has rows in events, jobs, users" in refusal(
        empty, exported
    )
    assert empty.rows("SELECT * FROM events") == before
    assert empty.rows("SELECT * FROM imports") == []


def test_what_was_begun_with_one_file_does_not_go_on_with_another(
    exported: Path, empty: Elsewhere, tmp_path: Path
) -> None:
    words = ("after", "_write_page", "2", str(exported))
    empty.python("-m", "tests.integration.killed_imports", *words)
    before = empty.rows("SELECT * FROM events")
    with elsewhere("third") as third:
        live_in(InProcessPortal(third.pool))
        (tmp_path / "other").write_bytes(record_of(third))
    says = refusal(empty, tmp_path / "other")
    assert "line 15: this is not the file with which the import began" in says
    assert empty.rows("SELECT * FROM events") == before


def test_a_file_that_is_not_right_leaves_the_portal_empty(
    exported: Path, empty: Elsewhere, tmp_path: Path
) -> None:
    cut = tmp_path / "cut"
    lines = exported.read_bytes().splitlines(keepends=True)
    cut.write_bytes(b"".join(lines[:-1]))
    assert f"line {len(lines)}: the file was cut off here" in refusal(empty, cut)
    assert empty.rows("SELECT * FROM events") == []
    assert empty.rows("SELECT * FROM imports") == []


def test_events_that_cannot_follow_from_each_other_are_refused(
    exported: Path, empty: Elsewhere, tmp_path: Path
) -> None:
    contents = [content for content, _ in events_in(exported.read_bytes())]
    place = next(at for at, content in enumerate(contents) if content["type"] == "BidDeleted")
    contents[place]["data"]["bid_id"] = contents[place]["correlation_id"]
    forged = tmp_path / "forged"
    forged.write_bytes(file_of(contents))
    says = refusal(empty, forged)
    assert "can't follow those before it" in says
    assert says.startswith(f"line {place + 2}: ")


def test_users_get_their_names_from_a_file_of_their_own(
    source: Elsewhere, exported: Path, people: Path, empty: Elsewhere
) -> None:
    """With the import, or afterwards."""
    personal = f"SELECT {PERSONAL} FROM users ORDER BY id"
    bring_in(empty, exported)
    assert not any(row["username"] for row in empty.rows(personal))
    for _ in range(2):
        bring_in(empty, exported, people)
        assert empty.rows(personal) == source.rows(personal)
        assert_same_documents(source, empty, "users")
        choices = "SELECT user_id, kind, channel, enabled FROM notification_preferences"
        assert empty.rows(choices) == source.rows(choices)
        watches = "SELECT user_id, auction_id, watched_at, told_at FROM watches ORDER BY 1, 2"
        assert empty.rows(watches) == source.rows(watches) != []
        aliases = "SELECT id, user_id FROM aliases WHERE user_id IS NOT NULL ORDER BY id"
        assert empty.rows(aliases) == source.rows(aliases) != []
    assert empty.rows("SELECT FROM users WHERE confirmation_due_at IS NOT NULL") == []


def test_a_name_that_somebody_else_took_meanwhile_is_refused(
    source: Elsewhere, exported: Path, people: Path, empty: Elsewhere
) -> None:
    bring_in(empty, exported)
    [named] = source.rows("SELECT username FROM users WHERE username IS NOT NULL LIMIT 1")
    with empty.pool.connection() as connection:
        connection.execute(
            "INSERT INTO users (id, username, password, is_staff, version, created_at) "
            "VALUES (gen_random_uuid(), %s, '', false, 1, now())",
            (named["username"],),
        )
    says = refusal(empty, exported, people)
    assert "a name that somebody else has" in says
    assert named["username"] not in says


def test_what_is_personal_or_secret_is_in_no_record(
    source: Elsewhere, exported: Path, people: Path
) -> None:
    record = exported.read_text()
    for row in source.rows("SELECT username, email FROM users WHERE username IS NOT NULL"):
        assert row["username"] not in record
        assert not row["email"] or row["email"] not in record
    secrets = source.rows("SELECT secret FROM promoter_ticks WHERE revealed_at IS NULL")
    assert len(secrets) == 2
    files = record + people.read_text()
    assert not any(row["secret"] in files for row in secrets)


def test_bids_of_a_deleted_user_are_withdrawn_where_that_is_left_to_do(
    exported: Path, empty: Elsewhere
) -> None:
    bring_in(empty, exported)
    portal = InProcessPortal(empty.pool)
    live = "SELECT FROM bids JOIN users ON users.id = bidder_id WHERE deleted_at IS NOT NULL AND NOT deleted"
    open_ones = (
        f"{live} AND EXISTS (SELECT FROM auctions WHERE id = auction_id AND ends_at > now())"
    )
    assert empty.rows(open_ones)
    for _ in range(2):
        for stream in portal.waiting_streams():
            portal.drain(stream)
    assert empty.rows(open_ones) == []
    assert portal.waiting_streams() == []


def test_what_a_deleted_user_is_offered_is_declined_where_that_is_left_to_do(
    tmp_path: Path, empty: Elsewhere
) -> None:
    path = tmp_path / "record.jsonl"
    with elsewhere("offering") as old:
        portal = InProcessPortal(old.pool)
        alice, bob = portal.user(), portal.user()
        auction = portal.auction(1, (SecondChance(3600, 3600, 1),))
        for bidder, amount in ((bob, "10.00"), (alice, "20.00")):
            portal.bid(auction, bidder, amount)
        portal.over(auction)
        portal.settled(auction, AnnounceWinner(auction.id))
        portal.settled(Stream("user", alice), DeleteUser(alice))
        with writing(str(path)) as file, writing(f"{path}.users") as users:
            export_all(old.pool, file, users, lambda rows, _: rows)
    bring_in(empty, path)
    portal = InProcessPortal(empty.pool)
    for _ in range(2):
        for stream in portal.waiting_streams():
            portal.drain(stream)
    with empty.pool.connection() as connection:
        found = auctions.read_auction(connection, auction.id)
    assert found
    assert found.sale
    assert (found.sale.state, found.sale.bidder_id) == (SaleState.OFFERED, bob)
    project(auction, empty.pool, empty.documents)
    assert findings(empty) == []


def test_the_portal_goes_on(exported: Path, people: Path, empty: Elsewhere) -> None:
    """Bids are placed in what is open, and what is overdue is closed."""
    bring_in(empty, exported, people)
    portal = InProcessPortal(empty.pool)
    [auction] = empty.rows("SELECT id FROM auctions WHERE ends_at > now() AND rules IS NULL")
    [bidder] = empty.rows("SELECT id FROM users WHERE email = 'alice@example.org'")
    portal.bid(Stream("auction", auction["id"]), bidder["id"], "999999.00")
    due = due_auctions(empty)
    assert len(due) == 1
    assert portal.settled(due[0], AnnounceWinner(due[0].id)).rejection is None
    every = [Stream("auction", row["id"]) for row in empty.rows("SELECT id FROM auctions")]
    for stream in every:
        project(stream, empty.pool, empty.documents)
    assert findings(empty) == []


def due_auctions(portal: Elsewhere) -> list[Stream]:
    with portal.pool.connection() as connection:
        found = auctions.due_auctions(connection, clock(connection), None, 10)
    return [Stream("auction", each.id) for each in found]


def test_ticks_whose_secrets_were_left_behind_are_given_up(
    exported: Path, empty: Elsewhere
) -> None:
    bring_in(empty, exported)
    portal = InProcessPortal(empty.pool)
    lost = empty.rows("SELECT number FROM promoter_ticks WHERE revealed_at IS NULL")
    numbers = [row["number"] for row in lost]
    [open_auction] = empty.rows("SELECT id FROM auctions WHERE ends_at > now() AND rules IS NULL")
    auction = Stream("auction", open_auction["id"])
    job = portal.double(auction)
    assert job.status is JobStatus.SUCCEEDED
    assert job.payload["tick"] == max(numbers) + 1
    told = empty.rows("SELECT data, type FROM events WHERE type = 'TickGivenUp'")
    assert len(told) == len(numbers) == 2
    given_up = empty.rows("SELECT number FROM promoter_ticks WHERE given_up_at IS NOT NULL")
    assert sorted(row["number"] for row in given_up) == sorted(numbers)
    assert reveal_secrets(empty.pool) == [max(numbers) + 1], "of the others nobody can"
    assert findings(empty, of={"tick"}) == []
    lines = from_outside(portal, auction)
    assert f"tick {max(numbers) + 1}: fairly" in lines[-2]
    assert f"tick {keep_back(portal, auction)} left no draw" in from_outside(portal, auction)[-1]


def test_nobody_is_notified_of_what_was_before(exported: Path, empty: Elsewhere) -> None:
    bring_in(empty, exported)
    for row in empty.rows("SELECT id FROM auctions"):
        notify(row["id"], empty.pool)
    assert empty.rows("SELECT * FROM notifications") == []
    assert empty.rows("SELECT * FROM mails") == []


def test_the_commands_do_the_same(source: Elsewhere, exported: Path, empty: Elsewhere) -> None:
    """To standard output, into compressed files that are the same each time, and from them."""
    done = source.manage("export_all", "-")
    assert done.stdout == exported.read_bytes()
    assert "Wrote" in done.stderr.decode()
    packed, again = exported.with_name("a.jsonl.gz"), exported.with_name("b.jsonl.gz")
    done = source.manage("export_all", str(packed))
    assert done.returncode == 0, done.stderr
    assert b"left out: jobs" in done.stdout
    assert gzip.decompress(packed.read_bytes()) == exported.read_bytes()
    with writing(str(again)) as file:
        file.write(exported.read_bytes())
    assert packed.read_bytes() == again.read_bytes()
    done = source.manage("export_all", str(packed))
    assert (done.returncode, done.stdout) == (2, b""), "it is there already"
    done = empty.manage("import_events", str(packed), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["written"] == len(exported.read_bytes().splitlines()) - 2
    assert_same_record(source, empty)
    done = source.manage("import_events", str(packed))
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"CommandError: this portal is not empty")


def test_an_export_is_of_one_moment() -> None:
    """Whatever is committed while it is written."""
    with elsewhere("busy") as busy:
        portal = InProcessPortal(busy.pool)
        auction, bidder = portal.auction(), portal.user()
        for number in range(1, 4):
            portal.bid(auction, bidder, f"{number}.00")
        with exporting.one_moment(busy.pool) as connection:
            assert exporting.about_so_many(connection) == 5
            portal.bid(auction, bidder, "10.00")
            assert len(list(exporting.all_events(connection))) == 5
