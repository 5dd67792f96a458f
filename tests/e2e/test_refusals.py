"""Invalid requests are refused as JSON in GraphQL's form, with a fitting status, and are not logged as errors."""

import json
import socket
import time
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import httpx
import psutil
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from commands.postgres.connections import Pool
from portal.laptop.demo.client import PLACE_BID, PortalClient
from portal.web.correlation import NAME
from tests.conftest import RunningPortal, wait_until
from tests.e2e.test_limits import NOWHERE, conversation

JSON = "application/json"
GOOD = b'{"query": "{ serverTime }"}'
ID = NAME.decode()


@dataclass(frozen=True, slots=True)
class Wrong:
    """A request with one thing wrong, and how it is answered."""

    status: int
    expected_text: str
    content: bytes = GOOD
    method: str = "POST"
    path: str = "/graphql"
    kind: str | None = JSON
    headers: dict[str, str] = field(default_factory=dict)


NO_JSON = "no JSON in UTF-8"
NO_OBJECT = "one JSON object"
BY_POST = "by POST"
NO_FORM = "Content-Type is application/json"
WRONG = {
    "nothing": Wrong(400, NO_JSON, b""),
    "half of JSON": Wrong(400, NO_JSON, b"{"),
    "more than JSON": Wrong(400, NO_JSON, GOOD + b" x"),
    "a list": Wrong(400, NO_OBJECT, b"[]"),
    "a batch": Wrong(400, NO_OBJECT, b"[" + GOOD + b"]"),
    "a string": Wrong(400, NO_OBJECT, b'"{ serverTime }"'),
    "a number": Wrong(400, NO_OBJECT, b"7"),
    "null": Wrong(400, NO_OBJECT, b"null"),
    "true": Wrong(400, NO_OBJECT, b"true"),
    "too deep": Wrong(400, "nested too deeply", b"[" * 100_000),
    "too many digits": Wrong(
        400, "too many digits", b'{"query": "{ a }", "variables": {"a": %s}}' % (b"9" * 5000)
    ),
    "broken UTF-8": Wrong(400, NO_JSON, b'{"query": "{ serverTime }\xff"}'),
    "UTF-16": Wrong(400, NO_JSON, GOOD.decode().encode("utf-16")),
    "no query": Wrong(400, "query is missing", b'{"variables": {}}'),
    "query null": Wrong(400, "query is missing", b'{"query": null}'),
    "query empty": Wrong(400, "query is missing", b'{"query": ""}'),
    "query a number": Wrong(400, "`query` must be a string", b'{"query": 7}'),
    "variables a list": Wrong(400, "`variables`", b'{"query": "{ serverTime }", "variables": []}'),
    "variables text": Wrong(400, "`variables`", b'{"query": "{ serverTime }", "variables": "x"}'),
    "extensions a number": Wrong(400, "`extensions`", b'{"query": "{ a }", "extensions": 7}'),
    "operationName a number": Wrong(
        400, "operationName", b'{"query": "query a { serverTime }", "operationName": 7}'
    ),
    "operationName a list": Wrong(
        400, "operationName", b'{"query": "query a { serverTime }", "operationName": []}'
    ),
    "operationName an object": Wrong(
        400, "operationName", b'{"query": "query a { serverTime }", "operationName": {}}'
    ),
    "an unknown operation": Wrong(
        400, "Unknown operation", b'{"query": "query a { serverTime }", "operationName": "b"}'
    ),
    "a hash instead of a query": Wrong(
        400,
        "PersistedQueryNotSupported",
        b'{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "ab"}}}',
    ),
    "no content type": Wrong(415, NO_FORM, kind=None),
    "an empty content type": Wrong(415, NO_FORM, kind=""),
    "text": Wrong(415, NO_FORM, kind="text/plain"),
    "GraphQL alone": Wrong(415, NO_FORM, b"{ serverTime }", kind="application/graphql"),
    "a form": Wrong(415, NO_FORM, b"query=x", kind="application/x-www-form-urlencoded"),
    "a form in parts": Wrong(415, NO_FORM, b"--x", kind="multipart/form-data; boundary=x"),
    "nearly JSON": Wrong(415, NO_FORM, kind="application/json-patch+json"),
    "another charset": Wrong(415, "charset is utf-8", kind=f"{JSON}; charset=latin-1"),
    "compressed": Wrong(415, "Content-Encoding", headers={"Content-Encoding": "gzip"}),
    "GET": Wrong(405, BY_POST, b"", "GET", "/graphql?query={serverTime}"),
    "a mutation by GET": Wrong(405, BY_POST, b"", "GET", "/graphql?query=mutation{x}"),
    "HTML of a query": Wrong(
        405, BY_POST, b"", "GET", "/graphql?query={x}", headers={"Accept": "text/html"}
    ),
    "PUT": Wrong(405, BY_POST, method="PUT"),
    "PATCH": Wrong(405, BY_POST, method="PATCH"),
    "DELETE": Wrong(405, BY_POST, b"", "DELETE"),
    "OPTIONS": Wrong(405, BY_POST, b"", "OPTIONS"),
    "an unknown method": Wrong(400, "Invalid HTTP", b"", "FETCH"),
    "too large": Wrong(413, "131072 bytes", b" " * 200_000),
    "another host": Wrong(421, "This host", headers={"Host": "evil.example"}),
    "no host's name": Wrong(400, "This host", headers={"Host": "a b"}),
    "a slash too many": Wrong(404, "Not Found", path="/graphql/"),
    "another path": Wrong(404, "Not Found", path="/api"),
    "another path by GET": Wrong(404, "Not Found", b"", "GET", "/nothing"),
    "the page by POST": Wrong(403, "Forbidden", path="/"),
    "the page by PUT": Wrong(403, "Forbidden", method="PUT", path="/"),
    "no such file": Wrong(404, "Not Found", b"", "GET", "/static/portal/nothing.js"),
}
CODES = {403: "FORBIDDEN", 404: "NOT_FOUND"}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_what_is_no_request_is_refused_as_json(portal: RunningPortal, wrong: Wrong) -> None:
    logged = len(portal.logged())
    kind = {"Content-Type": wrong.kind} if wrong.kind is not None else {}
    with httpx.Client(base_url=portal.url) as http:
        request = http.build_request(
            wrong.method, wrong.path, content=wrong.content, headers={**kind, **wrong.headers}
        )
        answer = http.send(request)
    assert (answer.status_code, answer.headers["Content-Type"]) == (wrong.status, JSON), answer.text
    [error] = answer.json()["errors"]
    assert list(answer.json()) == ["errors"]
    assert wrong.expected_text in error["message"]
    assert error["extensions"] == {"code": CODES.get(wrong.status, "BAD_USER_INPUT")}
    assert answer.headers[ID]
    if "/graphql" in wrong.path and wrong.status == 405:
        assert answer.headers["Allow"] == "POST"
    assert "[error" not in portal.logged()[logged:]
    assert "Traceback" not in portal.logged()[logged:]


