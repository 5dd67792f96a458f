"""Check that nothing was removed: python3 verify_checkpoint.py http://127.0.0.1:8000 [AUCTION_ID ...]

--keep FILE writes the newest checkpoint, and how far these auctions had come, to a file of yours;
--kept FILE checks that all of that is still there; --all reads the entry of every event, too.
Needs Python 3.11; with the package `cryptography` it checks signatures. See checkpoints.md.
"""

import argparse
import json
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from urllib.request import Request, urlopen
from uuid import UUID

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    Ed25519PublicKey = None

FIELDS = "number size root content hash signature key { fingerprint publicKey }"
CHECKPOINT = f"query($n: Int) {{ checkpoint(number: $n) {{ {FIELDS} }} }}"
NEXT = f"query($n: Int!) {{ checkpoints(afterNumber: $n) {{ {FIELDS} }} }}"
PROOF = "inclusionProof(streamId: $s, version: $v, checkpoint: $n) { index path }"
CHAIN = "query($s: UUID!, $v: Int!) { chain(id: $s, afterVersion: $v) { content hash } }"
PAUSES = ["AuctionPaused", "AuctionResumed", "AuctionClosedEarly"]
PATIENCE = timedelta(minutes=10)  # for a close, and for a checkpoint that covers an event


def must(truth, otherwise):
    if not truth:
        sys.exit(f"WRONG: {otherwise}")


def ask(url, query, **variables):
    """The portal's answer; None if it says that the checkpoint is older than what it is asked for."""
    body = json.dumps({"query": query, "variables": variables}).encode()
    with urlopen(Request(url + "/graphql", body, {"Content-Type": "application/json"})) as answer:
        content = json.load(answer)
    for error in content.get("errors", ()):
        older = error.get("extensions", {}).get("field") == "checkpoint"
        must(older, f"the portal answers: {error['message']}")
    return content["data"]


def node(*parts):
    """The hash of a leaf (0 and its entry) or of two subtrees (1, left and right): RFC 6962, 2.1."""
    return sha256(bytes([len(parts) - 1]) + b"".join(parts)).digest()


def climb(index, last, start, path):
    """The roots of the tree up to that node, and of the whole: RFC 9162, 2.1.3.2 and 2.1.4.2."""
    old = new = start
    for each in path:
        must(last, "a proof is too long")
        if index % 2 or index == last:
            old, new = node(each, old), node(each, new)
            while index and index % 2 == 0:
                index, last = index >> 1, last >> 1
        else:
            new = node(new, each)
        index, last = index >> 1, last >> 1
    must(last == 0, "a proof is too short")
    return old, new


def must_continue(old, new, path):
    """The events of the old checkpoint must be the first ones of the new one."""
    index, last = old["size"] - 1, new["size"] - 1
    # A proof leaves the root of a power of two out, because it is known.
    path = path if old["size"] & index else [old["root"], *path]
    while index % 2:
        index, last = index >> 1, last >> 1
    roots = climb(index, last, path[0], path[1:]) if index != last else (old["root"], old["root"])
    what = f"checkpoint {new['number']} is not over the {old['size']} events that you kept"
    must(roots == (old["root"], new["root"]), what)


def read(checkpoint):
    """What a checkpoint's content says, which must be signed with the key that it names."""
    content, key = checkpoint["content"].encode(), bytes.fromhex(checkpoint["key"]["publicKey"])
    said = json.loads(content)
    named = (said["type"], said["key"]) == ("checkpoint", sha256(key).hexdigest())
    must(named, f"checkpoint {said['number']} names another key")
    if Ed25519PublicKey:
        try:
            key = Ed25519PublicKey.from_public_bytes(key)
            key.verify(bytes.fromhex(checkpoint["signature"]), content)
        except InvalidSignature:
            must(False, f"checkpoint {said['number']} has a wrong signature")
    return {**said, "root": bytes.fromhex(said["root"]), "hash": sha256(content).hexdigest()}


def follow(url, kept, newest):
    """From the kept checkpoint to the newest: each names the one before, and the log only grew."""
    here = ask(url, CHECKPOINT, n=kept["number"])["checkpoint"]
    must(here and read(here) == kept, f"checkpoint {kept['number']} is not the one that you kept")
    before = kept
    while before["number"] < newest["number"]:
        page = ask(url, NEXT, n=before["number"])["checkpoints"]
        must(page, f"checkpoint {before['number'] + 1} is missing")
        for each in map(read, page):
            linked = (each["number"], each["previous"]) == (before["number"] + 1, before["hash"])
            must(linked, f"checkpoint {each['number']} does not name the one before")
            same = each["number"] != newest["number"] or each == newest
            must(same, f"there are two checkpoints {each['number']}")
            if each["key"] != before["key"]:
                print(f"NOTE: since {each['number']} another key signs: {each['key']}")
            before = each
    query = "query($a: Int!, $b: Int!) { consistencyProof(from: $a, to: $b) { path } }"
    proof = ask(url, query, a=kept["number"], b=newest["number"])["consistencyProof"]
    must_continue(kept, newest, [bytes.fromhex(each) for each in proof["path"]])
    print(f"all {kept['size']} events of checkpoint {kept['number']} are in {newest['number']}")


