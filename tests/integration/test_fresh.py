"""Shared reads: once for all who ask, never older than the bound, dropped on news."""

import asyncio
from collections.abc import Mapping

import pytest

from portal.web import fresh
from portal.web.fresh import ALL_AUCTIONS, News, Reads, Seen, Shared, Subject

LAMP: Subject = ("versions", "lamp")
CLOCK: Subject = ("versions", "clock")


class Source:
    """What is read from: values by key, and the keys of each call; it answers once it may."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {"lamp": 1, "clock": 1}
        self.calls: list[list[str]] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def __call__(self, asked: Mapping[str, Reads]) -> dict[str, int]:
        self.calls.append(list(asked))
        for key, reads in asked.items():
            reads.subjects.add(("versions", key))
        found = {key: self.values[key] for key in asked if key in self.values}
        await self.may_answer.wait()
        return found


def sharing(news: News, *, most: int = 100, most_bytes: int = 1000) -> Shared[str, int]:
    """Values that each take a byte."""
    return Shared(news, lambda _key, _value: 1, most=most, most_bytes=most_bytes)


async def read(shared: Shared[str, int], source: Source, *keys: str) -> dict[str, int]:
    found = await shared.get(keys, source, Reads())
    return {key: value for key, (value, _) in found.items()}


async def test_a_hundred_who_wait_for_the_same_share_one_read() -> None:
    shared, source = sharing(News()), Source()
    source.may_answer.clear()
    waiting = [asyncio.create_task(read(shared, source, "lamp")) for _ in range(100)]
    await asyncio.sleep(0.01)
    waiting[0].cancel()
    source.may_answer.set()
    assert await asyncio.gather(*waiting[1:]) == [{"lamp": 1}] * 99
    assert await read(shared, source, "lamp", "clock") == {"lamp": 1, "clock": 1}
    assert source.calls == [["lamp"], ["clock"]]


async def test_news_of_a_change_outdate_what_was_read_and_nothing_else() -> None:
    news, source = News(), Source()
    shared = sharing(news)
    await read(shared, source, "lamp", "clock")
    source.values["lamp"] = 2
    news.heard(*LAMP)
    assert await read(shared, source, "lamp", "clock") == {"lamp": 2, "clock": 1}
    assert source.calls == [["lamp", "clock"], ["lamp"]]
    source.values["clock"] = 3
    news.missed()
    assert await read(shared, source, "lamp", "clock") == {"lamp": 2, "clock": 3}


async def test_who_asks_after_the_news_does_not_get_what_was_being_read_before_them() -> None:
    news, source = News(), Source()
    shared = sharing(news)
    source.may_answer.clear()
    before = asyncio.create_task(read(shared, source, "lamp"))
    await asyncio.sleep(0.01)
    source.values["lamp"] = 2
    news.heard(*LAMP)
    after = asyncio.create_task(read(shared, source, "lamp"))
    await asyncio.sleep(0.01)
    source.may_answer.set()
    assert (await before, await after) == ({"lamp": 1}, {"lamp": 2})
    assert await read(shared, source, "lamp") == {"lamp": 2}


async def test_without_news_nothing_is_older_than_the_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fresh, "LONGEST", 0.1)
    shared, source = sharing(News()), Source()
    clock = asyncio.get_running_loop().time
    changed = clock()
    for value in range(2, 6):
        before = await read(shared, source, "lamp")
        source.values["lamp"], changed = value, clock()
        while await read(shared, source, "lamp") == before:
            assert clock() - changed < 0.15
            await asyncio.sleep(0.005)
    assert len(source.calls) <= 6


async def test_a_value_made_of_others_is_as_old_as_the_oldest_and_ends_with_the_first() -> None:
    news, source = News(), Source()
    shared = sharing(news)
    await read(shared, source, "lamp")
    reads = Reads()
    await asyncio.sleep(0.01)
    await shared.get(["lamp", "clock"], source, reads)
    assert reads.subjects == {LAMP, CLOCK}
    assert news.fresh(reads)
    news.heard("versions", "another")
    assert news.fresh(reads)
    assert not news.fresh(Reads({ALL_AUCTIONS}, reads.since)), "lists depend on all"
    news.heard(*CLOCK)
    assert not news.fresh(reads)
    ended = Reads()
    ended.end()
    assert not news.fresh(ended)


async def test_values_make_room_by_number_and_by_bytes_those_used_longest_ago_first() -> None:
    source = Source()
    source.values = {str(number): number for number in range(20)}
    for bounds in ({"most": 5}, {"most_bytes": 5}):
        shared = sharing(News(), **bounds)
        for number in range(20):
            await read(shared, source, str(number))
            await read(shared, source, "0")
        assert {key for key in source.values if key in shared} == {"0", "16", "17", "18", "19"}


async def test_what_reading_raises_is_raised_for_all_who_wait_and_not_remembered() -> None:
    shared, source = sharing(News()), Source()

    async def fails(_: Mapping[str, Reads]) -> dict[str, int]:
        await asyncio.sleep(0.01)
        raise OSError("away")

    waiting = [shared.get(["lamp"], fails, Reads()) for _ in range(5)]
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(answer, OSError) for answer in answers)
    assert await read(shared, source, "lamp", "nothing") == {"lamp": 1}
    assert "nothing" not in shared


async def test_a_value_says_when_it_was_read() -> None:
    shared, source = sharing(News()), Source()
    first = await shared.get(["lamp"], source, Reads())
    await asyncio.sleep(0.02)
    assert await shared.get(["lamp"], source, Reads()) == first
    assert isinstance(first["lamp"], Seen)
