"""verify_events over many streams: the same by several processes, and on from where it was killed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.core.management import CommandError, call_command

from commands.ids import new_id
from commands.postgres.state_rows import COUNT, count_bid_rows
from commands.streams import Stream
from projections.management.verification import processes
from projections.mongo.store import MongoDocuments
from projections.projector import project
from projections.upkeep import every_stream, one_moment
from projections.upkeep.every_stream import streams_named
from projections.upkeep.verify import verify
from tests.conftest import wait_until
from tests.integration.in_process import InProcessPortal, stored_auctions
from tests.integration.test_verification import forget, tampering
from tests.servers import ROOT

COMMAND = (sys.executable, str(ROOT / "manage.py"), "verify_events", "--json")


@pytest.fixture
def auctions(in_process: InProcessPortal, documents: MongoDocuments) -> Iterator[list[Stream]]:
    """Six auctions of one bidder, of which two were tampered with."""
    alice = in_process.user()
    streams = [in_process.auction() for _ in range(6)]
    for stream in streams:
        in_process.bid(stream, alice, "1.00")
        in_process.delete(stream, alice, in_process.bid(stream, alice, "2.00"))
        project(stream, in_process.pool, documents)
    with tampering(in_process) as connection:
        connection.execute(
            "UPDATE events SET recorded_at = recorded_at - interval '1 s' "
            "WHERE stream_id = %s AND version = 2",
            (streams[1].id,),
        )
    stored_auctions().update_one({"_id": streams[4].id}, {"$set": {"bid_count": 7}})
    yield streams
    for stream in streams:
        forget(in_process, stream)


def told(
    capsys: pytest.CaptureFixture[str], auctions: list[Stream], **options: Any
) -> dict[str, Any]:
    """What the command prints; it ends with status 1."""
    ids = [stream.id for stream in auctions]
    with pytest.raises(CommandError) as failure:
        call_command("verify_events", *ids, json=True, **({"processes": 1} | options))
    assert failure.value.returncode == 1
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def by_itself(auctions: list[Stream], *more: str) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    ids = [str(stream.id) for stream in auctions]
    return subprocess.Popen(
        [*COMMAND, *ids, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_several_processes_tell_the_same(
    capsys: pytest.CaptureFixture[str], auctions: list[Stream], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = told(capsys, auctions)
    assert (alone["streams"], alone["events"]) == (6, 24)
    found = [finding["stream"] for finding in alone["findings"]]
    assert found == sorted(str(auctions[n].id) for n in (1, 4))
    child = by_itself(auctions, "--processes", "3")
    out, err = child.communicate()
    assert (json.loads(out), child.returncode) == (alone, 1), err
    monkeypatch.setattr(processes, "AT_ONCE", 1)
    assert told(capsys, auctions, processes=2) == alone


def test_wherever_it_was_killed_it_goes_on_to_the_same_end(
    capsys: pytest.CaptureFixture[str],
    auctions: list[Stream],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alone = told(capsys, auctions)
    notes, verified = tmp_path / "notes", list[Stream]()
    assert told(capsys, auctions, resume=notes) == alone
    whole = notes.read_bytes()

    def noted(connection: Any, stream: Stream, *rest: Any, **more: Any) -> Any:
        verified.append(stream)
        return verify(connection, stream, *rest, **more)

    monkeypatch.setattr(processes, "verify", noted)
    ends = [at for at, byte in enumerate(whole, 1) if byte == ord("\n")]
    for at in [0, 5, *(end + cut for end in ends for cut in (-9, 0, 9))]:
        notes.write_bytes(whole[:at])
        verified.clear()
        assert told(capsys, auctions, resume=notes) == alone, at
        noted_before = max(sum(end <= at for end in ends) - 1, 0)
        assert len(verified) == 6 - noted_before, at
        assert sorted(notes.read_bytes().splitlines()) == sorted(whole.splitlines())


def test_killed_itself_it_leaves_no_process_behind(
    capsys: pytest.CaptureFixture[str],
    in_process: InProcessPortal,
    auctions: list[Stream],
    tmp_path: Path,
) -> None:
    notes = tmp_path / "notes"
    with in_process.pool.connection() as connection, connection.transaction():
        # Whoever verifies this auction waits, so that it is not done when it is killed.
        connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            (f"project:live:{auctions[-1].id}",),
        )
        killed = by_itself(auctions, "--processes", "2", "--resume", str(notes))
        parent = psutil.Process(killed.pid)
        wait_until(
            lambda: notes.exists() and len(parent.children(recursive=True)) >= 2,
            60,
            "the processes",
        )
        children = parent.children(recursive=True)
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
    wait_until(lambda: not any(gone_on(child) for child in children), 60, "their end")
    assert told(capsys, auctions, resume=notes) == told(capsys, auctions)


def gone_on(child: psutil.Process) -> bool:
    return bool(child.is_running() and child.status() != psutil.STATUS_ZOMBIE)


def test_notes_of_something_else_are_refused(
    capsys: pytest.CaptureFixture[str], auctions: list[Stream], tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    told(capsys, auctions, resume=notes)
    with pytest.raises(CommandError, match="of another portal, or of other streams") as failure:
        call_command("verify_events", auctions[0].id, resume=notes, processes=1)
    assert failure.value.returncode == 2
    for text in ("shopping", "eggs\nmilk\n", '{"begins": "x"}\n{}\n'):
        notes.write_text(text)
        with pytest.raises(CommandError, match="can't be used"):
            call_command("verify_events", auctions[0].id, resume=notes, processes=1)
        assert notes.read_text() == text
    with pytest.raises(CommandError, match="can't be used"):
        call_command("verify_events", resume=tmp_path / "none" / "notes", processes=1)


@pytest.mark.parametrize("at_once", [1, 2, 1000])
def test_every_stream_comes_once_however_many_are_read_at_once(
    in_process: InProcessPortal,
    auctions: list[Stream],
    monkeypatch: pytest.MonkeyPatch,
    at_once: int,
) -> None:
    monkeypatch.setattr(every_stream, "AT_ONCE", at_once)
    nothing = new_id()
    with in_process.pool.connection() as connection:
        rows = connection.execute(
            "SELECT DISTINCT stream_kind, stream_id FROM events ORDER BY stream_id"
        )
        logged = [Stream(row["stream_kind"], row["stream_id"]) for row in rows]
        found = list(every_stream.every_stream(connection))
        named = streams_named(connection, [nothing, *(stream.id for stream in auctions)])
    assert [stream for stream in found if stream in set(logged)] == logged
    assert len(found) == len(set(found))
    assert named == sorted(auctions, key=lambda stream: stream.id)


@pytest.mark.parametrize("page", [1, 2, 3])
def test_it_does_not_matter_how_many_events_are_in_memory(
    capsys: pytest.CaptureFixture[str],
    auctions: list[Stream],
    monkeypatch: pytest.MonkeyPatch,
    page: int,
) -> None:
    expected = told(capsys, auctions)
    monkeypatch.setattr(one_moment, "PAGE", page)
    assert told(capsys, auctions) == expected


def test_a_number_of_processes_is_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    for wrong in ("0", "65", "many"):
        done = subprocess.run(
            [*COMMAND, "--processes", wrong], capture_output=True, text=True, check=False,
            env=os.environ,
        )  # fmt: skip
        assert done.returncode == 2
        assert "Traceback" not in done.stderr


OTHERS = """
INSERT INTO bids (id, auction_id, bidder_id, amount, effective_amount, placed_at, placed_version,
                  reached_version, doubled, deleted)
SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 1, 1, now(), 2, 2, false, n % 10 = 0
FROM generate_series(1, 20000) AS n
"""


def test_an_auctions_rows_are_counted_without_those_of_others(in_process: InProcessPortal) -> None:
    alice, auction = in_process.user(), in_process.auction()
    in_process.bid(auction, alice, "1.00")
    in_process.delete(auction, alice, in_process.bid(auction, alice, "2.00"))
    with (
        in_process.pool.connection() as connection,
        connection.transaction(force_rollback=True),
    ):
        connection.execute(OTHERS)
        connection.execute("ANALYZE bids")
        assert count_bid_rows(connection, auction.id) == 2
        row = connection.execute(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {COUNT}", {"id": auction.id}
        ).fetchone()
    assert row
    plan = row["QUERY PLAN"][0]["Plan"]
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 50, plan
