"""What was removed from the log, or changed in what was kept of it, is found by name."""

import json
import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from commands.checkpoints.json_form import as_json
from commands.checkpoints.verifying import log_problems
from commands.postgres.checkpoints import Kept
from commands.record.checkpoints import Signed, Signer
from commands.record.merkle import BLOCK_SIZE
from commands.streams import Stream
from tests.integration.checkpointing import CheckpointedLog
from tests.integration.in_process import InProcessPortal, stored_auctions


def found(log: CheckpointedLog, against: Kept | None = None) -> str:
    """What does not agree, in lines."""
    with log.pool.connection() as connection:
        return "\n".join(log_problems(connection, against.signed if against else None))


def checkpoints(log: CheckpointedLog) -> list[Kept]:
    """Three of them, over some blocks."""
    made = []
    for count in (2 * BLOCK_SIZE, 100, BLOCK_SIZE):
        log.fill(count)
        made.append(log.make())
    return made


TAMPERINGS = {
    "an event removed": (
        "DELETE FROM events WHERE position = %(position)s",
        r"subtree 0, of events 1 to 256, is over others than are there \(255 of 256, positions",
    ),
    "an event changed": (
        "UPDATE events SET hash = sha256('x') WHERE position = %(position)s",
        r"subtree 0, of events 1 to 256, is over others than are there \(positions .*auction ",
    ),
    "an event moved to another stream": (
        "UPDATE events SET stream_id = gen_random_uuid() WHERE position = %(position)s",
        "subtree 0, of events 1 to 256",
    ),
    "an event put in later": (
        "INSERT INTO events (position, stream_kind, stream_id, version, type, schema_version, data, "
        "causation_id, correlation_id, recorded_at, hash) SELECT -1, stream_kind, gen_random_uuid(), 1, "
        "type, schema_version, data, causation_id, correlation_id, recorded_at, hash FROM events "
        "WHERE position = %(position)s",
        r"subtree 0, of events 1 to 256, is over others than are there \(257 of 256",
    ),
    "a subtree's root changed": (
        "UPDATE subtrees SET root = sha256('x') WHERE (level, number) = (8, 1)",
        "subtree 1, of events 257 to 512, is over others",
    ),
    "a larger subtree's root changed": (
        "UPDATE subtrees SET root = sha256('x') WHERE (level, number) = (9, 0)",
        "subtree 0 of level 9 is not the root of what is below",
    ),
    "a subtree removed": (
        "DELETE FROM subtrees WHERE (level, number) = (9, 0)",
        "subtree 0 of level 9 is missing",
    ),
    "a checkpoint's root changed": (
        "UPDATE checkpoints SET root = sha256('x') WHERE number = 2",
        r"checkpoint 2: its signature is wrong\n.*\n?checkpoint 2 of \d+ events does not fit the log",
    ),
    "a checkpoint's size changed": (
        "UPDATE checkpoints SET size = size + 100000 WHERE number = 3",
        r"checkpoint 3 of \d+ events does not fit the log, which has",
    ),
    "a checkpoint removed": (
        "DELETE FROM checkpoints WHERE number = 2",
        "checkpoint 3: the one before is missing",
    ),
    "a checkpoint dated back": (
        "UPDATE checkpoints SET made_at = made_at - interval '1 day' WHERE number = 2",
        "checkpoint 2: its signature is wrong",
    ),
    "a key removed": (
        "DELETE FROM checkpoint_keys",
        "checkpoint 1: its signature is wrong",
    ),
}


@pytest.mark.parametrize(("statement", "expected"), TAMPERINGS.values(), ids=TAMPERINGS.keys())
def test_what_was_tampered_with_is_named(
    log: CheckpointedLog, statement: str, expected: str
) -> None:
    log.fill(1)
    checkpoints(log)
    assert found(log) == ""
    with log.unguarded() as connection:
        row = connection.execute(
            "SELECT position FROM events ORDER BY position LIMIT 1 OFFSET 3"
        ).fetchone()
        assert row
        changed = connection.execute(statement, row)
        assert changed.rowcount
    log.filled.append(-1)
    assert re.search(expected, found(log)), found(log)


def test_a_checkpoint_signed_anew_does_not_fit_the_others(log: CheckpointedLog) -> None:
    _, second, _ = checkpoints(log)
    forged = log.signer.sign(replace(second.checkpoint, size=second.checkpoint.size - 1))
    with log.unguarded() as connection:
        values = (forged.checkpoint.size, forged.signature)
        connection.execute(
            "UPDATE checkpoints SET size = %s, signature = %s WHERE number = 2", values
        )
    assert "checkpoint 3: it does not name the hash of the one before" in found(log)
    assert "checkpoint 2 of" in found(log)