def test_a_browser_gets_pages(portal: RunningPortal) -> None:
    answer = httpx.get(f"{portal.url}/nothing", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")


RAW = {
    "no HTTP": b"what\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: a.b\r\nConnection: close\r\n\r\n",
    "a length that is none": b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
}


@pytest.mark.parametrize("said", RAW.values(), ids=RAW)
def test_what_no_client_sends_is_refused_the_same_way(portal: RunningPortal, said: bytes) -> None:
    head, _, body = conversation(portal, said).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400")
    assert NAME in head
    assert json.loads(body)["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


TWO = f"""query a {{ serverTime }}
mutation b {{ placeBid(input: {{auctionId: "{NOWHERE}", amount: "1.00"}}) {{ id }} }}"""


async def test_a_document_of_several_operations_needs_a_name(nobody: PortalClient) -> None:
    def ask(name: str | None) -> dict[str, object]:
        return {"query": TWO, "operationName": name}

    refused = (await nobody.post(ask(None))).json()
    assert refused["data"] is None
    [error] = refused["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "field": "operationName"}
    assert (await nobody.post(ask("a"))).json()["data"]["serverTime"]
    assert (await nobody.post(ask("b"))).json()["errors"][0]["extensions"] == {
        "code": "UNAUTHENTICATED"
    }
    async with nobody.socket() as line:
        await line.send(json.dumps({"id": "1", "type": "subscribe", "payload": ask(None)}))
        expected_text = json.loads(await line.recv())
        assert (expected_text["type"], expected_text["payload"]) == ("error", [error])
        await line.send(json.dumps({"id": "2", "type": "subscribe", "payload": ask("a")}))
        assert json.loads(await line.recv())["payload"]["data"]["serverTime"]


ANSWERS = [
    "/",
    "/graphql",
    "/graphql/",
    "/admin/",
    "/admin/login/",
    "/unsubscribe/nothing",
    "/nothing",
    "/healthz",
    "/readyz",
    "/static/portal/page/main.js",
    "/favicon.ico",
]


@pytest.mark.parametrize("path", ANSWERS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_answer_has_its_id(portal: RunningPortal, path: str, method: str) -> None:
    mine = str(uuid4())
    answer = httpx.request(method, f"{portal.url}{path}", headers={ID: mine})
    assert answer.headers.get_list(ID) == [mine]
    other = httpx.request(method, f"{portal.url}{path}", headers={ID: "no id"})
    assert UUID(other.headers[ID])


async def test_a_websockets_handshake_has_its_id_granted_or_not(portal: RunningPortal) -> None:
    logged = len(portal.logged())
    url = portal.url.replace("http", "ws", 1) + "/graphql"
    protocol, mine = Subprotocol("graphql-transport-ws"), {ID: str(uuid4())}
    async with connect(url, subprotocols=[protocol], additional_headers=mine) as line:
        assert line.response
        assert line.response.headers[ID] == mine[ID]
    for origin, named, status in (
        (Origin("https://evil.example"), url, 403),
        (None, "ws://evil.example/graphql", 421),
    ):
        with pytest.raises(InvalidStatus) as refused:
            async with connect(
                named,
                host="127.0.0.1",
                port=int(portal.url.rsplit(":", 1)[1]),
                subprotocols=[protocol],
                origin=origin,
                additional_headers=mine,
            ):
                pass
        assert refused.value.response.status_code == status
        assert refused.value.response.headers[ID] == mine[ID]
    assert "[error" not in portal.logged()[logged:]


async def test_a_requests_id_is_its_jobs(
    portal: RunningPortal, carol: PortalClient, portal_pool: Pool
) -> None:
    mine = str(uuid4())
    bid = {"input": {"auctionId": NOWHERE, "amount": "1.00"}}
    headers = {ID: mine, "Authorization": f"Bearer {carol.access_token}"}
    async with httpx.AsyncClient(base_url=portal.url, headers=headers) as http:
        answer = (await http.post("/graphql", json={"query": PLACE_BID, "variables": bid})).json()
    with portal_pool.connection() as connection:
        rows = connection.execute(
            "SELECT id FROM jobs WHERE correlation_id = %s", (mine,)
        ).fetchall()
    assert [str(row["id"]) for row in rows] == [answer["data"]["job"]["id"]]


@pytest.mark.parametrize("path", ["/graphql", "/admin/login/"])
def test_who_goes_amid_a_request_is_no_fault(portal: RunningPortal, path: str) -> None:
    logged = len(portal.logged())
    port = int(portal.url.rsplit(":", 1)[1])
    web = next(
        each
        for each in psutil.Process(portal.process.pid).children(recursive=True)
        if "portal.web.serve" in " ".join(each.cmdline())
    )
    begun = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Content-Length: 1000\r\n\r\n{"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        mine = line.getsockname()
        line.sendall(begun.encode())

        def there() -> bool:
            return any(each.raddr == mine for each in web.net_connections("tcp"))

        wait_until(there, what="the portal to accept")
        # Long enough that it waits for the rest.
        time.sleep(0.2)
    wait_until(lambda: not there(), what="the portal to notice")
    assert httpx.post(f"{portal.url}/graphql", json={"query": "{ serverTime }"}).json()["data"]
    assert "Traceback" not in portal.logged()[logged:]
    assert "[error" not in portal.logged()[logged:]
