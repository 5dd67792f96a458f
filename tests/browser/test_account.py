"""One's own account: password, address, where one is signed in, and a password that was forgotten."""

import re

import pytest
from playwright.sync_api import Page, expect

from portal.laptop.demo.client import CANCEL_AUCTION
from tests.browser.behind import Others
from tests.browser.people import account_link, nobody_yet, sign_in, sign_up
from tests.browser.test_bidding import window_of
from tests.browser.windows import Windows
from tests.conftest import PASSWORD, RunningPortal, wait_until
from tests.e2e.test_account_mails import NEW, mails_to

CONFIRM, RESET = "Is this your address?", "Choose a new password"


def mailed_link(portal: RunningPortal, address: str, subject: str) -> str:
    """The path that the mail of that subject leads to."""

    def there() -> str | None:
        for mail in mails_to(portal, address):
            if mail["Subject"] == subject:
                part = mail.get_body(("plain",))
                assert part
                text: str = part.get_content()
                return next(line for line in text.splitlines() if "://" in line)
        return None

    link: str = wait_until(there, 60, subject)
    return "/" + link.strip().partition("://")[2].partition("/")[2]


def sign_in_with(page: Page, name: str, password: str) -> None:
    page.goto("/#/sign-in")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


@pytest.mark.parametrize("width", [320, 1280])
def test_a_password_is_changed_and_sessions_are_seen_and_ended(
    windows: Windows, width: int
) -> None:
    name, page = nobody_yet("alice"), windows.open(width=width)
    sign_up(page, name)
    other = windows.open()
    sign_in(other, name)
    page.goto("/#/account")
    sessions = page.get_by_role("region", name="Where you are signed in")
    expect(sessions.get_by_role("listitem")).to_have_count(2)
    expect(sessions.get_by_text("this one")).to_have_count(1)
    sessions.get_by_role("button", name="Sign out: ").click()
    expect(sessions.get_by_role("listitem")).to_have_count(1)
    expect(other.get_by_role("link", name="Sign in")).to_be_visible()
    section = page.get_by_role("region", name="Password")
    section.get_by_label("Current password").fill("not it at all")
    section.get_by_label("New password").fill(NEW)
    section.get_by_role("button").click()
    expect(section.get_by_text("This is not your password.")).to_be_visible()
    section.get_by_label("Current password").fill(PASSWORD)
    section.get_by_role("button").click()
    expect(section.get_by_text("Your password is changed.")).to_be_visible()
    sign_in_with(other, name, NEW)
    expect(account_link(other)).to_have_text(name)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_forgotten_password_is_replaced_by_mail(windows: Windows, portal: RunningPortal) -> None:
    name, page = nobody_yet("bob"), windows.open()
    address = f"{name}@example.org"
    sign_up(page, name)
    page.goto("/#/account")
    section = page.get_by_role("region", name="Email")
    expect(section.get_by_text("You gave no address")).to_be_visible()
    section.get_by_label("Email").fill(address)
    section.get_by_label("Your password").fill(PASSWORD)
    section.get_by_role("button").click()
    expect(section.get_by_text("not confirmed yet")).to_be_visible()
    page.goto(mailed_link(portal, address, CONFIRM))
    page.get_by_role("button", name="Yes, confirm it").click()
    page.get_by_role("link", name="To your account").click()
    expect(page.get_by_text(f"{address} is confirmed.")).to_be_visible()

    stranger = windows.open("/#/sign-in")
    stranger.get_by_role("link", name="Forgot your password?").click()
    stranger.get_by_label("Name or email").fill(address)
    stranger.get_by_role("button", name="Mail me a link").click()
    expect(stranger.get_by_role("heading", name="Look into your mail")).to_be_focused()
    stranger.goto(mailed_link(portal, address, RESET))
    stranger.get_by_label("New password").fill("password")
    stranger.get_by_role("button", name="Change my password").click()
    expect(stranger.get_by_text("too common")).to_be_visible()
    stranger.get_by_label("New password").fill(NEW)
    stranger.get_by_role("button", name="Change my password").click()
    expect(stranger.get_by_role("heading", name="Your password is changed")).to_be_focused()
    sign_in_with(stranger, name, NEW)
    expect(account_link(stranger)).to_have_text(name)
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()


def test_an_account_is_deleted_once_no_bid_of_it_is_binding(
    windows: Windows, behind: Others
) -> None:
    lot = behind.auction("A cello", rules={"withdrawal": {"within": 0}})
    anton = behind.bidder(nobody_yet("anton"))
    behind.bid(anton, lot, "10.00")
    page = window_of(windows, anton, "/#/account")

    def leave() -> None:
        page.get_by_role("button", name="Delete my account").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete my account").click()

    leave()
    expect(page.get_by_role("alert").get_by_text("“A cello” is binding")).to_be_visible()
    expect(account_link(page)).to_be_visible()
    behind.command(CANCEL_AUCTION, auctionId=lot, reason="A flood")
    leave()
    expect(page.get_by_text("Your account is deleted. Goodbye.")).to_be_visible()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    expect(page).to_have_url(re.compile("#/open$"))
