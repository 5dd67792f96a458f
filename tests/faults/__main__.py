"""`python -m tests.faults --rounds N --seed S`: the portal under faults."""

import argparse
import asyncio
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.check import unfinished, until_all_ended, violations
from tests.faults.clients import (
    PASSWORD,
    UNHURRIED,
    Ledger,
    Party,
    Person,
    answer,
    bid,
    bid_and_leave,
    create_auction,
    sign_up,
    watch_events,
    watch_states,
)
from tests.faults.faults import inflict, plan
from tests.faults.house import intervene
from tests.faults.processes import ROOT, FellOver, Processes, running_processes
from tests.faults.scenes import SCENES

SECONDS = 5.0
BIDDERS = 4
FAULTS = (3, 6)
# A round that takes longer to converge breaks the promise that it does so by itself, in bounded time.
BOUND = 45.0
# When an auction starts and how long it lasts, in seconds.
LOTS = ((0.0, 3.0), (0.5, 4.0), (1.0, 4.5), (0.0, 5.5))
AUCTIONEER = "carol"
OUTSIDER = ROOT / "docs/verify_auction.py"
KINDS = "SELECT type, count(*) FROM events WHERE stream_kind IN ('auction', 'user') GROUP BY 1 ORDER BY 2 DESC"


@dataclass(slots=True)
class Figures:
    """The results of all rounds."""

    counts: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    converged: list[float] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    # The last auctions by their rules.
    auctions: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Watchers:
    """Tasks that subscribe to the round's auctions: to every event, until the last; or to the state."""

    followers: list[asyncio.Task[None]] = field(default_factory=list)
    others: list[asyncio.Task[None]] = field(default_factory=list)


async def main(options: argparse.Namespace) -> int:
    """Play the rounds; 1 on any violation."""
    figures = Figures()
    print(f"seed {options.seed}", flush=True)
    data = Path(options.keep or tempfile.mkdtemp(prefix="portal-faults-"))
    began = time.monotonic()
    async with running_processes(data, compact=options.compact) as running:
        party = await _gather(running)
        print(f"open after {time.monotonic() - began:.0f} s; logs in {data}/logs", flush=True)
        for name in _chosen(options):
            await _round(name, options, running, party, figures)
            if figures.violations and not options.go_on:
                break
        kinds = {row["type"]: row["count"] for row in running.sql(KINDS)}
        found = await running.manage("verify_events")
        wrong = [f"verify_events: {finding['what']}" for finding in found["findings"]]
        wrong += await asyncio.to_thread(_from_outside, running, figures)
        for violation in wrong:
            print(f"  VIOLATION (SEED={options.seed}): {violation}", flush=True)
        figures.violations += wrong
        await party.close()
    _report(figures, kinds, time.monotonic() - began)
    if not figures.violations and not options.keep:
        shutil.rmtree(data)
    return 1 if figures.violations else 0


def _from_outside(running: Processes, figures: Figures) -> list[str]:
    """What outsiders find in one auction of each kind."""
    wrong = []
    for rules, auction in figures.auctions.items():
        command = (sys.executable, "-I", "-S", str(OUTSIDER), running.webs.urls[0], auction)
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            wrong.append(f"from outside, of {auction} with {rules}: {done.stderr.strip()}")
    return wrong


async def _gather(running: Processes) -> Party:
    """The auctioneer and the bidders, before anything breaks."""
    ledger, rng = Ledger(), random.Random(0)
    await running.manage("create_user", AUCTIONEER, "--staff", stdin=f"{PASSWORD}\n")
    auctioneer = Person(running.webs, ledger, rng, UNHURRIED)
    await auctioneer.sign_in(AUCTIONEER)
    signing_up = (sign_up(running.webs, ledger, rng, UNHURRIED) for _ in range(BIDDERS))
    party = Party(auctioneer, list(await asyncio.gather(*signing_up)))
    for person in (party.auctioneer, *party.bidders):
        await person.hurry()
    return party


def _chosen(options: argparse.Namespace) -> list[str]:
    """The names of the scenes and the numbers of the rounds to run."""
    if options.round:
        return list(options.round)
    return [*SCENES, *(str(number) for number in range(1, options.rounds + 1))]


async def _round(
    name: str, options: argparse.Namespace, running: Processes, party: Party, figures: Figures
) -> None:
    rng = random.Random(f"{options.seed}:{name}")
    scene = SCENES.get(name)
    faults = (
        []
        if scene
        else plan(rng, [actor.name for actor in running.processes], SECONDS, rng.randint(*FAULTS))
    )
    ledger = Ledger()
    party.begin(ledger, rng)
    print(f"round {name}" + ": " * bool(faults) + "; ".join(map(str, faults)), flush=True)
    # The load uses `rng` in an order that depends on its answers, so the faults need a generator of their own.
    chance = random.Random(f"{options.seed}:{name}:chance")
    acts = [inflict(fault, running, chance) for fault in faults]
    acts += [scene(running, party, chance)] if scene else []
    watchers = await _play(running, party, ledger, acts, rng)
    mended = time.monotonic()
    left = await _converge(running, mended + options.bound)
    left += await _end(watchers, mended + options.bound)
    took = time.monotonic() - mended
    running.revive()
    found = [f"fell over: {name}" for name in running.fallen()]
    found += [f"not converged after {options.bound:.0f} s: {what}" for what in left]
    if left:
        found += ledger.faults
    else:
        found += await violations(running, ledger, party.auctioneer)
    figures.kinds.update([name] if scene else [fault.kind for fault in faults])
    _count(figures, ledger, took)
    for violation in found:
        print(f"  VIOLATION (SEED={options.seed} ROUND={name!r}): {violation}", flush=True)
    figures.violations += found
    print(f"  {len(ledger.entries)} jobs, converged in {took:.1f} s", flush=True)


