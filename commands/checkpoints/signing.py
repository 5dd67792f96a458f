"""The key that signs checkpoints: only the worker that makes them needs it."""

from functools import cache
from typing import Any

import structlog
from celery.apps.worker import Worker
from celery.signals import celeryd_after_setup
from django.conf import settings

from commands.queues import UPKEEP
from commands.record.checkpoints import Signer

log = structlog.get_logger("commands")

MISSING = (
    "CHECKPOINT_KEY must be set for a worker that takes tasks from the queue "
    f"{UPKEEP!r}: it signs the checkpoints"
)


class NoKey(Exception):
    """This process was given no key to sign with."""


@cache
def signer() -> Signer:
    """What signs checkpoints, with the key from the settings; NoKey without one."""
    if not settings.CHECKPOINT_KEY:
        raise NoKey(MISSING)
    return Signer(bytes.fromhex(settings.CHECKPOINT_KEY))


@celeryd_after_setup.connect
def refuse_without_key(*, instance: Worker, **_: Any) -> None:
    """End a worker at its start that would have to sign, and can't."""
    if not settings.CHECKPOINT_KEY and UPKEEP in instance.app.amqp.queues.consume_from:
        log.critical(MISSING)
        # Celery goes on after other exceptions, and shows no text of this one.
        raise SystemExit(1)
