"""Each line of an exported record must be as it was written: what was done to a file is told by line and reason."""

import gzip
import io
from collections.abc import Callable
from typing import Any

import pytest

from portal.transfer.files import PRIVATE, reading, writing
from portal.transfer.lines import Refused
from portal.transfer.record import Record
from tests.integration.exported_files import Json, as_line, events_in, file_of, framed, lines_of

ALICE = "01a20969-5c3e-7d11-8f0a-3a0f1de1c9aa"
AUCTION = "01a20969-5c3e-7d11-8f0a-3a0f1de1c9ab"
WHEN = "2026-05-01T12:00:00.000000+00:00"


def content(stream: str, version: int, name: str, data: Json, **more: Any) -> Json:
    return {
        "stream_id": stream,
        "version": version,
        "type": name,
        "schema_version": 1,
        "data": data,
        "causation_id": ALICE,
        "correlation_id": ALICE,
        "recorded_at": WHEN,
    } | more


def contents() -> list[Json]:
    """A user, an auction, and three bids."""
    created = {
        "auction_id": AUCTION,
        "title": "A clock",
        "description": "“old”",
        "starts_at": "2026-05-01T12:00:00+00:00",
        "ends_at": "2026-05-01T13:00:00+00:00",
        "created_by": None,
    }
    bids = [
        {
            "bid_id": f"{AUCTION[:-1]}{number}",
            "bidder_id": ALICE,
            "amount": f"{number}.00",
            "placed_at": "2026-05-01T12:10:00+00:00",
        }
        for number in range(1, 4)
    ]
    return [
        content(ALICE, 1, "UserCreated", {"user_id": ALICE, "is_staff": False}),
        content(AUCTION, 1, "AuctionCreated", created),
        *(content(AUCTION, version, "BidPlaced", bid) for version, bid in enumerate(bids, 2)),
    ]


def refusal(file: bytes) -> str:
    with pytest.raises(Refused) as refused:
        list(Record(io.BytesIO(file)))
    return str(refused.value)


def changed(change: Callable[[list[Json]], object]) -> bytes:
    """A file over events that were changed, with hashes that fit."""
    every = contents()
    change(every)
    return file_of(every)


