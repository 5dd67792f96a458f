"""Counting requests against rate limits: exact, however many come at once, in few calls of Redis."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from limits import parse
from pytest_django import Settings
from redis.exceptions import RedisError

from commands.ids import new_id
from commands.wake import redis
from portal.errors import Code, PortalError
from portal.signin import rates as counting
from portal.signin.rates import Limit, Rates


@pytest_asyncio.fixture
async def rates(settings: Settings) -> AsyncIterator[Rates]:
    """At most ten bids a minute of a user, and fifteen from an address."""
    settings.RATE_LIMITS = {
        **dict.fromkeys(settings.RATE_LIMITS),
        "BIDS_PER_USER": parse("10/minute"),
        "BIDS_PER_ADDRESS": parse("15/minute"),
        "SIGN_IN_PER_USER": parse("1/second"),
    }
    async with counting.rates() as counted:
        yield counted


async def outcome(rates: Rates, *counts: tuple[Limit, str | None]) -> str:
    """Whether they may go on, or what there was too much of."""
    try:
        await rates.spend(*counts)
    except PortalError as error:
        refused = error
    else:
        return "may go on"
    assert refused.extensions
    assert refused.extensions["code"] == Code.RATE_LIMITED.value
    assert 1 <= refused.extensions["retryAfter"] <= 60
    return refused.message.partition(";")[0]


def calls() -> int:
    """How often scripts were run in Redis so far."""
    ran = redis().info("commandstats")
    return sum(
        int(ran.get(f"cmdstat_{name}", {"calls": 0})["calls"]) for name in ("evalsha", "eval")
    )


async def test_those_who_come_at_once_are_all_counted_in_one_call(rates: Rates) -> None:
    alice, bob, address = str(new_id()), str(new_id()), str(new_id())
    await rates.spend(("BIDS_PER_USER", str(new_id())))
    before = calls()
    answers = await asyncio.gather(
        *(
            outcome(rates, ("BIDS_PER_USER", who), ("BIDS_PER_ADDRESS", address))
            for who in (alice, bob)
            for _ in range(12)
        )
    )
    # Alice's refused ones don't count for the address, where ten and five are the most.
    assert answers[:12] == ["may go on"] * 10 + ["too many bids and deletions of yours"] * 2
    assert answers[12:17] == ["may go on"] * 5
    assert set(answers[17:]) <= {
        "too many bids and deletions from your address",
        "too many bids and deletions of yours",
    }
    assert calls() - before <= 2


async def test_a_window_moves_and_a_count_can_be_forgiven(rates: Rates) -> None:
    name = str(new_id())
    assert await outcome(rates, ("SIGN_IN_PER_USER", name)) == "may go on"
    refused = asyncio.get_running_loop().time()
    assert "failed sign-ins" in await outcome(rates, ("SIGN_IN_PER_USER", name))
    await rates.forgive("SIGN_IN_PER_USER", name)
    assert await outcome(rates, ("SIGN_IN_PER_USER", name)) == "may go on"
    while "too many" in await outcome(rates, ("SIGN_IN_PER_USER", name)):
        await asyncio.sleep(0.02)
    assert 0.9 < asyncio.get_running_loop().time() - refused < 5


async def test_nobody_without_a_subject_or_a_limit_is_counted(rates: Rates) -> None:
    before = calls()
    for _ in range(20):
        await rates.spend(("BIDS_PER_ADDRESS", None), ("SIGN_UP_PER_ADDRESS", "192.0.2.1"))
    assert calls() == before


async def test_all_who_wait_go_on_when_redis_fails_and_it_is_asked_once(
    rates: Rates, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    async def fails(*_: object) -> None:
        nonlocal calls
        calls += 1
        raise RedisError("gone")

    monkeypatch.setattr(rates, "_count", fails)
    who, many = str(new_id()), counting.MOST * 2 + 1
    answers = await asyncio.gather(*(outcome(rates, ("BIDS_PER_USER", who)) for _ in range(many)))
    assert answers == ["may go on"] * many
    assert calls == 1


async def test_nobody_waits_for_a_count_that_failed(
    rates: Rates, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(rates, "_count", fails)
        many = counting.MOST + 1
        asked = (rates.spend(("BIDS_PER_USER", str(new_id()))) for _ in range(many))
        answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(answer) for answer in answers] == [ZeroDivisionError] * many
    assert await outcome(rates, ("BIDS_PER_USER", str(new_id()))) == "may go on"
