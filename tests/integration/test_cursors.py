"""Cursors lead back to the place they were made of, in every list."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from portal.schema import cursors

ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
WHOLE = datetime(2030, 1, 31, 18, tzinfo=UTC)
EXACT = datetime(2030, 1, 31, 18, 0, 0, 123456, tzinfo=UTC)
READERS: dict[str, Any] = {
    name: value for name, value in vars(cursors).items() if name.startswith("PLACE_IN_")
}
PLACES: dict[tuple[Any, ...], list[tuple[object, ...]]] = {
    (cursors.read_time, UUID): [(WHOLE, ID), (EXACT, ID)],
    (cursors.read_amount, cursors.read_version): [
        (Decimal("0.01"), 1),
        (Decimal("19999999999.98"), 2**40),
    ],
    (cursors.read_version,): [(1,), (2**40,)],
    (UUID,): [(ID,)],
}


@pytest.mark.parametrize("name", READERS)
def test_a_cursor_leads_back_to_its_place(name: str) -> None:
    for place in PLACES[READERS[name]]:
        assert cursors.place(cursors.cursor(*place), *READERS[name]) == place
