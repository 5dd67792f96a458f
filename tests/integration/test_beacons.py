"""Beacons: drand's rounds from relays that are honest, lying, slow or silent, and the stand-in."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from py_arkworks_bls12381 import G1Point, G2Point

from commands.beacon.bls import is_signed
from commands.beacon.chosen import beacon_of, chosen_beacon, misnamed, misvalued
from commands.beacon.drand import LONGEST, QUICKNET, DrandBeacon
from commands.beacon.local import LocalBeacon
from commands.beacon.port import BeaconAway
from tests.integration.relays import CHAIN, Relay, answer_of, honest, running_relay, signature

# Of quicknet, as its relays give them.
ROUND_1 = bytes.fromhex(
    "b55e7cb2d5c613ee0b2e28d6750aabbb78c39dcc96bd9d38c2c2e12198df95571de8e8e402a0cc48871c7089a2b3af4b"
)
ROUND_1000 = bytes.fromhex(
    "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39"
)
RANDOMNESS_1000 = "fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd"


@pytest.fixture(scope="module")
def running() -> Iterator[Relay]:
    """The relay of this file's tests."""
    with running_relay() as relay:
        yield relay


@pytest.fixture
def relay(running: Relay) -> Iterator[Relay]:
    """It, honest again after each test."""
    running.says, running.status = honest, 200
    running.asked.clear()
    yield running
    running.silent.set()


def test_quicknets_rounds_are_signed_by_its_key() -> None:
    beacon = DrandBeacon(QUICKNET, ["https://relay.invalid"])
    assert sha256(ROUND_1000).hexdigest() == RANDOMNESS_1000
    assert beacon.is_value(1, ROUND_1)
    assert beacon.is_value(1000, ROUND_1000)
    assert not beacon.is_value(1, ROUND_1000)
    assert not beacon.is_value(0, ROUND_1)
    assert not beacon.is_value(2**64, ROUND_1)


@pytest.mark.parametrize(
    "value",
    [
        b"", bytes(48), b"\xff" * 48, bytes([0xC0, *bytes(47)]), ROUND_1[:-1], ROUND_1 + b"\x00",
        bytes([ROUND_1[0] ^ 0x20, *ROUND_1[1:]]), G1Point().to_compressed_bytes(),
        G2Point().to_compressed_bytes(),
    ],
)  # fmt: skip
def test_what_is_no_signature_is_none(value: bytes) -> None:
    assert not DrandBeacon(QUICKNET, ["https://relay.invalid"]).is_value(1, value)


def test_the_key_of_nothing_signs_nothing() -> None:
    """By the identity as key and signature everything would be signed."""
    nothing = G1Point.identity().to_compressed_bytes(), G2Point.identity().to_compressed_bytes()
    assert not is_signed(nothing[1], b"anything", nothing[0])
    assert not is_signed(b"", b"anything", ROUND_1)


def test_when_a_round_is_public_follows_from_its_number() -> None:
    beacon = DrandBeacon(QUICKNET, ["https://relay.invalid"])
    genesis = datetime(2023, 8, 23, 15, 9, 27, tzinfo=UTC)
    assert beacon.round_of(1).public_at == genesis
    assert beacon.round_of(1000).public_at == genesis + timedelta(seconds=2997)
    for late in (timedelta(0), timedelta(microseconds=1), timedelta(seconds=3)):
        found = beacon.round_from(genesis + late)
        assert found == beacon.round_of(found.number)
        assert timedelta(0) <= found.public_at - (genesis + late) < timedelta(seconds=3)
    assert beacon.round_from(genesis - timedelta(days=1)).number == 1
    for none in (0, -1, 2**63):
        with pytest.raises(ValueError, match="there is no round"):
            beacon.round_of(none)


def test_a_round_comes_from_the_first_relay_that_has_it(relay: Relay) -> None:
    assert relay.beacon().value(7) == signature(7)
    assert relay.asked == [f"/{CHAIN.hash}/public/7"]
    # Nobody listens on port 1.
    assert relay.beacon("http://127.0.0.1:1").value(8) == signature(8)
    assert relay.beacon().url(8) == f"{relay.url}/{CHAIN.hash}/public/8"


