"""The Celery application that workers and beat run."""

import os
import signal
from typing import Any

from billiard.process import current_process
from celery import Celery
from celery.signals import setup_logging, worker_process_init
from django_structlog.celery.steps import DjangoStructLogInitStep
from kombu.transport import redis, virtual

from portal.garbage import collect_rarely


class QoS(redis.QoS):
    """Counts a message as acknowledged even if Redis can't be reached.

    Kombu does not: the worker would wait for ever for an acknowledgement that is not sent again, and
    take no more messages. Redis delivers the message once more, which does no harm.
    """

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge the message; without Redis, only free its place in the worker."""
        try:
            super().ack(delivery_tag)
        except redis.Transport.connection_errors:
            virtual.QoS.ack(self, delivery_tag)
            raise

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Reject the message; without Redis, only free its place in the worker."""
        try:
            super().reject(delivery_tag, requeue)
        except redis.Transport.connection_errors:
            virtual.QoS.ack(self, delivery_tag)
            raise


redis.Channel.QoS = QoS

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add(DjangoStructLogInitStep)


@worker_process_init.connect
def end_without_a_worker(**_: Any) -> None:
    """End a pool's process whose worker has died already.

    Celery has the kernel signal the process when its worker dies, but not for a death before that.
    """
    worker = current_process()._parent_pid  # type: ignore[attr-defined]  # as it has
    # None in the worker itself, which Celery tells the same where it runs the tasks (--pool solo).
    if worker is not None and os.getppid() != worker:
        os.kill(os.getpid(), signal.SIGKILL)


@worker_process_init.connect
def leave_garbage_for_later(**_: Any) -> None:
    """Look for garbage seldom in a pool's process."""
    collect_rarely()


@setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """Connected so that Celery leaves logging as Django's settings made it."""
