"""Browser windows, each with a profile of its own, and the errors in their consoles."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, WebSocket

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
HEIGHTS = {320: 640, 390: 844, 768: 1024, 1280: 800}
# A policy violation is an error in the console, too, in most browsers; this is so in all.
REPORT_VIOLATIONS = """addEventListener("securitypolicyviolation", (event) =>
    console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI}`))"""


@dataclass(slots=True)
class Windows:
    """Opens windows on a portal; errors and warnings of their consoles are kept in `complaints`."""

    browser: Browser
    url: str
    complaints: list[str] = field(default_factory=list)
    _sockets: dict[Page, WebSocket] = field(default_factory=dict)
    _expected: list[re.Pattern[str]] = field(default_factory=list)
    _contexts: list[BrowserContext] = field(default_factory=list)

    def open(
        self,
        path: str = "/",
        *,
        url: str | None = None,
        width: int = 1280,
        scheme: Scheme = "light",
        bypass_csp: bool = False,
    ) -> Page:
        """A window of a new profile, so that nobody is signed in; `width` in CSS pixels."""
        context = self.browser.new_context(
            base_url=url or self.url,
            viewport={"width": width, "height": HEIGHTS.get(width, 800)},
            color_scheme=scheme,
            locale="en-GB",
            timezone_id="Europe/London",
            bypass_csp=bypass_csp,
        )
        context.set_default_timeout(20_000)
        self._contexts.append(context)
        page = context.new_page()
        self._listen(page)
        page.goto(path)
        return page

    def expect_complaints(self, pattern: str) -> None:
        """Errors that match are expected by this test, and no failure."""
        self._expected.append(re.compile(pattern))

    @contextmanager
    def receiving(self, page: Page, *words: str) -> Iterator[None]:
        """On leaving, wait until the page has received a WebSocket message with all these words."""
        with self._sockets[page].expect_event(
            "framereceived", lambda payload: all(word in str(payload) for word in words)
        ):
            yield

    def unexpected(self) -> list[str]:
        """The complaints that no test expected."""
        return [
            line
            for line in self.complaints
            if not any(each.search(line) for each in self._expected)
        ]

    def close(self) -> None:
        """Close every window."""
        for context in self._contexts:
            context.close()

    def _listen(self, page: Page) -> None:
        def console(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                where = message.location
                self.complaints.append(f"console: {message.text} ({where.get('url', '')})")

        page.on("console", console)
        page.on("websocket", lambda socket: self._sockets.update({page: socket}))
        page.on("pageerror", lambda error: self.complaints.append(f"page: {error}"))
        page.add_init_script(REPORT_VIOLATIONS)
