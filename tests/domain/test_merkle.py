"""The Merkle tree of RFC 6962: its known vectors, and that every proof verifies and nothing else does."""

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.ids import new_id
from commands.record.merkle import (
    BLOCK,
    BLOCK_SIZE,
    EMPTY,
    Frontier,
    Known,
    Needed,
    Node,
    consistency_path,
    continues,
    entry_of,
    hash_of_leaf,
    includes,
    inclusion_path,
    nodes_of,
    parent,
    root_of,
)

# Those of the first implementation of Certificate Transparency: eight leaves, and the roots of the first n.
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# Index and size, and the proof; of the same implementation.
INCLUSIONS = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCIES = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
HASHES = [hash_of_leaf(leaf) for leaf in LEAVES]
MANY = [hash_of_leaf(number.to_bytes(2)) for number in range(1200)]


def inclusion(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """A leaf's proof, worked out from all leaves."""
    return [root_of(hashes[start:end]) for start, end in inclusion_path(index, len(hashes))]


def consistency(hashes: Sequence[bytes], old: int) -> list[bytes]:
    """The proof that the first `old` leaves are the beginning, worked out from all."""
    return [root_of(hashes[start:end]) for start, end in consistency_path(old, len(hashes))]


def test_the_known_roots() -> None:
    assert root_of([]) == EMPTY == sha256(b"").digest() == Frontier().root()
    assert [root_of(HASHES[: size + 1]).hex() for size in range(8)] == ROOTS


@pytest.mark.parametrize(("index", "size"), INCLUSIONS)
def test_the_known_proofs_of_inclusion(index: int, size: int) -> None:
    expected = INCLUSIONS[index, size]
    assert [each.hex() for each in inclusion(HASHES[:size], index)] == expected


@pytest.mark.parametrize(("old", "new"), CONSISTENCIES)
def test_the_known_proofs_of_consistency(old: int, new: int) -> None:
    assert [each.hex() for each in consistency(HASHES[:new], old)] == CONSISTENCIES[old, new]


@pytest.mark.parametrize("size", [*range(1, 70), 127, 128, 129, 255, 256, 257, 300])
def test_every_proof_verifies(size: int) -> None:
    leaves = MANY[:size]
    root = root_of(leaves)
    for index, leaf in enumerate(leaves):
        assert includes(leaf, index, size, inclusion(leaves, index), root)
    for old in range(1, size + 1):
        assert continues(old, root_of(leaves[:old]), size, root, consistency(leaves, old))


@given(st.data())
def test_no_other_leaf_place_size_path_or_root_verifies(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 300))
    index = data.draw(st.integers(0, size - 1))
    leaves, other = (
        MANY[:size],
        MANY[data.draw(st.integers(0, size - 1).filter(lambda n: n != index))],
    )
    path, root = inclusion(leaves, index), root_of(leaves)
    assert not includes(other, index, size, path, root)
    assert not includes(leaves[index], index, size, path, other)
    wrong = data.draw(st.integers(-1, size + 1).filter(lambda n: n != index))
    assert not includes(leaves[index], wrong, size, path, root)
    assert not includes(leaves[index], index, size, [*path, other], root)
    assert not includes(leaves[index], index, size, path[:-1], root)
    spoiled = data.draw(st.integers(0, len(path) - 1))
    changed = [*path[:spoiled], other, *path[spoiled + 1 :]]
    assert path == changed or not includes(leaves[index], index, size, changed, root)


@given(st.data())
def test_a_log_that_lost_or_changed_anything_does_not_continue(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 300))
    old = data.draw(st.integers(1, size - 1))
    leaves, path = MANY[:size], consistency(MANY[:size], old)
    root, before = root_of(leaves), root_of(MANY[:old])
    lost = data.draw(st.integers(0, old - 1))
    without = MANY[:lost] + MANY[lost + 1 : size + 1]
    forged = consistency(without, old)
    assert not continues(old, before, size, root_of(without), forged)
    assert not continues(old, before, size, root_of(without), path)
    assert not continues(old, before, size, root, path[:-1])
    assert not continues(old, before, size, root, [*path, MANY[0]])
    assert not continues(size, root, old, before, path)
    assert not continues(0, EMPTY, size, root, [])


def test_what_is_kept_and_the_leaves_of_two_blocks_give_every_proof() -> None:
    leaves, kept = MANY, dict[Node, bytes]()
    frontier = Frontier()
    for number in range(len(leaves) // BLOCK_SIZE):
        block = leaves[number * BLOCK_SIZE : (number + 1) * BLOCK_SIZE]
        kept |= dict(frontier.push((BLOCK, number), root_of(block)))
    for size in (1, 255, 256, 257, 511, 512, 1023, 1024, 1025, 1200):
        spans = [*inclusion_path(size // 2, size), *consistency_path(size // 3 + 1, size)]
        needed = Needed.by(*spans)
        assert len(Needed.by(*inclusion_path(size // 2, size)).blocks) <= 2
        blocks = {n: leaves[n * BLOCK_SIZE : (n + 1) * BLOCK_SIZE] for n in needed.blocks}
        known = Known({node: kept[node] for node in needed.nodes}, blocks)
        assert [known.hash_of(span) for span in spans] == [root_of(leaves[a:b]) for a, b in spans]


@given(st.integers(1, 5000))
def test_a_span_from_the_beginning_is_made_up_of_falling_powers_of_two(size: int) -> None:
    nodes = list(nodes_of((0, size)))
    levels = [level for level, _ in nodes]
    assert levels == sorted(set(levels), reverse=True)
    assert sum(1 << level for level in levels) == size


def test_a_leaf_is_no_inner_node() -> None:
    assert hash_of_leaf(HASHES[0] + HASHES[1]) != parent(HASHES[0], HASHES[1])


def test_a_users_entry_does_not_name_the_user() -> None:
    id, hash_ = new_id(), bytes(32)
    assert entry_of("auction", id, 1, hash_) == id.bytes + (1).to_bytes(8) + hash_
    assert entry_of("user", id, 1, hash_) == sha256(entry_of("auction", id, 1, hash_)).digest()