def count_all(url, newest):
    """How many events each public stream has; the entries of all must give the root."""
    place, stack, counts = 0, [], Counter()
    while place < newest["size"]:
        page = ask(url, "query($n: Int!) { leaves(from: $n) }", n=place)["leaves"]
        must(page, f"there are {place} events, not {newest['size']}")
        for entry in map(bytes.fromhex, page[: newest["size"] - place]):
            counts[entry[:16]] += len(entry) == 56
            place, size = place + 1, place + 1
            stack.append(node(entry))
            while size % 2 == 0:
                stack[-2:], size = [node(*stack[-2:])], size // 2
    while len(stack) > 1:
        stack[-2:] = [node(*stack[-2:])]
    must(stack == [newest["root"]], "the events that there are give another root")
    print(f"all {place} events give the root of checkpoint {newest['number']}")
    return counts


def is_covered(url, id, event, newest):
    """Whether the event is in the tree; False if the portal says that it is newer."""
    query = f"query($s: UUID!, $v: Int!, $n: Int!) {{ {PROOF} }}"
    answer = ask(url, query, s=id, v=event["version"], n=newest["number"])
    if answer is None:
        return False
    index, path = answer["inclusionProof"]["index"], answer["inclusionProof"]["path"]
    start = node(UUID(id).bytes + event["version"].to_bytes(8) + event["hash"])
    _, root = climb(index, newest["size"] - 1, start, map(bytes.fromhex, path))
    there = index < newest["size"] and root == newest["root"]
    must(there, f"{id}: event {event['version']} is not in the tree")
    return there


def check_auction(url, id, newest, kept):
    """How many of its events the checkpoint covers, and its last one; none may be missing."""
    events, last = [], bytes(32)
    while links := ask(url, CHAIN, s=id, v=len(events))["chain"]:
        for link in links:
            last = sha256(last + link["content"].encode()).digest()
            must(last.hex() == link["hash"], f"{id}: the chain breaks after {len(events)}")
            events.append({**json.loads(link["content"]), "hash": last})
    version, known = kept or (1, None)
    must(len(events) >= version, f"{id}: there are {len(events)} events, not {version} or more")
    must(known in (None, events[version - 1]["hash"].hex()), f"{id}: event {version} is another")
    ends = datetime.fromisoformat(
        next(
            data["ends_at"]
            for event in reversed(events)
            if "ends_at" in (data := event["data"].get("after", event["data"]))
        )
    )
    paused = [each["type"] for each in events if each["type"] in PAUSES][-1:] == PAUSES[:1]
    ends_it = {"WinnerAnnounced", "AuctionEndedUnsold", "AuctionCancelled"}
    closed = any(event["type"] in ends_it for event in events)
    must(
        closed or paused or datetime.now(UTC) < ends + PATIENCE, f"{id}: it ended, and has no close"
    )
    newer = [event for event in events if not is_covered(url, id, event, newest)]
    since = datetime.fromisoformat(newest["made_at"]) - PATIENCE
    late = all(datetime.fromisoformat(event["recorded_at"]) > since for event in newer)
    must(late, f"{id}: the checkpoint leaves out events that are older")
    covered = len(events) - len(newer)
    print(f"{id}: {covered} of {len(events)} events are in checkpoint {newest['number']}")
    return covered, [len(events), last.hex()]


def main(given):
    kept = json.loads(given.kept.read_text()) if given.kept else {}
    kept, shown = kept.get("data", kept), ask(given.url, CHECKPOINT)["checkpoint"]
    must(shown, "there is no checkpoint yet")
    newest = read(shown)
    print(f"checkpoint {newest['number']}: {newest['size']} events, made {newest['made_at']}")
    unchecked = "" if Ed25519PublicKey else "(NOT CHECKED: the package `cryptography` is missing)"
    print("signed with the key", newest["key"], unchecked)
    if kept:
        follow(given.url, read(kept["checkpoint"]), newest)
    ends = kept.get("auctions", {})
    counts = count_all(given.url, newest) if given.all else None
    for id in dict.fromkeys([*ends, *given.auction]):
        covered, ends[id] = check_auction(given.url, id, newest, ends.get(id))
        hidden = counts[UUID(id).bytes] - covered if counts else 0
        must(not hidden, f"{id}: {hidden} of its events in the tree are not shown")
    if given.keep:
        given.keep.write_text(json.dumps({"checkpoint": shown, "auctions": ends}, indent=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("url")
    parser.add_argument("auction", nargs="*", type=lambda text: str(UUID(text)))
    parser.add_argument("--kept", type=Path)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--all", action="store_true")
    main(parser.parse_intermixed_args())
