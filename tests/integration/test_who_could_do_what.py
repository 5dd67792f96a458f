"""Each row of the table "Who could do what" in docs/fair-draws.md is played, and what it says shows, shows."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from commands.beacon.local import LocalBeacon
from commands.checkpoints.verifying import log_problems
from commands.domain.commands import AnnounceWinner, ChangePolicy, DoubleBid, PlaceBid
from commands.domain.events import BidDoubled, BidPlaced, NoDoubling, NothingDrawn, TickGivenUp
from commands.domain.policies import FIRST
from commands.domain.promoter import BidsInDraw, Promoter, seed_of
from commands.domain.state import replay
from commands.ids import new_id
from commands.inbox.requests import POLICIES
from commands.postgres.connections import Pool
from commands.postgres.tick_records import TickRecord, record_of_tick
from commands.postgres.ticks import PUBLIC
from commands.promoter import rounds
from commands.promoter.checks import round_problem
from commands.streams import RecordedEvent, Stream
from tests.e2e.outsider import chain_anew, falsified
from tests.integration.checkpointing import CheckpointedLog
from tests.integration.in_process import SHORTLY, InProcessPortal
from tests.integration.test_draws_leave_events import (
    NOW,
    finish,
    from_outside,
    history,
    keep_back,
    outsider,
    problems,
)
from tests.integration.test_verification import forget, tampering
from tests.servers import ROOT

TABLE = (ROOT / "docs/fair-draws.md").read_text().partition("## Who could do what\n")[2]
ROWS = {
    who: (could, shows)
    for who, could, shows in re.findall(
        r"^\| ([^|]+?) \| ([^|]+?) \| ?([^|]*?) ?\|$", TABLE.partition("\n## ")[0], re.MULTILINE
    )
    if who not in {"who", "---"}
}
Change = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Scene:
    """An open auction in which alice has bid 1.00 and bob 2.00, and who looks at it."""

    portal: InProcessPortal
    log: CheckpointedLog
    auction: Stream
    alice: UUID
    bob: UUID

    @property
    def events(self) -> list[RecordedEvent]:
        """The auction's events."""
        return history(self.portal, self.auction)

    @property
    def last(self) -> object:
        """What happened last."""
        return self.events[-1].event

    def next_tick(self) -> dict[str, Any]:
        """The row of the tick that the house is committed to, with what only the house knows."""
        rounds.commit(self.portal.pool)
        with self.portal.pool.connection() as connection:
            row = connection.execute(
                "SELECT * FROM promoter_ticks WHERE made_at IS NULL AND given_up_at IS NULL"
            ).fetchone()
        assert row
        return row

    def draw(self) -> int:
        """A tick with its draws, and its secret revealed."""
        number = rounds.tick(self.portal.pool, NOW)
        assert number
        finish(self.portal)
        return number

    def drawn_next(self, secret: bytes, value: bytes = b"") -> UUID:
        """Whose bid the next tick would hit if its cut-off were now, with that secret and that value."""
        auction = replay([item.event for item in self.events])  # type: ignore[misc]
        seed = seed_of(secret, self.events[-1].hash, self.next_tick()["number"], value)
        hit = Promoter.of(FIRST).draw(BidsInDraw(tuple(auction.bids.values()), frozenset()), seed)
        assert hit
        return hit.bid.bidder_id

    def steer(
        self, bidder: UUID, secret: bytes, value: bytes = b"", at: datetime | None = None
    ) -> None:
        """Place bids, at that moment or now, until the next draw, with these, would hit one of that bidder."""
        for amount in count(3):
            nonce = f"try-{amount}"
            bid = PlaceBid(self.auction.id, new_id(), bidder, Decimal(f"{amount}.00"), nonce)
            assert self.portal.settled(self.auction, bid, at=at).version
            if self.drawn_next(secret, value) == bidder:
                return

    def operator(self) -> list[str | None]:
        """What verify_draw finds."""
        return problems(self.portal, self.events)

    def outside(self) -> str:
        """The last line of what anybody finds with the script."""
        return from_outside(self.portal, self.auction)[-1]

    def outside_if(self, change: Change) -> str:
        """What anybody finds if the house shows chains that are changed so, with hashes that fit."""
        script = outsider(self.portal)
        with falsified(script, change):
            try:
                lines: list[str] = list(script.check(script.Portal(""), str(self.auction.id)))
            except script.Wrong as wrong:
                return str(wrong)
        return lines[-1]


