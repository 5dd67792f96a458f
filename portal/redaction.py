"""Removes secrets from log lines, whichever library writes them."""

import logging
import re
from collections.abc import Iterable
from typing import Any

from structlog.typing import EventDict, WrappedLogger

HIDDEN = "[hidden]"
# The form of access tokens; nothing else has it.
TOKEN = r"eyJ[\w-]+\.[\w-]+\.[\w-]+"  # noqa: S105 (a form, not a token)
# Postgres's errors quote the row or key they are about, which may hold personal data.
ROW = re.compile(
    r"\nDETAIL:  (?:Failing row contains|Key \().*?(?=\n\n(?:During|The above) |\Z)", re.DOTALL
)
# Shorter secrets are not replaced: they may be ordinary words.
SHORTEST = 4


class Redaction:
    """A log processor that replaces secrets in all texts of an entry, tracebacks included."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = sorted({each for each in secrets if len(each) >= SHORTEST}, key=len, reverse=True)
        self._secret = re.compile("|".join([*map(re.escape, known), TOKEN]))

    def __call__(self, _logger: WrappedLogger, _method: str, entry: EventDict) -> EventDict:
        """The entry, with the same keys."""
        return {key: self._hidden(value) for key, value in entry.items()}

    def _hidden(self, value: Any) -> Any:
        match value:
            case str():
                return self._secret.sub(HIDDEN, ROW.sub("", value))
            case dict():
                return {key: self._hidden(each) for key, each in value.items()}
            case list() | tuple():
                return [self._hidden(each) for each in value]
            case None | bool() | int() | float():
                return value
            case other:
                return self._hidden(str(other))


class PathsAsRoutes(logging.Filter):
    """Replaces paths in Django's log lines by their routes: paths of links in mails hold tokens."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keeps every record."""
        request = getattr(record, "request", None)
        if request is not None and isinstance(record.args, tuple):
            match = getattr(request, "resolver_match", None)
            route = f"/{match.route}" if match else "a path that is none"
            record.args = tuple(route if each == request.path else each for each in record.args)
        return True
