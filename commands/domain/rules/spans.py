"""Lengths of time as the rules' sentences say them."""


def in_words(seconds: int) -> str:
    """In hours, minutes or seconds, whichever has no rest: "2 hours", "90 seconds"."""
    for unit, length in (("hours", 3600), ("minutes", 60)):
        if seconds % length == 0 and seconds > length:
            return f"{seconds // length} {unit}"
    return f"{seconds} seconds"
