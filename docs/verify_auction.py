"""Check an auction from outside: python3 verify_auction.py http://127.0.0.1:8000 AUCTION_ID
or without any portal, with what the house exported: python3 verify_auction.py FILE [AUCTION_ID]
Needs Python 3.11 alone. Believes what it works out itself; of drand's values it says where to compare them.
"""

import hmac
import json
import sys
import zlib
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict, deque
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from hashlib import sha256
from itertools import accumulate, groupby, product, takewhile
from math import prod
from pathlib import Path
from urllib.request import Request, urlopen

POLICIES = "00000000-0000-7000-8000-0000000000ac"
FIRST = {"auction_id": None, "chance": "100.00", "weight": ["constant"], "exclude": [], "limit": []}
CHAIN = "query($s: UUID!, $v: Int!) { chain(id: $s, afterVersion: $v) { content hash } }"
TICK = "query($n: Int) { tick(number: $n) { id number } }"
RELAY = "api.drand.sh/52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971/public/"
ENDS, NOT_MADE = ("WinnerAnnounced", "AuctionEndedUnsold"), ("LATE", "FAILED")
GONE = ("BidDeleted", "BidRemoved")
CLOSES, REVEALS = (*ENDS, "AuctionCancelled"), ("BidRevealed", "BidNotRevealed")
TURNS = ("ReserveMet", "ReserveMissed")
FOLLOW = ("AuctionExtended", "BoughtNow")
FOLLOWS = "the end moves with a bid, by the soft close or a purchase, and not otherwise"
RULES = [
    "starting_price",
    "increments",
    "reserve",
    "buy_now",
    "proxy_bids",
    "sealed",
    "soft_close",
    "withdrawal",
    "promoter",
    "masked",
    "own_lot",
    "second_chance",
]
AT_THEIR_MOMENT = ("AuctionClosedEarly", "AuctionPaused", "AuctionResumed")
DETAILS = ("title", "description", "starts_at", "ends_at", "rules")
OFFERS, ENDINGS = ("LotOffered", "SaleFailed"), ("OfferDeclined", "OfferLapsed", "SaleForfeited")
SALES = (*OFFERS, *ENDINGS, "OfferAccepted")
Wrong, time, by_rank = ValueError, datetime.fromisoformat, lambda bid: bid["rank"]


def must(truth, otherwise):
    if not truth:
        raise Wrong(otherwise)


class Portal:
    """The record, as the portal's API tells it: chains of events, each with the hash of all up to it."""

    def __init__(self, url):
        self.url, self.first, self.now = url.rstrip("/") + "/graphql", 1, datetime.now(UTC)

    def ask(self, query, **variables):
        body = json.dumps({"query": query, "variables": variables}).encode()
        with urlopen(Request(self.url, body, {"Content-Type": "application/json"})) as answer:
            content = json.load(answer)
        must(content.get("data"), f"the portal answers: {content.get('errors')}")
        return content["data"]

    def chain(self, stream):
        """The stream's events one by one, each of which its hash must cover, and the hash before."""
        version, last = 0, bytes(32)
        while links := self.ask(CHAIN, s=stream, v=version)["chain"]:
            for link in links:
                last = sha256(last + link["content"].encode()).digest()
                must(last.hex() == link["hash"], f"{stream}: the chain breaks after {version}")
                event, version = json.loads(link["content"]), version + 1
                right = (event["stream_id"], event["version"]) == (stream, version)
                must(right, f"{stream}: another event stands in the place of {version}")
                asked = time(event["accepted_at"]) if event.get("accepted_at") else None
                yield event | {"hash": last, "at": time(event["recorded_at"]), "asked": asked}

    def tick(self, number):
        """All that a tick's events say, and when each happened, by its type."""
        found, tick = self.ask(TICK, n=number)["tick"], {}
        for event in self.chain(found["id"]) if found else ():
            must(event["type"] not in tick, f"{event['type']} happened twice to tick {number}")
            tick |= {**event["data"], event["type"]: event["at"]}
        must(tick.get("number") == number, f"there is no tick {number}")
        return tick | {"cut": time(tick["public_at"]) if "round" in tick else tick.get("TickMade")}


class File(Portal):
    """The record, as the house exported it: whose events these are, the events, the hash of all before."""

    def __init__(self, path):
        packed = Path(path).read_bytes()
        text = zlib.decompress(packed, 31) if path.endswith(".gz") else packed
        *lines, last = text.splitlines(keepends=True) or [b""]
        must(sha256(b"".join(lines)).hexdigest().encode() in last, "this is no whole export")
        self.holds, self.chains, self.ticks = json.loads(lines[0])["holds"], defaultdict(list), {}
        self.now = datetime.min.replace(tzinfo=UTC)
        for link in map(json.loads, lines[1:]):
            event = json.loads(link["content"])
            self.chains[event["stream_id"]].append(link)
            self.now = max(self.now, time(event["recorded_at"]))
            if event["type"] == "TickCommitted":
                self.ticks[event["data"]["number"]] = event["data"] | {"id": event["stream_id"]}
        self.first = min(self.ticks, default=1)

    def ask(self, _, s=None, v=0, n=None):
        tick = self.ticks.get(n or max(self.ticks, default=0))
        return {"chain": self.chains[s][v:], "tick": tick}


