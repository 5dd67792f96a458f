"""Check an auction from outside: python3 verify_auction.py http://127.0.0.1:8000 AUCTION_ID

or without any portal, with what the house exported: python3 verify_auction.py FILE [AUCTION_ID]
Needs Python 3.11 or newer and nothing else. Believes nothing but what it works out itself from the
chains of events: the auction's, the ticks' and the policies'. Each event must be what the rules
give: bids, deletions, draws, the close, the winner and what they pay. See fair-draws.md.
"""

import hmac
import json
import sys
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from urllib.request import Request, urlopen

POLICIES = "00000000-0000-7000-8000-0000000000ac"
FIRST = {"chance": "100.00", "weight": ["constant"], "exclude": [], "limit": []}


class Wrong(Exception):
    """What does not add up."""


def must(truth, otherwise):
    if not truth:
        raise Wrong(otherwise)


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
            stream, at = event["stream_id"], datetime.fromisoformat(event["recorded_at"])
            self.now = max(self.now, at)
            self.chains.setdefault(stream, []).append(link)
            if event["type"] == "TickCommitted":
                tick = {"id": stream, "madeAt": None}
                self.ticks[stream] = self.ticks[event["data"]["number"]] = tick
            if event["type"] == "TickMade":
                self.ticks[stream]["madeAt"] = event["recorded_at"]

    def answer(self, s=None, v=0, n=None):
        return {"chain": self.chains.get(s, [])[v:], "tick": self.ticks.get(n)}


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
            event["at"] = datetime.fromisoformat(event["recorded_at"])
            events.append({**event, "hash": last})
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
    excluded = {
        "leader": lambda bid: bid["bidder"] == leading["bidder"],
        "staff": lambda bid: bid["bidder"] in staff,
        "overtaken": lambda bid: highest[bid["bidder"]] is not bid,
    }
    reached = {
        "per_auction": lambda bid, most: len(doubled) >= most,
        "per_bidder": lambda bid, most: doubled.count(bid["bidder"]) >= most,
    }
    limits = [
        (reached[name], int(most)) for name, _, most in (t.partition(":") for t in policy["limit"])
    ]
    found = []
    for bid in live:
        if bid["doubled"] or any(excluded[name](bid) for name in policy["exclude"]):
            continue
        if any(limit(bid, most) for limit, most in limits):
            continue
        weight = 1
        for name in policy["weight"]:
            weight *= weigh[name](bid)
        if weight > 0:
            found.append((bid, weight))
    return found


def drawn(bids, staff, policy, seed):
    """(bid, weight, all weights) of the bid in whose share the second half of the seed lies."""
    if int.from_bytes(seed[:16]) * 10_000 // 2**128 >= cents(policy["chance"]):
        return None
    found = weights(bids, staff, policy)
    total = sum(weight for _, weight in found)
    place = int.from_bytes(seed[16:]) * total // 2**128
    for bid, weight in found:
        if place < weight:
            return bid["id"], weight, total
        place -= weight
    return None


