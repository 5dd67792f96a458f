"""Keeps secrets out of log lines, whoever writes them and whatever they are part of."""

import logging
import re
from collections.abc import Iterable
from typing import Any

from structlog.typing import EventDict, WrappedLogger

HIDDEN = "[hidden]"
# An access token, whoever's. Nothing else is written so.
TOKEN = r"eyJ[\w-]+\.[\w-]+\.[\w-]+"  # noqa: S105 (a form, not a token)
# Postgres quotes the row, or the key in it, that an error is about: rows hold personal data.
ROW = re.compile(
    r"\nDETAIL:  (?:Failing row contains|Key \().*?(?=\n\n(?:During|The above) |\Z)", re.DOTALL
)
# Shorter ones are words that stand in any line.
SHORTEST = 4


class Redaction:
    """A processor that replaces the secrets in all text of an entry, its exceptions included."""

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
    """Has Django's lines name a page by its route: the path of a link in a mail holds a token."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keeps every record."""
        request = getattr(record, "request", None)
        if request is not None and isinstance(record.args, tuple):
            match = getattr(request, "resolver_match", None)
            route = f"/{match.route}" if match else "a path that is none"
            record.args = tuple(route if each == request.path else each for each in record.args)
        return True
