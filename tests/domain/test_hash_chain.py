"""The chain of hashes: whatever is changed in the log, it shows."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from uuid import UUID

import pytest

from commands.record.chain import GENESIS, chain_hash, hashed_content
from commands.record.codec import Json

STREAM, JOB, REQUEST = UUID(int=1), UUID(int=2), UUID(int=3)
RECORDED = datetime(2025, 3, 1, 12, 30, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Row:
    """An event's row."""

    previous: bytes = GENESIS
    stream_id: UUID = STREAM
    version: int = 1
    name: str = "BidPlaced"
    schema_version: int = 1
    data: Json = field(default_factory=lambda: {"amount": "1.00", "note": "schön"})
    causation_id: UUID = JOB
    correlation_id: UUID = REQUEST
    recorded_at: datetime = RECORDED
    accepted_at: datetime | None = None

    @property
    def hash(self) -> bytes:
        """Its link in the chain."""
        return chain_hash(
            self.previous,
            hashed_content(
                stream_id=self.stream_id,
                version=self.version,
                name=self.name,
                schema_version=self.schema_version,
                data=self.data,
                causation_id=self.causation_id,
                correlation_id=self.correlation_id,
                recorded_at=self.recorded_at,
                accepted_at=self.accepted_at,
            ),
        )


ROW = Row()
CHANGED = {
    "previous": replace(ROW, previous=bytes(31) + b"\x01"),
    "stream_id": replace(ROW, stream_id=UUID(int=9)),
    "version": replace(ROW, version=2),
    "name": replace(ROW, name="BidDeleted"),
    "schema_version": replace(ROW, schema_version=2),
    "a value": replace(ROW, data={"amount": "1.01", "note": "schön"}),
    "a value's type": replace(ROW, data={"amount": 1.00, "note": "schön"}),
    "a field's name": replace(ROW, data={"Amount": "1.00", "note": "schön"}),
    "a field less": replace(ROW, data={"amount": "1.00"}),
    "a field more": replace(ROW, data={"amount": "1.00", "note": "schön", "more": None}),
    "values swapped": replace(ROW, data={"amount": "schön", "note": "1.00"}),
    "causation_id": replace(ROW, causation_id=UUID(int=9)),
    "correlation_id": replace(ROW, correlation_id=UUID(int=9)),
    "ids swapped": replace(ROW, causation_id=REQUEST, correlation_id=JOB),
    "recorded_at": replace(ROW, recorded_at=RECORDED + timedelta(microseconds=1)),
    "accepted_at": replace(ROW, accepted_at=RECORDED),
    "another accepted_at": replace(ROW, accepted_at=RECORDED - timedelta(microseconds=1)),
}


@pytest.mark.parametrize("part", CHANGED)
def test_changing_any_one_part_changes_the_hash(part: str) -> None:
    assert CHANGED[part].hash != ROW.hash


def test_each_change_has_a_hash_of_its_own() -> None:
    assert len({row.hash for row in CHANGED.values()}) == len(CHANGED)


def test_the_same_content_has_the_same_hash_however_it_was_read() -> None:
    assert Row().hash == ROW.hash
    assert replace(ROW, data={"note": "schön", "amount": "1.00"}).hash == ROW.hash
    there = RECORDED.astimezone(timezone(timedelta(hours=-8)))
    assert replace(ROW, recorded_at=there).hash == ROW.hash


def test_the_hash_is_sha_256_of_the_predecessors_hash_and_the_written_row() -> None:
    written = (
        '{"causation_id":"00000000-0000-0000-0000-000000000002",'
        '"correlation_id":"00000000-0000-0000-0000-000000000003",'
        '"data":{"amount":"1.00","note":"schön"},'
        '"recorded_at":"2025-03-01T12:30:00.000000+00:00",'
        '"schema_version":1,'
        '"stream_id":"00000000-0000-0000-0000-000000000001",'
        '"type":"BidPlaced",'
        '"version":1}'
    )
    assert ROW.hash == sha256(bytes(32) + written.encode()).digest()


def test_the_moment_of_acceptance_is_written_where_it_is_known() -> None:
    written = (
        '{"accepted_at":"2025-03-01T12:29:59.500000+00:00",'
        '"causation_id":"00000000-0000-0000-0000-000000000002",'
        '"correlation_id":"00000000-0000-0000-0000-000000000003",'
        '"data":{"amount":"1.00","note":"schön"},'
        '"recorded_at":"2025-03-01T12:30:00.000000+00:00",'
        '"schema_version":1,'
        '"stream_id":"00000000-0000-0000-0000-000000000001",'
        '"type":"BidPlaced",'
        '"version":1}'
    )
    accepted = replace(ROW, accepted_at=RECORDED - timedelta(seconds=0.5))
    assert accepted.hash == sha256(bytes(32) + written.encode()).digest()


def test_a_change_shows_in_every_later_link() -> None:
    def last(first: Row) -> bytes:
        second = replace(ROW, previous=first.hash, version=2)
        return replace(ROW, previous=second.hash, version=3).hash

    assert last(CHANGED["a value"]) != last(ROW)
