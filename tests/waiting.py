"""Waiting for what other processes do, without keeping them from doing it."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

# Between two looks at a condition, in seconds: waiting must not keep those from working who are waited for.
PAUSE = 0.05


def wait_until(happened: Callable[[], Any], seconds: float = 30.0, what: str = "") -> Any:
    """Wait until the condition is true; its value."""
    deadline = time.monotonic() + seconds
    while not (value := happened()):
        if time.monotonic() > deadline:
            raise AssertionError(f"still waiting after {seconds} s: {what or happened}")
        time.sleep(PAUSE)
    return value


async def until(happened: Callable[[], Any], seconds: float = 30.0, what: str = "") -> Any:
    """As wait_until, in an asynchronous test; the condition may be asynchronous, too."""
    deadline = time.monotonic() + seconds
    while True:
        value = happened()
        if value := (await value if inspect.isawaitable(value) else value):
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"still waiting after {seconds} s: {what or happened}")
        await asyncio.sleep(PAUSE)
