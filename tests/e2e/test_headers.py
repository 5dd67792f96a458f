"""Security headers, cookies, and which origins may open a WebSocket."""

import re
import secrets
from collections.abc import Iterator

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from tests.conftest import PASSWORD, RunningPortal
from tests.e2e.test_admin import Browser
from tests.e2e.test_pages import Page
from tests.webs import web

HTML = {"Accept": "text/html"}
PATHS = [
    "/",
    "/graphql",
    "/admin/login/",
    "/unsubscribe/nothing",
    "/nothing",
    "/healthz",
    "/static/portal/page/main.js",
]
ADMIN = [
    "/admin/",
    "/admin/commands/auction/",
    "/admin/commands/auction/add/",
    "/admin/commands/bid/",
    "/admin/commands/job/",
    "/admin/commands/event/",
    "/admin/commands/user/",
    "/admin/commands/promoterpolicy/",
    "/admin/commands/promoterpolicy/add/",
    "/admin/commands/promotertick/",
    "/admin/projections/drift/",
    "/admin/projections/stuckstream/",
    "/admin/django_celery_beat/periodictask/",
    "/admin/django_celery_beat/periodictask/add/",
    "/admin/django_celery_beat/crontabschedule/add/",
    "/admin/password_change/",
]
HOST = "auctions.example.org"
PUBLIC = {"Host": HOST, "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}


def policy(answer: httpx.Response) -> dict[str, list[str]]:
    """The Content-Security-Policy's sources by directive."""
    parts = [part.split() for part in answer.headers["Content-Security-Policy"].split(";")]
    return {name: sources for name, *sources in parts}


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_has_the_headers(portal: RunningPortal, path: str) -> None:
    answer = httpx.get(f"{portal.url}{path}", headers=HTML)
    assert policy(answer)["default-src"] == ["'none'"]
    assert policy(answer)["script-src"] == policy(answer)["style-src"] == ["'self'"]
    assert policy(answer)["frame-ancestors"] == ["'none'"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "Server" not in answer.headers


def test_answers_of_the_api_are_kept_nowhere(portal: RunningPortal) -> None:
    answer = httpx.post(f"{portal.url}/graphql", json={"query": "{ serverTime }"})
    assert answer.headers["Cache-Control"] == "no-store"


def test_admins_pages_hold_nothing_that_the_policy_refuses(
    portal: RunningPortal, auctioneer: str
) -> None:
    with Browser(base_url=portal.url, follow_redirects=True, timeout=30) as admin:
        admin.submit("/admin/login/", {"username": auctioneer, "password": PASSWORD})
        for path in ADMIN:
            answer = admin.get(path)
            assert answer.status_code == 200, path
            # Data for scripts is not run.
            shown = re.sub(r'<script[^>]*type="application/json".*?</script>', "", answer.text)
            assert Page(shown).refused == [], path
        assert admin.get("/favicon.ico").status_code == 200


@pytest.fixture(scope="module")
def production(portal: RunningPortal) -> Iterator[RunningPortal]:
    """A web process with production's settings, behind a proxy that ends TLS."""
    with web(
        portal,
        PORTAL_ENV="production",
        SECRET_KEY=secrets.token_urlsafe(64),
        ALLOWED_HOSTS=f"{HOST},127.0.0.1",
        PUBLIC_URL=f"https://{HOST}",
        EMAIL_HOST="mail.example.org",
        BEACON="local",
        BEHIND_TLS_PROXY="true",
        TRUSTED_PROXIES="127.0.0.1",
    ) as process:
        yield process
        assert '"level": "error"' not in process.logged()


def test_cookies_go_over_tls_alone_and_to_no_script(production: RunningPortal) -> None:
    answer = httpx.get(f"{production.url}/admin/login/", headers=PUBLIC)
    cookies = answer.headers.get_list("Set-Cookie")
    assert cookies
    for cookie in cookies:
        for word in ("Secure", "HttpOnly", "SameSite=Lax"):
            assert word in cookie


@pytest.mark.parametrize("path", ["/", "/graphql", "/admin/login/"])
def test_browsers_are_told_to_come_over_tls_only(production: RunningPortal, path: str) -> None:
    answer = httpx.get(f"{production.url}{path}", headers=PUBLIC)
    expected = "max-age=31536000; includeSubDomains; preload"
    assert answer.headers.get_list("Strict-Transport-Security") == [expected]
    plain = httpx.get(f"{production.url}{path}", headers={**PUBLIC, "X-Forwarded-Proto": "http"})
    if path != "/graphql":
        assert plain.headers["Location"] == f"https://{HOST}{path}"


def test_production_serves_neither_graphiql_nor_introspection(production: RunningPortal) -> None:
    url = f"{production.url}/graphql"
    assert httpx.get(url, headers={**PUBLIC, **HTML}).status_code == 405
    answer = httpx.post(url, json={"query": "{ __schema { types { name } } }"}, headers=PUBLIC)
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


def test_another_host_is_refused(production: RunningPortal) -> None:
    for path in ("/", "/graphql", "/admin/"):
        answer = httpx.get(f"{production.url}{path}", headers={**PUBLIC, "Host": "evil.example"})
        assert answer.status_code == 421


async def opens(portal: RunningPortal, origin: str | None) -> bool:
    """Whether a WebSocket opens for a page of that origin."""
    url = portal.url.replace("http", "ws", 1) + "/graphql"
    protocol = Subprotocol("graphql-transport-ws")
    asked_by = Origin(origin) if origin else None
    try:
        async with connect(url, subprotocols=[protocol], origin=asked_by):
            return True
    except InvalidStatus as refused:
        if refused.response.status_code != 403:
            raise
        return False


async def test_pages_of_other_origins_open_no_websocket(production: RunningPortal) -> None:
    assert await opens(production, None), "programs have no origin"
    assert await opens(production, production.url), "the origin asked"
    assert await opens(production, f"https://{HOST}"), "the public one"
    assert not await opens(production, "https://evil.example")
    assert not await opens(production, "null")