class Auction:
    """What the events so far say, and the rules by which the next must follow."""

    def __init__(self, url, id, policies):
        self.url, self.id, self.policies = url, id, policies
        self.bids, self.ticks, self.before = {}, set(), bytes(32)
        # The leading bid, what each bidder's highest bid counts, and after the close the outcome.
        self.leading, self.own, self.outcome = None, {}, None
        self.opens = self.ends = None

    def now_counts(self, bid):
        """A bid was placed or doubled."""
        self.own[bid["bidder"]] = max(bid["counts"], self.own.get(bid["bidder"], 0))
        if self.leading is None or rank(bid) < rank(self.leading):
            self.leading = bid

    def take(self, event):
        """Check the event, let it happen, and say what it was."""
        must(self.outcome is None, "something happened after the close")
        must(
            (self.ends is None) == (event["type"] == "AuctionCreated"), "it is created once, first"
        )
        said = getattr(self, event["type"])(event, event["data"])
        self.before = event["hash"]
        return said

    def AuctionCreated(self, event, data):
        must(data["auction_id"] == self.id, "this is another auction")
        self.opens = datetime.fromisoformat(data["starts_at"])
        self.ends = datetime.fromisoformat(data["ends_at"])
        must(self.opens < self.ends, "it ends before it opens")
        return f"open from {self.opens:%F %T} until {self.ends:%F %T} UTC"

    def BidPlaced(self, event, data):
        must(data["bid_id"] not in self.bids, "a bid is placed once")
        placed = datetime.fromisoformat(data["placed_at"])
        must(self.opens <= placed < self.ends, "the auction was not open")
        amount, bidder = cents(data["amount"]), data["bidder_id"]
        own = self.own.get(bidder, 0)
        must(amount > own, f"{money(amount)} is not more than the bidder's own {money(own)}")
        bid = self.bids[data["bid_id"]] = {
            "id": data["bid_id"], "bidder": bidder, "amount": amount, "counts": amount,
            "reached": event["version"], "placed": placed, "doubled": False, "deleted": False,
        }  # fmt: skip
        self.now_counts(bid)
        return f"{money(amount)} by {bidder}"

    def BidDeleted(self, event, data):
        bid = self.live_bid(data)
        bid["deleted"] = True
        live = alive(self.bids)
        own = [other["counts"] for other in live if other["bidder"] == bid["bidder"]]
        self.own[bid["bidder"]] = max(own, default=0)
        self.leading = min(live, key=rank, default=None)
        return f"{money(bid['amount'])} by {bid['bidder']}"

    def BidDoubled(self, event, data):
        bid = self.live_bid(data)
        must(not bid["doubled"], "a bid is doubled once")
        counts = cents(data["effective_amount"])
        must(counts == 2 * bid["amount"], f"twice {money(bid['amount'])} is not {money(counts)}")
        said = self.fairly_drawn(event, data)
        bid |= {"doubled": True, "counts": counts, "reached": event["version"]}
        self.now_counts(bid)
        return said

    def live_bid(self, data):
        bid = self.bids.get(data["bid_id"], {"deleted": True})
        must(not bid["deleted"], "there is no such live bid")
        must(bid["bidder"] == data["bidder_id"], "the bid is somebody else's")
        return bid

    def fairly_drawn(self, event, data):
        """What came of the draw that the event tells of."""
        if event["schema_version"] == 1:
            return f"drew {data['bid_id']}, before draws could be checked"
        number = data["tick"]
        must(number not in self.ticks, f"tick {number} drew twice")
        self.ticks.add(number)
        tick = ask(self.url, "query($n: Int) { tick(number: $n) { id } }", n=number)["tick"]
        must(tick, f"there is no tick {number}")
        parts = {part["type"]: part for part in chain(self.url, tick["id"])}
        committed, revealed = parts["TickCommitted"], parts.get("SecretRevealed")
        must(committed["data"]["number"] == number, f"tick {number} is another")
        must(committed["at"] < event["at"], f"tick {number}: committed too late")
        must("TickMade" in parts, f"tick {number} was never made")
        if "TickGivenUp" in parts:
            return f"tick {number}: given up, its secret is lost and this draw can't be checked"
        if revealed is None:
            return self.unrevealed(number)
        must(revealed["at"] > event["at"], f"tick {number}: revealed too early")
        secret = bytes.fromhex(revealed["data"]["secret"])
        same = sha256(secret).hexdigest() == committed["data"]["commitment"]
        must(same, f"tick {number}: this is not the secret it was committed to")
        seed = hmac.digest(secret, self.before + number.to_bytes(8), "sha256")
        version = data["policy_version"]
        policy = self.policies[version - 1]["data"] if version else FIRST
        fair = drawn(self.bids, data["staff"], policy, seed)
        hit, weight, total = data["bid_id"], data["weight"], data["total_weight"]
        must(fair == (hit, weight, total), f"tick {number}: the draw hits {fair}, not {hit}")
        return f"tick {number}: fairly drew {hit}, weight {weight} of {total}"

    def unrevealed(self, number):
        """The next ticks reveal the secrets of those before them."""
        later = ask(self.url, "query($n: Int) { tick(number: $n) { madeAt } }", n=number + 1)[
            "tick"
        ]
        made = later and later["madeAt"] and datetime.fromisoformat(later["madeAt"])
        now = getattr(self.url, "now", None) or datetime.now(UTC)
        due = made and made < now - timedelta(hours=1)
        must(not due, f"tick {number}: the secret should be revealed by now")
        return f"tick {number}: the secret is not revealed yet"

    def WinnerAnnounced(self, event, data):
        bid = self.closes(event)
        must(bid, "nobody can win without a live bid")
        told = (data["bid_id"], data["bidder_id"], cents(data["amount"]), data["doubled"])
        right = (bid["id"], bid["bidder"], bid["amount"], bid["doubled"])
        must(told == right, f"the leading bid is {bid['id']}, {money(bid['amount'])}")
        must(cents(data["effective_amount"]) == bid["counts"], f"it counts {money(bid['counts'])}")
        self.outcome = f"{bid['bidder']} won and pays {money(bid['amount'])}"
        return self.outcome

    def AuctionEndedUnsold(self, event, data):
        must(self.closes(event) is None, "there is a live bid, which wins")
        self.outcome = "it ended without a sale"
        return self.outcome

    def closes(self, event):
        must(event["at"] >= self.ends, f"it was closed before its end, {self.ends:%F %T}")
        return self.leading


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
        bid = auction.leading
        leads = f"; leading: {money(bid['counts'])} of {bid['bidder']}" if bid else ""
        yield f"{event['version']} {event['type']}: {said}{leads}"
    yield f"{len(events)} events, {len(auction.ticks)} draws: {auction.outcome or 'not closed yet'}"


if __name__ == "__main__":
    source, *ids = sys.argv[1:]
    try:
        url = source.rstrip("/") if "://" in source else File(source)
        for line in check(url, *(ids or [url.holds])):
            print(line)
    except Wrong as wrong:
        sys.exit(f"WRONG: {wrong}")
