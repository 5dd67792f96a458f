"""Notifications over the API: subscriptions, lists, marking as read, preferences and mails."""

import asyncio
from contextlib import aclosing

import pytest

from commands.ids import new_id
from notifications.preferences import NotificationChannel, NotificationKind
from portal.laptop.demo.client import DELETE_USER, PortalClient, Refused
from tests.conftest import Join, RunningPortal, until
from tests.e2e.acting import Json, create_auction, place
from tests.e2e.test_account_mails import confirm, mailed

FIELDS = "id kind auctionId auctionTitle message amount read createdAt"
RECEIVED = f"subscription {{ notification: notificationReceived {{ {FIELDS} }} }}"
LISTED = f"""query ($unread: Boolean, $first: Int, $after: String) {{
  notifications(unreadOnly: $unread, first: $first, after: $after) {{
    edges {{ node {{ {FIELDS} }} }} pageInfo {{ hasNextPage endCursor }} }} }}"""
WITH_READ = (
    f"subscription {{ notification: notificationReceived(includeRead: true) {{ {FIELDS} }} }}"
)
MARK_AUCTION = "mutation ($id: UUID!) { count: markNotificationsRead(auctionId: $id) }"
MARK = "mutation ($ids: [ID!]) { count: markNotificationsRead(ids: $ids) }"
CHOOSE = """mutation ($input: [NotificationPreferenceInput!]!) {
  user: setNotificationPreferences(input: $input) {
    notificationPreferences { kind channel enabled } } }"""


async def received(client: PortalClient, kind: str) -> Json:
    """The next notification of that kind."""
    async with asyncio.timeout(30), aclosing(client.subscribe(RECEIVED)) as results:
        async for data in results:
            if data["notification"]["kind"] == kind:
                notification: Json = data["notification"]
                return notification
    raise AssertionError("the subscription ended")


async def first_received(alice: PortalClient, bob: PortalClient, kind: str) -> Json:
    """The first notification of that kind that either of them receives."""
    waiting = [asyncio.create_task(received(client, kind)) for client in (alice, bob)]
    done, others = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    return done.pop().result()


async def listed(client: PortalClient, **variables: object) -> list[Json]:
    data = await client.execute(LISTED, **variables)
    return [edge["node"] for edge in data["notifications"]["edges"]]


async def test_bidders_are_notified_from_outbid_to_won(
    portal: RunningPortal, join: Join, carol: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol, seconds=15)
    waiting = asyncio.create_task(received(alice, "OUTBID"))
    await place(alice, auction_id, "10.00")
    await place(bob, auction_id, "20.00")
    outbid = await waiting
    assert (outbid["auctionId"], outbid["amount"], outbid["read"]) == (auction_id, "20.00", False)
    assert outbid["message"] == "You were outbid on “A clock”: the highest bid is now 20.00."
    drawn = await asyncio.to_thread(portal.manage, "run_promoter", "--once")
    assert drawn.returncode == 0, drawn.stderr
    await first_received(alice, bob, "BID_DOUBLED")
    won = await first_received(alice, bob, "AUCTION_WON")
    assert won["message"] == f"You won “A clock” for {won['amount']}."
    # Doubled, alice's bid would only draw level with bob's, who got there first.
    assert won["amount"] == "20.00"
    [lost] = [each for each in await listed(alice) if each["kind"] == "AUCTION_LOST"]
    assert lost["message"] == "Another bidder won “A clock” for 20.00."
    # Of a bid of hers in another test's auction, the tick may have given her one.
    assert [each for each in await listed(carol) if each["auctionId"] == auction_id] == []


