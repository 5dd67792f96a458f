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
    "redrive", "rebuild_projections", "show_auction", "verify_events", "verify_draw", "change_policy", "status",
    "checkpoint_key", "up", "demo", "print_schema", "export_auction", "export_all", "import_events",
    "database_roles", "migrate", "backup", "restore", "cancel_auction",
    "close_auction", "remove_bid", "pause_auction", "resume_auction", "revise_auction",
    "ban_user", "lift_ban", "limit_exposure", "lift_exposure_limit", "forfeit_sale", "lapse_offers",
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


def test_an_auctions_rules_are_tried_without_creating_it(portal: RunningPortal) -> None:
    words = ("create_auction", "Only tried", "--ends-at", "+1h", "--preset", "english")
    tried = run(portal, *words, "--reserve", "9", "--dry-run", "-", stdin="alice 8\nbob 8.50\n")
    assert [(each["bid"], each["became"]) for each in tried["bids"]] == [
        ("alice 8", "leads"),
        ("bob 8.50", "BELOW_INCREMENT"),
        ("the end", "nobody wins: the reserve is not met"),
    ]
    assert "There is a hidden reserve price: nobody wins with a lower bid." in tried["rules"]
    for file, stdin, says in (
        ("-", "alice 8\nbob", "bids: line 2: 'bob' can't be read"),
        ("/nowhere", "", "/nowhere can't be read: "),
    ):
        refused = portal.manage(*words, "--dry-run", file, stdin=stdin)
        assert refused.returncode == USAGE
        assert says in refused.stderr


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


async def test_lapsing_by_hand_and_by_beat_is_lapsing_once(
    portal: RunningPortal, join: Join, nobody: PortalClient
) -> None:
    bidder = await join("alice")
    words = ("--ends-at", "+1h", "--second-chance", "1s/1s/1")
    auction_id = run(portal, "create_auction", "A lamp", *words)["auction_id"]
    await place(bidder, auction_id, "10.00")
    run(portal, "close_auction", auction_id, "--reason", "A flood.")
    run(portal, "lapse_offers")
    history = await events(nobody, auction_id, until="SaleFailed")
    assert [each["__typename"] for each in history[-3:]] == [
        "LotOffered",
        "OfferLapsed",
        "SaleFailed",
    ]
    run(portal, "lapse_offers")
    assert await events(nobody, auction_id, until=len(history)) == history


async def test_an_auction_is_shown_as_it_is_and_as_it_was(
    portal: RunningPortal, join: Join, carol: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol, title="A lamp")
    await place(alice, auction_id, "10.00")
    await place(bob, auction_id, "12.00")
    now = run(portal, "show_auction", auction_id)
    assert (now["version"], now["bid_count"], now["bidder_count"]) == (3, 2, 2)
    assert [bid["bidder"] for bid in now["bids"]] == [bob.user["username"], alice.user["username"]]
    assert (now["status"], now["winner"], now["why"]) == ("OPEN", None, None)
    then = run(portal, "show_auction", auction_id, "--version", "2")
    assert (then["version"], then["leading_bid"]["amount"]) == (2, "10.00")
    at = run(portal, "show_auction", auction_id, "--at", then["as_of"])
    assert at == then
    text = portal.manage("show_auction", auction_id, "--version", "2").stdout
    assert f"  1. 10.00 by {alice.user['username']}" in text
    for words, status, message in (
        ((auction_id, "--version", "4"), USAGE, "versions are 1 to 3"),
        ((auction_id, "--version", "0"), USAGE, "versions are 1 to 3"),
        ((auction_id, "--at", "2020-01-01T00:00:00Z"), USAGE, "was created later"),
        ((auction_id, "--at", "+1h"), USAGE, "in the future"),
        ((str(new_id()),), REJECTED, "there is no such auction"),
    ):
        done = portal.manage("show_auction", *words)
        assert (done.returncode, message in done.stderr) == (status, True), done.stderr


async def test_of_a_closed_auction_it_is_shown_why_it_ended_so(portal: RunningPortal) -> None:
    made = run(portal, "create_auction", "A lamp", "--ends-at", "+1s")

    def closed() -> bool:
        return run(portal, "show_auction", made["auction_id"])["why"] is not None

    wait_until(closed, what="the close")
    why = run(portal, "show_auction", made["auction_id"])["why"]
    assert why["result"] == "The auction ended unsold: nobody bid."
    text = portal.manage("show_auction", made["auction_id"]).stdout
    assert "The auction ended unsold: nobody bid.\nIt was closed " in text


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
        (("cancel_auction", "x", "--reason", "A flood"), "invalid UUID"),
        (("cancel_auction", str(new_id())), "--reason"),
        (("cancel_auction", str(new_id()), "--reason", " "), "can't be empty"),
        (("create_user", "ali\u202ece", "--password", PASSWORD), "3 to 30"),
        (("create_user", "x", "--password", PASSWORD), "3 to 30"),
        (("create_user", "mallory", "--password", "short"), "too short"),
        (("create_user", "mallory", "--email", "x", "--password", PASSWORD), "name@example.org"),
        (("verify_events", "x"), "invalid"),
        (("show_auction", "x"), "invalid"),
        (("show_auction", str(new_id()), "--version", "1", "--at", "+1s"), "not allowed with"),
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
