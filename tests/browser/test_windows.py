"""The suite itself: an error in a browser's console fails its test."""

import pytest
from playwright.sync_api import Page

from tests.browser.windows import Windows
from tests.conftest import wait_until

FAULTS = {
    "error in the console": "console.error('a fault')",
    "exception": "setTimeout(() => { throw new Error('a fault') })",
    "rejection": "Promise.reject(new Error('a fault'))",
    "policy": "document.body.append(Object.assign(document.createElement('script'), {text: '1'}))",
    "missing file": "fetch('/nothing')",
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_in_a_page_is_noticed(windows: Windows, page: Page, fault: str) -> None:
    page.evaluate(f"void ({fault})")
    wait_until(lambda: page.title() and windows.unexpected(), what=fault)
    windows.expect_complaints(r"a fault|policy|Content Security Policy|404")
