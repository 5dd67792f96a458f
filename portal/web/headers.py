"""The headers that browsers heed, on every answer."""

from django.conf import settings
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


class SafeHeaders:
    """Adds the headers to every answer, whichever application gave it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._headers = dict(HEADERS)
        if settings.SECURE_HSTS_SECONDS:
            self._headers["Strict-Transport-Security"] = (
                f"max-age={settings.SECURE_HSTS_SECONDS}; includeSubDomains; preload"
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Beside those that the answer has."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                # Django writes names in upper and lower case, which would stand beside these.
                message["headers"] = [(name.lower(), value) for name, value in message["headers"]]
                headers = MutableHeaders(scope=message)
                headers.update(self._headers)
                if scope["path"] == "/graphql":
                    headers["Cache-Control"] = "no-store"
            await send(message)

        await self._app(scope, receive, with_headers)
