"""A production start that is not safe is refused, by name."""

import os
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
}


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


def test_who_says_nothing_gets_production() -> None:
    done = start({})
    assert done.returncode
    for name in SAFE:
        assert name in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("SECRET_KEY", "", "SECRET_KEY must be set"),
        ("SECRET_KEY", "short", "at least 50"),
        ("ALLOWED_HOSTS", "*", "must name the hosts"),
        ("DEBUG", "true", "DEBUG must be off"),
        ("DEBUG", "maybe", "neither true nor false"),
        ("PORTAL_ENV", "laptop", "not one of"),
        ("ACCESS_TOKEN_SECONDS", "soon", "whole number"),
    ],
)
def test_an_unsafe_one_does_not(name: str, value: str, told: str) -> None:
    done = start({**SAFE, name: value})
    assert done.returncode
    assert told in done.stderr
