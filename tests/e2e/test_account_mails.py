"""Addresses are confirmed before mail goes there, and passwords reset by mail."""

import asyncio
import email
import re
import time
from email.message import EmailMessage
from email.policy import default
from typing import Any

import httpx
import pytest

from commands.ids import new_id
from portal.laptop.demo.client import PortalClient, Refused
from tests.conftest import PASSWORD, Join, RunningPortal
from tests.e2e.test_sign_in import REFRESH, refused_code

NEW = "another good one 8"
ADDRESS = "{ me { email emailConfirmed } }"
CHANGE = """mutation ($email: String, $password: String!) {
  changeEmail(email: $email, password: $password) { email emailConfirmed } }"""
ASK_RESET = "mutation ($who: String!) { asked: requestPasswordReset(usernameOrEmail: $who) }"
RESET = """mutation ($token: String!, $new: String!) {
  done: resetPassword(token: $token, newPassword: $new) }"""


def mails_to(portal: RunningPortal, address: str) -> list[EmailMessage]:
    """The mails to that address, the oldest first."""
    found = []
    for file in (portal.data / "mails").glob("*"):
        for text in file.read_bytes().split(b"-" * 79 + b"\n"):
            mail = email.message_from_bytes(text, policy=default)
            assert isinstance(mail, EmailMessage)
            if mail["To"] == address:
                found.append((mail["Date"].datetime, file.stat().st_mtime, mail))
    return [mail for _, _, mail in sorted(found, key=lambda each: each[:2])]


async def mailed(portal: RunningPortal, address: str, subject: str, count: int = 1) -> str:
    """Wait for that many mails of that subject; the link in the newest."""
    async with asyncio.timeout(40):
        while True:
            mails = [each for each in mails_to(portal, address) if each["Subject"] == subject]
            if len(mails) >= count:
                break
            await asyncio.sleep(0.1)
    part = mails[-1].get_body(("plain",))
    assert part
    link = re.search(r"https?://\S+", part.get_content())
    assert link
    return link[0]


async def confirm(portal: RunningPortal, link: str) -> httpx.Response:
    """Open the link and press its button."""
    path = link[link.index("/confirm-email/") :]
    async with httpx.AsyncClient(base_url=portal.url, timeout=30) as browser:
        asked = await browser.get(path)
        assert "Is this your address?" in asked.text
        return await browser.post(path)


async def address_of(client: PortalClient) -> tuple[Any, Any]:
    me = (await client.execute(ADDRESS))["me"]
    return me["email"], me["emailConfirmed"]


async def test_an_address_is_confirmed_by_its_link(portal: RunningPortal, join: Join) -> None:
    address = f"a{new_id().hex}@example.org"
    alice = await join("alice", email=address)
    link = await mailed(portal, address, "Is this your address?")
    assert await address_of(alice) == (address, False)
    async with httpx.AsyncClient(base_url=portal.url, timeout=30) as scanner:
        assert (await scanner.get(link[link.index("/confirm") :])).status_code == 200
    assert await address_of(alice) == (address, False), "a mail scanner confirms nothing"
    assert (await confirm(portal, link[:-3] + "xxx")).status_code == 404
    assert (await confirm(portal, link)).status_code == 200
    assert await address_of(alice) == (address, True)


async def test_another_address_is_confirmed_anew_and_the_old_one_notified(
    portal: RunningPortal, join: Join
) -> None:
    old, new = (f"{name}{new_id().hex}@example.org" for name in "ab")
    alice = await join("alice", email=old)
    first = await mailed(portal, old, "Is this your address?")
    await confirm(portal, first)
    for given, password, field in (
        ("x@localhost", PASSWORD, "email"),
        (new, PASSWORD + "x", "password"),
    ):
        with pytest.raises(Refused) as refused:
            await alice.execute(CHANGE, email=given, password=password)
        assert refused.value.errors[0]["extensions"]["field"] == field
    changed = (await alice.execute(CHANGE, email=new, password=PASSWORD))["changeEmail"]
    assert changed == {"email": new, "emailConfirmed": False}
    await mailed(portal, old, "Your address was changed")
    second = await mailed(portal, new, "Is this your address?")
    assert (await confirm(portal, first)).status_code == 404, "it is bound to the old address"
    assert await address_of(alice) == (new, False)
    await confirm(portal, second)
    assert await address_of(alice) == (new, True)
    gone = (await alice.execute(CHANGE, email=None, password=PASSWORD))["changeEmail"]
    assert gone == {"email": None, "emailConfirmed": False}


async def test_a_password_is_reset_by_a_link_that_is_good_once(
    portal: RunningPortal, join: Join, nobody: PortalClient
) -> None:
    address = f"a{new_id().hex}@example.org"
    alice = await join("alice", email=address)
    name = alice.user["username"]
    link = await mailed(portal, address, "Is this your address?")
    assert (await nobody.execute(ASK_RESET, who=name))["asked"] is True
    await confirm(portal, link)
    began = time.monotonic()
    for who in (f"no-{name}", f"no-{address}"):
        assert (await nobody.execute(ASK_RESET, who=who))["asked"] is True
    assert time.monotonic() - began > 1, "nobody takes as long as somebody"
    assert (await nobody.execute(ASK_RESET, who=address.upper()))["asked"] is True
    token = (await mailed(portal, address, "Choose a new password")).rpartition("/")[2]
    assert len([m for m in mails_to(portal, address) if "password" in m["Subject"]]) == 1
    assert await refused_code(nobody.execute(RESET, token=token, new="short")) == "BAD_USER_INPUT"
    assert (await nobody.execute(RESET, token=token, new=NEW))["done"] is True
    assert await refused_code(alice.execute(ADDRESS)) == "UNAUTHENTICATED"
    again = alice.execute(REFRESH, token=alice.refresh_token)
    assert await refused_code(again) == "UNAUTHENTICATED"
    for spent in (token, token + "x", ""):
        with pytest.raises(Refused, match="not good any more"):
            await nobody.execute(RESET, token=spent, new=NEW + "9")
    await alice.sign_in(name, NEW)


async def test_addresses_that_no_mail_goes_to_are_not_counted_as_mails(join: Join) -> None:
    alice = await join("alice")
    for _ in range(11):
        with pytest.raises(Refused, match=r"name@example\.org"):
            await alice.execute(CHANGE, email="x@localhost", password=PASSWORD)
    new = f"a{new_id().hex}@example.org"
    changed = (await alice.execute(CHANGE, email=new, password=PASSWORD))["changeEmail"]
    assert changed["email"] == new


async def test_mails_by_request_are_bounded(join: Join, nobody: PortalClient) -> None:
    who = f"nobody-{new_id().hex[-12:]}"
    asking = (nobody.execute(ASK_RESET, who=who) for _ in range(11))
    answers = await asyncio.gather(*asking, return_exceptions=True)
    refused = [each for each in answers if isinstance(each, Refused)]
    assert [each.code for each in refused] == ["RATE_LIMITED"]
