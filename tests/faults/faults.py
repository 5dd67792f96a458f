"""What can go wrong, and a plan of it drawn from a seed."""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tests.faults.processes import SERVERS, Actor, Processes
from tests.faults.wire import Wire


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that happens `at` seconds after the round began and lasts for a while."""

    kind: str
    target: str
    at: float
    lasts: float

    def __str__(self) -> str:
        return f"{self.at:.1f} s {self.kind} {self.target} for {self.lasts:.1f} s"


# Each kind with how often it is drawn.
KINDS = {
    "kill": 6,  # SIGKILL of a process with its children, or of a server; then started again.
    "kill part": 2,  # SIGKILL of one child: a worker's pool process, a server's backend.
    "freeze": 3,  # SIGSTOP, then SIGCONT.
    "terminate": 2,  # SIGTERM, then started again.
    "cut": 3,  # One process's way to a server breaks and stays broken.
    "hold": 3,  # ... or nothing comes through, while it seems to be there.
    "away": 2,  # Everybody's way to a server breaks.
    "door": 1,  # The clients' way to a web breaks.
}


def plan(rng: random.Random, processes: Sequence[str], seconds: float, faults: int) -> list[Fault]:
    """That many faults within the time; no two of them are about the same thing."""
    drawn: dict[str, Fault] = {}
    while len(drawn) < faults:
        kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
        target = _target(kind, processes, rng)
        at = rng.uniform(0.2, seconds * 0.7)
        lasts = rng.uniform(0.3, seconds - at)
        drawn.setdefault(target.partition("-")[0], Fault(kind, target, at, lasts))
    return sorted(drawn.values(), key=lambda fault: fault.at)


def _target(kind: str, processes: Sequence[str], rng: random.Random) -> str:
    match kind:
        case "kill" | "freeze":
            # Servers as often as the processes around them.
            return rng.choice(processes if rng.random() < 0.6 else SERVERS)
        case "kill part":
            with_parts = [name for name in processes if not name.startswith(("web", "beat"))]
            return rng.choice([*with_parts, "postgres"])
        case "terminate":
            return rng.choice(processes)
        case "cut" | "hold":
            return f"{rng.choice(processes)}-{rng.choice(SERVERS)}"
        case "away":
            return rng.choice(SERVERS)
        case _:
            return f"clients-web{rng.choice((1, 2))}"


async def inflict(fault: Fault, processes: Processes, rng: random.Random) -> None:
    """Let it happen, wait, and let it be over."""
    await asyncio.sleep(fault.at)
    match fault.kind:
        case "kill":
            await _down(processes, fault, processes.actors[fault.target].kill)
        case "terminate":
            await _down(processes, fault, processes.actors[fault.target].terminate)
        case "kill part":
            await _kill_part(processes.actors[fault.target], rng)
            if fault.target in SERVERS:
                await processes.answering(fault.target)
        case "freeze":
            await _freeze(processes.actors[fault.target], fault.lasts)
        case "cut" | "hold":
            process, _, server = fault.target.partition("-")
            wire = processes.actors[process].wires[server]
            await _break([wire], fault.lasts, hold=fault.kind == "hold")
        case "away":
            wires = [actor.wires[fault.target] for actor in processes.processes]
            await _break(wires, fault.lasts, hold=rng.random() < 0.5)
        case "door":
            wires = [wire for wire in processes.client_wires if wire.name == fault.target]
            await _break(wires, fault.lasts, hold=rng.random() < 0.5)
        case kind:
            raise AssertionError(f"no such kind of fault: {kind}")


async def _down(processes: Processes, fault: Fault, end: Callable[[], Awaitable[object]]) -> None:
    await end()
    await asyncio.sleep(fault.lasts)
    processes.actors[fault.target].start()
    if fault.target in SERVERS:
        await processes.answering(fault.target)


async def _kill_part(actor: Actor, rng: random.Random) -> None:
    parts = actor.family()[1:]
    if parts:
        actor.hurt = True
        actor.send(signal.SIGKILL, [rng.choice(parts)])


async def _freeze(actor: Actor, seconds: float) -> None:
    family = actor.family()
    actor.send(signal.SIGSTOP, family)
    try:
        await asyncio.sleep(seconds)
    finally:
        actor.send(signal.SIGCONT, family)


async def _break(wires: list[Wire], seconds: float, *, hold: bool) -> None:
    for wire in wires:
        if hold:
            wire.hold()
        else:
            wire.cut()
    try:
        await asyncio.sleep(seconds)
    finally:
        for wire in wires:
            wire.mend()
