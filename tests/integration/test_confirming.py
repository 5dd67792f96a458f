"""Addresses are confirmed by a signed link before anything but that link is mailed to them."""

import asyncio
from collections.abc import Mapping
from uuid import UUID

import pytest
from django.test import Client

from commands.domain.commands import AnnounceWinner, CreateUser
from commands.ids import new_id
from commands.inbox.submitting import WAITING
from commands.postgres.addresses import change_address
from commands.postgres.connections import Pool, new_async_pool
from commands.queues import USERS
from commands.streams import Stream
from commands.worklists import Worklist
from notifications.account_mails import ask_for_confirmations, enqueue_resets
from notifications.outgoing import send_due
from notifications.tasks import SEND_MAILS, UNNOTIFIED, sweep
from tests.integration.dying import run_and_die
from tests.integration.in_process import SHORTLY, InProcessPortal
from tests.integration.mailbox import Mailbox
from tests.integration.notifying import run_notifier
from tests.integration.working import put

CONFIRMATION = "Is this your address?"
# Where a worker is killed: in the task of that worklist, or of the mails.
STEPS: Mapping[str, tuple[str, str, Worklist | None]] = {
    "the sign-up is committed": ("before", "commands.tasks:_announce", WAITING[USERS]),
    "the confirmation is taken up": (
        "after", "notifications.account_mails:take_due_confirmations", UNNOTIFIED,
    ),
    "the mail is enqueued": ("before", "notifications.tasks:wake", UNNOTIFIED),
    "the mail is claimed": ("before", "notifications.outgoing:_composed", None),
    "the mail is handed over": ("before", "notifications.outgoing:_MailServer.send", None),
}  # fmt: skip


def sign_up(in_process: InProcessPortal, address: str) -> Stream:
    """A sign-up that waits."""
    user = Stream("user", new_id())
    in_process.accept(user, CreateUser(user.id, f"u{user.id.hex[-20:]}", address, "!", False))
    return user


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_after_the_sign_up_its_confirmation_is_mailed_once(
    in_process: InProcessPortal, mailbox: Mailbox, step: str
) -> None:
    address = f"{new_id().hex}@example.org"
    alice = sign_up(in_process, address)
    when, where, worklist = STEPS[step]
    if worklist != WAITING[USERS]:
        in_process.drain(alice)
    if worklist:
        run_and_die(when, where, worklist.task, *put(worklist, alice))
    else:
        ask_for_confirmations(in_process.pool, alice.id)
        run_and_die(when, where, SEND_MAILS)
    assert mailbox.mails == []

    for _ in range(2):
        finish(in_process)
        leases_end(in_process.pool)
    assert [mail["Subject"] for mail in mailbox.sent_to(address)] == [CONFIRMATION]


def finish(in_process: InProcessPortal) -> None:
    """What the sweeps lead to, when workers run."""
    for stream in in_process.waiting_streams():
        in_process.drain(stream)
    sweep()
    while send_due(in_process.pool):
        continue


def leases_end(pool: Pool) -> None:
    """As if a minute were over."""
    with pool.connection() as connection:
        connection.execute("UPDATE mails SET due = clock_timestamp() WHERE due IS NOT NULL")


def win(in_process: InProcessPortal, bidder: UUID) -> None:
    """An auction is won, and everybody told."""
    auction = in_process.auction(seconds=0.05)
    in_process.bid(auction, bidder, "12.50", at=in_process.over(auction) - SHORTLY)
    in_process.settled(auction, AnnounceWinner(auction.id))
    run_notifier(in_process, auction)


async def ask_for_a_new_password(address: str) -> bool:
    """Whether a mail is due for it."""
    async with new_async_pool() as pool, pool.connection() as connection:
        return await enqueue_resets(connection, address)


def link_in(mailbox: Mailbox, address: str) -> str:
    """The path of the link in the only mail that was sent there."""
    [mail] = mailbox.sent_to(address)
    [text, _] = mail.iter_parts()
    path: str = text.get_content().split("https://auctions.example.org")[1].split()[0]
    return path


@pytest.mark.django_db
def test_nothing_else_is_mailed_to_an_address_before_it_is_confirmed(
    in_process: InProcessPortal, mailbox: Mailbox, client: Client
) -> None:
    address = f"{new_id().hex}@example.org"
    alice = sign_up(in_process, address)
    finish(in_process)
    win(in_process, alice.id)
    assert not asyncio.run(ask_for_a_new_password(address))
    finish(in_process)
    assert [mail["Subject"] for mail in mailbox.sent_to(address)] == [CONFIRMATION]

    link = link_in(mailbox, address)
    assert client.post(f"{link}x").status_code == 404
    assert client.get(link).status_code == 200
    win(in_process, alice.id)
    finish(in_process)
    assert len(mailbox.sent_to(address)) == 1, "looking confirms nothing"

    assert client.post(link).status_code == 200
    win(in_process, alice.id)
    assert asyncio.run(ask_for_a_new_password(address))
    finish(in_process)
    subjects = [mail["Subject"].strip() for mail in mailbox.sent_to(address)]
    assert subjects == [CONFIRMATION, "Choose a new password", "You won “A clock” for 12.50."]


def test_what_was_to_be_mailed_is_not_sent_to_a_new_address_instead(
    in_process: InProcessPortal, mailbox: Mailbox
) -> None:
    old, new = (f"{new_id().hex}@example.org" for _ in range(2))
    alice = in_process.user(email=old)
    win(in_process, alice)
    assert asyncio.run(ask_for_a_new_password(old))
    asyncio.run(move(alice, new))
    finish(in_process)
    assert mailbox.mails == []


async def move(user_id: UUID, address: str) -> None:
    """The user's address changes."""
    async with new_async_pool() as pool, pool.connection() as connection:
        assert await change_address(connection, user_id, "!", address)
