"""Which answers are compressed, for which clients, and which never are because they hold secrets."""

import httpx
import pytest

from portal.laptop.demo.client import PortalClient
from portal.web.compression import LEAST
from tests.conftest import PASSWORD, Join, RunningPortal
from tests.e2e.test_admin import Browser

HTML = {"Accept": "text/html"}
PUBLIC = [
    "/",
    "/how-it-works",
    "/docs",
    "/docs/api",
    "/docs/verify_auction.py",
    "/graphql",
    "/static/portal/page/main.js",
    "/static/portal/graphiql/graphiql.min.js",
    "/static/admin/css/base.css",
]
TYPES = "{ __schema { types { name description } } }"
ENTER = """mutation ($name: String!, $password: String!) {
  a: login(username: $name, password: $password) { accessToken refreshToken }
  b: login(username: $name, password: $password) { accessToken refreshToken }
  c: login(username: $name, password: $password) { accessToken refreshToken } }"""
ACCEPTED = ["gzip", "br;q=1.0, gzip;q=0.5", "GZIP", "*", "identity;q=0.1, *"]
REFUSED = ["", "identity", "br, zstd", "gzip;q=0", "gzip; q=0.000, *", "*;q=0", "gzip;q=much"]


def fetch(client: httpx.Client, path: str, accepted: str = "gzip", **more: str) -> httpx.Response:
    """The answer to somebody who accepts those encodings."""
    return client.get(path, headers={"Accept-Encoding": accepted, **more})


def wire(answer: httpx.Response) -> int:
    """The bytes that were sent; the announced length is true, or the client fails."""
    return int(answer.headers["Content-Length"])


@pytest.mark.parametrize("path", PUBLIC)
def test_what_is_the_same_for_everybody_is_compressed(site: httpx.Client, path: str) -> None:
    plain, packed = fetch(site, path, "identity"), fetch(site, path)
    assert packed.status_code == 200
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.content == plain.content
    assert wire(packed) < wire(plain) == len(plain.content)
    for answer in (plain, packed):
        assert answer.headers["Vary"] == "Accept-Encoding"


def test_what_is_small_goes_as_it_is(portal: RunningPortal) -> None:
    with httpx.Client(base_url=portal.url) as client:
        small = client.post("/graphql", json={"query": "{ serverTime }"})
        for answer in (small, fetch(client, "/static/portal/page/bell.js")):
            assert wire(answer) == len(answer.content) < LEAST
            assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize("accepted", ACCEPTED)
def test_gzip_is_sent_to_whoever_accepts_it(site: httpx.Client, accepted: str) -> None:
    for path in PUBLIC[-3:]:
        assert fetch(site, path, accepted).headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize("accepted", REFUSED)
def test_it_is_not_sent_to_others(site: httpx.Client, accepted: str) -> None:
    for path in (*PUBLIC[-3:], "/docs/api"):
        answer = fetch(site, path, accepted)
        assert "Content-Encoding" not in answer.headers
        assert answer.headers["Vary"] == "Accept-Encoding"


# GraphiQL is for GET alone.
@pytest.mark.parametrize("path", [path for path in PUBLIC if path != "/graphql"])
def test_head_tells_what_get_would_send(site: httpx.Client, path: str) -> None:
    for accepted in ("gzip", "identity"):
        head = site.head(path, headers={"Accept-Encoding": accepted})
        got = fetch(site, path, accepted)
        assert head.status_code == 200
        assert head.content == b""
        for name in ("Content-Length", "Content-Encoding", "Vary", "ETag", "Cache-Control"):
            assert head.headers.get(name) == got.headers.get(name), name


