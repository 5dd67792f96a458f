"""Typed readers of environment variables; errors name the variable and what is allowed."""

import contextlib
import json
import os
import re
import secrets
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from limits import RateLimitItem, parse

SERVERS_FILE = "servers.json"
SECRET_FILE = "secret_key"  # noqa: S105 (a file's name)
CHECKPOINT_KEY_FILE = "checkpoint_key"


def text(name: str, default: str = "") -> str:
    """The variable's text, stripped."""
    return os.environ.get(name, default).strip()


def words(name: str, default: str = "") -> list[str]:
    """The variable's comma-separated words, empty ones left out."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def boolean(name: str, default: bool) -> bool:
    """True for 1/true/yes/on, False for 0/false/no/off; ImproperlyConfigured for anything else."""
    value = text(name).lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    if value:
        raise ImproperlyConfigured(f"{name}={value!r} is neither true nor false")
    return default


def integer(name: str, default: int, least: int = 0) -> int:
    """The variable as a whole number; ImproperlyConfigured if it is not one, or below the least."""
    value = text(name)
    try:
        number = int(value) if value else default
    except ValueError:
        raise ImproperlyConfigured(f"{name}={value!r} is not a whole number") from None
    if number < least:
        raise ImproperlyConfigured(f"{name}={value!r} is less than {least}")
    return number


def days(name: str, default: int) -> timedelta:
    """A number of days, at least one."""
    return timedelta(days=integer(name, default, least=1))


def rate(name: str, default: str) -> RateLimitItem | None:
    """A rate like 10/minute, None for `off`; ImproperlyConfigured for anything else."""
    value = text(name) or default
    if value == "off":
        return None
    try:
        return parse(value)
    except ValueError:
        raise ImproperlyConfigured(
            f"{name}={value!r} is neither a rate like 10/minute nor 'off'"
        ) from None


def networks(name: str) -> list[str]:
    """Addresses and networks like 10.0.0.0/8; ImproperlyConfigured if one is neither."""
    found = words(name)
    for each in found:
        try:
            ip_network(each)
        except ValueError:
            raise ImproperlyConfigured(
                f"{name}: {each!r} is neither an address nor a network like 10.0.0.0/8"
            ) from None
    return found


def choice(name: str, default: str, allowed: set[str]) -> str:
    """One of the allowed words; ImproperlyConfigured otherwise."""
    value = text(name) or default
    if value not in allowed:
        raise ImproperlyConfigured(f"{name}={value!r} is not one of {', '.join(sorted(allowed))}")
    return value


def server_url(name: str, data: Path | None) -> str:
    """A server's URL: the variable, or what `manage.py up` wrote into the data folder, or ''."""
    if value := text(name):
        _check_url(name, value)
        return value
    servers = data / SERVERS_FILE if data else None
    if servers and servers.exists():
        return str(json.loads(servers.read_text()).get(name, ""))
    return ""


def _check_url(name: str, value: str) -> None:
    """ImproperlyConfigured, without quoting the URL: drivers quote parts, which may be of the password."""
    _, separator, rest = value.partition("://")
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    if not separator or "@" in rest[len(authority) :]:
        raise ImproperlyConfigured(
            f"{name} is no URL like scheme://user:password@host/name; in a password, "
            "characters with a meaning in URLs are written as %2F and the like"
        )


def database_roles() -> tuple[str, str]:
    """The names of the roles in Postgres that the portal's processes and auditors sign in as."""
    name = text("DATABASE_ROLES", "portal")
    return f"{name}_writer", f"{name}_reader"


def passwords(*urls: str) -> list[str]:
    """The passwords in servers' URLs, as written there and decoded."""
    found = []
    for url in urls:
        user, _, _ = urlsplit(url).netloc.rpartition("@")
        written = [user.partition(":")[2], *parse_qs(urlsplit(url).query).get("password", ())]
        found += [form for each in written for form in (each, unquote(each)) if each]
    return found


def secret_key(data: Path | None) -> str:
    """SECRET_KEY, else (outside production) a random one kept in the data folder."""
    if value := text("SECRET_KEY"):
        return value
    if data is None:
        return ""
    file = data / SECRET_FILE
    if not file.exists():
        _write_once(file, secrets.token_urlsafe(64))
    return file.read_text()


def checkpoint_key(data: Path | None) -> str:
    """CHECKPOINT_KEY, 32 bytes in hex, else (outside production) random ones kept in the data folder."""
    if value := text("CHECKPOINT_KEY"):
        if not re.fullmatch("[0-9a-fA-F]{64}", value):
            raise ImproperlyConfigured("CHECKPOINT_KEY is not 64 hexadecimal digits")
        return value
    if data is None:
        return ""
    file = data / CHECKPOINT_KEY_FILE
    if not file.exists():
        _write_once(file, secrets.token_hex(32))
    return file.read_text()


def web_addresses(name: str, default: Sequence[str] = ()) -> list[str]:
    """Comma-separated http:// and https:// URLs; ImproperlyConfigured, without quoting it, if one is none."""
    found = words(name) or list(default)
    for number, each in enumerate(found, 1):
        try:
            parts = urlsplit(each)
            right = parts.scheme in {"http", "https"} and parts.hostname and "@" not in parts.netloc
            _ = parts.port
        except ValueError:
            right = False
        if not right or not each.isascii() or not each.isprintable() or " " in each:
            raise ImproperlyConfigured(
                f"{name}: number {number} is no URL like https://host/path; "
                "a secret stands in its path or query, not before the host"
            )
    return found


def _write_once(file: Path, content: str) -> None:
    """Write the file in one step; if another process was first, its text is kept."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=file.parent)
    with os.fdopen(descriptor, "w") as new:
        new.write(content)
    with contextlib.suppress(FileExistsError):
        os.link(draft, file)
    Path(draft).unlink()
