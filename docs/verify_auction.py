"""Check an auction from outside: python3 verify_auction.py http://127.0.0.1:8000 AUCTION_ID

or without any portal, with what the house exported: python3 verify_auction.py FILE [AUCTION_ID]
Needs Python 3.11 or newer and nothing else. Believes nothing but what it works out itself from the
chains of events: the auction's, the ticks' and the policies'. Each event must be what the rules
give: bids, deletions, draws, the close, the winner and what they pay. See fair-draws.md.
"""

import hmac
import json
import sys
from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from heapq import heappop, heappush
from math import prod
from pathlib import Path
from urllib.request import Request, urlopen

POLICIES = "00000000-0000-7000-8000-0000000000ac"
FIRST = {"chance": "100.00", "weight": ["constant"], "exclude": [], "limit": []}


class Wrong(Exception):
    """What does not add up."""


def must(truth, otherwise):
    if not truth:
        raise Wrong(otherwise)


time = datetime.fromisoformat


class File:
    """An exported file, which answers what the API is asked."""

    def __init__(self, path):
        *lines, last = Path(path).read_bytes().splitlines(keepends=True) or [b""]
        whole = sha256(b"".join(lines)).hexdigest().encode() in last
        must(whole, f"{path} is no exported file, was changed, or cut off")
        self.holds, self.chains, self.ticks = json.loads(lines[0])["holds"], {}, {}
        self.now = datetime.min.replace(tzinfo=UTC)
        for link in map(json.loads, lines[1:]):
            event = json.loads(link["content"])
            self.now = max(self.now, time(event["recorded_at"]))
            self.chains.setdefault(event["stream_id"], []).append(link)
            if event["type"] == "TickCommitted":
                number = event["data"]["number"]
                self.ticks[number] = {"id": event["stream_id"], "number": number}

    def answer(self, s=None, v=0, n=None):
        tick = self.ticks.get(n or max(self.ticks, default=0))
        return {"chain": self.chains.get(s, [])[v:], "tick": tick}


def ask(url, query, **variables):
    if isinstance(url, File):
        return url.answer(**variables)
    body = json.dumps({"query": query, "variables": variables}).encode()
    with urlopen(Request(url + "/graphql", body, {"Content-Type": "application/json"})) as answer:
        return json.load(answer)["data"]


def chain(url, stream):
    """The stream's events; Wrong if a hash does not cover its event and the one before."""
    events, last = [], bytes(32)
    query = "query($s: UUID!, $v: Int!) { chain(id: $s, afterVersion: $v) { content hash } }"
    while links := ask(url, query, s=stream, v=len(events))["chain"]:
        for link in links:
            last = sha256(last + link["content"].encode()).digest()
            must(last.hex() == link["hash"], f"{stream}: the chain breaks after {len(events)}")
            event = json.loads(link["content"])
            right = (event["stream_id"], event["version"]) == (stream, len(events) + 1)
            must(right, f"{stream}: another event stands in the place of {len(events) + 1}")
            # Ticks are not asked for; of old events only the recording is known.
            asked = event.get("accepted_at")
            event |= {"at": time(event["recorded_at"]), "asked": asked and time(asked)}
            events.append(event | {"hash": last})
    return events


def cents(amount):
    return int(amount.replace(".", ""))


def money(amount):
    return f"{amount // 100:,}.{amount % 100:02}"


def rank(bid):
    """Sorts the leading bid first: what counts most; of equals, what counted so much first."""
    return -bid["counts"], bid["reached"]


def alive(bids):
    return [bid for bid in bids.values() if not bid["deleted"]]


def weights(bids, staff, policy):
    """[(bid, weight)] of the bids that the draw could hit, in the order they were placed."""
    live = alive(bids)
    leading = min(live, key=rank)
    highest = {bid["bidder"]: bid for bid in sorted(live, key=rank, reverse=True)}
    arrivals = list(dict.fromkeys(bid["bidder"] for bid in live))
    doubled = [bid["bidder"] for bid in bids.values() if bid["doubled"]]
    weigh = {
        "constant": lambda bid: 1,
        "by_amount": lambda bid: bid["amount"],
        "by_bidder_activity": lambda bid: sum(b["bidder"] == bid["bidder"] for b in live),
        "underdogs": lambda bid: leading["counts"] - bid["counts"] + 1,
        "newcomers": lambda bid: arrivals.index(bid["bidder"]) + 1,
    }
    left_out = {
        "leader": lambda bid, _: bid["bidder"] == leading["bidder"],
        "staff": lambda bid, _: bid["bidder"] in staff,
        "overtaken": lambda bid, _: highest[bid["bidder"]] is not bid,
        "per_auction": lambda bid, most: len(doubled) >= int(most),
        "per_bidder": lambda bid, most: doubled.count(bid["bidder"]) >= int(most),
    }
    terms = [term.partition(":")[::2] for term in policy["exclude"] + policy["limit"]]
    return [
        (bid, prod(weigh[name](bid) for name in policy["weight"]))
        for bid in live
        if not bid["doubled"] and not any(left_out[name](bid, most) for name, most in terms)
    ]


