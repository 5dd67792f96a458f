"""What people do in a window, in words."""

import re
from uuid import uuid4

from playwright.sync_api import Locator, Page, expect

from tests.conftest import PASSWORD


def nobody_yet(name: str) -> str:
    """A name like that one which nobody has."""
    return f"{name}-{uuid4().hex[:8]}"


def sign_up(page: Page, name: str) -> None:
    """Become a bidder, through the form."""
    page.goto("/#/sign-up")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(account_link(page)).to_have_text(name)


def sign_in(page: Page, name: str) -> None:
    """Enter as a bidder who has signed up."""
    page.goto("/#/sign-in")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(account_link(page)).to_have_text(name)


def account_link(page: Page) -> Locator:
    """The reader's own name in the header."""
    return page.get_by_role("link", name=re.compile("^Your account"))


def live(page: Page) -> None:
    """Wait until the page is connected."""
    expect(page.locator("#connection")).to_have_text("Live")