WHOLE = file_of(contents())
LINES = WHOLE.splitlines(keepends=True)
WRONG = {
    "nothing": (b"", "line 1: the file was cut off"),
    "another format": (framed([], format="x"), "line 1: this is no file of the format"),
    "another version": (framed([], version=2), "line 1: it has version 2; this release reads"),
    "one auction": (framed([], holds=AUCTION), f"line 1: it holds {AUCTION}, not all"),
    "no JSON": (b"".join([*LINES[:2], b"x\n", *LINES[2:]]), "line 3: it is no JSON object"),
    "no object": (b"".join([*LINES[:2], b"[]\n", *LINES[2:]]), "line 3: it is no JSON object"),
    "no event": (b"".join([*LINES[:2], b"{}\n", *LINES[2:]]), "line 3: it is no event"),
    "cut off within a line": (WHOLE[:-150], "line 6: the file was cut off here"),
    "cut off behind a line": (b"".join(LINES[:-1]), "line 7: the file was cut off here"),
    "a line is missing at the end": (
        b"".join([*LINES[:5], LINES[6]]),
        "line 6: 4 lines stand between it and the first: some are missing",
    ),
    "a user is missing": (
        b"".join([LINES[0], *LINES[2:]]),
        "line 6: 4 lines stand between it and the first: some are missing",
    ),
    "two streams changed places": (
        b"".join([LINES[0], LINES[2], LINES[1], *LINES[3:]]),
        "line 7: the SHA-256 of the lines before it is another",
    ),
    "something follows": (WHOLE + b"{}\n", "line 8: something follows the last line"),
    "a changed payload": (WHOLE.replace(b"2.00", b"9.00"), "line 5: the chain of"),
    "a changed hash": (
        framed([{**line, "hash": "00" * 32} for line in lines_of(contents())]),
        "line 2: the chain of",
    ),
    "an event is missing": (
        framed([line for at, line in enumerate(lines_of(contents())) if at != 3]),
        f"line 5: version 4 of {AUCTION} stands behind version 2",
    ),
    "out of order": (
        framed([lines_of(contents())[at] for at in (0, 1, 3, 2, 4)]),
        f"line 4: version 3 of {AUCTION} stands behind version 1",
    ),
    "an event twice": (
        framed([lines_of(contents())[at] for at in (0, 1, 2, 2, 3, 4)]),
        f"line 5: version 2 of {AUCTION} stands behind version 2",
    ),
    "an event of a newer release": (
        changed(lambda every: every[2].update(type="BidTripled")),
        "line 4: this release can't read BidTripled",
    ),
    "a newer form": (
        changed(lambda every: every[2].update(schema_version=99)),
        "line 4: this release can't read BidPlaced",
    ),
    "a stream of two kinds": (
        changed(lambda every: every[2].update(every[0] | {"stream_id": AUCTION, "version": 2})),
        f"line 4: UserCreated does not belong to the auction {AUCTION}",
    ),
    "something more beside the event": (
        changed(lambda every: every[2].update(more=1)),
        "line 4: no portal would have stored",
    ),
    "something more in the event": (
        changed(lambda every: every[2]["data"].update(more=1)),
        "line 4: this release can't read BidPlaced",
    ),
    "an amount in other digits": (
        changed(lambda every: every[2]["data"].update(amount="01.00")),
        "line 4: no portal would have stored",
    ),
    "a text that Postgres can't hold": (
        changed(lambda every: every[1]["data"].update(title="a\0b")),
        "line 3: no portal would have stored",
    ),
    "a version that is no number": (
        changed(lambda every: every[1].update(version=True)),
        "line 3: ",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_with_a_file_is_told_by_its_line(what: str) -> None:
    file, says = WRONG[what]
    assert refusal(file).startswith(says)


def test_a_whole_file_is_read_to_its_end() -> None:
    record = Record(io.BytesIO(WHOLE))
    events = list(record)
    assert [(each.recorded.stream.kind, each.recorded.version) for each in events] == [
        ("user", 1), ("auction", 1), ("auction", 2), ("auction", 3), ("auction", 4),
    ]  # fmt: skip
    assert [each.line for each in events] == [2, 3, 4, 5, 6]
    assert [hash_ for _, hash_ in events_in(WHOLE)] == [each.recorded.hash.hex() for each in events]


def test_a_compressed_file_that_was_cut_off_is_refused(tmp_path: Any) -> None:
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(WHOLE)[:-20])
    with reading(str(path)) as file, pytest.raises(Refused, match="can't be read on"):
        list(Record(file))


def test_a_file_gets_its_name_when_it_is_whole(tmp_path: Any) -> None:
    with writing(str(tmp_path / "record")) as file:
        file.write(as_line({}))
        assert [path.suffix for path in tmp_path.iterdir()] == [".unfinished"]
    assert [path.name for path in tmp_path.iterdir()] == ["record"]


def test_of_two_that_write_to_one_path_the_first_whole_file_stays(tmp_path: Any) -> None:
    path = tmp_path / "record"

    def second() -> None:
        with writing(str(path)) as file:
            file.write(b"second")
            with writing(str(path)) as first:
                first.write(b"first")

    with pytest.raises(FileExistsError):
        second()
    assert [each.name for each in tmp_path.iterdir()] == ["record"]
    assert path.read_bytes() == b"first"


def test_a_private_file_is_never_readable_by_others(tmp_path: Any) -> None:
    with writing(str(tmp_path / "people"), PRIVATE):
        [unfinished] = tmp_path.iterdir()
        assert unfinished.stat().st_mode & 0o077 == 0
    assert (tmp_path / "people").stat().st_mode & 0o777 == PRIVATE


def test_what_fails_leaves_no_file(tmp_path: Any) -> None:
    def fail() -> None:
        with writing(str(tmp_path / "record")) as file:
            file.write(as_line({}))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(tmp_path.iterdir()) == []
