"""The portal's processes: killed ones are started again, and a killed portal leaves none behind."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import httpx
import psutil
import pytest

from portal.laptop.child import launcher
from portal.laptop.demo.client import PLACE_BID, PortalClient
from tests.conftest import Join, RunningPortal, ready_url, wait_until
from tests.e2e.acting import auction, create_auction
from tests.servers import ROOT, as_the_portal, world

URLS = (
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "REDIS_URL",
    "MONGODB_URL",
    "PORTAL_NAMESPACE",
    "PORTAL_DATA",
)
SERVERS = {"postgres": "postgres", "valkey-server": "redis", "mongod": "mongodb"}


def processes(portal: RunningPortal, words: str) -> list[psutil.Process]:
    """Those of a portal's descendants whose command line holds these words."""
    found = []
    for process in psutil.Process(portal.process.pid).children(recursive=True):
        try:
            if words in " ".join(process.cmdline()):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def ended(process: psutil.Process) -> bool:
    """Whether it has ended; a zombie has, too."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


async def test_killed_workers_come_back_and_no_accepted_bid_is_lost(
    portal: RunningPortal, join: Join, carol: PortalClient
) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol)
    jobs = []
    for amount in range(1, 31):
        jobs.append(await alice.submit(PLACE_BID, auctionId=auction_id, amount=f"{amount}.00"))
        if amount in {10, 20}:
            for worker in processes(portal, "--queues bids"):
                worker.kill()
    settled = [await alice.settled(job["id"]) for job in jobs]
    wait_until(lambda: processes(portal, "--queues bids"))
    while "QUEUED" in [job["status"] for job in settled]:
        settled = [await alice.settled(job["id"]) for job in jobs]
    assert [job["result"]["version"] for job in settled] == list(range(2, 32))
    seen = await auction(alice, auction_id, at_least=31)
    assert (seen["bidCount"], seen["leadingBid"]["amount"]) == (30, "30.00")


async def test_beside_its_workers_the_web_process_comes_back_too(
    portal: RunningPortal, carol: PortalClient
) -> None:
    for web in processes(portal, "portal.web.serve"):
        web.kill()

    def answers() -> bool:
        try:
            return httpx.get(f"{portal.url}/healthz", timeout=1).text == "ok"
        except httpx.HTTPError:
            return False

    wait_until(answers)
    await create_auction(carol)


@contextmanager
def starting(data: Path, *words: str) -> Iterator[RunningPortal]:
    """A portal with servers of its own that is just being started; ended with the block."""
    log = data.with_suffix(".log")
    environment = {name: value for name, value in os.environ.items() if name not in URLS}
    command = [sys.executable, str(ROOT / "manage.py"), "up", "--port", "0", "--data", str(data)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, *words], stdout=output, stderr=subprocess.STDOUT, env=environment
        )
    try:
        yield RunningPortal("", data, log, process, environment)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)


@contextmanager
def up(data: Path, *words: str) -> Iterator[RunningPortal]:
    """A portal with servers of its own, ended with the block if it still runs."""
    with starting(data, *words) as portal:
        yield replace(portal, url=ready_url(portal.process, portal.log))


def family(portal: RunningPortal) -> list[psutil.Process]:
    """Every process that the portal started."""
    return psutil.Process(portal.process.pid).children(recursive=True)


def named(portal: RunningPortal, name: str) -> psutil.Process:
    """The server of that name; others, short-lived ones, come and go meanwhile."""
    for process in family(portal):
        with suppress(psutil.NoSuchProcess):
            if process.name() == name:
                return process
    raise AssertionError(f"no {name} runs")


def listens_at(process: psutil.Process) -> set[str]:
    """The folders of a server's sockets, and its TCP ports."""
    return {
        str(Path(str(each.laddr)).parent) if each.family is socket.AF_UNIX else str(each.laddr)
        for each in process.net_connections("all")
        if each.laddr and (each.family is socket.AF_UNIX or each.status == psutil.CONN_LISTEN)
    }


def titles(portal: RunningPortal) -> set[str]:
    """The titles of the auctions that are open."""
    query = {"query": "{ auctions { edges { node { title } } } }"}
    answer = httpx.post(f"{portal.url}/graphql", json=query).json()
    return {edge["node"]["title"] for edge in answer["data"]["auctions"]["edges"]}


