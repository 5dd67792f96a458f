"""A production start that is not safe is refused, by name."""

import os
import re
import secrets
import subprocess
import sys

import pytest

from tests.servers import ROOT

SAFE = {
    "PORTAL_ENV": "production",
    "SECRET_KEY": "k" * 60,
    "ALLOWED_HOSTS": "auctions.example.org",
    "DATABASE_URL": "postgresql://db/portal",
    "REDIS_URL": "redis://redis/0",
    "MONGODB_URL": "mongodb://mongo/portal",
    "PUBLIC_URL": "https://auctions.example.org",
    "EMAIL_HOST": "mail.example.org",
    "BEACON": "drand",
}


# Celery's own way in, which then ends instead of connecting to the broker.
STARTED = """
import os, sys
from celery import signals
from celery.__main__ import main
import portal.celery

def stop(**_):
    print("going on", flush=True)
    os._exit(0)

portal.celery.app.loader.import_default_modules()
signals.celeryd_after_setup.connect(stop)
sys.argv = ["celery", "-A", "portal", "worker", "--queues", sys.argv[1]]
sys.exit(main())
"""


def start(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Read the settings as a production process would."""
    return subprocess.run(
        [sys.executable, "-c", "from portal import settings; print(settings.DEBUG)"],
        env={"PATH": os.environ["PATH"], **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_safe_one_starts() -> None:
    assert start(SAFE).stdout == "False\n"


def test_djangos_own_check_of_a_deployment_finds_nothing() -> None:
    check = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(
        check,
        env={"PATH": os.environ["PATH"], **SAFE, "SECRET_KEY": secrets.token_urlsafe(64)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_who_says_nothing_gets_production() -> None:
    done = start({})
    assert done.returncode
    for name in SAFE:
        assert name in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "expected_text"),
    [
        ("SECRET_KEY", "", "SECRET_KEY must be set"),
        ("SECRET_KEY", "short", "at least 50"),
        ("ALLOWED_HOSTS", "*", "must name the hosts"),
        ("DEBUG", "true", "DEBUG must be off"),
        ("DEBUG", "maybe", "neither true nor false"),
        ("PORTAL_ENV", "laptop", "not one of"),
        ("ACCESS_TOKEN_SECONDS", "soon", "whole number"),
        ("PUBLIC_URL", "http://auctions.example.org", "begin with https"),
        ("BEHIND_TLS_PROXY", "true", "TRUSTED_PROXIES must name"),
        ("TRUSTED_PROXIES", "proxy.example.org", "neither an address nor a network"),
        ("BIDS_PER_USER", "many", "neither a rate like"),
        ("QUERY_COST", "0", "less than 1"),
        ("CHECKPOINT_KEY", "short", "not 64 hexadecimal digits"),
        ("WITNESS_URLS", "https://a.example.org,ftp://b.example.org", "number 2 is no URL"),
        ("WITNESS_URLS", "https://me:secret@a.example.org", "number 1 is no URL"),
        ("WITNESS_URLS", "https://a.example.org:port", "number 1 is no URL"),
    ],
)
def test_an_unsafe_one_does_not(name: str, value: str, expected_text: str) -> None:
    done = start({**SAFE, name: value})
    assert done.returncode
    assert expected_text in done.stderr


@pytest.mark.parametrize(("queue", "refused"), [("upkeep", True), ("projections", False)])
def test_a_worker_that_would_have_to_sign_needs_the_key_and_no_other_does(
    queue: str, refused: bool
) -> None:
    """Each starts as far as it comes without a server."""
    done = subprocess.run(
        [sys.executable, "-c", STARTED, queue],
        env={"PATH": os.environ["PATH"], **SAFE},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert ("CHECKPOINT_KEY must be set" in said) == refused, said
    assert "Traceback" not in said
    assert ("going on" in done.stdout) != refused
    assert (done.returncode != 0) == refused


def test_the_keys_command_says_where_to_run_it() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "checkpoint_key"],
        env={"PATH": os.environ["PATH"], **SAFE},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("CommandError: CHECKPOINT_KEY is not set"), done.stderr


READ = re.compile(r'env\.(?!passwords)\w+\(\s*"([A-Z][A-Z0-9_]+)"|\btext\("([A-Z][A-Z0-9_]+)"')
REQUIRED = re.compile(r"\$\{([A-Z][A-Z0-9_]+)")


def names(pattern: re.Pattern[str], file: str) -> set[str]:
    """The variables that the file reads."""
    return {name for found in pattern.findall((ROOT / file).read_text()) for name in found if name}


def test_each_variable_is_explained_to_operators() -> None:
    read = names(READ, "portal/settings.py") | names(READ, "portal/env.py")
    assert {"SECRET_KEY", "STATIC_ROOT", "QUERY_COST", "BIDS_PER_USER", "LOG_FORMAT"} <= read
    required = {*REQUIRED.findall((ROOT / "compose.yaml").read_text())}
    assert {"REDIS_PASSWORD", "EMAIL_HOST_USER"} <= required
    explained = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", (ROOT / "docs/operators.md").read_text()))
    assert (read | required) - explained == set()


def test_no_variable_is_explained_that_nothing_reads() -> None:
    tables = (ROOT / "docs/operators.md").read_text().partition("## Looking after it")[0]
    rows = re.findall(r"^\| (`[A-Z].*?) \|", tables, re.MULTILINE)
    explained = {name for row in rows for name in re.findall(r"`([A-Z][A-Z0-9_]+)`", row)}
    compose = (ROOT / "compose.yaml").read_text()
    read = names(READ, "portal/settings.py") | names(READ, "portal/env.py")
    assert explained - read - set(REQUIRED.findall(compose)) == set()