def drawn(bids, staff, policy, seed):
    """(bid, weight, all weights) of the bid in whose share the second half lies; or why there is none."""
    if int.from_bytes(seed[:16]) * 10_000 // 2**128 >= cents(policy["chance"]):
        return "CHANCE", 0, 0
    found = weights(bids, staff, policy)
    total = sum(weight for _, weight in found)
    place = int.from_bytes(seed[16:]) * total // 2**128
    for bid, weight in found:
        if place < weight:
            return bid["id"], weight, total
        place -= weight
    return "NOBODY", 0, 0


class Auction:
    """What the events so far say, and the rules by which the next must follow."""

    def __init__(self, url, id, policies):
        self.url, self.id, self.policies = url, id, policies
        self.bids, self.ticks, self.drawn, self.draws, self.before = {}, {}, set(), 0, bytes(32)
        # The next tick whose cut-off may come, the last there is, and the bids and the hash at the
        # cut-offs that have come and whose draw has not.
        self.next = self.last = (ask(url, "{ tick { number } }")["tick"] or {"number": 0})["number"]
        self.due = {}
        # All bids by rank, and each bidder's own; after the close the outcome.
        self.ranked, self.own, self.outcome = [], {}, None
        self.opens = self.ends = self.asked = None

    def now_counts(self, bid):
        """A bid was placed or doubled. Bids are replaced and never changed: copies stay as they were."""
        self.bids[bid["id"]] = bid
        for ranked in (self.ranked, self.own.setdefault(bid["bidder"], [])):
            heappush(ranked, (rank(bid), bid["id"]))

    def best(self, ranked):
        """The first of the bids that is alive and still counts what it did; those before it are dropped."""
        while ranked:
            bid = self.bids[ranked[0][1]]
            if rank(bid) == ranked[0][0] and not bid["deleted"]:
                return bid
            heappop(ranked)

    def take(self, event):
        """Check the event, let it happen, and say what it was."""
        must(self.outcome is None, "something happened after the close")
        created = event["type"] == "AuctionCreated"
        must(created != bool(self.ends), "it is created once, first")
        must(event["asked"] or not self.asked, "it hides when it was asked for")
        self.asked = event["asked"]
        if self.ends and self.asked:
            self.pass_cutoffs(self.asked)
        said = getattr(self, event["type"])(event, event["data"])
        self.before = event["hash"]
        if event["type"] in ("WinnerAnnounced", "AuctionEndedUnsold"):
            self.outcome = said
        return said

    def AuctionCreated(self, event, data):
        must(data["auction_id"] == self.id, "this is another auction")
        self.opens, self.ends = time(data["starts_at"]), time(data["ends_at"])
        must(self.opens < self.ends, "it ends before it opens")
        # The first tick that was made since then, or the one to come.
        made = lambda number: self.tick(number).get("TickMade", {"at": self.opens})["at"]
        self.next = 1 + bisect_left(range(1, self.last), self.opens, key=made)
        return f"open from {self.opens:%F %T} until {self.ends:%F %T} UTC"

    def BidPlaced(self, event, data):
        must(data["bid_id"] not in self.bids, "a bid is placed once")
        placed = time(data["placed_at"])
        must(self.opens <= placed < self.ends, "the auction was not open")
        must(event["asked"] in (None, placed), "it was asked for at another moment")
        amount, bidder = cents(data["amount"]), data["bidder_id"]
        own = (self.best(self.own.get(bidder, [])) or {"counts": 0})["counts"]
        must(amount > own, f"{money(amount)} is not more than the bidder's own {money(own)}")
        self.now_counts({
            "id": data["bid_id"], "bidder": bidder, "amount": amount, "counts": amount,
            "reached": event["version"], "doubled": False, "deleted": False,
        })  # fmt: skip
        return f"{money(amount)} by {bidder}"

    def BidDeleted(self, event, data):
        bid = self.live_bid(data)
        # Withdrawn with its bidder's account, what counts is when the deletion of that was asked for.
        withdrawn = data.get("withdrawn_at")
        asked = time(withdrawn) if withdrawn else event["asked"]
        must(asked is None or asked < self.ends, "it was deleted after the end")
        self.bids[bid["id"]] = bid | {"deleted": True}
        return f"{money(bid['amount'])} by {bid['bidder']}"

    def BidDoubled(self, event, data):
        bid = self.live_bid(data)
        must(not bid["doubled"], "a bid is doubled once")
        counts = cents(data["effective_amount"])
        must(counts == 2 * bid["amount"], f"twice {money(bid['amount'])} is not {money(counts)}")
        said = self.drew(event, data)
        self.now_counts(bid | {"doubled": True, "counts": counts, "reached": event["version"]})
        return said

    def live_bid(self, data):
        bid = self.bids.get(data["bid_id"], {"deleted": True})
        must(not bid["deleted"], "there is no such live bid")
        must(bid["bidder"] == data["bidder_id"], "the bid is somebody else's")
        return bid

    def NothingDrawn(self, event, data):
        if data["reason"] == "GONE":
            gone = self.bids.get(data["bid_id"])
            must(gone and (gone["deleted"] or gone["doubled"]), "the bid is there to be doubled")
        return self.drew(event, data)

    def tick(self, number):
        """What the events of the tick say, by their types; nothing if there is no such tick."""
        if number not in self.ticks:
            tick = ask(self.url, "query($n: Int) { tick(number: $n) { id } }", n=number)["tick"]
            found = {part["type"]: part for part in chain(self.url, tick["id"])} if tick else {}
            right = not found or found["TickCommitted"]["data"]["number"] == number
            must(right, f"tick {number} is another")
            self.ticks[number] = found
        return self.ticks[number]

    def pass_cutoffs(self, moment):
        """Keep the bids and the hash as they are now for each tick with a cut-off up to that moment."""
        for number in range(self.next, self.last + 1):
            tick = self.tick(number)
            must(tick or isinstance(self.url, File), f"there is no tick {number}")
            if tick:
                cutoff = tick["TickMade"]["at"] if "TickMade" in tick else self.ends
                if cutoff > moment or cutoff >= self.ends:
                    return
                if any(not bid["doubled"] for bid in alive(self.bids)):
                    self.due[number] = dict(self.bids), self.before
            self.next = number + 1

    def none_missing(self, until, closed=None):
        """Each tick before that one that had a bid to draw left an event, once all its draws are made."""
        for number in [number for number in self.due if number < until]:
            tick = self.tick(number)
            done = "SecretRevealed" in tick and "policies" in tick["TickCommitted"]["data"]
            too_late = done and closed and closed < tick["DrawsAccepted"]["at"]
            problem = f"tick {number} left no draw, though there was a bid to draw"
            must(not done or too_late, problem)
            del self.due[number]

    def policy_of(self, committed, version):
        """The policy of that version, which must be the one that the tick was committed to with."""
        if "policies" in committed["data"]:
            last = {None: 0}
            for number, event in enumerate(self.policies[: committed["data"]["policies"]], 1):
                last[event["data"]["auction_id"]] = number * (event["type"] == "PolicyChanged")
            applied = last.get(self.id) or last[None]
            must(version == applied, f"policy {applied} applied, not {version}")
        return self.policies[version - 1]["data"] if version else FIRST

    def drew(self, event, data):
        """What came of the draw that the event tells of."""
        asked, late = event["asked"] or self.opens, data.get("reason") in ("LATE", "FAILED")
        must(late or self.opens <= asked < self.ends, "it was drawn outside the auction's time")
        if (event["type"], event["schema_version"]) == ("BidDoubled", 1):
            return f"drew {data['bid_id']}, before draws could be checked"
        number, tick = data["tick"], self.tick(data["tick"])
        must(number not in self.drawn, f"tick {number} drew twice")
        must(tick, f"there is no tick {number}")
        must(tick["TickCommitted"]["at"] < event["at"], f"tick {number}: committed too late")
        must("TickMade" in tick, f"tick {number} was never made")
        self.drawn.add(number)
        self.none_missing(number)
        # Before draws were numbered they were made from whatever came before them.
        then, now = self.due.pop(number, None), (self.bids, self.before)
        bids, last = then if then and "draw" in data else now
        if "policies" in tick["TickCommitted"]["data"]:
            self.draws += 1
            must(data.get("draw") == self.draws, f"draw {self.draws} of the auction is missing")
        policy = self.policy_of(tick["TickCommitted"], data["policy_version"])
        if late:
            return f"tick {number}: NO DRAW ({data['reason']})"
        if "TickGivenUp" in tick:
            return f"tick {number}: given up, its secret is lost and this draw can't be checked"
        if "SecretRevealed" not in tick:
            return self.unrevealed(number)
        must(tick["SecretRevealed"]["at"] > event["at"], f"tick {number}: revealed too early")
        secret = bytes.fromhex(tick["SecretRevealed"]["data"]["secret"])
        same = sha256(secret).hexdigest() == tick["TickCommitted"]["data"]["commitment"]
        must(same, f"tick {number}: this is not the secret it was committed to")
        seed = hmac.digest(secret, last + number.to_bytes(8), "sha256")
        fair = drawn(bids, data.get("staff", []), policy, seed)
        hit = data["bid_id"] if data.get("reason", "GONE") == "GONE" else data["reason"]
        told = hit, data.get("weight", fair[1]), data.get("total_weight", fair[2])
        must(fair == told, f"tick {number}: the draw hits {fair}, not {told}")
        if "reason" in data:
            return f"tick {number}: fairly doubled nothing ({data['reason']})"
        return f"tick {number}: fairly drew {hit}, weight {told[1]} of {told[2]}"

    def unrevealed(self, number):
        """The next ticks reveal the secrets of those before them."""
        made = self.tick(number + 1).get("TickMade")
        now = getattr(self.url, "now", None) or datetime.now(UTC)
        due = made and made["at"] < now - timedelta(hours=1)
        must(not due, f"tick {number}: the secret should be revealed by now")
        return f"tick {number}: the secret is not revealed yet"

    def WinnerAnnounced(self, event, data):
        must(bid := self.closes(event), "nobody can win without a live bid")
        told = (data["bid_id"], data["bidder_id"], cents(data["amount"]), data["doubled"])
        right = (bid["id"], bid["bidder"], bid["amount"], bid["doubled"])
        must(told == right, f"the leading bid is {bid['id']}, {money(bid['amount'])}")
        must(cents(data["effective_amount"]) == bid["counts"], f"it counts {money(bid['counts'])}")
        return f"{bid['bidder']} won and pays {money(bid['amount'])}"

    def AuctionEndedUnsold(self, event, data):
        must(self.closes(event) is None, "there is a live bid, which wins")
        return "it ended without a sale"

    def closes(self, event):
        at = event["asked"] or event["at"]
        must(at >= self.ends, f"it was closed before its end, {self.ends:%F %T}")
        self.none_missing(self.next, closed=at)
        return self.best(self.ranked)


def check(url, auction_id):
    """Yield a line for each event, with who leads after it; Wrong for one that the rules do not give."""
    auction_id = auction_id.lower()
    auction, events = Auction(url, auction_id, chain(url, POLICIES)), chain(url, auction_id)
    must(events, "there is no such auction")
    for event in events:
        try:
            said = auction.take(event)
        except Wrong as wrong:
            raise Wrong(f"version {event['version']} ({event['type']}): {wrong}") from wrong
        bid = auction.best(auction.ranked)
        leads = f"; leading: {money(bid['counts'])} of {bid['bidder']}" if bid else ""
        yield f"{event['version']} {event['type']}: {said}{leads}"
    if auction.outcome is None:
        auction.pass_cutoffs(datetime.now(UTC))
        auction.none_missing(auction.next)
    yield f"{len(events)} events, {len(auction.drawn)} draws: {auction.outcome or 'not closed yet'}"


if __name__ == "__main__":
    source, *ids = sys.argv[1:]
    try:
        url = source.rstrip("/") if "://" in source else File(source)
        for line in check(url, *(ids or [url.holds])):
            print(line)
    except Wrong as wrong:
        sys.exit(f"WRONG: {wrong}")