def test_data_outlives_ctrl_c_and_kill_and_a_fresh_start_is_empty(tmp_path: Path) -> None:
    # A folder that others may not even look into, as root's own are.
    home = tmp_path / "private"
    home.mkdir(mode=0o700)
    data = home / "data"
    with up(data) as portal:
        made = portal.manage("create_auction", "Kept", "--ends-at", "+1h")
        assert made.returncode == 0, made.stderr
        wait_until(lambda: titles(portal) == {"Kept"})
        second = portal.manage("up", "--port", "0")
        assert (second.returncode, "another portal runs on" in second.stderr) == (1, True)
        descendants = family(portal)
        portal.process.send_signal(signal.SIGINT)
        assert portal.process.wait(timeout=60) == 0
        wait_until(lambda: all(map(ended, descendants)))
        assert "Traceback" not in portal.logged()
    with up(data) as portal:
        assert titles(portal) == {"Kept"}
        descendants, sockets = family(portal), (data / "sockets").resolve()
        for name in SERVERS:
            assert listens_at(named(portal, name)) == {str(sockets)}, "nothing that others share"
        portal.process.kill()
        wait_until(lambda: all(map(ended, descendants)))
    with up(data, "--fresh") as portal:
        assert titles(portal) == set()
        assert not sockets.exists(), "nothing is left of the one that was killed"
        for name in SERVERS:
            server = named(portal, name)
            server.kill()
            wait_until(partial(ended, server))
        wait_until(lambda: portal.manage("status").returncode == 0)
        made = portal.manage("create_auction", "After", "--ends-at", "+1h")
        assert made.returncode == 0, made.stderr
        wait_until(lambda: titles(portal) == {"After"})


def living(data: Path) -> list[str]:
    """The command lines of all processes that serve that data folder, whoever's children they are."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if not ended(process) and process.environ().get("PORTAL_DATA") == str(data):
                found.append(" ".join(process.cmdline()))
    return found


@pytest.mark.parametrize("moment", range(8))
def test_whenever_it_is_killed_nothing_of_it_lives_on(tmp_path: Path, moment: int) -> None:
    # On the tests' own servers, so that it comes to its workers soon.
    with world(f"killed_{os.getpid()}") as whereabouts:
        environment = {**os.environ, **as_the_portal(whereabouts), "PORTAL_DATA": str(tmp_path)}
        command = [sys.executable, str(ROOT / "manage.py"), "up", "--port", "0"]
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        # From its start until its workers have children: a few seconds.
        time.sleep(random.Random(moment).uniform(0, 8))
        process.kill()
        process.wait()
        wait_until(lambda: not living(tmp_path), 5, "the end of what it had started")


def test_what_is_started_by_a_parent_just_gone_ends_at_once() -> None:
    words = launcher(signal.SIGKILL)
    here = subprocess.run([*words, "echo", "here"], capture_output=True, text=True, check=False)
    assert here.stdout == "here\n"
    orphaned = [*words[:-1], "1", "echo", "here"]
    done = subprocess.run(orphaned, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")


BORN_LATE = """
import os, signal, time
from billiard.context import Process
from portal.celery import end_without_a_worker

def child(worker):
    while os.getppid() == worker:
        time.sleep(0.01)
    end_without_a_worker()
    print("lives on", flush=True)

Process(target=child, args=[os.getpid()]).start()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_pools_process_whose_worker_is_gone_ends() -> None:
    # It holds the other end of the pipe, so that this waits for it, too.
    done = subprocess.run(
        [sys.executable, "-c", BORN_LATE], cwd=ROOT, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, b""), done.stderr


def test_a_server_killed_while_it_starts_is_started_again(tmp_path: Path) -> None:
    killed: dict[str, int] = {}

    def kill_each_once(portal: RunningPortal) -> bool:
        assert portal.process.poll() is None, portal.logged()
        for process in psutil.Process(portal.process.pid).children():
            with suppress(psutil.NoSuchProcess):
                words = process.cmdline()
                if "migrate" in words and "migrating" not in killed:
                    os.kill(killed["postgres"], signal.SIGKILL)
                    killed["migrating"] = killed["postgres"]
                elif process.name() in SERVERS and "--version" not in words:
                    if process.name() in killed:
                        killed[process.name()] = process.pid
                        continue
                    process.kill()
                    killed[process.name()] = process.pid
        return "Portal ready" in portal.logged()

    with starting(tmp_path / "data") as portal:
        wait_until(lambda: kill_each_once(portal), 120, "a start although servers were killed")
        assert set(killed) == {*SERVERS, "migrating"}
        assert portal.manage("status").returncode == 0


