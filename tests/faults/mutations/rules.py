"""Mutations of auctions' rules, and of what the house decides about auctions."""

from tests.faults.mutations.mutation import Mutation

MACHINE = "tests/domain/test_auction_machine.py"
PARTIAL = "tests/integration/test_partial_state.py"
FALSIFIED = "tests/integration/test_falsified_records.py"
PAUSES = "tests/integration/test_pauses.py"
OFFERS = "tests/integration/test_second_chances.py"
REVISING = "tests/integration/test_revising.py"

MAXIMA = "tests/integration/test_maxima.py"

RULES = (
    Mutation(
        "of equal maxima the later one leads",
        "commands/domain/proxies.py",
        "        if rival.most == most:\n            return [last, setter.bids_at_least(most), beaten]\n",
        "",
        "tests/domain/test_maxima.py",
    ),
    Mutation(
        "a maximum is bid at once",
        "commands/domain/proxies.py",
        "        amount = min(most, self._over(counts, rival.leading.effective_amount))\n",
        "        amount = most\n",
        "tests/domain/test_maxima.py",
    ),
    Mutation(
        "somebody who is banned is bid for",
        "commands/domain/proxies.py",
        "None if barred else self.maxima.get(held[0].id)",
        "self.maxima.get(held[0].id)",
        MAXIMA,
    ),
    Mutation(
        "a batch does not know who leads when a bid is doubled",
        "commands/handling/touching.py",
        "                    if line.before.maxima:\n",
        "                    if False:\n",
        MAXIMA,
    ),
    Mutation(
        "a maximum that no bids tell of passes verification",
        "commands/record/contests.py",
        "elif _without_turns(answer) == expected:",
        "else:",
        FALSIFIED,
    ),
    Mutation(
        "a reserve is not met by its own amount",
        "commands/domain/rules/reserve.py",
        "amount >= self.amount",
        "amount > self.amount",
        MACHINE,
    ),
    Mutation(
        "a batch does not know who leads where a reserve follows that",
        "commands/handling/touching.py",
        "        if follow_leader(line.before.rules):\n",
        "        if False:\n",
        PARTIAL,
    ),
    Mutation(
        "a batch does not know the reserve of an auction that it creates itself",
        "commands/handling/touching.py",
        "        if isinstance(command, CreateAuction):\n",
        "        if False:\n",
        PARTIAL,
    ),
    Mutation(
        "a reserve that was not committed to passes verification",
        "commands/record/reserves.py",
        "!= reserve.commitment:",
        "== reserve.sealed:",
        FALSIFIED,
    ),
    Mutation(
        "a reserve that was said to be met by less passes verification",
        "commands/record/reserves.py",
        "        if self.met is not None and self.met < price.amount:\n",
        "        if False:\n",
        FALSIFIED,
    ),
    Mutation(
        "a key goes that an auction needs",
        "commands/postgres/secret_keys.py",
        "      AND NOT EXISTS (SELECT FROM auctions WHERE id = owner_id)\n",
        "",
        "tests/integration/test_pruning.py",
    ),
    Mutation(
        "increments go by the bidder's own bid alone",
        "commands/handling/touching.py",
        "                    if need_leader(line.before.rules):\n",
        "                    if False:\n",
        PARTIAL,
    ),
    Mutation(
        "a bid counts that was accepted in a pause",
        "commands/domain/openness.py",
        "    if auction.stands_still(now):\n        return paused(auction)\n",
        "",
        MACHINE,
    ),
    Mutation(
        "a pause moves no end",
        "commands/domain/house.py",
        "moved(auction.ends_at, now - auction.paused_at)",
        "auction.ends_at",
        MACHINE,
    ),
    Mutation(
        "a paused auction is asked to close",
        "commands/postgres/auctions.py",
        "WHERE NOT closed AND paused_at IS NULL AND ends_at",
        "WHERE NOT closed AND ends_at",
        PAUSES,
    ),
    Mutation(
        "a tick draws where its cut-off lies in a pause that is over",
        "commands/postgres/auctions.py",
        "(pause->>1)::timestamptz > {moment}",
        "false",
        PAUSES,
    ),
    Mutation(
        "an end comes near in a pause",
        "notifications/postgres/watches.py",
        "NOT closed AND paused_at IS NULL AND ends_at",
        "NOT closed AND ends_at",
        PAUSES,
    ),
    Mutation(
        "a deleted bid does not keep an auction from being revised",
        "commands/postgres/auctions.py",
        "WHERE auction_id = wanted.id AND deleted LIMIT 1",
        "WHERE auction_id = wanted.id AND false LIMIT 1",
        REVISING,
    ),
    Mutation(
        "a revision is not in the auction's row",
        "commands/postgres/auctions.py",
        '"event AuctionRevised", ',
        "",
        REVISING,
    ),
    Mutation(
        "jobs behind a revision are decided on what was read before it",
        "commands/handling/lines.py",
        '"WithdrawBids", "ReviseAuction"}',
        '"WithdrawBids"}',
        PARTIAL,
    ),
    Mutation(
        "after a bid more than the description is revised",
        "commands/domain/revising.py",
        'ALWAYS = {"description"}',
        'ALWAYS = {"description", "ends_at"}',
        MACHINE,
    ),
    Mutation(
        "a lot is offered out of turn",
        "commands/domain/offering.py",
        "        for bid in next_bids(auction):\n",
        "        for bid in [*next_bids(auction)][::-1]:\n",
        "without mongodb",
        "it was the turn of",
    ),
    Mutation(
        "an answer at the deadline counts",
        "commands/domain/offering.py",
        "    if now >= sale.until:\n",
        "    if now > sale.until:\n",
        OFFERS,
    ),
    Mutation(
        "what lapsed is taken from whoever is next",
        "commands/domain/offering.py",
        "if sale is None or sale.bid_id != command.bid_id or sale.until is None:",
        "if sale is None or sale.until is None:",
        OFFERS,
    ),
    Mutation(
        "a repeated forfeit takes the lot from whoever is next",
        "commands/domain/offering.py",
        "if sale is None or not held or sale.bid_id != command.bid_id:",
        "if sale is None or not held:",
        OFFERS,
    ),
    Mutation(
        "the time of an offer begins before it is made",
        "commands/domain/auction.py",
        "    since = recorded_at or now\n",
        "    since = now\n",
        OFFERS,
    ),
    Mutation(
        "a lot is offered for less than the reserve",
        "commands/domain/offering.py",
        "        if auction.reserve is None or bid.amount >= auction.reserve:\n",
        "        if True:\n",
        "tests/domain/rules/test_examples.py",
    ),
    Mutation(
        "a lot is offered to whose account is deleted",
        "commands/domain/offering.py",
        "            if bid.bidder_id not in bidders:\n",
        "            if False:\n",
        OFFERS,
    ),
    Mutation(
        "who wins with a second chance is told twice",
        "notifications/notices.py",
        "        case LotOffered(bid_id=bid_id) if bid_id == won:\n",
        "        case LotOffered(bid_id=bid_id) if False:\n",
        "tests/domain/test_notices.py",
    ),
    Mutation(
        "an imported portal forgets what a deleted user is offered",
        "commands/postgres/importing.py",
        "AND (NOT closed OR sale_until IS NOT NULL AND sale->>'bidder_id' = bidder_id::text)",
        "AND NOT closed",
        "tests/integration/test_importing.py",
    ),
)
