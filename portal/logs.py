"""Structured logs: key=value in a terminal, one JSON object a line elsewhere."""

import logging.config
from collections.abc import Sequence
from typing import Any

import structlog
from structlog.tracebacks import ExceptionDictTransformer

from portal.redaction import PathsAsRoutes, Redaction


class NotClientsFaults(logging.Filter):
    """Leaves out what uvicorn logs as an error, with a traceback, although a client caused it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Such a frame closes its connection with 1007."""
        return record.msg != "Invalid UTF-8 sequence received from client."


# Before a line is rendered, whether structlog or the standard library made it.
SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]
LOGGERS = {
    # One line per request and per task is ours to write, with ids in it.
    "uvicorn.access": {"level": "WARNING"},
    "uvicorn.error": {"filters": ["clients"]},
    "portal.web.sockets": {"level": "WARNING", "filters": ["clients"]},
    "celery.worker.strategy": {"level": "WARNING"},
    "celery.app.trace": {"level": "WARNING"},
    "celery.beat": {"level": "WARNING"},
    "django_celery_beat": {"level": "WARNING"},
    "httpx": {"level": "WARNING"},
    # Celery logs a failed task itself.
    "django_structlog": {"level": "CRITICAL"},
}


def configure(options: dict[str, Any]) -> None:
    """Set up logging for this process.

    Options: level (a logging level's name), json (bool), secrets (texts that no line may hold).
    """
    logging.config.dictConfig(_configuration(options["level"], _rendering(options)))
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _rendering(options: dict[str, Any]) -> list[structlog.typing.Processor]:
    """The processors that make the text of a line, as JSON or for a terminal."""
    redaction = Redaction(options["secrets"])
    if not options["json"]:
        console = structlog.dev.ConsoleRenderer(
            colors=False, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
        )
        return [structlog.processors.format_exc_info, redaction, console]
    # Never with a traceback's local variables, which hold passwords and tokens.
    without_locals = ExceptionDictTransformer(show_locals=False)
    return [
        structlog.processors.ExceptionRenderer(without_locals),
        redaction,
        structlog.processors.JSONRenderer(default=str),
    ]


def _configuration(level: str, rendering: Sequence[structlog.typing.Processor]) -> dict[str, Any]:
    """The configuration of the standard library's logging: all loggers write to stderr."""
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": SHARED,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *rendering,
        ],
    }
    handler = {
        "class": "logging.StreamHandler",
        "formatter": "structured",
        "filters": ["tokens"],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"structured": formatter},
        "filters": {"clients": {"()": NotClientsFaults}, "tokens": {"()": PathsAsRoutes}},
        "handlers": {"stderr": handler},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": LOGGERS,
    }
