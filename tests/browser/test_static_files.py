"""The pages with their files as they are in a clone, and collected under names with hashes."""

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, Response, Route, expect

from tests.browser.people import live
from tests.browser.windows import Windows
from tests.conftest import PASSWORD, RunningPortal
from tests.servers import ROOT

HASH = re.compile(r"\.[0-9a-f]{12}(?=\.\w+$)")
# Bytes that came over the network for each file; none for one that was in the cache.
TRANSFERRED = """() => performance.getEntriesByType("resource")
    .filter((each) => each.name.includes("/static/"))
    .map((each) => [each.name, each.transferSize, each.encodedBodySize, each.decodedBodySize])"""


@pytest.fixture(params=["clone", "collected"])
def url(request: pytest.FixtureRequest) -> str:
    """Where the pages come from."""
    name = "portal" if request.param == "clone" else "collected"
    served: RunningPortal = request.getfixturevalue(name)
    return served.url


def transferred(page: Page) -> dict[str, tuple[int, int, int]]:
    """By file: bytes transferred, bytes of its content as sent, and as used."""
    return {name: tuple(sizes) for name, *sizes in page.evaluate(TRANSFERRED)}


def test_the_page_comes_compressed_and_each_file_once(windows: Windows, url: str) -> None:
    page = windows.open("/", url=url)
    live(page)
    files = transferred(page)
    assert any("main" in name for name in files)
    large = [sizes for sizes in files.values() if sizes[2] > 2000]
    assert large
    for _, sent, used in large:
        assert sent * 1.5 < used
    assert len(files) == len({HASH.sub("", name) for name in files})


def test_a_page_seen_before_asks_for_no_collected_file(
    windows: Windows, collected: RunningPortal
) -> None:
    page = windows.open("/", url=collected.url)
    live(page)
    page.goto("/how-it-works")
    page.goto("/")
    live(page)
    files = transferred(page)
    assert files
    assert {name: size for name, (size, _, _) in files.items() if size} == {}
    assert [name for name in files if not HASH.search(name)] == []


def test_modules_are_fetched_at_once(windows: Windows, url: str) -> None:
    page = windows.open("/how-it-works", url=url)
    held: list[Route] = []
    page.route(re.compile(r"/page/main\.[^/]*js$"), lambda route: held.append(route))
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(HASH.sub("", Path(request.url).name)))
    modules = {each.name for each in (ROOT / "portal/static/portal/page").glob("*.js")}
    page.goto("/", wait_until="commit")
    # While nobody can know yet what the first one imports.
    deadline = time.monotonic() + 20
    while not modules <= asked:
        assert time.monotonic() < deadline, modules - asked
        page.wait_for_timeout(50)
    assert held
    for route in held:
        route.continue_()
    page.unroute_all()
    live(page)


@pytest.mark.parametrize("path", ["/graphql", "/admin/", "/docs/api", "/how-it-works"])
def test_other_pages_have_all_their_files(
    windows: Windows, auctioneer: str, url: str, path: str
) -> None:
    missed: list[str] = []

    def note(answer: Response) -> None:
        if answer.status >= 400:
            missed.append(answer.url)

    page = windows.open("/how-it-works", url=url)
    page.on("response", note)
    page.goto(path)
    match path:
        case "/graphql":
            expect(page.locator(".graphiql-query-editor .CodeMirror")).to_be_visible()
        case "/admin/":
            page.get_by_label("Username").fill(auctioneer)
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Log in").click()
            page.goto("/admin/commands/auction/")
            expect(page.get_by_role("link", name="Add auction")).to_be_visible()
            page.goto("/admin/django_celery_beat/periodictask/")
            expect(page.locator("#result_list")).to_be_visible()
        case _:
            expect(page.get_by_role("article")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert missed == []