async def _play(
    running: Processes,
    party: Party,
    ledger: Ledger,
    acts: Sequence[Coroutine[Any, Any, None]],
    rng: random.Random,
) -> Watchers:
    """Run the load and the faults; returns when both are over. The watchers go on."""
    loop = asyncio.get_running_loop()
    until, acting = loop.time() + SECONDS, len(acts)
    watchers = Watchers()

    def over() -> bool:
        return loop.time() > until and not acting

    async def play(act: Coroutine[Any, Any, None]) -> None:
        nonlocal acting
        await act
        acting -= 1

    async def open_and_watch(starts_in: float, lasts: float) -> None:
        if auction := await create_auction(party.auctioneer, starts_in, lasts):
            one, other = rng.sample(party.bidders, 2)
            watchers.followers.append(asyncio.create_task(watch_events(one, auction)))
            watchers.others.append(asyncio.create_task(watch_states(other, auction)))
            tasks.create_task(intervene(party, auction, rng))
            for bidder in party.bidders if "secondChance" in auction.rules else ():
                tasks.create_task(answer(bidder, auction))

    async def open_auctions() -> None:
        for starts_in, lasts in LOTS:
            await open_and_watch(starts_in, lasts)
        while not over():
            await asyncio.sleep(1)
            if loop.time() > until:
                await open_and_watch(0, 2.5)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(open_auctions())
        for bidder in party.bidders:
            tasks.create_task(bid(bidder, over))
        tasks.create_task(
            bid_and_leave(running.webs, ledger, rng, lambda: loop.time() > until - 1.5)
        )
        for act in acts:
            tasks.create_task(play(act))
    return watchers


async def _end(watchers: Watchers, deadline: float) -> list[str]:
    """Wait for the watchers of events, which stop after the last one, and end all; who still waits then."""
    late: set[asyncio.Task[None]] = set()
    if watchers.followers:
        _, late = await asyncio.wait(watchers.followers, timeout=deadline - time.monotonic())
    for watcher in [*watchers.followers, *watchers.others]:
        watcher.cancel()
    return [f"{len(late)} subscribers wait for events"] * bool(late)


async def _converge(running: Processes, deadline: float) -> list[str]:
    """Wait until all auctions have ended and nothing is left to do; what is left at the deadline."""
    while True:
        # Bids may have moved the ends, and others may wait that will.
        while wait := await asyncio.to_thread(until_all_ended, running):
            await asyncio.sleep(wait)
        left = await asyncio.to_thread(unfinished, running)
        if not left and not await asyncio.to_thread(until_all_ended, running):
            return []
        running.revive()
        if time.monotonic() > deadline:
            return left
        await asyncio.sleep(0.1)


def _count(figures: Figures, ledger: Ledger, took: float) -> None:
    figures.converged.append(took)
    figures.counts["accepted"] += sum(entry.answered for entry in ledger.entries)
    for entry in ledger.entries:
        figures.counts[(entry.job or {}).get("status", "none")] += 1
        figures.counts["retried"] += entry.tries > 1
    figures.counts["auctions"] += len(ledger.auctions)
    figures.auctions |= {json.dumps(each.rules): each.id for each in ledger.auctions.values()}
    figures.counts["resumed"] += ledger.resumed
    figures.counts.update(f"no answer: {why}" for why in ledger.no_answers.elements())


def _report(figures: Figures, kinds: Mapping[str, int], took: float) -> None:
    counts = figures.counts
    lost = sum(v.startswith("lost") for v in figures.violations)
    doubled = sum(v.startswith("doubled") for v in figures.violations)
    print(
        f"\n{len(figures.converged)} rounds in {took:.0f} s, {sum(kinds.values())} events in all: "
        f"{json.dumps(dict(kinds))[1:-1]}\n"
        f"jobs accepted {counts['accepted']}, succeeded {counts['SUCCEEDED']}, "
        f"rejected {counts['REJECTED']}, failed {counts['FAILED']}, retried {counts['retried']}, "
        f"lost {lost}, doubled {doubled}\n"
        f"auctions {counts['auctions']}, subscriptions resumed {counts['resumed']}\n"
        f"faults {figures.kinds.total()}: {json.dumps(dict(figures.kinds.most_common()))[1:-1]}\n"
        f"no answers: { {k: v for k, v in counts.items() if k.startswith('no answer')} }\n"
        f"converged in {statistics.median(figures.converged):.1f} s (median), "
        f"{max(figures.converged):.1f} s (at most)\n"
        f"violations {len(figures.violations)}"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--round", nargs="+", help="only these, by their numbers or scenes' names")
    parser.add_argument("--seed", default=f"{random.randrange(10**6)}")
    parser.add_argument("--compact", action="store_true", help="each worker serves all queues")
    parser.add_argument("--bound", type=float, default=BOUND, help="seconds to converge in")
    parser.add_argument("--keep", metavar="DIR", help="where data and logs are kept")
    parser.add_argument("--go-on", action="store_true", help="after a violation, too")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main(_options())))
    except FellOver as fault:
        sys.exit(str(fault))
