"""How amounts are shown."""

from decimal import Decimal


def money(amount: Decimal | str) -> str:
    """The amount with its thousands grouped."""
    return f"{Decimal(amount):,.2f}"