def test_events_removed_with_all_that_was_kept_of_them_are_missed_by_who_kept_a_checkpoint(
    log: CheckpointedLog,
) -> None:
    first, second, third = checkpoints(log)
    with log.unguarded() as connection:
        connection.execute("DELETE FROM events WHERE position > %s", (second.last_position,))
        connection.execute("DELETE FROM checkpoints WHERE number = 3")
        connection.execute(
            "DELETE FROM subtrees WHERE ((number + 1) << level) > %s", (second.checkpoint.size,)
        )
    assert found(log) == "", "nothing here says that there was more"
    assert found(log, first) == found(log, second) == ""
    assert "checkpoint 3, which was kept, is not here any more" in found(log, third)
    assert re.search(
        r"the kept checkpoint 3 of \d+ events does not fit the log, which has", found(log, third)
    )


def test_a_log_that_was_checkpointed_anew_is_not_the_one_that_was_kept(
    log: CheckpointedLog,
) -> None:
    _, second, _ = checkpoints(log)
    with log.unguarded() as connection:
        connection.execute("DELETE FROM events WHERE position = %s", (log.filled[5],))
        for table in ("subtrees", "checkpoints"):
            connection.execute(f"DELETE FROM {table}")
    for _ in range(2):
        log.make()
        log.fill(BLOCK_SIZE)
    assert found(log) == ""
    assert "checkpoint 2 is another one here than the one that was kept" in found(log, second)
    assert "the kept checkpoint 2" in found(log, second)


def test_a_kept_checkpoint_that_nobody_here_signed_is_refused(log: CheckpointedLog) -> None:
    first, *_ = checkpoints(log)
    stranger = Signer(bytes(32))
    other = stranger.sign(replace(first.checkpoint, key=stranger.fingerprint))
    with log.pool.connection() as connection:
        assert log_problems(connection, other)[0].endswith("a key that is not among those here")
        forged = Signed(first.checkpoint, bytes(64))
        assert log_problems(connection, forged) == ["the kept checkpoint's signature is wrong"]


REMOVALS = (
    "DELETE FROM events WHERE stream_id = %(id)s AND version > %(after)s",
    "DELETE FROM jobs WHERE stream_id = %(id)s AND id NOT IN (SELECT causation_id FROM events)",
    "DELETE FROM bids WHERE auction_id = %(id)s AND placed_version > %(after)s",
    "UPDATE auctions SET version = %(after)s WHERE id = %(id)s",
    "DELETE FROM auctions WHERE id = %(id)s AND version = 0",
)


def remove(log: CheckpointedLog, stream: Stream, after: int) -> None:
    """Remove the stream's events after that version, with whatever else tells of them."""
    with log.unguarded() as connection:
        for statement in REMOVALS:
            connection.execute(statement, {"id": stream.id, "after": after})
    stored_auctions().delete_one({"_id": stream.id})


@pytest.mark.parametrize("after", [2, 0], ids=["a removed tail", "a removed stream"])
def test_verify_events_finds(
    log: CheckpointedLog, in_process: InProcessPortal, tmp_path: Path, after: int,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    stream, bidder = in_process.auction(), in_process.user()
    for amount in ("10.00", "20.00", "30.00"):
        in_process.bid(stream, bidder, amount)
    file = tmp_path / "kept.json"
    file.write_text(json.dumps({"data": {"checkpoint": as_json(log.make())}}))
    assert logged(capsys, file) == []
    remove(log, stream, after)
    assert "checkpoint 1 of" in logged(capsys, file)[0]
    assert "the kept checkpoint 1" in logged(capsys, file)[1]
    with log.unguarded() as connection:
        connection.execute("DELETE FROM checkpoints")
    assert any("the kept checkpoint 1" in each for each in logged(capsys, file))
    remove(log, stream, 0)


def logged(capsys: pytest.CaptureFixture[str], file: Path) -> list[str]:
    """What verify_events says of the log as a whole; of streams other tests may have left some."""
    with suppress(CommandError):
        call_command("verify_events", "--json", "--against", str(file))
    content: dict[str, Any] = json.loads(capsys.readouterr().out)
    return [each["what"] for each in content["findings"] if each["kind"] == "log"]


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", '{"data": {"checkpoint": null}}'])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "kept.json"
    file.write_text(text)
    with pytest.raises(CommandError) as refused:
        call_command("verify_events", "--against", str(file))
    assert refused.value.returncode == 2
    assert str(file) in str(refused.value)
