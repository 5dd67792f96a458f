"""The documentation under /docs."""

import re
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin

import httpx
import pytest

from portal.web.documentation import PAGES, PROGRAMS, document, records_of_decisions
from tests.conftest import RunningPortal
from tests.e2e.test_pages import Page
from tests.servers import ROOT
from tests.webs import web

NAMES = ["", *PAGES, *records_of_decisions()]


class Anchors(HTMLParser):
    """Where a page's links lead, and what in it can be linked to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.ids: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag's id and, of a link, its address."""
        given = dict(attrs)
        self.ids.add(given.get("id") or "")
        if tag == "a":
            self.links.add(given.get("href") or "")


def test_every_page_is_served_and_its_links_lead_somewhere(portal: RunningPortal) -> None:
    with httpx.Client(base_url=portal.url) as client:
        found: dict[str, Anchors | None] = {}

        def get(path: str) -> Anchors | None:
            if path not in found:
                answer = client.get(path)
                assert answer.status_code == 200, path
                html = answer.headers["Content-Type"].startswith("text/html")
                found[path] = Anchors(answer.text) if html else None
                assert not html or Page(answer.text).refused == [], path
            return found[path]

        for name in NAMES:
            path = f"/docs/{name}".rstrip("/")
            page = get(path)
            assert page
            for link in page.links - {""}:
                target, fragment = urldefrag(urljoin(path, link))
                if not target.startswith("/docs"):
                    continue
                there = get(target)
                assert not fragment or (there and fragment in there.ids), f"{name}: {link}"


def test_charts_are_shown_where_they_are_named(portal: RunningPortal) -> None:
    page = httpx.get(f"{portal.url}/docs/performance").text
    shown = re.findall(r'<img src="([^"]+)"', page)
    assert shown
    for path in shown:
        answer = httpx.get(f"{portal.url}{path}")
        assert answer.headers["Content-Type"] == "image/svg+xml", path
        assert "<svg" in answer.text


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_are_plain_text(portal: RunningPortal, name: str) -> None:
    answer = httpx.get(f"{portal.url}/docs/{name}")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.text == (ROOT / "docs" / name).read_text()


@pytest.mark.parametrize(
    "name",
    [
        "nothing",
        "../README",
        "..%2fREADME",
        "api.md",
        "adr",
        "adr/nothing",
        "examples/package.json",
    ],
)
def test_nothing_else_is_served(portal: RunningPortal, name: str) -> None:
    assert httpx.get(f"{portal.url}/docs/{name}").status_code == 404


def test_every_document_is_served_or_a_program() -> None:
    files = {
        str(file.relative_to(ROOT / "docs").with_suffix(""))
        for file in (ROOT / "docs").rglob("*.md")
        if "node_modules" not in file.parts
    }
    assert files == {*PAGES, *records_of_decisions()}


def test_tables_are_aligned_without_inline_styles() -> None:
    for name in NAMES[1:]:
        assert not re.search(r"<[^>]+ style=", document(name).html), name


def test_without_graphiql_the_footer_leads_to_the_documentation(portal: RunningPortal) -> None:
    with web(portal, GRAPHIQL="false") as process:
        page = Anchors(httpx.get(f"{process.url}/").text)
        assert "/docs" in page.links
        assert "/graphql" not in page.links
        assert httpx.get(f"{process.url}/docs/api").status_code == 200
    assert "/graphql" in Anchors(httpx.get(f"{portal.url}/docs").text).links
