"""Sealed values: what opens them, what does not, and what commitments show."""

import hashlib
import json
from uuid import UUID

import pytest

from commands.record.sealing import (
    Unsealable,
    commitment,
    fingerprint,
    new_key,
    new_salt,
    seal,
    unseal,
)

AUCTION, BID, OTHER = (UUID(int=number) for number in (1, 2, 3))
VALUE = {"amount": "12.00", "salt": "00ff"}


def test_the_key_opens_what_was_sealed_with_it() -> None:
    key = new_key()
    assert unseal(key, seal(key, VALUE, AUCTION, BID), AUCTION, BID) == VALUE


def test_no_other_key_opens_it() -> None:
    sealed = seal(new_key(), VALUE, AUCTION, BID)
    with pytest.raises(Unsealable):
        unseal(new_key(), sealed, AUCTION, BID)


def test_it_opens_nowhere_else() -> None:
    key = new_key()
    sealed = seal(key, VALUE, AUCTION, BID)
    for place in ((AUCTION, OTHER), (BID, AUCTION), (AUCTION,)):
        with pytest.raises(Unsealable):
            unseal(key, sealed, *place)


@pytest.mark.parametrize("damage", ["", "1.", "2.AAAA", "1.AAAA", "1.é", "1.AAA", "x"])
def test_what_is_damaged_does_not_open(damage: str) -> None:
    with pytest.raises(Unsealable):
        unseal(new_key(), damage, AUCTION, BID)


def test_one_changed_digit_is_noticed() -> None:
    key = new_key()
    sealed = seal(key, VALUE, AUCTION)
    for place in range(2, len(sealed), 7):
        changed = sealed[:place] + ("A" if sealed[place] != "A" else "B") + sealed[place + 1 :]
        with pytest.raises(Unsealable):
            unseal(key, changed, AUCTION)


def test_neither_length_nor_repetition_tells_of_the_value() -> None:
    key = new_key()
    sealed = [
        seal(key, {"amount": amount, "salt": new_salt()}, AUCTION)
        for amount in ("0.01", "99999999999999.99", "0.01")
    ]
    assert len({len(text) for text in sealed}) == 1
    assert len(set(sealed)) == 3


def test_a_commitment_is_the_hash_of_one_line_that_anybody_can_write() -> None:
    line = '{"amount":"12.00","salt":"00ff"}'
    assert commitment({"amount": "12.00"}, "00ff") == hashlib.sha256(line.encode()).hexdigest()
    assert json.loads(line) == VALUE


def test_salts_make_equal_values_commitments_differ() -> None:
    salts = {new_salt() for _ in range(100)}
    assert all(len(salt) >= 32 for salt in salts)
    assert len({commitment({"amount": "1.00"}, salt) for salt in salts}) == 100


def test_a_fingerprint_is_equal_for_equal_values_under_one_key_alone() -> None:
    key = new_key()
    assert fingerprint(key, {"amount": "1.00"}) == fingerprint(key, {"amount": "1.00"})
    assert fingerprint(key, {"amount": "1.00"}) != fingerprint(key, {"amount": "1.01"})
    assert fingerprint(key, {"amount": "1.00"}) != fingerprint(new_key(), {"amount": "1.00"})
