"""The form in admin that revises an auction."""

from commands.ids import new_id
from portal.laptop.demo.client import PortalClient
from tests.conftest import Join
from tests.e2e.acting import create_auction, place
from tests.e2e.forms import fields_of
from tests.e2e.test_admin import Browser, browser

__all__ = ["browser"]


async def test_an_auction_is_revised_with_a_form(
    browser: Browser, join: Join, carol: PortalClient
) -> None:
    auction_id = await create_auction(carol, description="Brass\nworks")
    page, form = (f"/admin/commands/auction/{auction_id}/{part}/" for part in ("change", "revise"))
    assert f'<a href="{form}">Revise auction</a>' in browser.get(page).text
    shown = fields_of(browser.get(form).text)
    assert (shown["title"], shown["preset"]) == ("A clock", "plain")
    unchanged = browser.submit(form, shown)
    assert "A revision needs something that it changes." in unchanged.text
    refused = browser.submit(form, shown | {"starting_price": "10"})
    assert "Tick this, or leave the rules below empty." in refused.text
    meant = browser.submit(
        form, shown | {"starting_price": "10", "new_rules": "on", "ask": "meaning"}
    )
    assert "Bids start at 10.00." in meant.text
    done = browser.submit(
        form, shown | {"title": "A <b>lamp", "starting_price": "10", "new_rules": "on"}
    )
    assert (done.url.path, "The auction is revised." in done.text) == (page, True)
    assert "A &lt;b&gt;lamp" in done.text
    assert "Bids start at 10.00." in done.text
    record = browser.get(f"/admin/commands/event/stream/{auction_id}/").text
    assert "the title from “A clock” to “A &lt;b&gt;lamp”" in record
    # What the form showed counts: the title, which it showed as it was before, is not changed back.
    again = browser.submit(form, shown | {"description": "Broken"})
    assert "The auction is revised." in again.text
    assert "A &lt;b&gt;lamp" in again.text
    await place(await join("alice"), auction_id, "12.34")
    late = browser.submit(form, fields_of(browser.get(form).text) | {"title": "A lantern"})
    assert "There was a bid, so the title can" in late.text
    assert browser.get(f"/admin/commands/auction/{new_id()}/revise/").status_code == 404
