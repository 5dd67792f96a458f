"""The portal: settings, the API, the pages, sign-in, and the processes that serve them."""

from portal.celery import app as celery_app

__all__ = ["celery_app"]
