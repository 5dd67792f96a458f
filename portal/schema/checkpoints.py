"""Checkpoints of the log, and the proofs by which outsiders check events and later logs against them."""

from datetime import datetime

import strawberry

from commands.postgres.checkpoints import Kept


@strawberry.type(description="A public key that checkpoints are signed with.")
class CheckpointKey:
    fingerprint: str = strawberry.field(description="SHA-256 of the public key, in hex.")
    public_key: str = strawberry.field(description="The 32 bytes of the Ed25519 key, in hex.")


@strawberry.type(
    description=(
        "How many events there were of everything, and the root of the Merkle tree (RFC 6962) over "
        "them; signed by the house. Made each minute in which anything happens, and after each close."
    )
)
class Checkpoint:
    number: int = strawberry.field(description="From 1, without gaps.")
    size: int = strawberry.field(description="How many events it covers: all from the first on.")
    root: str = strawberry.field(description="The root of the tree over them, in hex.")
    made_at: datetime = strawberry.field(description="When it was made.")
    previous: str = strawberry.field(
        description="The hash of the checkpoint before, in hex; 32 zero bytes in the first."
    )
    content: str = strawberry.field(
        description="Canonical JSON of all the above and of the key's fingerprint: what is signed."
    )
    hash: str = strawberry.field(description="SHA-256 of the content in UTF-8, in hex.")
    signature: str = strawberry.field(
        description="The Ed25519 signature of the content in UTF-8, in hex."
    )
    key: CheckpointKey = strawberry.field(description="What it was signed with.")

    @classmethod
    def of(cls, kept: Kept) -> "Checkpoint":
        """The checkpoint as it is kept."""
        checkpoint = kept.checkpoint
        return cls(
            number=checkpoint.number,
            size=checkpoint.size,
            root=checkpoint.root.hex(),
            made_at=checkpoint.made_at,
            previous=checkpoint.previous.hex(),
            content=checkpoint.content.decode(),
            hash=checkpoint.hash.hex(),
            signature=kept.signed.signature.hex(),
            key=CheckpointKey(fingerprint=checkpoint.key, public_key=kept.public_key.hex()),
        )


@strawberry.type(description="What shows that an event is among those that a checkpoint covers.")
class InclusionProof:
    checkpoint: Checkpoint = strawberry.field(description="The checkpoint.")
    index: int = strawberry.field(description="The event's place in the whole log, from 0.")
    leaf: str = strawberry.field(
        description=(
            "The leaf's hash in hex: SHA-256 of a zero byte and the event's entry, which is the "
            "stream's id (16 bytes), the event's version (8 bytes, big-endian) and its hash (32)."
        )
    )
    path: list[str] = strawberry.field(
        description="The hashes, in hex, that give the root with it, from the leaf up."
    )


@strawberry.type(
    description="What shows that the events of one checkpoint are the first ones of another."
)
class ConsistencyProof:
    old: Checkpoint = strawberry.field(description="The checkpoint of fewer events.")
    new: Checkpoint = strawberry.field(description="The checkpoint of more.")
    path: list[str] = strawberry.field(
        description="The hashes, in hex, that give both roots; none if both cover the same events."
    )
