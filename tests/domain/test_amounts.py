"""Money as people write it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.domain.amounts import LARGEST, SMALLEST, InvalidAmount, amount


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("120", "120.00"),
        ("120.0", "120.00"),
        ("120.00", "120.00"),
        ("120.5", "120.50"),
        ("0.01", "0.01"),
        ("007", "7.00"),
        ("1.000", "1.00"),
        ("9999999999.99", "9999999999.99"),
        ("0" * 30 + "1", "1.00"),
    ],
)
def test_an_amount_has_exactly_two_places(text: str, written: str) -> None:
    assert str(amount(text)) == written


@pytest.mark.parametrize(
    "text",
    [
        "0", "0.00", "0.001", "0.009", "-1", "-0.01", "+1", "1.005", "1.001", "9999999999.991",
        "10000000000", "9" * 40, "9" * 41, "1" * 100_000, "1." + "0" * 41, "NaN", "sNaN", "nan",
        "Infinity", "-Infinity", "inf", "1e3", "1E3", "1_000", "1,000", "1.000,00", "1 000",
        "١٢", "１２", "²", "", " ", " 1", "1 ", "1\n", "\t1", "1.", ".5", "1.2.3",
        "0x10", "1/2", "true", "€1", "1\x00", "--1",
    ],
)  # fmt: skip
def test_anything_else_is_no_amount(text: str) -> None:
    with pytest.raises(InvalidAmount) as refusal:
        amount(text)
    assert len(str(refusal.value)) < 200


@given(st.decimals(SMALLEST, LARGEST, places=2))
def test_what_was_written_is_read_again(value: Decimal) -> None:
    read = amount(f"{value:f}")
    assert read == value
    assert read.as_tuple().exponent == -2
    assert amount(str(read)) == read


@given(st.text())
def test_any_text_is_an_amount_in_range_or_refused(text: str) -> None:
    try:
        value = amount(text)
    except InvalidAmount:
        return
    assert SMALLEST <= value <= LARGEST
    assert value == Decimal(text)