@pytest.mark.parametrize("path", PUBLIC[-3:])
def test_who_has_a_file_is_told_so_however_it_was_encoded(site: httpx.Client, path: str) -> None:
    etags = {fetch(site, path, accepted).headers["ETag"] for accepted in ("gzip", "identity")}
    # One, which is weak: the same file, not the same bytes.
    (etag,) = etags
    assert etag.startswith('W/"')
    for given in (etag, etag.removeprefix("W/"), f'"another", {etag}', "*"):
        for accepted in ("gzip", "identity"):
            answer = fetch(site, path, accepted, **{"If-None-Match": given})
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["ETag"] == etag
            assert answer.headers["Vary"] == "Accept-Encoding"
            assert "Cache-Control" in answer.headers
    assert fetch(site, path, **{"If-None-Match": 'W/"another"'}).status_code == 200
    modified = fetch(site, path).headers["Last-Modified"]
    assert fetch(site, path, **{"If-Modified-Since": modified}).status_code == 304


@pytest.mark.parametrize("asked", ["bytes=0-0", "bytes=10-20", "bytes=-5", "bytes=99999999-"])
def test_a_file_is_sent_whole_whatever_range_is_asked_for(site: httpx.Client, asked: str) -> None:
    path = "/static/portal/graphiql/react.production.min.js"
    for accepted in ("gzip", "identity"):
        answer = fetch(site, path, accepted, Range=asked)
        assert answer.status_code == 200
        assert answer.content == fetch(site, path).content


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_files_are_only_read(site: httpx.Client, method: str) -> None:
    answer = site.request(method, "/static/portal/page/main.js")
    assert answer.status_code == 405


def test_what_a_query_asks_for_is_compressed(portal: RunningPortal) -> None:
    def ask(accepted: str) -> httpx.Response:
        headers = {"Accept-Encoding": accepted}
        return httpx.post(f"{portal.url}/graphql", json={"query": TYPES}, headers=headers)

    plain, packed = ask("identity"), ask("gzip")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.json() == plain.json()
    assert wire(packed) * 2 < wire(plain)
    for answer in (plain, packed):
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert answer.headers["Cache-Control"] == "no-store"
    for refused in REFUSED:
        assert "Content-Encoding" not in ask(refused).headers


async def test_what_holds_tokens_never_is(join: Join, nobody: PortalClient) -> None:
    alice = await join("alice")
    variables = {"name": alice.user["username"], "password": PASSWORD}
    answer = await nobody.post({"query": ENTER, "variables": variables})
    assert answer.request.headers["Accept-Encoding"].startswith("gzip")
    assert answer.json()["data"]["c"]["refreshToken"]
    assert len(answer.content) > LEAST
    assert "Content-Encoding" not in answer.headers
    # Nor if a query stands beside it in the document.
    both = f"query Types {TYPES} {ENTER.replace('mutation', 'mutation Enter')}"
    asked = {"query": both, "variables": variables, "operationName": "Enter"}
    answer = await nobody.post(asked)
    assert answer.json()["data"]["c"]["refreshToken"]
    assert "Content-Encoding" not in answer.headers


async def test_what_repeats_a_request_that_was_refused_never_is(nobody: PortalClient) -> None:
    answer = await nobody.post({"query": "{ " + " ".join(f"wrong{n}" for n in range(60)) + " }"})
    assert answer.json()["errors"]
    assert len(answer.content) > LEAST
    assert "Content-Encoding" not in answer.headers


def test_admin_never_is(portal: RunningPortal, auctioneer: str) -> None:
    gzip = {"Accept-Encoding": "gzip"}
    with Browser(base_url=portal.url, headers=gzip, follow_redirects=True, timeout=30) as admin:
        answers = [admin.get("/admin/login/")]
        admin.submit("/admin/login/", {"username": auctioneer, "password": PASSWORD})
        paths = ("/admin/", "/admin/commands/auction/add/", "/admin/password_change/")
        answers += [admin.get(path) for path in paths]
    for answer in answers:
        assert answer.status_code == 200
        assert len(answer.content) > LEAST
        assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize("path", ["/unsubscribe/nothing", "/confirm-email/nothing"])
def test_pages_behind_the_links_in_mails_never_are(portal: RunningPortal, path: str) -> None:
    answer = httpx.get(f"{portal.url}{path}", headers={**HTML, "Accept-Encoding": "gzip"})
    assert "form" in answer.text or answer.status_code == 404
    assert "Content-Encoding" not in answer.headers
