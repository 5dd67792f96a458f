"""The sale of an auction with a second chance, as documents show it: who was offered the lot, and what they answered. Pure."""

from dataclasses import replace

from commands.domain.events import (
    LotOffered,
    OfferAccepted,
    OfferDeclined,
    OfferLapsed,
    SaleEvent,
    SaleFailed,
    SaleForfeited,
)
from projections.documents import (
    OfferDocument,
    OfferStep,
    SaleDocument,
    VersionedEvent,
    WinnerDocument,
)


def winner_after(
    winner: WinnerDocument, event: SaleEvent, recorded: VersionedEvent
) -> WinnerDocument:
    """The winner's document after the event, which is that recorded one."""
    sale = winner.sale or SaleDocument()
    at, version = recorded.recorded_at, recorded.version
    match event:
        case LotOffered():
            offer = OfferDocument(
                event.bid_id,
                event.bidder_id,
                event.amount,
                event.until,
                at,
                version,
                number=event.number,
            )
            return replace(winner, sale=replace(sale, offers=(*sale.offers, offer)))
        case SaleFailed():
            return replace(winner, sale=replace(sale, failed_version=version))
        case OfferAccepted():
            step = OfferStep("ACCEPTED", at, version)
        case OfferDeclined():
            step = OfferStep("DECLINED", at, version)
        case OfferLapsed():
            step = OfferStep("LAPSED", at, version)
        case SaleForfeited(reason=reason):
            step = OfferStep("FORFEITED", at, version, reason)
    *before, last = sale.offers
    offers = (*before, replace(last, steps=(*last.steps, step)))
    return replace(winner, sale=replace(sale, offers=offers))


def winner_at(winner: WinnerDocument, version: int) -> WinnerDocument:
    """The winner's document as it was at that version of the auction, at which it was closed."""
    sale = winner.sale
    if sale is None:
        return winner
    offers = tuple(_offer_at(each, version) for each in sale.offers if each.version <= version)
    failed = sale.failed_version if sale.failed_version and sale.failed_version <= version else None
    return replace(winner, sale=SaleDocument(offers, failed) if offers or failed else None)


def _offer_at(offer: OfferDocument, version: int) -> OfferDocument:
    steps = tuple(step for step in offer.steps if step.version <= version)
    return offer if steps == offer.steps else replace(offer, steps=steps)
