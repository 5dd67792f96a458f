"""The Celery application that workers and beat run."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging
from django_structlog.celery.steps import DjangoStructLogInitStep
from kombu.transport import redis, virtual


class QoS(redis.QoS):
    """Counts a message as done with although Redis could not be told.

    Kombu does not: the worker then waits for ever for an acknowledgement that nobody will send
    again, and takes no more messages. Redis delivers the message once more, which is harmless.
    """

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge the message; if Redis can't be told, free its place all the same."""
        try:
            super().ack(delivery_tag)
        except redis.Transport.connection_errors:
            virtual.QoS.ack(self, delivery_tag)
            raise

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Reject the message; if Redis can't be told, free its place all the same."""
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


@setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """Connected so that Celery leaves logging as Django's settings made it."""
