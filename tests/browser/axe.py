"""Findings of axe, which checks pages for accessibility; in one colour scheme and width, or in several."""

from collections.abc import Iterator
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.windows import HEIGHTS, Scheme

SCRIPT = Axe().axe_script
RUN = "(within) => axe.run({ include: [within] }, { resultTypes: ['violations'] })"
SERIOUS = {"serious", "critical"}
LOOKS: dict[str, tuple[int, Scheme]] = {
    "desk, light": (1280, "light"),
    "desk, dark": (1280, "dark"),
    "phone, light": (390, "light"),
    "phone, dark": (390, "dark"),
}


def findings(page: Page, within: str = "html", *, serious: bool = False) -> list[str]:
    """Each rule that is broken within that selector, and where; with `serious` only rules that matter most."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(SCRIPT)
    violations: list[dict[str, Any]] = page.evaluate(RUN, within)["violations"]
    return [
        f"{each['id']}: {node['html']} {node['failureSummary']}"
        for each in violations
        if not serious or each["impact"] in SERIOUS
        for node in each["nodes"]
    ]


def looks(page: Page) -> Iterator[str]:
    """The names of all looks; when each comes, the page, which stays loaded, has it."""
    for name, (width, scheme) in LOOKS.items():
        page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
        page.emulate_media(color_scheme=scheme)
        yield name


def serious(page: Page) -> list[str]:
    """What is serious, in whichever look."""
    return [f"{name}: {each}" for name in looks(page) for each in findings(page, serious=True)]
