"""Check every draw of an auction from outside: python3 verify_draw.py http://127.0.0.1:8000 AUCTION_ID

Needs Python 3.11 or newer and nothing else. Believes nothing but what it works out itself from
the chains of events: the auction's, the ticks' and the policies'. See fair-draws.md.
"""

import hmac
import json
import sys
from hashlib import sha256
from urllib.request import Request, urlopen

POLICIES = "00000000-0000-7000-8000-0000000000ac"
FIRST = {"chance": "100.00", "weight": ["constant"], "exclude": [], "limit": []}


class Unfair(Exception):
    """What does not add up."""


def must(truth, otherwise):
    if not truth:
        raise Unfair(otherwise)


def ask(url, query, **variables):
    body = json.dumps({"query": query, "variables": variables}).encode()
    with urlopen(Request(url + "/graphql", body, {"Content-Type": "application/json"})) as answer:
        return json.load(answer)["data"]


def chain(url, stream):
    """The stream's events; Unfair if a hash does not cover its event and the one before."""
    events, last = [], bytes(32)
    query = "query($s: UUID!, $v: Int!) { chain(id: $s, afterVersion: $v) { content hash } }"
    while links := ask(url, query, s=stream, v=len(events))["chain"]:
        for link in links:
            last = sha256(last + link["content"].encode()).digest()
            must(last.hex() == link["hash"], f"{stream}: the chain breaks after {len(events)}")
            events.append({**json.loads(link["content"]), "hash": last})
    return events


def cents(amount):
    return int(amount.replace(".", ""))


def weights(bids, staff, policy):
    """[(bid, weight)] of the bids that the draw could hit, in the order they were placed."""
    live = [bid for bid in bids.values() if not bid["deleted"]]
    rank = lambda bid: (-bid["counts"], bid["reached"])
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
    """The bid in whose share of all weights the second half of the seed lies."""
    if int.from_bytes(seed[:16]) * 10_000 // 2**128 >= cents(policy["chance"]):
        return None
    found = weights(bids, staff, policy)
    place = int.from_bytes(seed[16:]) * sum(weight for _, weight in found) // 2**128
    for bid, weight in found:
        if place < weight:
            return bid["id"]
        place -= weight


def fairly_drawn(url, event, bids, policies, before):
    """What came of the draw that the event tells of."""
    data, number = event["data"], event["data"]["tick"]
    tick = ask(url, "query($n: Int) { tick(number: $n) { id } }", n=number)["tick"]
    parts = {part["type"]: part for part in chain(url, tick["id"])}
    committed, revealed = parts["TickCommitted"], parts.get("SecretRevealed")
    must(committed["data"]["number"] == number, f"tick {number} is another")
    must(committed["recorded_at"] < event["recorded_at"], f"tick {number}: committed too late")
    if revealed is None:
        return f"tick {number}: the secret is not revealed yet"
    must(revealed["recorded_at"] > event["recorded_at"], f"tick {number}: revealed too early")
    secret = bytes.fromhex(revealed["data"]["secret"])
    same = sha256(secret).hexdigest() == committed["data"]["commitment"]
    must(same, f"tick {number}: this is not the secret it was committed to")
    seed = hmac.digest(secret, before + number.to_bytes(8), "sha256")
    policy = policies[data["policy_version"] - 1]["data"] if data["policy_version"] else FIRST
    fair = drawn(bids, data["staff"], policy, seed)
    must(fair == data["bid_id"], f"tick {number}: the draw hits {fair}, not {data['bid_id']}")
    return f"tick {number}: fairly drew {fair}, weight {data['weight']} of {data['total_weight']}"


def check(url, auction_id):
    """Yield what came of each draw; Unfair for one that was not fair."""
    policies, bids, ticks, before = chain(url, POLICIES), {}, set(), bytes(32)
    for event in chain(url, auction_id):
        data, version = event["data"], event["version"]
        if event["type"] == "BidPlaced":
            amount = cents(data["amount"])
            bids[data["bid_id"]] = {
                "id": data["bid_id"], "bidder": data["bidder_id"], "amount": amount,
                "counts": amount, "reached": version, "doubled": False, "deleted": False,
            }  # fmt: skip
        elif event["type"] == "BidDeleted":
            bids[data["bid_id"]]["deleted"] = True
        elif event["type"] == "BidDoubled":
            must(data["tick"] not in ticks, f"tick {data['tick']} drew twice")
            ticks.add(data["tick"])
            yield fairly_drawn(url, event, bids, policies, before)
            counts = cents(data["effective_amount"])
            bids[data["bid_id"]] |= {"doubled": True, "counts": counts, "reached": version}
        before = event["hash"]


if __name__ == "__main__":
    try:
        for line in check(sys.argv[1].rstrip("/"), sys.argv[2]):
            print(line)
    except Unfair as wrong:
        sys.exit(f"NOT FAIR: {wrong}")
