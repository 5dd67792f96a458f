"""The web process: GraphQL as an ASGI application of its own, beside Django's pages."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
_django = get_asgi_application()

from starlette.applications import Starlette  # noqa: E402  (Django comes first)
from starlette.middleware import Middleware  # noqa: E402
from starlette.requests import Request  # noqa: E402
from starlette.responses import JSONResponse, PlainTextResponse  # noqa: E402
from starlette.routing import Mount, Route, WebSocketRoute  # noqa: E402
from starlette.types import ASGIApp  # noqa: E402

from portal.database.warning import warn_of_owner  # noqa: E402
from portal.garbage import collect_rarely  # noqa: E402
from portal.schema import schema  # noqa: E402
from portal.schema.app import PortalGraphQL  # noqa: E402
from portal.schema.open_sockets import open_sockets  # noqa: E402
from portal.web.bodies import BoundedBodies  # noqa: E402
from portal.web.correlation import Correlation  # noqa: E402
from portal.web.headers import SafeHeaders  # noqa: E402
from portal.web.hosts import KnownHosts  # noqa: E402
from portal.web.readiness import Readiness  # noqa: E402
from portal.web.refusals import RefusalsInJson  # noqa: E402
from portal.web.runtime import running  # noqa: E402


@asynccontextmanager
async def lifespan(application: Starlette) -> AsyncIterator[None]:
    """Hold the runtime while the process serves."""
    async with running() as runtime, open_sockets(runtime, schema._schema) as sockets:
        application.state.runtime = runtime
        application.state.open_sockets = sockets
        application.state.readiness = Readiness(runtime)
        collect_rarely()
        warn_of_owner()
        yield


async def healthz(_: Request) -> PlainTextResponse:
    """The process is alive, whatever else is."""
    return PlainTextResponse("ok")


async def readyz(request: Request) -> JSONResponse:
    """The process can do its work, or what is missing. Tasks that keep failing, and what only a newer release knows, are only named."""
    readiness: Readiness = request.app.state.readiness
    missing = await readiness.missing()
    found: dict[str, object] = {"ready": not missing, "missing": missing}
    if readiness.failing_tasks:
        found["failing_tasks"] = readiness.failing_tasks
    if readiness.unknown:
        found["needs_newer_release"] = readiness.unknown
    return JSONResponse(found, 503 if missing else 200)


graphql = PortalGraphQL()

site = Starlette(
    routes=[
        # The first is found soonest.
        Route("/graphql", graphql),
        WebSocketRoute("/graphql", graphql),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        # Both speak ASGI; only their names for its types differ.
        Mount("/", cast(ASGIApp, _django)),
    ],
    middleware=[Middleware(KnownHosts), Middleware(BoundedBodies)],
    lifespan=lifespan,
)
# Outside the site, so that what the site answers to its own faults has them, too.
application = Correlation(SafeHeaders(RefusalsInJson(site)))