@pytest.fixture
def scene(pool: Pool, log: CheckpointedLog) -> Scene:
    rounds.accept_all_draws(pool)
    rounds.reveal_secrets(pool)
    portal = InProcessPortal(pool)
    portal.give_up_open_tick()
    scene = Scene(portal, log, portal.auction(), portal.user(), portal.user())
    portal.bid(scene.auction, scene.alice, "1.00")
    portal.bid(scene.auction, scene.bob, "2.00")
    return scene


def changes_a_policy(scene: Scene) -> None:
    scene.next_tick()
    never = ChangePolicy(scene.auction.id, Decimal("0.00"), ("constant",), (), ())
    changed = scene.portal.settled(POLICIES, never).version
    scene.draw()
    assert isinstance(scene.last, BidDoubled), "the tick was committed to before the change"
    *before, last = scene.events
    lie = replace(last, event=replace(scene.last, policy_version=changed or 0))
    assert problems(scene.portal, [*before, lie]) == [f"policy 0 applied, not {changed}"]

    def by_the_changed_one(contents: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if contents[0]["type"] == "AuctionCreated":
            contents[-1]["data"]["policy_version"] = changed
        return contents

    assert f"policy 0 applied, not {changed}" in scene.outside_if(by_the_changed_one)
    scene.draw()
    assert isinstance(scene.last, NothingDrawn)
    assert scene.last.reason is NoDoubling.CHANCE


def suppresses_a_draw(scene: Scene) -> None:
    number = keep_back(scene.portal, scene.auction)
    assert scene.operator() == ["it left no event, though there was a bid to draw"]
    assert f"tick {number} left no draw" in scene.outside()


def draws_too_late(scene: Scene) -> None:
    number = rounds.tick(scene.portal.pool, NOW)
    rounds.accept_all_draws(scene.portal.pool)
    with scene.portal.pool.connection() as connection:
        connection.execute(
            "UPDATE jobs SET expires_at = accepted_at WHERE stream_id = %s AND command = 'DoubleBid'",
            (scene.auction.id,),
        )
    finish(scene.portal)
    assert isinstance(scene.last, NothingDrawn)
    assert scene.last.reason is NoDoubling.LATE
    shown = from_outside(scene.portal, scene.auction)
    assert f"tick {number}: NO DRAW (LATE)" in shown[-2]


def draws_twice_or_by_another_secret(scene: Scene) -> None:
    number = scene.draw()
    again = scene.portal.settled(scene.auction, DoubleBid(scene.auction.id, number, 0))
    assert again.rejection
    *_, drawn = scene.events
    assert isinstance(drawn.event, BidDoubled)
    bids = replay([item.event for item in scene.events]).bids  # type: ignore[misc]
    [other] = [bid for bid in bids.values() if bid.id != drawn.event.bid_id]
    second = {"bid_id": str(other.id), "bidder_id": str(other.bidder_id), "draw": 2}
    second["effective_amount"] = str(2 * other.amount)

    def twice(contents: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if contents[0]["type"] == "AuctionCreated":
            last = contents[-1]
            contents.append({**last, "version": 5, "data": last["data"] | second})
        return contents

    def other_secret(contents: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for content in contents:
            if content["type"] == "SecretRevealed":
                content["data"]["secret"] = "ab" * 32
        return contents

    assert f"tick {number} drew twice" in scene.outside_if(twice)
    assert "it was committed to another secret" in scene.outside_if(other_secret)
    lie = replace(drawn, version=5, event=replace(drawn.event, bid_id=other.id, draw=2))
    assert "the tick had drawn in this auction before" in problems(
        scene.portal, [*scene.events, lie]
    )


def steers_without_the_value(scene: Scene) -> None:
    """What is known once the round is public comes too late to be acted on."""
    accomplice, tick = scene.portal.user(), scene.next_tick()
    value = LocalBeacon().value(tick["round"])
    scene.steer(accomplice, bytes.fromhex(tick["secret"]), value)
    scene.draw()
    assert isinstance(scene.last, BidDoubled)
    assert scene.last.bidder_id != accomplice
    assert scene.last.total_weight == 2, "of before the round was public"
    assert scene.operator() == []


def steers_with_the_beacon(scene: Scene) -> None:
    accomplice, tick = scene.portal.user(), scene.next_tick()
    value, before = LocalBeacon().value(tick["round"]), timedelta(microseconds=1)
    scene.steer(accomplice, bytes.fromhex(tick["secret"]), value, tick["public_at"] - before)
    scene.draw()
    assert isinstance(scene.last, BidDoubled)
    assert scene.last.bidder_id == accomplice
    assert scene.operator() == []
    assert scene.outside().endswith("not closed yet")


def holds_a_tick_back(scene: Scene) -> None:
    short = replace(scene, auction=scene.portal.auction(seconds=2))
    scene.portal.bid(short.auction, scene.bob, "2.00")
    tick = scene.next_tick()
    scene.portal.over(short.auction)
    scene.draw()
    assert isinstance(short.last, NothingDrawn)
    assert short.last.reason is NoDoubling.LATE
    with scene.portal.pool.connection() as connection:
        [public] = connection.execute(PUBLIC, (tick["number"],)).fetchall()
    assert public["made_at"] > public["public_at"]
    given_up = scene.next_tick()
    scene.portal.give_up_open_tick()
    assert history(scene.portal, Stream("tick", given_up["stream_id"]))[-1].event == TickGivenUp()


def ticks_that(*, late: bool = False, **data: Any) -> Change:
    """The ticks' events say something else, those that name it; or the commitment comes later."""

    def change(contents: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for content in contents:
            names = content["data"].keys() & data.keys()
            content["data"] |= {name: data[name] for name in names}
            if late and content["type"] == "TickCommitted":
                public = datetime.fromisoformat(content["data"]["public_at"])
                content["recorded_at"] = (public + timedelta(microseconds=1)).isoformat()
        return contents

    return change


def names_what_is_public(scene: Scene) -> None:
    record = record_of(scene, scene.draw())
    assert "its round: " in scene.outside_if(ticks_that(late=True))
    late = replace(record, committed_at=record.cutoff + timedelta(microseconds=1))
    assert "public before the house named it" in (round_problem(late) or "")


def draws_by_another_round(scene: Scene) -> None:
    record = record_of(scene, scene.draw())
    assert "its round: " in scene.outside_if(ticks_that(round=7))
    assert round_problem(record) is None
    assert "is public at" in (round_problem(replace(record, round=7)) or "")
    assert "its value is not that" in (round_problem(replace(record, value="ab" * 32)) or "")


def record_of(scene: Scene, number: int) -> TickRecord:
    with scene.portal.pool.connection() as connection:
        found = record_of_tick(connection, number)
    assert found
    return found


def dates_a_bid_back(scene: Scene) -> None:
    portal, auction = scene.portal, scene.portal.auction(seconds=0.2)
    ends_at = portal.over(auction)
    late = portal.bid(auction, scene.bob, "9.00", at=ends_at - SHORTLY)
    assert portal.settled(auction, AnnounceWinner(auction.id)).version == 3
    _, placed, won = history(portal, auction)
    assert won.event.bid_id == late  # type: ignore[union-attr]
    assert placed.accepted_at
    assert placed.accepted_at < ends_at <= placed.recorded_at
    assert "won and pays 9.00" in from_outside(portal, auction)[-1]


def changes_or_removes_events(scene: Scene) -> None:
    kept, id = scene.log.make(), scene.auction.id
    assert scene.next_tick()["secret"]
    with tampering(scene.portal) as connection:
        connection.execute(
            "UPDATE events SET data = jsonb_set(data, '{amount}', '\"1.50\"') "
            "WHERE stream_id = %s AND version = 2",
            (id,),
        )
    assert "the chain breaks after 1" in scene.outside()
    with tampering(scene.portal) as connection:
        chain_anew(connection, id)
    assert scene.outside().endswith("not closed yet"), "it is chained anew, and by the rules"
    with scene.portal.pool.connection() as connection:
        found = log_problems(connection, kept.signed)
    assert any("the kept checkpoint" in each for each in found)
    with tampering(scene.portal) as connection:
        connection.execute("DELETE FROM events WHERE stream_id = %s AND version = 2", (id,))
    assert "the chain breaks after 1" in scene.outside()
    forget(scene.portal, scene.auction)


def guesses(scene: Scene) -> None:
    tick = scene.next_tick()
    with scene.portal.pool.connection() as connection:
        [public] = connection.execute(PUBLIC, (tick["number"],)).fetchall()
    assert public["secret"] is None
    guess = bytes.fromhex(public["commitment"])
    value, cutoff = LocalBeacon().value(tick["round"]), tick["public_at"]
    scene.steer(scene.bob, guess, value, cutoff - timedelta(microseconds=1))
    before = scene.events[-1].hash
    scene.draw()
    secrets = guess, bytes.fromhex(tick["secret"])
    known = [seed_of(key, before, tick["number"], value) for key in secrets]
    assert known[0] != known[1], "what it was steered by is not what was drawn by"
    assert scene.operator() == []


def delete_after_the_cut_off(scene: Scene, *who: UUID) -> None:
    number = rounds.tick(scene.portal.pool, NOW)
    for item in scene.events:
        if isinstance(item.event, BidPlaced) and item.event.bidder_id in who:
            scene.portal.delete(scene.auction, item.event.bidder_id, item.event.bid_id)
    finish(scene.portal)
    assert isinstance(scene.last, NothingDrawn)
    assert scene.last.reason is NoDoubling.GONE
    assert scene.operator() == []
    shown = from_outside(scene.portal, scene.auction)
    assert f"tick {number}: fairly doubled nothing (GONE)" in shown[-2]


def deletes_what_is_drawn(scene: Scene) -> None:
    alone = replace(scene, auction=scene.portal.auction())
    scene.portal.bid(alone.auction, scene.bob, "2.00")
    delete_after_the_cut_off(alone, scene.bob)


def delete_together(scene: Scene) -> None:
    delete_after_the_cut_off(scene, scene.alice, scene.bob)


PLAYERS: dict[str, Callable[[Scene], None]] = {
    "the house, by changing a policy": changes_a_policy,
    "the house, by suppressing a draw": suppresses_a_draw,
    "the house, by letting a draw come too late": draws_too_late,
    "the house, by drawing twice, or by another secret": draws_twice_or_by_another_secret,
    "the house together with a bidder": steers_without_the_value,
    "the house, by holding a tick back once it knows the value": holds_a_tick_back,
    "the house together with the beacon": steers_with_the_beacon,
    "the house, by naming a round that is public already": names_what_is_public,
    "the house, by another value or another round": draws_by_another_round,
    "the house, by dating back a bid before it closes the auction": dates_a_bid_back,
    "a database administrator": changes_or_removes_events,
    "a bidder": guesses,
    "the beacon alone, or with a bidder": guesses,
    "a bidder, by deleting a bid after the cut-off": deletes_what_is_drawn,
    "several bidders": delete_together,
}


@pytest.mark.parametrize("who", PLAYERS)
def test_what_the_table_says_shows(scene: Scene, who: str) -> None:
    PLAYERS[who](scene)


def test_each_row_of_the_table_is_played() -> None:
    assert set(ROWS) == set(PLAYERS)
    assert [who for who, (_, shows) in ROWS.items() if "**nothing shows it**" in shows] == [
        "the house together with the beacon"
    ]
