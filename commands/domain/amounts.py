"""Money: positive decimals with two places, one currency, never floats."""

import re
from decimal import Decimal

SMALLEST = Decimal("0.01")
LARGEST = Decimal("9999999999.99")
# Columns for amounts, doubled ones too, hold DIGITS digits, PLACES of them behind the point.
DIGITS, PLACES = 13, 2

_WRITTEN = re.compile(r"[0-9]{1,40}(\.[0-9]{1,40})?")


class InvalidAmount(ValueError):
    """The text is not an amount of money; the message says what one looks like."""


def amount(text: str) -> Decimal:
    """The text as an amount with exactly two places ("120" is 120.00); InvalidAmount if it is none.

    Plain digits only: no sign, exponent, separator, NaN or infinity.
    """
    if not _WRITTEN.fullmatch(text):
        raise InvalidAmount(f"{text[:40]!r} is not an amount; write it like 120.00")
    exact = Decimal(text)
    if not SMALLEST <= exact <= LARGEST:
        raise InvalidAmount(f"an amount lies between {SMALLEST} and {LARGEST}, not {text[:40]}")
    if exact != (rounded := exact.quantize(SMALLEST)):
        raise InvalidAmount(f"an amount has at most two decimal places, not {text[:40]}")
    return rounded
