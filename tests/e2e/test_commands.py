"""The operators' commands, run as processes."""

import json
from typing import Any

import pytest
from django.core.management import execute_from_command_line

from commands.ids import new_id
from portal.command_line import execute
from portal.laptop.demo.client import PortalClient, Refused
from tests.conftest import PASSWORD, Join, RunningPortal, wait_until
from tests.e2e.acting import create_auction, events, place

COMMANDS = (
    "create_auction", "create_user", "changepassword", "delete_user", "announce_winners", "run_promoter",
    "redrive", "rebuild_projections", "verify_events", "verify_draw", "change_policy", "status",
    "up", "demo", "print_schema",
)  # fmt: skip
REJECTED, USAGE, UNAVAILABLE = 1, 2, 5


def run(portal: RunningPortal, *words: str, stdin: str = "") -> dict[str, Any]:
    """The JSON that a command prints."""
    done = portal.manage(*words, "--json", stdin=stdin)
    assert done.returncode == 0, done.stderr
    content: dict[str, Any] = json.loads(done.stdout)
    return content


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit) as exit_:
        execute_from_command_line(["manage.py", command, "--help"])
    assert not exit_.value.code
    assert "usage:" in capsys.readouterr().out


def test_help_begins_with_the_portals_own_commands(capsys: pytest.CaptureFixture[str]) -> None:
    execute(["manage.py", "help"])
    own, _, others = capsys.readouterr().out.partition("Available subcommands")
    assert {line.split()[0] for line in own.splitlines() if line.startswith("  ")} == set(COMMANDS)
    assert "collectstatic" in others


async def test_users_are_created_and_deleted(portal: RunningPortal, nobody: PortalClient) -> None:
    name = f"op-{new_id().hex[-12:]}"
    made = run(portal, "create_user", name, "--staff", stdin=f"{PASSWORD}\n")
    assert (made["status"], made["command"]) == ("SUCCEEDED", "CreateUser")
    await nobody.sign_in(name, PASSWORD)
    assert nobody.user == {"id": made["user_id"], "username": name, "isStaff": True}
    taken = portal.manage("create_user", name, "--password", PASSWORD, "--json")
    assert taken.returncode == REJECTED
    assert json.loads(taken.stdout)["rejection"] == "USERNAME_TAKEN"
    assert "USERNAME_TAKEN" in taken.stderr
    assert run(portal, "delete_user", name)["status"] == "SUCCEEDED"
    gone = portal.manage("delete_user", name)
    assert (gone.returncode, gone.stderr.strip()) == (
        REJECTED,
        f"CommandError: there is no user named '{name}'",
    )


async def test_a_changed_password_ends_the_sessions(
    portal: RunningPortal, join: Join, nobody: PortalClient
) -> None:
    alice = await join("alice")
    name = alice.user["username"]
    refused = portal.manage("changepassword", name, "--password", "password")
    assert refused.returncode == USAGE
    assert "too common" in refused.stderr
    assert (await alice.execute("{ me { id } }"))["me"]
    changed = run(portal, "changepassword", name.upper(), stdin="another good one 8\n")
    assert changed == {"user_id": alice.user["id"], "username": name}
    with pytest.raises(Refused, match="this session has ended"):
        await alice.execute("{ me { id } }")
    with pytest.raises(Refused, match="wrong username or password"):
        await nobody.sign_in(name, PASSWORD)
    await nobody.sign_in(name, "another good one 8")
    assert portal.manage("changepassword", f"no-{name}").returncode == REJECTED


async def test_an_auction_lives_by_the_command_line(portal: RunningPortal, join: Join) -> None:
    alice = await join("alice")
    made = run(portal, "create_auction", "A lamp", "--starts-at", "+0s", "--ends-at", "+1h")
    assert made["url"] == f"{portal.url}/#/auction/{made['auction_id']}"
    await place(alice, made["auction_id"], "10.00")
    tick = run(portal, "run_promoter", "--once")
    assert made["auction_id"] in [draw["auction_id"] for draw in tick["draws"]]
    history = await events(alice, made["auction_id"], until="BidDoubled")
    assert history[-1]["effectiveAmount"] == "20.00"