LIES: dict[str, Callable[[int], bytes]] = {
    "another round's value": lambda number: answer_of(number, signature(number + 1)),
    "another round": lambda number: honest(number + 1),
    "another chain's round": lambda number: answer_of(number, ROUND_1),
    "no hex": lambda number: json.dumps({"round": number, "signature": "zz"}).encode(),
    "no text": lambda number: json.dumps({"round": number, "signature": 7}).encode(),
    "no signature": lambda number: json.dumps({"round": number}).encode(),
    "no object": lambda _: b"[1]",
    "no JSON": lambda _: b"<html>",
    "no UTF-8": lambda _: b"\xff\xfe\xfd",
    "JSON that is too deep": lambda _: b"[" * 4000,
    "nothing": lambda _: b"",
    "too much": lambda number: honest(number) + b" " * LONGEST,
}


@pytest.mark.parametrize("lie", LIES)
def test_what_is_not_the_round_is_not_believed(relay: Relay, lie: str) -> None:
    relay.says = LIES[lie]
    with pytest.raises(BeaconAway, match=r"127\.0\.0\.1: ."):
        relay.beacon().value(7)


@pytest.mark.parametrize("status", [302, 404, 425, 500])
def test_a_relay_that_does_not_have_the_round_is_passed_over(relay: Relay, status: int) -> None:
    relay.status = status
    with pytest.raises(BeaconAway, match=f"status {status}"):
        relay.beacon().value(7)
    assert len(relay.asked) == 1, "redirects are not followed"


def test_a_relay_that_is_silent_is_left(relay: Relay) -> None:
    relay.silent.clear()
    with pytest.raises(BeaconAway, match=r"127\.0\.0\.1"):
        relay.beacon(seconds=0.05).value(7)


def test_a_relay_that_is_silent_leaves_time_for_the_next(relay: Relay) -> None:
    with running_relay() as silent:
        silent.silent.clear()
        assert relay.beacon(silent.url, seconds=1).value(7) == signature(7)


def test_without_relays_there_is_no_value() -> None:
    with pytest.raises(BeaconAway):
        DrandBeacon(CHAIN, ["http://127.0.0.1:1"]).value(7)


def test_the_stand_in_says_that_it_is_none_and_has_a_round_for_each_moment() -> None:
    beacon, now = LocalBeacon(), datetime.now(UTC)
    assert "not a public beacon" in beacon.name
    found = beacon.round_from(now)
    assert (found.public_at, found.beacon) == (now, beacon.name)
    assert beacon.round_of(found.number) == found
    assert beacon.is_value(found.number, beacon.value(found.number))
    assert not beacon.is_value(found.number + 1, beacon.value(found.number))
    assert beacon.url(found.number) is None
    with pytest.raises(ValueError, match="there is no round"):
        beacon.round_of(2**63)


def test_a_laptop_has_the_stand_in_and_every_named_beacon_is_known() -> None:
    assert chosen_beacon().name == LocalBeacon.name
    assert beacon_of(QUICKNET.name)
    assert beacon_of("a crystal ball") is None


def test_what_is_wrong_with_a_round_is_said() -> None:
    public = DrandBeacon(QUICKNET, []).round_of(1000).public_at
    assert misnamed(QUICKNET.name, 1000, public) is None
    assert "is public at" in (misnamed(QUICKNET.name, 1001, public) or "")
    assert "no round 0" in (misnamed(QUICKNET.name, 0, public) or "")
    assert "nobody here knows" in (misnamed("a crystal ball", 1, public) or "")
    assert misvalued(QUICKNET.name, 1000, ROUND_1000.hex()) is None
    for wrong in (ROUND_1.hex(), "no hex"):
        assert "is not that of round 1000" in (misvalued(QUICKNET.name, 1000, wrong) or "")
