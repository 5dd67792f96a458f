"""Static files from the source, and collected under names with hashes."""

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from tests.conftest import RunningPortal
from tests.e2e.test_pages import Page
from tests.integration.test_image import SHIPPED
from tests.servers import ROOT
from tests.webs import collect, web

HTML = {"Accept": "text/html"}
IMPORTED = re.compile(r"""^(?:import|export)\b[^;"]*"(\./[^"]+)";""", re.MULTILINE)
HASHED = re.compile(r"\.[0-9a-f]{12}\.\w+$")
FOR_EVER = "max-age=315360000, public, immutable"
PAGES = ["/", "/how-it-works", "/docs/api", "/graphql", "/admin/login/", "/unsubscribe/nothing"]


class Modules(HTMLParser):
    """The modules that a page names: to be fetched at once, and to be run."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.run: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note its address."""
        given = dict(attrs)
        if given.get("rel") == "modulepreload":
            self.fetched.append(str(given["href"]))
        if given.get("type") == "module":
            self.run.append(str(given["src"]))


def graph(client: httpx.Client, first: str) -> set[str]:
    """The addresses of all modules that the first one needs, itself included; each is there."""
    seen, waiting = set[str](), {first}
    while waiting:
        address = waiting.pop()
        seen.add(address)
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["Content-Type"].startswith("text/javascript")
        waiting |= {urljoin(address, path) for path in IMPORTED.findall(answer.text)} - seen
    return seen


def test_a_page_names_each_module_that_it_imports_under_the_same_address(
    site: httpx.Client,
) -> None:
    page = Modules(site.get("/").text)
    (main,) = page.run
    assert sorted(graph(site, main)) == sorted(page.fetched)
    assert len(page.fetched) == len(list((ROOT / "portal/static/portal/page").glob("*.js")))


@pytest.mark.parametrize("path", PAGES)
def test_collected_files_have_hashes_and_are_kept_for_ever(
    collected: RunningPortal, path: str
) -> None:
    with httpx.Client(base_url=collected.url, headers=HTML) as client:
        assets = {each for each in Page(client.get(path).text).assets if "/static/" in each}
        assert assets
        for address in assets:
            answer = client.get(address)
            assert answer.status_code == 200, address
            assert HASHED.search(address), address
            assert answer.headers["Cache-Control"] == FOR_EVER


def test_files_of_a_clone_are_asked_for_again_each_time(portal: RunningPortal) -> None:
    with httpx.Client(base_url=portal.url, headers=HTML) as client:
        for path in PAGES:
            for address in Page(client.get(path).text).assets:
                answer = client.get(address)
                assert not HASHED.search(address)
                assert answer.headers["Cache-Control"] == "no-cache"
                assert answer.headers["ETag"]


def test_vendored_files_are_collected_as_they_are(collected: RunningPortal) -> None:
    with httpx.Client(base_url=collected.url, headers=HTML) as client:
        scripts = {a for a in Page(client.get("/graphql").text).assets if ".min." in a}
        assert len(scripts) == 4
        for address in scripts:
            plain = HASHED.sub("", address) + Path(address).suffix
            file = ROOT / "portal/static" / plain.removeprefix("/static/")
            assert client.get(address).content == file.read_bytes()


def test_a_page_of_another_release_gets_its_files_from_this_one(collected: RunningPortal) -> None:
    with httpx.Client(base_url=collected.url) as client:
        answer = client.get("/static/portal/page/main.0123456789ab.js")
        assert answer.status_code == 200
        assert answer.content == (ROOT / "portal/static/portal/page/main.js").read_bytes()
        assert answer.headers["Cache-Control"] == "no-cache"
        graph(client, "/static/portal/page/main.0123456789ab.js")
        assert client.get("/static/portal/page/nothing.0123456789ab.js").status_code == 404


def test_an_edit_shows_at_once_in_a_clone(portal: RunningPortal, tmp_path: Path) -> None:
    for name in SHIPPED:
        ignored = shutil.ignore_patterns("__pycache__", "node_modules")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    file = tmp_path / "portal/static/portal/page/main.js"
    address = "/static/portal/page/main.js"
    with web(portal, tmp_path) as clone, httpx.Client(base_url=clone.url) as client:
        before = client.get(address)
        # Of the same length, and within the same second.
        file.write_text(before.text.replace("import", "IMPORT", 1))
        asked = {"If-None-Match": before.headers["ETag"]}
        after = client.get(address, headers=asked)
        assert after.status_code == 200
        assert after.text == file.read_text() != before.text
        new = file.with_name("new.js")
        new.write_text("export const NEW = 1;\n")
        assert client.get("/static/portal/page/new.js").text == new.read_text()
        assert "/static/portal/page/new.js" in client.get("/", headers=HTML).text


def test_without_collected_files_it_does_not_start(portal: RunningPortal, tmp_path: Path) -> None:
    assert portal.environment
    done = subprocess.run(
        [sys.executable, "-m", "portal.web.serve", "--port", "0"],
        env={**portal.environment, "STATIC_ROOT": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode
    assert "collectstatic" in done.stdout + done.stderr


def test_collecting_again_changes_no_name(portal: RunningPortal, tmp_path: Path) -> None:
    collect(portal, tmp_path)
    once = {each.name for each in tmp_path.rglob("*")}
    collect(portal, tmp_path)
    assert {each.name for each in tmp_path.rglob("*")} == once
