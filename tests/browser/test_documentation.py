"""GraphiQL's sign-in box, and the documentation at every width."""

import pytest
from playwright.sync_api import expect

from tests.browser.axe import findings
from tests.browser.behind import Others
from tests.browser.people import live, nobody_yet
from tests.browser.windows import HEIGHTS, SCHEMES, Windows
from tests.conftest import PASSWORD, wait_until

NOTICED = "!(localStorage.getItem('graphiql:tabState') ?? 'OpenAuctions').includes('OpenAuctions')"


def test_signing_in_fills_graphiqls_headers(windows: Windows, behind: Others) -> None:
    name = nobody_yet("alice")
    behind.bidder(name)
    page = windows.open("/graphql")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#sign-in output")).not_to_be_empty()
    expect(page.locator(".graphiql-container")).not_to_contain_text("Bearer")

    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#sign-in output")).to_contain_text(f"Signed in as {name}")
    expect(page.locator(".graphiql-container")).to_contain_text("Bearer")
    page.locator(".graphiql-query-editor .CodeMirror").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text("{ me { username } }")
    # GraphiQL goes on naming the operation that stood there until it has looked again.
    wait_until(lambda: page.evaluate(NOTICED))
    page.get_by_role("button", name="Execute query").click()
    expect(page.locator(".result-window")).to_contain_text(name)


@pytest.mark.parametrize("width", HEIGHTS)
def test_the_documentation_can_be_read(windows: Windows, width: int) -> None:
    page = windows.open("/", width=width)
    # The footer moves until the list above it is there.
    live(page)
    page.get_by_role("contentinfo").get_by_role("link", name="Documentation").click()
    page.get_by_role("link", name="Fair draws").first.click()
    for path in ("/docs", "/docs/api", "/docs/operators", "/docs/reliability", "/docs/fair-draws"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        assert findings(page) == [], scheme
