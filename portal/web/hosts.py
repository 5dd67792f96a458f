"""Which hosts the portal answers for."""

from functools import lru_cache

from django.conf import settings
from django.http.request import split_domain_port, validate_host
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

# Bounded, so that requests for many different hosts don't fill the memory.
REMEMBERED = 100


class KnownHosts:
    """Refuses a request for another host: 421, or 400 if it names none, or two.

    A page that another name leads here could otherwise pass for one of that name.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """WebSockets, too."""
        status = 200
        if scope["type"] != "lifespan":
            status = _status(b",".join(v for n, v in scope["headers"] if n == b"host"))
        if status == 200:
            await self._app(scope, receive, send)
        else:
            refusal = PlainTextResponse("This host is not served here.", status)
            await refusal(scope, receive, send)


@lru_cache(REMEMBERED)
def _status(host: bytes) -> int:
    """200 for one of ALLOWED_HOSTS, with whatever port."""
    domain, _ = split_domain_port(host.decode("latin-1"))
    if not domain:
        return 400
    return 200 if validate_host(domain, settings.ALLOWED_HOSTS) else 421