class Bids:
    """The bids after some events, in the order they were placed; and who leads, of all and of each bidder's."""

    def __init__(self, events=()):
        self.all, self.of, self.leading, self.sealed = {}, defaultdict(list), {}, deque()
        for event in events:
            self.change(event["type"], event["data"], event["version"])

    def change(self, kind, data, version):
        """The bid that counts most leads; of equals, the one that counted so much first."""
        if kind == "BidPlaced":
            bid = data | {"amount": Decimal(data["amount"]), "deleted": False}
            self.all[bid["bid_id"]] = bid
            self.of[bid["bidder_id"]].append(bid)
        if kind == "SealedBidPlaced":
            # Until it is revealed nobody knows what it counts, and it leads nowhere.
            bid = data | {"amount": None, "deleted": False, "doubled": False, "hidden": True}
            self.all[bid["bid_id"]] = bid
            self.of[bid["bidder_id"]].append(bid)
            self.sealed.append(bid)
        if kind == "BidRevealed":
            bid = self.all[data["bid_id"]]
            bid |= {"amount": Decimal(data["amount"]), "hidden": False}
        if kind in ("BidPlaced", "BidDoubled", "BidRevealed"):
            bid, doubled = self.all[data["bid_id"]], kind == "BidDoubled"
            counts = bid["amount"] * (2 if doubled else 1)
            bid |= {"doubled": doubled, "counts": counts, "rank": (-counts, version)}
            for of in (None, bid["bidder_id"]):
                self.leading[of] = min(self.leading.get(of) or bid, bid, key=by_rank)
        if kind in (*GONE, "BidNotRevealed"):
            self.all[data["bid_id"]]["deleted"] = True
            for of in (None, data["bidder_id"]):
                if self.leading.get(of) and self.leading[of]["deleted"]:
                    self.leading[of] = min(self.live(of), key=by_rank, default=None)

    def live(self, bidder=None):
        return [b for b in (self.of[bidder] if bidder else self.all.values()) if not b["deleted"]]

    def next_hidden(self):
        """The live bid that is to be revealed next; None if none is left."""
        while self.sealed and (self.sealed[0]["deleted"] or not self.sealed[0]["hidden"]):
            self.sealed.popleft()
        return self.sealed[0] if self.sealed else None

    def draw(self, staff, policy, seed):
        """(bid, its weight, all weights) that the seed gives by the policy; or why it gives none."""
        if int.from_bytes(seed[:16]) * 10_000 // 2**128 >= Decimal(policy["chance"]) * 100:
            return "CHANCE", 0, 0
        active = Counter(bid["bidder_id"] for bid in self.live())
        arrivals = {bidder: place for place, bidder in enumerate(active, 1)}
        doubled = Counter(bid["bidder_id"] for bid in self.all.values() if bid["doubled"])
        terms = [term.partition(":") for term in policy["exclude"] + policy["limit"]]
        found = []
        for bid in self.live():
            bidder, behind = bid["bidder_id"], self.leading[None]["counts"] - bid["counts"]
            weight = {
                "constant": 1, "by_amount": int(bid["amount"] * 100), "newcomers": arrivals[bidder],
                "underdogs": int(behind * 100) + 1, "by_bidder_activity": active[bidder],
            }  # fmt: skip
            left_out = {
                "leader": bidder == self.leading[None]["bidder_id"], "staff": bidder in staff,
                "overtaken": bid is not self.leading[bidder],
                "per_auction": doubled.total(), "per_bidder": doubled[bidder],
            }  # fmt: skip
            out = any(left_out[name] >= int(most or 1) for name, _, most in terms)
            if not (out or bid["doubled"]):
                found.append((bid["bid_id"], prod(weight[name] for name in policy["weight"])))
        sums = list(accumulate(weight for _, weight in found))
        place = bisect_right(sums, int.from_bytes(seed[16:]) * sums[-1] // 2**128) if found else 0
        return (*found[place], sums[-1]) if found else ("NOBODY", 0, 0)


class Auction:
    """An auction after the events that were seen: the rules for the next one."""

    def __init__(self, record, created):
        self.opens, self.ends = (time(created["data"][name]) for name in ("starts_at", "ends_at"))
        self.record, self.id, self.tick = record, created["stream_id"], cache(record.tick)
        self.last_tick = (record.ask(TICK)["tick"] or {"number": 0})["number"]
        self.know_ticks()
        self.policies = [{"type": "PolicyChanged", "data": FIRST}, *record.chain(POLICIES)]
        self.seen, self.bids, self.drawn, self.draws, self.closed = [], Bids(), set(), 0, None
        self.details = {of: created["data"].get(of, {}) for of in DETAILS}
        self.rules, self.owed, self.extensions = self.details["rules"], None, 0
        self.early, self.since, self.pauses = False, None, []
        self.numbers, self.masked = {}, self.rules.get("masked")
        # Whether the reserve is met; what did not meet it, and what did; and it itself, once it is known.
        self.met, self.bounds, self.reserve = False, (Decimal(0), Decimal("Infinity")), None
        # The winning bid; when it became somebody's turn; the offer; who had a turn; how many beside the winner.
        self.winning, self.owing, self.offer, self.had, self.others = None, None, None, [], 0
        self.pays_price = None
        # All events of the command; how low and how high each maximum can be, as far as its bids tell.
        self.together, self.maxima, self.new = [], {}, None
        must(self.rules.keys() <= {*RULES}, f"unknown: {self.rules}")

    def number(self, bidder):
        """The bidder's number in a masked auction: such ids count from 1, in the order of their first bids."""
        new = len(self.numbers) + 1
        return self.numbers.setdefault(bidder, new) if self.masked is not None else None

    def know_ticks(self):
        """The ticks since the auction opens, and one before."""
        numbers = range(self.record.first, self.last_tick + 1)
        since = bisect_left(numbers, self.opens, key=lambda n: self.tick(n)["TickCommitted"])
        self.made = {n: self.tick(n) for n in numbers[max(since - 1, 0) :]}
        named = [("policies" in tick, "round" in tick) for tick in self.made.values()]
        must(named == sorted(named), "a tick names no policies or no round, as one before it did")

    def revise(self, asked, before, after):
        """The house changed what was said of it: any of it before a bid, and then its description alone."""
        must({**before}.keys() == {**after}.keys() <= {*DETAILS} and after, "it revises nothing")
        was = {of: self.details[of] for of in after}
        must(before == was and all(after[of] != was[of] for of in after), f"it was {was}")
        must(not self.bids.all or [*after] == ["description"], "there was a bid before it")
        still = self.since and not after.keys() <= {"title", "description"}
        must(not still, "times and rules stay while time stands still")
        must("starts_at" not in after or asked < self.opens, "it had begun before")
        sealing = [("sealed" in each["rules"]) for each in (before, after) if "rules" in each]
        must(len({*sealing}) < 2, "whether bids are sealed stays")
        self.details |= after
        self.rules, self.masked = self.details["rules"], self.details["rules"].get("masked")
        must(self.rules.keys() <= {*RULES}, f"unknown: {self.rules}")
        self.opens = time(self.details["starts_at"])
        self.ends = time(after["ends_at"]) if "ends_at" in after else self.ends
        planned = self.opens < self.ends and ("ends_at" not in after or asked < self.ends)
        must(
            planned and ("starts_at" not in after or asked <= self.opens), "it is too late for that"
        )
        self.know_ticks()

    def still(self, moment):
        """Whether time stood still in the auction then."""
        paused = self.since and moment >= self.since
        return bool(paused) or any(since <= moment < until for since, until in self.pauses)

    def on_its_clock(self, moment):
        """The moment as it is to be compared with the end, which each pause since has moved."""
        later = (until - since for since, until in self.pauses if since > moment)
        return moment + sum(later, timedelta())

    def late(self, moment):
        """Whether the auction's end had come then. While time stands still none comes."""
        return not self.still(moment) and self.on_its_clock(moment) >= self.ends

    def go_on(self, moment):
        """Any pause is over then."""
        self.pauses += [(self.since, moment)] if self.since else []
        self.since = None

    def moved_end(self, placed):
        """When the auction ends after a bid placed then, if its soft close moves the end."""
        soft = defaultdict(lambda: None, self.rules.get("soft_close", {}))
        until_end = self.ends - self.on_its_clock(placed)
        if not soft or self.early or until_end > timedelta(seconds=soft["window"]):
            return None
        if self.extensions >= (soft["times"] or self.extensions + 1):
            return None
        moved = self.ends + timedelta(seconds=soft["extension"])
        moved = min(moved, time(soft["hard_end"])) if soft["hard_end"] else moved
        return moved if moved > self.ends else None

    def must_be_last(self, asked):
        later = any(each["asked"] and each["asked"] > asked for each in self.seen)
        must(not later, "what was asked for after it came before it")

    def must_be_for_sale(self, amount):
        """Who leads has kept nobody from buying at that price, and it is the price."""
        rule, leading = self.rules.get("buy_now"), self.bids.leading.get(None)
        must(rule and amount == Decimal(rule["price"]), "it could not be bought for so much")
        offered = not leading or leading["counts"] < Decimal(rule.get("until", 0))
        must(offered, "it could not be bought any more")

    def least(self, own, over=None):
        """The lowest amount that the rules chosen for the auction let somebody bid whose own highest counts so much.

        That is over the leading bid, or over what counts so much as is given.
        """
        found = [Decimal(self.rules.get("starting_price", {"amount": 0})["amount"])]
        leading = over or (self.bids.leading.get(None) or {"counts": 0})["counts"]
        for higher_than, counts in (("over_leader", leading), ("over_own", own)):
            table = self.rules.get("increments", {}).get(higher_than, [])
            steps = [line["step"] for line in table if Decimal(line["start"]) <= counts]
            found += [counts + Decimal(steps[-1])] if counts and steps else []
        return max(found)

    def contest(self):
        """A bid, a maximum or a doubling, and all that it gives rise to, must be what some maxima give.

        A maximum is at least what it has bid, and no more than a last bid of its that is below a full step.
        """
        (kind, data), anything = (
            (self.together[0][of] for of in ("type", "data")),
            Decimal("Infinity"),
        )
        told = [
            (
                e["data"]["bidder_id"],
                Decimal(e["data"]["amount"]),
                e["data"].get("automatic", False),
            )
            if e["type"] == "BidPlaced"
            else e["data"]["bidder_id"]
            for e in self.together
            if e["type"] in ("BidPlaced", "MaximumEnded")
        ]
        bids = [each for each in told if isinstance(each, tuple)]
        own = {
            who: [bid for by, bid, automatic in bids if automatic and by == who] for who, *_ in bids
        }
        lead = self.bids.leading.get(None) or {"bidder_id": None, "counts": 0}
        holder = lead["bidder_id"] if lead["bidder_id"] in self.maxima else None
        setter = data["bidder_id"] if kind == "MaximumSet" else None
        holder = None if holder == setter else holder
        met = [e["data"]["bid_id"] for e in self.together if e["type"] == "ReserveMet"]
        reserves = [
            Decimal(e["data"]["amount"])
            for e in self.together
            if e["type"] == "BidPlaced" and e["data"]["bid_id"] in met
        ]
        low, high = self.maxima.get(holder, (0, anything))
        of_holder = {high, low, *(bid for bid in own.get(holder, []) if low <= bid <= high)}
        # One that was not met yet; or exactly what was bid, if that is more than a step.
        cent = Decimal("0.01")
        reserves = [0, *([self.pays() + cent, *reserves] if reserves else [])]
        for held, new, reserve in product(
            sorted(of_holder, reverse=True), [anything, *own.get(setter, [])], reserves
        ):
            if self.answered(kind, data, bids, lead, holder, held, new, reserve) == told:
                if holder:
                    low = max([low, *own.get(holder, [])])
                    self.maxima[holder] = (low, high if held == high else low)
                if setter:
                    least = lead["counts"] if lead["bidder_id"] == setter else 0
                    least = max([least, *own.get(setter, [])])
                    self.new = (least, new if new == anything else least)
                if reserve:
                    missed, most = self.bounds
                    self.bounds = (max(missed, reserve - cent), most)
                return
        raise Wrong("the rules give other bids, whatever the maxima are")

    def answered(self, kind, data, bids, lead, holder, held, new, reserve):
        """The bids that the rules give, and whose maxima end, if they are so high; `new` is the one that is set."""

        def over(counts, bidder):
            own = self.bids.leading.get(bidder) or {"counts": 0}
            return max(self.least(own["counts"], counts), Decimal("0.01"))

        def answer(counts):
            return (holder, min(held, over(counts, holder)), True)

        bidder, held = data["bidder_id"], held if holder else 0
        can_answer, end = held > lead["counts"], [holder] if holder else []
        if kind == "BidDoubled":
            counts = 2 * self.bids.all[data["bid_id"]]["amount"]
            if bidder == holder or counts <= lead["counts"] or not holder:
                return []
            return [answer(counts)] if held > counts else end
        if kind == "BidPlaced":
            plain = [bid for bid in bids if not bid[2]]
            must(len(plain) == 1, "a bid for somebody answers nothing")
            bidder, amount, _ = plain[0]
            must(amount >= (least := over(None, bidder)), f"{amount:,} is less than {least:,}")
            if bidder == holder:
                return plain
            if not can_answer or held > amount:
                return [*plain, *([answer(amount)] if can_answer else end)]
            return [(holder, held, True), *plain, *(end if held < amount else [])]
        bids_at = lambda amount: (bidder, min(new, max(amount, reserve)), True)
        if lead["bidder_id"] == bidder:
            return [bids_at(over(None, bidder))] if reserve and not self.met else []
        if new < over(None, bidder) or new < reserve:
            return None
        if not can_answer:
            return [bids_at(over(None, bidder)), *end]
        if held < new:
            return [(holder, held, True), bids_at(over(held, bidder)), *end]
        last = (bidder, new, True)
        return [(holder, held, True), last, bidder] if held == new else [last, answer(new), bidder]

    def maximum(self, kind, asked, data):
        """A maximum is set, or bids no more."""
        bidder, first = data["bidder_id"], self.together[0]["type"]
        must("proxy_bids" in self.rules, "no maximum can be set here")
        must(asked and self.opens <= asked, "it was asked for before the auction was open")
        must(data.get("number") == self.number(bidder), "it has another number")
        if kind == "MaximumSet":
            must(first == kind, "a maximum is set by itself")
            owners = self.rules.get("own_lot", {}).get("owners", ())
            must(bidder not in owners, "the lot is the bidder's own")
            self.contest()
            self.maxima[bidder] = self.new
            return f"{bidder} sets a maximum"
        must(bidder in self.maxima, "there is no such maximum")
        del self.maxima[bidder]
        return f"the maximum of {bidder} bids no more"

    def pays(self):
        """What the leading bidder would pay; zero without one."""
        return (self.bids.leading.get(None) or {"amount": Decimal(0)})["amount"]

    def turned(self, kind, asked, data):
        """The reserve is met, or is not any more, since the event before."""
        last, leading = self.seen[-1], self.bids.leading.get(None) or {"bid_id": None}
        must("reserve" in self.rules, "the auction has no reserve")
        follows = last["asked"] == asked and last["type"] not in (*TURNS, "AuctionCreated")
        must(follows, "it does not follow on what changed the leading bid")
        must(self.met != (kind == "ReserveMet"), "that was told before")
        must(self.met or leading["bid_id"] == data["bid_id"], "another bid leads")
        self.met = not self.met
        return f"the reserve is {'' if self.met else 'not '}met by the leading bid"

    def revealed(self, data):
        """The reserve was committed to, and fits what was said of it."""
        text = json.dumps(data, sort_keys=True, separators=(",", ":"))
        committed = self.rules.get("reserve", {}).get("commitment")
        must(sha256(text.encode()).hexdigest() == committed, "it is not what was committed to")
        self.reserve, (missed, met) = Decimal(data["amount"]), self.bounds
        must(self.reserve <= met, f"it was said to be met by {met:,}")
        must(missed < self.reserve, f"it was said not to be met by {missed:,}")
        return f"the reserve was {self.reserve:,}"

    def sells(self, kind, asked, at, data):
        """By a second chance the lot is offered, first to the winner, and accepted, or passed on."""
        must(self.winning and "second_chance" in self.rules, "something happened after the close")
        rule, offer = self.rules["second_chance"], self.offer
        if kind in OFFERS:
            at_once = asked == self.owing and at == self.seen[-1]["at"]
            must(at_once, "it does not follow at once on what it follows from")
            self.owing, passed = None, data.get("passed_over", [])
            left = self.left() if self.others < rule["most"] else []
            # Only the house knows whose accounts are deleted.
            gone = f"; NOT CHECKED: {passed} deleted their accounts" if passed else ""
            early = [bid["bidder_id"] for bid in left[: len(passed)]]
            must(early == passed, f"the turn was {early or 'nobody'}'s")
            self.had += passed
            turn = next(iter(left[len(passed) :]), None)
            if kind == "SaleFailed":
                must(not turn, f"it was the turn of {turn}")
                self.offer = None
                return f"nobody is left to be offered the lot{gone}"
            must(turn, "nobody was left")
            won = turn["bid_id"] == self.winning
            until = at + timedelta(seconds=rule["confirm_within" if won else "answer_within"])
            right = {"bid_id": turn["bid_id"], "bidder_id": turn["bidder_id"]}
            amount = self.pays_price if won else turn["amount"]
            right |= {"amount": str(amount), "until": until.isoformat()}
            right |= {"number": turn["number"]} if self.masked is not None else {}
            told = {of: value for of, value in data.items() if of != "passed_over"}
            must(told == right, f"the rules give {right}")
            self.had.append(turn["bidder_id"])
            self.offer, self.others = right | {"until": until}, self.others + (not won)
            return f"offered to {turn['bidder_id']} for {amount:,} until {until:%F %T}{gone}"
        must(offer, "the lot is offered to nobody")
        must(
            all(data[of] == offer[of] for of in ("bid_id", "bidder_id")), "it is offered to another"
        )
        until, deleted = offer["until"], data.get("withdrawn_at")
        must(until or kind == "SaleForfeited", "it was answered before")
        if kind == "OfferLapsed":
            must(asked >= until, f"it could be answered until {until}")
        elif kind != "SaleForfeited" and not deleted:
            must(asked < until, f"it could be answered until {until}")
        must(not deleted or time(deleted) <= asked, "it followed before the account was deleted")
        if kind == "OfferAccepted":
            offer["until"] = None
            return f"{offer['bidder_id']} buys it for {offer['amount']}"
        self.owing = asked
        why = f", by the house: {data['reason']}" if kind == "SaleForfeited" else ""
        return f"{offer['bidder_id']} has it no more{why}"

    def left(self):
        """The highest live bids of those who had no turn, in their order; none below the reserve."""
        seen, found = set(self.had), []
        for bid in sorted(self.bids.live(), key=by_rank):
            if bid["bidder_id"] not in seen and bid["amount"] >= (self.reserve or 0):
                found.append(bid)
            seen.add(bid["bidder_id"])
        return found

    def rule(self, event, data):
        """Say what the event is, if it is what the rules give."""
        kind, asked, bid = event["type"], event["asked"], self.bids.all.get(data.get("bid_id"))
        must(not self.closed or kind in SALES, "something happened after the close")
        must(
            bool(self.owing) == (kind in OFFERS),
            "whose turn it is to be offered the lot must follow",
        )
        owed, self.owed = self.owed, None
        must((owed or {}).get("type") == (kind if kind in FOLLOW else None), FOLLOWS)
        must(bool(self.seen) != (kind == "AuctionCreated"), "it is created once, first")
        must(asked or not (self.seen and self.seen[-1]["asked"]), "it hides when it was asked for")
        if kind in SALES:
            must(asked - event["at"] < timedelta(minutes=1), "it was asked for later")
            return self.sells(kind, asked, event["at"], data)
        # With its bidder's account a bid is deleted when the deletion of that was asked for.
        at = data.get("withdrawn_at") or data.get("placed_at") or event.get("accepted_at")
        late = at and self.late(time(at))
        not_made = kind == "NothingDrawn" and data["reason"] in NOT_MADE
        must(
            self.reserve is None or kind in ENDS,
            "the auction is closed once its reserve is revealed",
        )
        ending = kind in (*CLOSES, *REVEALS, "ReserveRevealed") or not_made
        must(not late or ending or kind in TURNS, "it was asked for after the end")
        must((asked or event["at"]) - event["at"] < timedelta(minutes=1), "it was asked for later")
        bidders = kind == "BidDeleted" and "withdrawn_at" not in data
        if bidders or kind in ("BidPlaced", "SealedBidPlaced", "MaximumSet", "MaximumEnded"):
            must(not (at and self.still(time(at))), "time stood still when it was asked for")
        if kind in AT_THEIR_MOMENT:
            must(asked and self.opens <= asked, "it was asked for before the auction was open")
        if kind in (*AT_THEIR_MOMENT, "AuctionRevised"):
            self.must_be_last(asked)
        if kind in (*GONE, "BidDoubled"):
            must(bid and not bid["deleted"], "there is no such live bid")
            must(bid["bidder_id"] == data["bidder_id"], "the bid is somebody else's")
        # Where maxima bid, bids are binding.
        binding = {"within": 0} if "proxy_bids" in self.rules else self.rules.get("withdrawal")
        if kind == "BidDeleted" and not data.get("withdrawn_at") and binding:
            placed = time(bid["placed_at"])
            until = placed + timedelta(seconds=binding["within"])
            for since, ended in self.pauses:
                until += (ended - since) if placed <= since < until else timedelta()
            must((asked or event["at"]) < until, f"its bidder could delete it until {until}")
        if kind == "AuctionCreated":
            must(data["auction_id"] == self.id, "this is another auction")
            must((asked or self.opens) <= self.opens < self.ends, "it opens too early, or too late")
            return f"open from {self.opens:%F %T} until {self.ends:%F %T} UTC"
        if kind in ("BidPlaced", "SealedBidPlaced"):
            must(not bid, "a bid is placed once")
            right = ("sealed" in self.rules) == (kind == "SealedBidPlaced")
            must(right, "bids are sealed where the rules say so, and only there")
            placed = time(data["placed_at"])
            must(self.opens <= placed, "it was placed before the auction was open")
            must(asked in (None, placed), "it was asked for at another moment")
            owners = self.rules.get("own_lot", {}).get("owners", ())
            must(data["bidder_id"] not in owners, "the lot is the bidder's own")
            last = [e for e in self.together if e["type"] in ("BidPlaced", "SealedBidPlaced")][-1]
            if event is last and (end := self.moved_end(placed)) and not data.get("bought"):
                self.owed = {"type": "AuctionExtended", "bid_id": data["bid_id"], "ends": end}
        if kind == "SealedBidPlaced":
            must(not self.bids.live(data["bidder_id"]), "its bidder has a live bid already")
        if kind == "BidPlaced":
            amount = Decimal(data["amount"])
            if data.get("bought"):
                self.must_be_for_sale(amount)
                self.must_be_last(placed)
                self.owed = {"type": "BoughtNow", "bid_id": data["bid_id"], "ends": placed}
                return f"{data['bidder_id']} buys for {amount:,}"
            own = (self.bids.leading.get(data["bidder_id"]) or {"counts": 0})["counts"]
            must(amount == round(amount, 2), "it is no amount of money")
            must(amount > own, f"{amount:,} is not more than the bidder's own {own:,}")
            if "proxy_bids" in self.rules and event is self.together[0]:
                self.contest()
            elif "proxy_bids" not in self.rules:
                must(not data.get("automatic"), "nobody is bid for here")
                must(amount >= (least := self.least(own)), f"{amount:,} is less than {least:,}")
            else:
                begins = self.together[0]["type"]
                right = begins in ("BidPlaced", "MaximumSet", "BidDoubled")
                must(right, "it is placed together with something else")
            must(data.get("number") == self.number(data["bidder_id"]), "it has another number")
        if kind in (*GONE, "BoughtNow"):
            gone = [*self.maxima] if kind == "BoughtNow" else [data["bidder_id"]]
            self.maxima = {of: most for of, most in self.maxima.items() if of not in gone}
        if kind in TURNS:
            return self.turned(kind, asked, data)
        if "reserve" in self.rules and self.seen and asked != self.seen[-1]["asked"]:
            missed, met = self.bounds
            pays = self.pays()
            self.bounds = (missed, min(met, pays)) if self.met else (max(missed, pays), met)
        if kind in ("MaximumSet", "MaximumEnded"):
            return self.maximum(kind, asked, data)
        if kind == "BidDoubled" and "proxy_bids" in self.rules:
            must(event is self.together[0], "it is doubled together with something else")
            self.contest()
        if kind == "ReserveRevealed":
            must(asked >= self.ends, f"it was closed before its end, {self.ends:%F %T}")
            return self.revealed(data)
        if kind == "SealedBidPlaced":
            return f"a sealed bid by {data['bidder_id']}, {data['commitment']}"
        if kind in REVEALS:
            right = not self.since and (asked or event["at"]) >= self.ends
            must(right, "it was revealed before the end")
            return self.reveal(kind, data, bid)
        if owed:
            self.ends, told = time(data["ends_at"]), (data["bid_id"], time(data["ends_at"]))
            must(told == (owed["bid_id"], owed["ends"]), f"the rules give {owed}")
            must(asked == self.seen[-1]["asked"], "it was asked for with the bid")
            self.early |= kind == "BoughtNow"
            self.extensions += kind == "AuctionExtended"
            right = kind == "BoughtNow" or data["extension"] == self.extensions
            must(right, "it counts another extension")
            return f"the end moves to {self.ends:%F %T} UTC"
        if kind == "AuctionClosedEarly":
            must(time(data["ends_at"]) == asked, "it ends when that was asked for")
            self.go_on(asked)
            self.ends, self.early = asked, True
            return f"the house ends it at {self.ends:%F %T} UTC: {data['reason']}"
        if kind == "AuctionRevised":
            self.revise(asked, data["before"], data["after"])
            return f"the house revises it: {', '.join(data['after'])}"
        if kind == "AuctionPaused":
            must(time(data["paused_at"]) == asked, "it is paused when that was asked for")
            must(not self.since, "it was paused already")
            self.since = asked
            return f"the house pauses it: {data['reason']}"
        if kind == "AuctionResumed":
            must(time(data["resumed_at"]) == asked, "it goes on when that was asked for")
            must(self.since, "it was not paused")
            end = self.ends + (asked - self.since)
            must(time(data["ends_at"]) == end, f"the pause moves the end to {end:%F %T}")
            soft = self.rules.get("soft_close", {})
            if soft.get("hard_end"):
                later = (time(soft["hard_end"]) + (asked - self.since)).isoformat()
                self.rules = self.rules | {"soft_close": soft | {"hard_end": later}}
            self.details |= {"ends_at": data["ends_at"], "rules": self.rules}
            self.ends = end
            self.go_on(asked)
            return f"the house resumes it, and the end moves to {end:%F %T} UTC: {data['reason']}"
        if kind in ("BidPlaced", *GONE):
            why = f", by the house: {data['reason']}" if kind == "BidRemoved" else ""
            offered = (bid or data)["amount"]
            offer = "sealed" if offered is None else f"{Decimal(offered):,}"
            return f"{offer} by {data['bidder_id']}{why}"
        if kind in ("BidDoubled", "NothingDrawn"):
            return self.draw(event, data, bid)
        must(kind in CLOSES, "the rules know no such event")
        self.closed, bid = asked or event["at"], self.bids.leading.get(None)
        self.none_missing(self.closed)
        if kind == "AuctionCancelled":
            return f"the house cancelled it, and nobody wins: {data['reason']}"
        must(not self.since, "it was closed in a pause")
        must(self.closed >= self.ends, f"it was closed before its end, {self.ends:%F %T}")
        must(not self.bids.next_hidden(), "a live bid was not revealed")
        must(self.reserve or "reserve" not in self.rules, "the reserve is not revealed")
        if self.reserve and self.pays() < self.reserve:
            bid = None
        must(bool(bid) == (kind == "WinnerAnnounced"), "a live bid wins; without one nobody does")
        if not bid:
            return "it ended without a sale"
        right = {of: bid[of] for of in ("bid_id", "bidder_id", "placed_at", "doubled")}
        right |= {"amount": str(bid["amount"]), "effective_amount": str(bid["counts"])}
        right |= {"number": bid["number"]} if self.masked is not None else {}
        # Who was behind the number only the house knows; it may tell no more than that.
        told = (self.masked or {}).get("names_winner") and data.get("user_id")
        right |= {"user_id": told} if told else {}
        pays = self.price(bid)
        right |= {"price": str(pays)} if pays != bid["amount"] else {}
        must(data == right, f"the leading bid is another, or its price: {right}")
        self.winning, self.pays_price = bid["bid_id"], pays
        self.owing = asked if "second_chance" in self.rules else None
        return f"{bid['bidder_id']} won and pays {pays:,}"

    def reveal(self, kind, data, bid):
        """After the end each sealed bid is what its commitment said, those placed first first."""
        must(bid and bid is self.bids.next_hidden(), "another bid is to be revealed, or none")
        if kind == "BidNotRevealed":
            must(bid["bidder_id"] == data["bidder_id"], "the bid is somebody else's")
            return f"NOT REVEALED: the house says that the key of {data['bid_id']} is gone"
        text = f'{{"amount":"{data["amount"]}","salt":"{data["salt"]}"}}'
        right = sha256(text.encode()).hexdigest() == bid["commitment"]
        must(right, "it is not what its bidder was committed to")
        amount, least = Decimal(data["amount"]), self.least(0)
        must(amount == round(amount, 2) > 0, "it is no amount of money")
        must(amount >= least, f"{amount:,} is less than {least:,}")
        return f"{amount:,} by {bid['bidder_id']}, as committed to"

    def price(self, won):
        """What the winner pays: by the second price the most of what they had to beat or to meet."""
        if not self.rules.get("sealed", {}).get("second_price"):
            return won["amount"]
        others = [bid["amount"] for bid in self.bids.live() if bid is not won]
        return max([*others, self.least(0), self.reserve or 0]) or won["amount"]

    def draw(self, event, data, bid):
        """A draw must be of a tick committed to before, by its policies, and as its secret gives it."""
        must("sealed" not in self.rules, "where bids are sealed none is doubled")
        if event["type"] == "BidDoubled":
            must(not bid["doubled"], "a bid is doubled once")
            must(data["effective_amount"] == str(2 * bid["amount"]), "it is not twice the amount")
        elif data["reason"] == "GONE":
            must(bid["deleted"] or bid["doubled"], "the bid is there to be doubled")
        if event["type"] == "BidDoubled" and event["schema_version"] == 1 and not event["asked"]:
            return f"drew {data['bid_id']}, before draws could be checked"
        number, then, version = data.get("tick"), self.seen, data["policy_version"]
        own = self.rules.get("promoter")
        must(not (own and own.get("off")), "the promoter doubles no bid here")
        tick = self.tick(number)
        must(number not in self.drawn, f"tick {number} drew twice")
        must("TickMade" in tick, f"tick {number} was never made")
        must(tick["TickCommitted"] < event["at"], f"tick {number} was committed to too late")
        self.drawn.add(number)
        # Before draws were numbered they were made from whatever came before them.
        if "policies" in tick:
            was_open = self.was_open(tick["cut"]) or data.get("reason") in NOT_MADE
            must(was_open, "the auction was not open then")
            self.draws, then = self.draws + 1, self.before(tick["cut"])
            must(data.get("draw") == self.draws, f"draw {self.draws} of the auction is missing")
            last = {}
            for place, changed in enumerate(self.policies[: tick["policies"] + 1]):
                last[changed["data"]["auction_id"]] = place * (changed["type"] == "PolicyChanged")
            applied = -1 if own else last.get(self.id) or last[None]
            must(version == applied, f"policy {applied} applied, not {version}")
        name, value, compare = tick.get("beacon"), bytes.fromhex(tick.get("value") or ""), ""
        if "round" in tick:
            # When round 0 was public, and how far rounds are apart; if not drand's, of the stand-in.
            start, apart, at = (1692803364, 3, RELAY) if name[6:] in RELAY else (0, 1e-6, "")
            public = datetime.fromtimestamp(start, UTC) + tick["round"] * timedelta(seconds=apart)
            must(value and tick["TickCommitted"] <= public == tick["cut"], f"its round: {public}")
            compare = f"; by {name}: compare {value.hex()} with {at}{tick['round']}"
        if data.get("reason") in NOT_MADE:
            return f"tick {number}: NO DRAW ({data['reason']})"
        if "secret" not in tick:
            due = self.record.now - self.tick(number + 1).get("TickMade", self.record.now)
            given_up = "TickGivenUp" in tick or due < timedelta(hours=1)
            must(given_up, f"the secret of tick {number} should be revealed by now")
            return f"tick {number}: NOT CHECKED, its secret is lost, or not revealed yet"
        must(tick["SecretRevealed"] > event["at"], f"tick {number} was revealed too early")
        secret = bytes.fromhex(tick["secret"])
        must(sha256(secret).hexdigest() == tick["commitment"], "it was committed to another secret")
        seed = hmac.digest(secret, then[-1]["hash"] + number.to_bytes(8) + value, "sha256")
        policy = FIRST | own if own else self.policies[version]["data"]
        fair = Bids(then).draw(data.get("staff", []), policy, seed)
        hit = data["bid_id"] if data.get("reason", "GONE") == "GONE" else data["reason"]
        told = hit, data.get("weight", fair[1]), data.get("total_weight", fair[2])
        must(fair == told, f"the draw hits {fair}, not {told}")
        did = f"doubled nothing ({data['reason']})" if "reason" in data else f"drew {hit}"
        return f"tick {number}: fairly {did}, weight {told[1]} of {told[2]}{compare}"

    def was_open(self, moment):
        return self.opens <= moment and not self.still(moment) and not self.late(moment)

    def before(self, cutoff):
        """The events before the first one that was asked for at the cut-off or later."""
        return [*takewhile(lambda event: not event["asked"] or event["asked"] < cutoff, self.seen)]

    def none_missing(self, until):
        """Each tick that had a bid to draw left a draw, if all its draws were made until then."""
        if self.rules.get("promoter", {}).get("off") or "sealed" in self.rules:
            return
        for number, tick in self.made.items():
            done = "secret" in tick and "policies" in tick and tick["DrawsAccepted"] <= until
            if done and number not in self.drawn and self.was_open(tick["cut"]):
                left = any(not b["doubled"] for b in Bids(self.before(tick["cut"])).live())
                must(not left, f"tick {number} left no draw, though there was a bid to draw")


def check(record, auction_id):
    """Yield a line for each event, with who leads after it; Wrong for one that the rules do not give."""
    created = next(record.chain(auction_id.lower()), None)
    must(created and created["type"] == "AuctionCreated", "there is no such auction")
    auction = Auction(record, created)
    # Read after the ticks: of those that were revealed by then, each draw is there.
    for _, command in groupby(record.chain(auction.id), lambda event: event["causation_id"]):
        # Each event is checked before the next commands are read.
        auction.together = [*command]
        for event in auction.together:
            try:
                said = auction.rule(event, event["data"])
                auction.bids.change(event["type"], event["data"], event["version"])
            except (ArithmeticError, LookupError, TypeError, Wrong) as wrong:
                raise Wrong(f"version {event['version']} ({event['type']}): {wrong}") from wrong
            auction.seen.append(event)
            leading = auction.bids.leading.get(None)
            leads = f"; leading: {leading['counts']:,} of {leading['bidder_id']}" if leading else ""
            yield f"{event['version']} {event['type']}: {said}{leads}"
    must(not auction.owed, "the last bid moves the end, which is missing")
    must(not auction.owing, "whose turn it is to be offered the lot is missing")
    if not auction.closed:
        auction.none_missing(record.now)
        said = "not closed yet"
    yield f"{len(auction.seen)} events, {len(auction.drawn)} draws: {said}"


if __name__ == "__main__":
    source, *ids = sys.argv[1:]
    try:
        record = Portal(source) if "://" in source else File(source)
        for line in check(record, *(ids or [record.holds])):
            print(line)
    except (OSError, zlib.error, Wrong) as wrong:
        sys.exit(f"{'WRONG' if isinstance(wrong, Wrong) else 'NOT CHECKED'}: {wrong}")
