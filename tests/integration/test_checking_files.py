"""docs/verify_auction.py checks what the house exported, without any portal."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

import pytest

from commands.ids import new_id
from portal.transfer.exporting import NoSuchAuction, export_auction
from tests.integration.checking import check
from tests.integration.elsewhere import Elsewhere
from tests.integration.exported_files import Json, events_in, framed, lines_of

AUCTIONS = """
SELECT (SELECT id FROM auctions WHERE winning_bid_id IS NOT NULL) AS sold,
       (SELECT id FROM auctions WHERE ends_at > now() AND rules IS NULL) AS open,
       (SELECT id FROM auctions WHERE rules ? 'soft_close') AS ruled
"""


@pytest.fixture(scope="module")
def auctions(source: Elsewhere) -> Mapping[str, UUID]:
    """The sold one and the open one."""
    [row] = source.rows(AUCTIONS)
    return row


@pytest.fixture
def drawn(source: Elsewhere, auctions: Mapping[str, UUID], tmp_path: Path) -> Path:
    """The export of the open auction, in which a bid was doubled."""
    path = tmp_path / "auction.jsonl"
    with path.open("wb") as file:
        export_auction(source.pool, auctions["open"], file)
    return path


def test_an_exported_auction_is_checked_without_a_portal(drawn: Path) -> None:
    done = check(str(drawn))
    assert (done.returncode, done.stderr) == (0, "")
    assert "fairly drew" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("1 draws: not closed yet")


def test_so_is_each_auction_of_an_exported_record(
    exported: Path, auctions: Mapping[str, UUID], drawn: Path
) -> None:
    done = check(str(exported), str(auctions["sold"]))
    assert (done.returncode, done.stderr) == (0, "")
    assert "won and pays 30.00" in done.stdout
    assert check(str(exported), str(auctions["open"])).stdout == check(str(drawn)).stdout
    by_rules = check(str(exported), str(auctions["ruled"])).stdout.splitlines()
    assert "3 AuctionExtended: the end moves to" in by_rules[2]
    assert by_rules[-1] == "5 events, 1 draws: not closed yet"


def test_so_is_a_packed_one(drawn: Path) -> None:
    packed = drawn.with_name("auction.jsonl.gz")
    packed.write_bytes(gzip.compress(drawn.read_bytes()))
    assert check(str(packed)).stdout == check(str(drawn)).stdout


def test_a_packed_one_that_is_damaged_is_not_taken_for_checked(drawn: Path) -> None:
    packed = drawn.with_name("auction.jsonl.gz")
    packed.write_bytes(gzip.compress(drawn.read_bytes())[:-20])
    done = check(str(packed))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("NOT CHECKED: ")
    assert check(str(drawn.with_name("none"))).stderr.startswith("NOT CHECKED: ")


def test_an_exported_auction_has_what_the_api_shows_and_no_more(
    source: Elsewhere, drawn: Path
) -> None:
    kinds = {content["type"] for content, _ in events_in(drawn.read_bytes())}
    assert kinds.isdisjoint({"UserCreated", "UserDeleted"})
    assert {"AuctionCreated", "TickMade", "SecretRevealed", "PolicyChanged"} <= kinds
    secrets = source.rows("SELECT secret FROM promoter_ticks WHERE revealed_at IS NULL")
    assert not any(row["secret"] in drawn.read_text() for row in secrets)


def test_there_must_be_such_an_auction(source: Elsewhere, tmp_path: Path) -> None:
    with (tmp_path / "none").open("wb") as file, pytest.raises(NoSuchAuction):
        export_auction(source.pool, new_id(), file)


def changed(drawn: Path, name: str, **data: object) -> Path:
    """The file with another content of the first event of that type, and hashes that fit."""
    file = drawn.read_bytes()
    holds = json.loads(file.splitlines()[0])["holds"]
    contents: list[Json] = [content for content, _ in events_in(file)]
    next(content for content in contents if content["type"] == name)["data"] |= data
    drawn.write_bytes(framed(lines_of(contents), holds=holds))
    return drawn


def test_a_file_that_was_made_over_is_found_out_by_the_rules(drawn: Path) -> None:
    done = check(str(changed(drawn, "BidDoubled", weight=1)))
    assert done.returncode == 1
    assert "the draw hits" in done.stderr


@pytest.mark.parametrize("what", ["cut off", "changed", "empty", "another file"])
def test_a_file_that_is_not_whole_is_refused(drawn: Path, what: str) -> None:
    whole = drawn.read_bytes()
    made = {
        "cut off": whole[:-300],
        "changed": whole.replace(b"10.00", b"11.00").replace(b"1.50", b"1.60"),
        "empty": b"",
        "another file": b"A text.\nAnd another line.\n",
    }
    drawn.write_bytes(made[what])
    done = check(str(drawn))
    assert (done.returncode, done.stdout) == (1, "")
    assert "this is no whole export" in done.stderr
