"""What users do in a window: sign up, sign in."""

import re
from uuid import uuid4

from playwright.sync_api import Locator, Page, expect

from tests.conftest import PASSWORD


def nobody_yet(name: str) -> str:
    """A user name or title that begins like that and is unique."""
    return f"{name}-{uuid4().hex[:8]}"


def sign_up(page: Page, name: str) -> None:
    """Sign up with the form."""
    page.goto("/#/sign-up")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(account_link(page)).to_have_text(name)


def sign_in(page: Page, name: str) -> None:
    """Sign in with the form."""
    page.goto("/#/sign-in")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(account_link(page)).to_have_text(name)


def account_link(page: Page) -> Locator:
    """The link to the account, with the user's name, in the header."""
    return page.get_by_role("link", name=re.compile("^Your account"))


def live(page: Page) -> None:
    """Wait until the page is connected."""
    expect(page.locator("#connection")).to_have_text("Live")