async def test_announcing_by_hand_and_by_beat_is_announcing_once(
    portal: RunningPortal, nobody: PortalClient
) -> None:
    made = run(portal, "create_auction", "A lamp", "--ends-at", "+1s")
    run(portal, "announce_winners")
    history = await events(nobody, made["auction_id"], until="AuctionEndedUnsold")
    run(portal, "announce_winners")
    assert await events(nobody, made["auction_id"], until=2) == history


async def test_status_verification_and_rebuilding_tell_how_it_is(
    portal: RunningPortal, join: Join, carol: PortalClient
) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol)
    await place(alice, auction_id, "10.00")

    def caught_up() -> bool:
        found = run(portal, "status")
        assert set(found["servers"].values()) == {"up"}
        assert found["portal"] == portal.url
        return (found["events_behind"], found["waiting_jobs"]) == (0, [])

    wait_until(caught_up)
    verdict = run(portal, "verify_events")
    assert (verdict["findings"], verdict["events"] > 0) == ([], True)
    rebuilt = run(portal, "rebuild_projections", "auctions")
    assert rebuilt
    assert run(portal, "verify_events", auction_id)["findings"] == []


@pytest.mark.parametrize(
    ("words", "expected_text"),
    [
        (("create_auction", "A lamp", "--ends-at", "soon"), "an offset like +30s"),
        (("create_auction", "A lamp", "--ends-at", "2099-01-01T00:00:00"), "neither a time"),
        (("create_auction", "A lamp", "--ends-at", "+xs"), "neither a time"),
        (("create_auction", "", "--ends-at", "+1h"), "can't be empty"),
        (("create_auction", "A lamp"), "--ends-at"),
        (("create_auction", "x" * 201, "--ends-at", "+1h"), "at most 200"),
        (("create_auction", "a\x00b", "--ends-at", "+1h"), "U+0000"),
        (("create_auction", "\u202egnp", "--ends-at", "+1h"), "U+202E"),
        (("create_auction", "\udcff", "--ends-at", "+1h"), "U+DCFF"),
        (("create_auction", "A lamp", "--ends-at", "+nand"), "neither a time"),
        (("create_auction", "A lamp", "--ends-at", "+1e400s"), "neither a time"),
        (("create_auction", "A lamp", "--ends-at", "+9999999999d"), "neither a time"),
        (("create_auction", "A lamp", "--ends-at", "+1h", "--wait", "nan"), "between 0 and"),
        (("create_auction", "A lamp", "--ends-at", "+1h", "--wait", "inf"), "between 0 and"),
        (("create_auction", "A lamp", "--ends-at", "+1h", "--wait", "-1"), "between 0 and"),
        (("create_user", "ali\u202ece", "--password", PASSWORD), "3 to 30"),
        (("create_user", "x", "--password", PASSWORD), "3 to 30"),
        (("create_user", "mallory", "--password", "short"), "too short"),
        (("create_user", "mallory", "--email", "x", "--password", PASSWORD), "name@example.org"),
        (("verify_events", "x"), "invalid"),
        (("rebuild_projections", "nothing"), "invalid choice"),
        (("run_promoter", "--every", "x"), "invalid float"),
    ],
)
def test_bad_input_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], words: Any, expected_text: str
) -> None:
    with pytest.raises(SystemExit) as exit_:
        execute_from_command_line(["manage.py", *words])
    assert exit_.value.code == USAGE
    assert expected_text in capsys.readouterr().err


def test_a_rule_that_is_broken_is_named(portal: RunningPortal) -> None:
    done = portal.manage("create_auction", "A lamp", "--ends-at", "2020-01-01T00:00:00Z")
    assert done.returncode == REJECTED
    assert "It would start at " in done.stderr
    assert "and end at 2020-01-01 00:00:00 UTC; an auction starts now or later" in done.stderr
    assert "(INVALID_SCHEDULE)" in done.stderr
