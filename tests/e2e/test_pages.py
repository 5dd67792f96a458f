"""The pages: all their files come from the portal, and nothing in them breaks the Content-Security-Policy."""

import re
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from tests.conftest import RunningPortal
from tests.servers import ROOT

STATIC = ROOT / "portal/static/portal"
OURS = [*STATIC.glob("page/*"), STATIC / "graphiql/boot.js", STATIC / "graphiql/page.css"]
TEMPLATES = list((ROOT / "portal/templates/portal").glob("*.html"))
IMPORTED = re.compile(r'^(?:import|export)\b[^;]*?"(\.[^"]+\.js)"', re.MULTILINE)
STYLED_WITH = re.compile(r"url\(\s*['\"]?(?!data:image/)([^'\")]+)")
HOST = re.compile(r"\b(?:https?|wss?)://|[\"'(=]//\w")


class Page(HTMLParser):
    """What an HTML page refers to, and what a strict Content-Security-Policy would refuse in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.assets: set[str] = set()
        self.refused: list[str] = []
        self._in_script = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag's assets, inline styles and handlers."""
        given = dict(attrs)
        self._in_script = tag == "script"
        for name in ("src", "href") if tag != "a" else ():
            if address := given.get(name):
                self.assets.add(address)
        self.refused += [name for name in given if name == "style" or name.startswith("on")]
        if tag == "style":
            self.refused.append(tag)

    def handle_data(self, data: str) -> None:
        """Note inline scripts."""
        if self._in_script and data.strip():
            self.refused.append(data)


def referred(address: str, content: str) -> set[str]:
    """The addresses of what a script or a style sheet needs besides itself."""
    found = IMPORTED if address.endswith(".js") else STYLED_WITH
    return {urljoin(address, path) for path in found.findall(content)}


@pytest.fixture
def browser(portal: RunningPortal) -> httpx.Client:
    """Asks as browsers do when somebody types an address."""
    return httpx.Client(base_url=portal.url, headers={"Accept": "text/html"})


@pytest.mark.parametrize(
    ("path", "needs"),
    [
        ("/", "page/main.js"),
        ("/graphql", "graphiql/boot.js"),
        ("/how-it-works", "page/page.css"),
    ],
)
def test_all_that_a_page_needs_is_served_by_the_portal(
    browser: httpx.Client, path: str, needs: str
) -> None:
    with browser:
        answer = browser.get(path)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/html")
        waiting, seen = Page(answer.text).assets, set[str]()
        assert f"/static/portal/{needs}" in waiting
        while waiting:
            address = waiting.pop()
            seen.add(address)
            assert address.startswith("/static/portal/"), address
            asset = browser.get(address)
            assert asset.status_code == 200, address
            if address.endswith((".js", ".css")):
                waiting |= referred(address, asset.text) - seen
    scripts = {
        f"/static/portal/page/{script.name}"
        for script in STATIC.glob("page/*.js")
        if needs == "page/main.js"
    }
    assert scripts <= seen, "a script that no page loads"


@pytest.mark.parametrize("path", ["/", "/graphql", "/how-it-works"])
def test_a_page_holds_nothing_that_a_strict_policy_refuses(
    browser: httpx.Client, path: str
) -> None:
    with browser:
        assert Page(browser.get(path).text).refused == []


def test_ordinary_clients_of_the_api_do_not_get_the_page(browser: httpx.Client) -> None:
    with browser:
        answer = browser.post("/graphql", json={"query": "{ __typename }"})
    assert answer.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("file", [*OURS, *TEMPLATES], ids=lambda file: str(file.relative_to(ROOT)))
def test_no_page_names_another_host(file: Path) -> None:
    text = file.read_text()
    found = [line for line in text.splitlines() if HOST.search(line)]
    assert found == []


def test_the_vendored_files_are_those_the_readme_names() -> None:
    readme = (STATIC / "graphiql/README.txt").read_text()
    for file in STATIC.glob("graphiql/*.min.*"):
        assert f"{sha256(file.read_bytes()).hexdigest()}  {file.name}" in readme


def test_data_never_becomes_markup() -> None:
    for script in STATIC.glob("page/*.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|\beval\b", script.read_text())
