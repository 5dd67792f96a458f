"""The promoter's ticks in the demo, and their secrets once they are revealed."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from portal.env import SERVERS_FILE
from portal.laptop.demo.client import PortalClient
from portal.laptop.demo.state import ANNOUNCED_WITHIN, Demo

# Seconds before the first tick, and between the first and the second.
TICKS_AFTER = (7.0, 5.0)
POLL = 0.1

TICK = """query ($number: Int) { tick(number: $number) {
  number commitment secret beaconRound { beacon number value } } }"""
SCHEDULE = "UPDATE django_celery_beat_periodictask SET enabled = %s WHERE name = 'Promoter'"


@dataclass(frozen=True, slots=True)
class Revealed:
    """A tick whose secret is public, with its round of the beacon."""

    secret: str
    beacon: str
    round: str
    value: str


@contextmanager
def ticks_on_request(data: Path) -> Iterator[None]:
    """Ticks come when the demo asks for one: the first by the schedule would be due after a minute."""
    url = json.loads((data / SERVERS_FILE).read_text())["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SCHEDULE, (False,))
        try:
            yield
        finally:
            connection.execute(SCHEDULE, (True,))


async def run_ticks(demo: Demo) -> None:
    """Run the promoter after each pause, and say by which commitment and round the tick is drawn."""
    for pause in TICKS_AFTER:
        await asyncio.sleep(pause)
        made = await demo.portal.manage("run_promoter", "--once")
        if made["tick"] is None:
            demo.screen.say("luck", "promoter: no open auction has a bid to double")
            continue
        tick = await _tick(demo.people["alice"], made["tick"])
        named = tick["beaconRound"]
        line = f"tick {tick['number']}, committed to {tick['commitment'][:16]}… and to round"
        demo.screen.say("luck", f"promoter: {line} {named['number']} of a {named['beacon']}")
        demo.screen.say("luck", f"promoter: tick {tick['number']}, {len(made['draws'])} draws")


async def secrets_of(demo: Demo) -> dict[int, Revealed]:
    """The ticks that made draws, by number, once their secrets are revealed."""
    client = PortalClient(demo.portal.url)
    revealed: dict[int, Revealed] = {}
    try:
        async with asyncio.timeout(ANNOUNCED_WITHIN):
            for number in sorted({draw.tick for draw in demo.draws}):
                # There is no subscription to ticks.
                while not (tick := await _tick(client, number))["secret"]:  # noqa: ASYNC110
                    await asyncio.sleep(POLL)
                named = tick["beaconRound"]
                revealed[number] = Revealed(
                    tick["secret"], named["beacon"], named["number"], named["value"]
                )
    except TimeoutError:
        demo.unexpected.append("a tick's secret is not revealed")
    finally:
        await client.close()
    return revealed


async def _tick(client: PortalClient, number: int) -> dict[str, Any]:
    tick: dict[str, Any] = (await client.execute(TICK, number=number))["tick"]
    return tick
