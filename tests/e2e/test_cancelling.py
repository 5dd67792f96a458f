"""Cancelling waiting jobs, and deadlines set by the client, over the API."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from typing import Any

import pytest

from commands.ids import new_id
from commands.postgres.connections import Pool
from portal.laptop.demo.client import (
    CREATE_USER,
    JOB,
    PLACE_BID,
    WAIT_FOR_JOB,
    PortalClient,
    Refused,
)
from tests.conftest import PASSWORD, Join, until, wait_until
from tests.e2e.acting import Json, auction, create_auction, place

CANCEL = f"mutation ($id: UUID!) {{ job: cancelJob(id: $id) {JOB} }}"
JOB_UPDATED = f"subscription ($id: UUID!) {{ job: jobUpdated(id: $id) {JOB} }}"


async def cancel(client: PortalClient, job_id: str) -> Json:
    job: Json = (await client.execute(CANCEL, id=job_id))["job"]
    return job


async def refused(client: PortalClient, job_id: str) -> str | None:
    with pytest.raises(Refused) as refusal:
        await cancel(client, job_id)
    return refusal.value.code


@contextmanager
def locked(pool: Pool, auction_id: str) -> Iterator[None]:
    """Lock the auction as a worker does, so that its jobs wait."""
    with pool.connection() as connection, connection.transaction():
        connection.execute("SELECT 1 FROM auctions WHERE id = %s FOR UPDATE", (auction_id,))
        yield


async def test_a_waiting_bid_is_cancelled_by_its_bidder_and_subscribers_get_that(
    join: Join, carol: PortalClient, portal_pool: Pool
) -> None:
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol)
    with locked(portal_pool, auction_id):
        jobs = [
            await alice.submit(PLACE_BID, auctionId=auction_id, amount=amount)
            for amount in ("10.00", "20.00")
        ]
        async with (
            asyncio.timeout(30),
            aclosing(alice.subscribe(JOB_UPDATED, id=jobs[0]["id"])) as results,
        ):
            assert (await anext(results))["job"]["status"] == "QUEUED"
            assert await refused(bob, jobs[0]["id"]) == "NOT_FOUND"
            cancelled = await cancel(alice, jobs[0]["id"])
            assert cancelled["rejection"]["code"] == "CANCELLED"
            assert [data["job"] async for data in results] == [cancelled]
        assert (await cancel(carol, jobs[1]["id"]))["rejection"]["code"] == "CANCELLED"
    job = await place(alice, auction_id, "5.00")
    assert job["result"]["version"] == 2, "neither of the cancelled bids stands in its way"
    assert await cancel(alice, job["id"]) == job


async def test_a_sign_up_is_not_for_whoever_knows_its_id_to_cancel(
    join: Join, carol: PortalClient, nobody: PortalClient
) -> None:
    job = await nobody.command(CREATE_USER, username=f"new-{new_id().hex[-12:]}", password=PASSWORD)
    assert await refused(nobody, job["id"]) == "UNAUTHENTICATED"
    assert await refused(await join("bob"), job["id"]) == "FORBIDDEN"
    assert await cancel(carol, job["id"]) == job
    assert await refused(carol, str(new_id())) == "NOT_FOUND"


async def test_what_the_house_asks_of_itself_is_not_cancelled(
    carol: PortalClient, portal_pool: Pool
) -> None:
    auction_id = await create_auction(carol, seconds=0.5)

    def announcement() -> Any:
        with portal_pool.connection() as connection:
            return connection.execute(
                "SELECT id FROM jobs WHERE stream_id = %s AND command = 'AnnounceWinner'",
                (auction_id,),
            ).fetchone()

    job = await until(announcement)
    assert await refused(carol, str(job["id"])) == "FORBIDDEN"


async def test_a_bid_waits_no_longer_than_its_bidder_wants(
    join: Join, carol: PortalClient, portal_pool: Pool
) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol)
    with locked(portal_pool, auction_id):
        hurried = {"auctionId": auction_id, "amount": "10.00", "expiresIn": 0.05}
        job = await alice.submit(PLACE_BID, **hurried)
        # The portal's clock decides, so ask it.
        with portal_pool.connection() as connection:
            wait_until(
                lambda: connection.execute(
                    "SELECT 1 FROM jobs WHERE id = %s AND expires_at < clock_timestamp()",
                    (job["id"],),
                ).fetchone()
            )
    assert (await place(alice, auction_id, "5.00", expiresIn=600.0))["status"] == "SUCCEEDED"
    expired = (await alice.execute(WAIT_FOR_JOB, id=job["id"]))["job"]
    assert expired["rejection"]["code"] == "EXPIRED"
    assert (await auction(alice, auction_id, at_least=2))["bidCount"] == 1


@pytest.mark.parametrize("seconds", [0, -1, 900.5, 1e300, float("nan"), float("inf"), "1"])
async def test_a_deadline_is_within_the_commands_own_limit(
    join: Join, carol: PortalClient, seconds: object
) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol)
    with pytest.raises(Refused) as refusal:
        await alice.submit(PLACE_BID, auctionId=auction_id, amount="1.00", expiresIn=seconds)
    assert refusal.value.code == "BAD_USER_INPUT"
    assert (await auction(alice, auction_id, at_least=1))["version"] == 1
