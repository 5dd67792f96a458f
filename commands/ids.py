"""New ids: version 7 UUIDs, which sort by creation time."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A new id that sorts after every earlier one of this process."""
    return uuid7()
