"""Fixtures: a browser, and a running portal. Without a browser these tests are skipped, unless they are required."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.behind import Others, others
from tests.browser.windows import Windows
from tests.conftest import RunningPortal
from tests.webs import serving_collected_files

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MISSING = "no Chromium is installed: the browser tests can't run"
expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The system's browser. BROWSER_TESTS=required makes its absence a failure."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        if os.environ.get("BROWSER_TESTS") == "required":
            pytest.fail(f"{MISSING}, and BROWSER_TESTS says that they must")
        pytest.skip(MISSING)
    return found


@pytest.fixture(scope="package")
def browser(chromium: str) -> Iterator[Browser]:
    """One for all tests here, gone before others run: its driver's event loop counts as running."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def windows(browser: Browser, portal: RunningPortal) -> Iterator[Windows]:
    """Opens windows; the test fails if one of their consoles shows an error that it did not expect."""
    opened = Windows(browser, portal.url)
    yield opened
    opened.close()
    assert opened.unexpected() == []


@pytest.fixture
def page(windows: Windows) -> Page:
    """A window on the list of auctions, wide enough for everything."""
    return windows.open()


@pytest.fixture(scope="module")
def behind(chromium: str, portal: RunningPortal, auctioneer: str) -> Iterator[Others]:
    """The auctioneer, and bidders who use the API: signed in for this file, as an access token lasts a quarter of an hour."""
    with others(portal.url, auctioneer) as people:
        yield people


@pytest.fixture(scope="package")
def collected(chromium: str, portal: RunningPortal) -> Iterator[RunningPortal]:
    """The same portal, serving collected files as in production."""
    with serving_collected_files(portal) as process:
        yield process
