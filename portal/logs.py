"""Structured logs: key=value in a terminal, one JSON object a line elsewhere."""

import logging.config
from typing import Any

import structlog
from structlog.tracebacks import ExceptionDictTransformer

from portal.redaction import PathsAsRoutes, Redaction


class NotClientsFaults(logging.Filter):
    """Keeps out what uvicorn logs as an error, with its traceback, though a client made it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Such a frame closes its connection with 1007."""
        return record.msg != "Invalid UTF-8 sequence received from client."


def configure(options: dict[str, Any]) -> None:
    """Set up logging for this process.

    Options: level (a logging level's name), json (bool), secrets (texts that no line may hold).
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    # Never with a traceback's local variables, which hold passwords and tokens.
    without_locals = ExceptionDictTransformer(show_locals=False)
    rendering: list[structlog.typing.Processor] = (
        [
            structlog.processors.ExceptionRenderer(without_locals),
            Redaction(options["secrets"]),
            structlog.processors.JSONRenderer(default=str),
        ]
        if options["json"]
        else [
            structlog.processors.format_exc_info,
            Redaction(options["secrets"]),
            structlog.dev.ConsoleRenderer(
                colors=False,
                pad_event_to=0,
                exception_formatter=structlog.dev.plain_traceback,
            ),
        ]
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "structured": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": shared,
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        *rendering,
                    ],
                }
            },
            "filters": {
                "clients": {"()": NotClientsFaults},
                "tokens": {"()": PathsAsRoutes},
            },
            "handlers": {
                "stderr": {
                    "class": "logging.StreamHandler",
                    "formatter": "structured",
                    "filters": ["tokens"],
                }
            },
            "root": {"handlers": ["stderr"], "level": options["level"]},
            "loggers": {
                # One line per request and per task is ours to write, with ids in it.
                "uvicorn.access": {"level": "WARNING"},
                "uvicorn.error": {"filters": ["clients"]},
                "celery.worker.strategy": {"level": "WARNING"},
                "celery.app.trace": {"level": "WARNING"},
                "celery.beat": {"level": "WARNING"},
                "django_celery_beat": {"level": "WARNING"},
                "httpx": {"level": "WARNING"},
                # Celery logs a failed task itself.
                "django_structlog": {"level": "CRITICAL"},
            },
        }
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
