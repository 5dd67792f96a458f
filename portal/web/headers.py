"""Security headers for browsers, on every answer."""

from django.conf import settings
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
NO_STORE = {"Cache-Control": "no-store"}


class SafeHeaders:
    """Sets the headers on every answer of the application inside."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        headers = dict(HEADERS)
        if settings.SECURE_HSTS_SECONDS:
            headers["Strict-Transport-Security"] = (
                f"max-age={settings.SECURE_HSTS_SECONDS}; includeSubDomains; preload"
            )
        self._page = _raw(headers)
        self._api = _raw(headers | NO_STORE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Replaces the answer's own headers of the same names."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        ours = self._api if scope["path"] == "/graphql" else self._page

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                # Django writes names in upper and lower case, which would stand beside ours.
                theirs = ((name.lower(), value) for name, value in message["headers"])
                message["headers"] = [h for h in theirs if h[0] not in ours] + list(ours.items())
            await send(message)

        await self._app(scope, receive, with_headers)


def _raw(headers: dict[str, str]) -> dict[bytes, bytes]:
    return {name.lower().encode(): value.encode() for name, value in headers.items()}