def test_readiness_and_status_name_the_server_that_hangs(tmp_path: Path) -> None:
    def ready() -> tuple[int, list[str]]:
        answer = httpx.get(f"{portal.url}/readyz", timeout=30)
        return answer.status_code, list(answer.json()["missing"])

    with up(tmp_path / "data") as portal:
        wait_until(lambda: ready() == (200, []))
        for name, server in SERVERS.items():
            process = named(portal, name)
            process.suspend()
            assert ready() == (503, [server])
            assert httpx.get(f"{portal.url}/healthz", timeout=30).text == "ok"
            if server == "mongodb":
                status = portal.manage("status")
                assert (status.returncode, "away: mongodb" in status.stderr) == (5, True)
            process.resume()
            wait_until(lambda: ready() == (200, []))


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        taken.listen()
        nowhere = RunningPortal("", tmp_path, tmp_path, None)  # type: ignore[arg-type]  # no process
        done = nowhere.manage("up", "--port", str(port))
    assert done.returncode == 1
    assert "in use" in done.stderr


@pytest.mark.parametrize("command", ["status", "verify_events"])
def test_without_a_portal_commands_say_what_to_do(tmp_path: Path, command: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in URLS}
    nowhere = RunningPortal("", tmp_path, tmp_path, None, environment)  # type: ignore[arg-type]  # no process
    done = nowhere.manage(command)
    assert done.returncode == 5
    assert "manage.py up" in done.stderr


def test_up_starts_what_the_cores_can_use_and_says_so(tmp_path: Path) -> None:
    with up(tmp_path, "--cores", "8") as portal:
        said = "Starts 2 web, workers (house 1, bids 2, projections 2, notices 1, mails 1, upkeep 1) and beat."
        assert said in portal.logged()
        webs = processes(portal, "portal.web.serve")
        # Whichever answers, it serves the same portal.
        assert len(webs) == 2
        webs[0].kill()
        wait_until(lambda: httpx.get(f"{portal.url}/healthz", timeout=5).text == "ok")


@contextmanager
def several_webs(portal: RunningPortal) -> Iterator[tuple[str, psutil.Process]]:
    """`serve --processes 2` beside a portal: its URL, and the process that looks after the two."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        fd, port = listening.fileno(), listening.getsockname()[1]
        command = [sys.executable, "-m", "portal.web.serve", "--fd", str(fd), "--processes", "2"]
        started = subprocess.Popen(command, env=portal.environment, pass_fds=[fd], cwd=ROOT)
    parent = psutil.Process(started.pid)
    try:
        wait_until(lambda: len(parent.children()) == 2)
        yield f"http://127.0.0.1:{port}", parent
    finally:
        with suppress(psutil.NoSuchProcess):
            parent.terminate()
        started.wait(timeout=30)


def test_several_web_processes_serve_one_socket_and_are_replaced(portal: RunningPortal) -> None:
    with several_webs(portal) as (url, parent):
        assert httpx.get(f"{url}/healthz", timeout=60).text == "ok"
        first, second = parent.children()
        first.kill()
        wait_until(lambda: len({*parent.children()} - {first, second}) == 1)
        assert httpx.get(f"{url}/healthz", timeout=60).text == "ok"


def test_web_processes_end_with_the_one_that_started_them(portal: RunningPortal) -> None:
    with several_webs(portal) as (url, parent):
        assert httpx.get(f"{url}/healthz", timeout=60).text == "ok"
        children = parent.children()
        parent.kill()
        wait_until(lambda: all(ended(child) for child in children))


def test_several_web_processes_stop_at_sigterm(portal: RunningPortal) -> None:
    with several_webs(portal) as (url, parent):
        assert httpx.get(f"{url}/healthz", timeout=60).text == "ok"
        children = parent.children()
        parent.terminate()
        wait_until(lambda: all(ended(child) for child in children))
