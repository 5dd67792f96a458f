"""New ids: version 7 UUIDs, which sort by the time they were made."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A fresh id, later than every one this process made before."""
    return uuid7()
