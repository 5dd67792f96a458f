"""How moments and the time between them are shown."""

from datetime import UTC, datetime, timedelta

DAY = timedelta(days=1)


def exact(moment: datetime) -> str:
    """The moment in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(sep=" ", timespec="milliseconds").removesuffix("+00:00")


def apart(later: datetime, earlier: datetime) -> str:
    """The time between two moments, in milliseconds, seconds, minutes or days."""
    seconds = (later - earlier).total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:.0f}\N{NO-BREAK SPACE}ms"
    if seconds < 120:
        return f"{seconds:.1f}\N{NO-BREAK SPACE}s"
    if seconds < 2 * DAY.total_seconds():
        return f"{seconds / 60:,.0f}\N{NO-BREAK SPACE}min"
    return days(later - earlier)


def days(age: timedelta) -> str:
    """The age in days, or in hours if it is less than one."""
    if age < DAY:
        return f"{age.total_seconds() / 3600:g} hours"
    return "a day" if age == DAY else f"{age / DAY:.3g} days"
