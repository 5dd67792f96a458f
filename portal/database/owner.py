"""Connections of the database's owner, for what changes tables."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.conf import settings
from django.db import connection as djangos
from psycopg.rows import dict_row

from commands.postgres.connections import SyncConnection
from portal.database.granting import Roles


def names_of_roles() -> Roles:
    """The names of the writer and the reader."""
    return Roles(*settings.DATABASE_ROLES)


def owners_connection() -> SyncConnection:
    """A connection of the owner's, in autocommit mode; the caller closes it."""
    return psycopg.connect(
        settings.DATABASE_OWNER_URL, autocommit=True, row_factory=dict_row, connect_timeout=5
    )


@contextmanager
def django_as_owner() -> Iterator[None]:
    """Within it Django's connection is the owner's."""
    writers = djangos.settings_dict
    djangos.close()
    djangos.settings_dict = {**writers, **settings.OWNERS_DATABASE}
    try:
        yield
    finally:
        djangos.close()
        djangos.settings_dict = writers
