"""What a search of auctions finds: words that each begin a word of the title."""

import pytest
import pytest_asyncio

from commands.ids import new_id
from portal.laptop.demo.client import PortalClient
from tests.e2e.acting import auction, create_auction

SEARCH = "query ($s: String) { auctions(search: $s, first: 100) { edges { node { id } } } }"
# A word that no other title has; with NINE_WORDS these are ten.
OURS = f"zq{new_id().hex[-12:]}"
NINE_WORDS = "a p po poc pock pocke pocket w wa"
_made: dict[str, str] = {}


@pytest_asyncio.fixture
async def watch(carol: PortalClient) -> str:
    """An auction that is open throughout; one for all."""
    if OURS not in _made:
        title = f"A pocket watch, 1911 (Besan\u00e7on) Stra\u00dfe {OURS}"
        _made[OURS] = await create_auction(carol, title=title)
        await auction(carol, _made[OURS], at_least=1)
    return _made[OURS]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        pytest.param("watch,", True, id="a word"),
        pytest.param("watch", True, id="the beginning of a word"),
        pytest.param("atch", False, id="the end of a word"),
        pytest.param("watches", False, id="more than a word"),
        pytest.param("po 19", True, id="two beginnings"),
        pytest.param("19 po", True, id="in another order"),
        pytest.param("po 20", False, id="one of two"),
        pytest.param("POCKET", True, id="in capitals"),
        pytest.param("strasse", True, id="folded in case"),
        pytest.param("(besan\u00e7on", True, id="with its punctuation"),
        pytest.param("besan\u00e7on", False, id="without its punctuation"),
        pytest.param("(besanc\u0327on)", True, id="in another form of the same letters"),
        pytest.param("(besancon)", False, id="without its accent"),
        pytest.param("", True, id="nothing more"),
        pytest.param(f"{NINE_WORDS} nothing", True, id="an eleventh word"),
        pytest.param(f"nothing {NINE_WORDS}", False, id="a second word"),
    ],
)
async def test_each_word_begins_a_word_of_the_title(
    nobody: PortalClient, watch: str, search: str, found: bool
) -> None:
    answer = await nobody.execute(SEARCH, s=f"{OURS} {search}")
    assert (watch in [edge["node"]["id"] for edge in answer["auctions"]["edges"]]) is found
