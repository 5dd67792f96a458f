"""The promoter's ticks in the demo, and their secrets once they are revealed."""

import asyncio

from portal.laptop.demo.client import PortalClient
from portal.laptop.demo.state import ANNOUNCED_WITHIN, Demo

# Seconds before the first tick, and between the first and the second.
TICKS_AFTER = (7.0, 5.0)
POLL = 0.1

TICK = "query ($number: Int) { tick(number: $number) { number commitment secret } }"


async def run_ticks(demo: Demo) -> None:
    """Run the promoter after each pause, and check that the tick is the one committed to."""
    for pause in TICKS_AFTER:
        await asyncio.sleep(pause)
        committed = (await demo.people["alice"].execute(TICK))["tick"]
        line = f"tick {committed['number']} is committed to {committed['commitment'][:16]}…"
        demo.screen.say("luck", f"promoter: {line}")
        tick = await demo.portal.manage("run_promoter", "--once")
        if tick["tick"] is None:
            demo.screen.say("luck", "promoter: no open auction has a bid to double")
            continue
        demo.expect("the tick that was committed to", committed["number"], tick["tick"])
        demo.screen.say("luck", f"promoter: tick {tick['tick']}, {len(tick['draws'])} draws")


async def secrets_of(demo: Demo) -> dict[int, str]:
    """The secrets of the ticks that made draws, by number, once they are revealed."""
    client = PortalClient(demo.portal.url)
    revealed: dict[int, str] = {}
    try:
        async with asyncio.timeout(ANNOUNCED_WITHIN):
            for number in sorted({draw.tick for draw in demo.draws}):
                # There is no subscription to ticks.
                while not (secret := await _secret(client, number)):  # noqa: ASYNC110
                    await asyncio.sleep(POLL)
                revealed[number] = secret
    except TimeoutError:
        demo.unexpected.append("a tick's secret is not revealed")
    finally:
        await client.close()
    return revealed


async def _secret(client: PortalClient, number: int) -> str | None:
    tick = (await client.execute(TICK, number=number))["tick"]
    secret: str | None = tick["secret"]
    return secret