async def test_missed_ones_come_first_and_read_ones_no_more(
    join: Join, carol: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    auctions = [await create_auction(carol) for _ in range(2)]
    for auction_id in auctions:
        await place(alice, auction_id, "10.00")
        await place(bob, auction_id, "20.00")

    async def both() -> list[Json] | None:
        found = await listed(alice)
        return found if len(found) >= 2 else None

    missed = await until(both)
    again: list[Json] = []
    async with aclosing(alice.subscribe(RECEIVED)) as results:
        async for data in results:
            again.append(data["notification"])
            if len(again) == 2:
                break
    assert again == missed[::-1], "the oldest first"

    page = (await alice.execute(LISTED, first=1))["notifications"]
    assert page["pageInfo"]["hasNextPage"]
    rest = await listed(alice, first=1, after=page["pageInfo"]["endCursor"])
    assert [page["edges"][0]["node"], *rest] == missed

    assert (await bob.execute(MARK, ids=[missed[0]["id"]]))["count"] == 0, "not his"
    assert (await alice.execute(MARK, ids=[missed[0]["id"]]))["count"] == 1
    assert (await alice.execute(MARK, ids=[missed[0]["id"]]))["count"] == 0
    assert [n["id"] for n in await listed(alice, unread=True)] == [missed[1]["id"]]
    assert (await alice.execute(MARK))["count"] == 1
    assert await listed(alice, unread=True) == []
    assert [n["read"] for n in await listed(alice)] == [True, True]


async def test_an_auctions_notifications_are_marked_read_together_and_other_windows_hear_it(
    join: Join, carol: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    auctions = [await create_auction(carol) for _ in range(2)]
    for auction_id in auctions:
        await place(alice, auction_id, "10.00")
        await place(bob, auction_id, "20.00")
    shown: list[Json] = []
    async with asyncio.timeout(30), aclosing(alice.subscribe(WITH_READ)) as results:
        async for data in results:
            shown.append(data["notification"])
            if len(shown) == 2:
                assert (await alice.execute(MARK_AUCTION, id=auctions[0]))["count"] == 1
            if len(shown) == 3:
                break
    before, after = (each for each in shown if each["auctionId"] == auctions[0])
    assert after == before | {"read": True}
    assert [each["auctionId"] for each in await listed(alice, unread=True)] == [auctions[1]]
    assert (await alice.execute(MARK_AUCTION, id=auctions[0]))["count"] == 0


async def test_what_ones_own_raise_overtakes_is_not_unread_any_more(
    join: Join, carol: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol)
    await place(alice, auction_id, "10.00")
    await place(bob, auction_id, "130.00")
    shown: list[tuple[str, str, bool]] = []
    async with asyncio.timeout(30), aclosing(alice.subscribe(WITH_READ)) as results:
        async for data in results:
            notification = data["notification"]
            shown.append((notification["kind"], notification["amount"], notification["read"]))
            if notification["read"]:
                break
            await place(alice, auction_id, "140.00")
    assert shown == [("OUTBID", "130.00", False), ("OUTBID", "130.00", True)]
    assert await listed(alice, unread=True) == []


async def test_preferences_are_the_defaults_until_chosen(join: Join, carol: PortalClient) -> None:
    alice, bob = await join("alice"), await join("bob")
    off = {"kind": "OUTBID", "channel": "IN_APP", "enabled": False}
    before = (await alice.execute(CHOOSE, input=[]))["user"]["notificationPreferences"]
    assert len(before) == len(NotificationKind) * len(NotificationChannel)
    assert off | {"enabled": True} in before
    chosen = (await alice.execute(CHOOSE, input=[off]))["user"]["notificationPreferences"]
    assert off in chosen
    auction_id = await create_auction(carol)
    await place(alice, auction_id, "10.00")
    await place(bob, auction_id, "20.00")
    await place(alice, auction_id, "30.00")
    await until(lambda: listed(bob))
    assert await listed(alice) == []


async def test_who_watches_an_auction_is_told_before_its_end(
    join: Join, carol: PortalClient
) -> None:
    alice, auction_id = await join("alice"), await create_auction(carol, seconds=300)
    watch = "mutation ($id: UUID!) { auction: watchAuction(id: $id) { watched } }"
    assert (await alice.execute(watch, id=auction_id))["auction"]["watched"] is True
    ending = await received(alice, "ENDING_SOON")
    assert (ending["auctionId"], ending["amount"]) == (auction_id, None)
    assert ending["message"] == "“A clock” ends soon, and nobody has bid yet."
    assert [each["kind"] for each in await listed(alice)] == ["ENDING_SOON"]


async def test_only_ones_own_and_only_signed_in(nobody: PortalClient, join: Join) -> None:
    asked: tuple[tuple[str, Json], ...] = ((LISTED, {}), (MARK, {}), (CHOOSE, {"input": []}))
    for query, variables in asked:
        with pytest.raises(Refused) as refused:
            await nobody.execute(query, **variables)
        assert refused.value.code == "UNAUTHENTICATED"
    with pytest.raises(Refused) as refused:
        await received(nobody, "AUCTION_WON")
    assert refused.value.code == "UNAUTHENTICATED"
    alice = await join("alice")
    for query, wrong in (
        (MARK, {"ids": ["x"]}),
        (MARK_AUCTION, {"id": "x"}),
        (CHOOSE, {"input": [{"kind": "GOSSIP", "channel": "IN_APP", "enabled": True}]}),
        (CHOOSE, {"input": [{"kind": "AUCTION_WON", "channel": "EMAIL", "enabled": True}] * 101}),
        (LISTED, {"after": "x"}),
    ):
        with pytest.raises(Refused) as refused:
            await alice.execute(query, **wrong)
        assert refused.value.code == "BAD_USER_INPUT", wrong


async def test_a_mail_lands_in_the_folder_that_the_log_names(
    portal: RunningPortal, nobody: PortalClient, join: Join, carol: PortalClient
) -> None:
    address = f"a{new_id().hex}@example.org"
    alice = await join("alice", email=address)
    await confirm(portal, await mailed(portal, address, "Is this your address?"))
    auction_id = await create_auction(carol, seconds=2)
    await place(alice, auction_id, "10.00")
    mails = portal.data / "mails"
    assert f"Mails land in {mails}." in portal.logged()

    def about_it() -> bool:
        return any(auction_id in mail.read_text() for mail in mails.glob("*"))

    await until(about_it)
    await alice.submit(DELETE_USER)
