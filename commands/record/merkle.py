"""A Merkle tree over the log as RFC 6962 (section 2.1) defines it: roots, proofs, and their checks.

A node is a complete subtree: of level k it covers 2^k leaves, and the one numbered n begins at leaf n * 2^k.
A span is a run of leaves whose hash is needed; it is made up of nodes, the largest first.
Of a large log only nodes from level BLOCK on are kept, so whoever works out a proof needs some
of these and the leaves of two blocks at most.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID

from commands.streams import StreamKind

BLOCK = 8
BLOCK_SIZE = 1 << BLOCK
EMPTY = sha256(b"").digest()

Node = tuple[int, int]
Span = tuple[int, int]


def entry_of(kind: StreamKind, stream_id: UUID, version: int, chain_hash: bytes) -> bytes:
    """What an event is in the tree: its stream's id (16 bytes), version (8, big-endian) and hash (32).

    Of a user's event it is the SHA-256 of that, so that it can be shown to all without naming the user.
    """
    entry = stream_id.bytes + version.to_bytes(8) + chain_hash
    return sha256(entry).digest() if kind == "user" else entry


def hash_of_leaf(entry: bytes) -> bytes:
    """The hash of an entry, with the prefix that no inner node has."""
    return sha256(b"\0" + entry).digest()


def parent(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees, one beside the other."""
    return sha256(b"\1" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The hash of the tree over these leaves."""
    level = list(hashes)
    while len(level) > 1:
        left_over = level[-1:] if len(level) % 2 else []
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [*(parent(left, right) for left, right in pairs), *left_over]
    return level[0] if level else EMPTY


@dataclass(slots=True)
class Frontier:
    """The complete subtrees of a growing tree, the largest first."""

    nodes: list[Node] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)

    @property
    def size(self) -> int:
        """The number of leaves."""
        return sum(1 << level for level, _ in self.nodes)

    def push(self, node: Node, value: bytes) -> list[tuple[Node, bytes]]:
        """Put a node behind the others, and give those that it completes, itself first."""
        done = [(node, value)]
        while self.nodes and self.nodes[-1][0] == node[0]:
            level, number = self.nodes.pop()
            node, value = (level + 1, number >> 1), parent(self.hashes.pop(), value)
            done.append((node, value))
        self.nodes.append(node)
        self.hashes.append(value)
        return done

    def root(self) -> bytes:
        """The hash of the whole tree."""
        return _joined(self.hashes) if self.hashes else EMPTY

    def copy(self) -> "Frontier":
        """Another one at the same place."""
        return Frontier(self.nodes[:], self.hashes[:])


def _joined(hashes: Sequence[bytes]) -> bytes:
    value = hashes[-1]
    for left in reversed(hashes[:-1]):
        value = parent(left, value)
    return value


def nodes_of(span: Span) -> Iterator[Node]:
    """The complete subtrees that a span is made up of."""
    at, end = span
    while at < end:
        level = (end - at).bit_length() - 1
        yield level, at >> level
        at += 1 << level


def inclusion_path(index: int, size: int) -> list[Span]:
    """The spans whose hashes prove that the leaf is in the tree, from the leaf up."""
    start, end, path = 0, size, list[Span]()
    while end - start > 1:
        middle = start + _left_part(end - start)
        if index < middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    return path[::-1]


def consistency_path(old: int, new: int) -> list[Span]:
    """The spans whose hashes prove that the tree of `old` leaves is the beginning of that of `new`."""
    start, end, path = 0, new, list[Span]()
    while old != end:
        middle = start + _left_part(end - start)
        if old <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    # What is known as the old root is not in the proof.
    return ([(start, end)] if start else []) + path[::-1]


def _left_part(size: int) -> int:
    """How many of so many leaves the left subtree has: the largest power of two below."""
    return 1 << ((size - 1).bit_length() - 1)


@dataclass(frozen=True, slots=True)
class Needed:
    """What some spans' hashes are worked out from: nodes that are kept, and blocks whose leaves are read."""

    nodes: frozenset[Node]
    blocks: frozenset[int]

    @classmethod
    def by(cls, *spans: Span) -> "Needed":
        """What these spans need."""
        nodes = [node for span in spans for node in nodes_of(span)]
        return cls(
            frozenset(node for node in nodes if node[0] >= BLOCK),
            frozenset((number << level) >> BLOCK for level, number in nodes if level < BLOCK),
        )


@dataclass(frozen=True, slots=True)
class Known:
    """The hashes of nodes that are kept, and the leaves of some blocks."""

    nodes: Mapping[Node, bytes]
    blocks: Mapping[int, Sequence[bytes]]

    def hash_of(self, span: Span) -> bytes:
        """The hash of the span; of nothing sensible where leaves are missing."""
        return _joined([self._node(node) for node in nodes_of(span)])

    def _node(self, node: Node) -> bytes:
        level, number = node
        if level >= BLOCK:
            return self.nodes[node]
        first = number << level
        leaves = self.blocks[first >> BLOCK]
        place = first % BLOCK_SIZE
        return root_of(leaves[place : place + (1 << level)])


def includes(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether the path proves that the leaf is at that place of the tree with that root."""
    if not 0 <= index < size:
        return False
    roots = _climbed(index, size - 1, leaf, path)
    return roots is not None and roots[1] == root


def continues(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: Sequence[bytes]
) -> bool:
    """Whether the path proves that the old tree is the beginning of the new one."""
    if not 0 < old_size <= new_size:
        return False
    if old_size == new_size:
        return not path and old_root == new_root
    # The root of a complete old tree is not in the proof.
    steps = [old_root, *path] if old_size & (old_size - 1) == 0 else path
    index, last = old_size - 1, new_size - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    return bool(steps) and _climbed(index, last, steps[0], steps[1:]) == (old_root, new_root)


def _climbed(
    index: int, last: int, start: bytes, path: Sequence[bytes]
) -> tuple[bytes, bytes] | None:
    """The roots of the tree up to that node and of the whole one (RFC 9162, 2.1.3.2 and 2.1.4.2).

    None if the path is too long or too short.
    """
    old = new = start
    for each in path:
        if last == 0:
            return None
        if index & 1 or index == last:
            old, new = parent(each, old), parent(each, new)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            new = parent(new, each)
        index, last = index >> 1, last >> 1
    return (old, new) if last == 0 else None
