"""How long an accepted job may wait before it is rejected as expired instead of run."""

from datetime import timedelta

from django.conf import settings

from commands.inbox.invalid import InvalidInput

# The longest deadline that a client may ask for, for commands without a limit of their own.
LONGEST_WISH = timedelta(days=1)


def expiry(name: str) -> timedelta | None:
    """How long a job of that command may wait; None means without limit."""
    seconds = settings.JOB_EXPIRES_AFTER.get(name)
    return timedelta(seconds=seconds) if seconds else None


def deadline(name: str, wish: float | None) -> timedelta | None:
    """The command's limit, or a shorter one that was asked for (in seconds); InvalidInput."""
    limit = expiry(name)
    if wish is None:
        return limit
    longest = (limit or LONGEST_WISH).total_seconds()
    if not 0 < wish <= longest:
        raise InvalidInput(
            "expiresIn", f"expiresIn is a number of seconds above 0, and at most {longest:.0f}"
        )
    return timedelta(seconds=wish)
