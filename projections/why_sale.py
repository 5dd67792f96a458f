"""What followed on the end of an auction with a second chance, in sentences. Pure."""

from collections.abc import Iterator
from itertools import pairwise
from uuid import UUID

from projections.documents import OfferDocument, OfferStep, WinnerDocument
from projections.why import Names, called, capital, length, money, said, seconds


def followed(winner: WinnerDocument | None, names: Names) -> list[str]:
    """To whom the lot was offered, and what they answered: some sentences for each; none without a second chance."""
    sale = winner.sale if winner else None
    if winner is None or sale is None:
        return []
    told = [line for each in sale.offers for line in _told(each, winner.bid.id, names)]
    return [*told, "Nobody was left to whom it could be offered."] if sale.failed_version else told


def offered(winner: WinnerDocument | None) -> Iterator[UUID]:
    """Those whose names the sentences need; nobody who is masked."""
    sale = winner.sale if winner else None
    return (each.bidder_id for each in (sale.offers if sale else ()) if each.number is None)


def _told(offer: OfferDocument, won: UUID, names: Names) -> Iterator[str]:
    who, pays = called(offer, names), money(offer.amount)
    what = (
        f"{capital(who)} was asked to confirm the purchase for {pays}, and"
        if offer.bid_id == won
        else f"The lot was offered to {who} for {pays}, who"
    )
    if not offer.steps:
        yield f"{what} can answer until {offer.until:%Y-%m-%d %H:%M:%S} UTC."
        return
    yield f"{what} {_answer(offer, offer.steps[0])}"
    for before, after in pairwise(offer.steps):
        later = length(seconds(before.at, after.at))
        yield f"The house took it from {who} {later} after that. {said(after.reason or '')}"


def _answer(offer: OfferDocument, step: OfferStep) -> str:
    later = f"{length(seconds(offer.at, step.at))} later"
    match step.outcome:
        case "ACCEPTED":
            return f"bought it {later}."
        case "DECLINED":
            return f"declined {later}."
        case "LAPSED":
            return f"did not answer in {length(seconds(offer.at, offer.until))}."
        case "FORFEITED":
            return f"lost it to the house {later}. {said(step.reason or '')}"
