"""A checkpoint as JSON, with the names that the API has for its parts."""

from typing import Any

from commands.postgres.checkpoints import Kept
from commands.record.checkpoints import Signed, checkpoint_of


def as_json(kept: Kept) -> dict[str, Any]:
    """The checkpoint; `content` is what was signed, and what says everything else."""
    checkpoint = kept.checkpoint
    return {
        "number": checkpoint.number,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "content": checkpoint.content.decode(),
        "hash": checkpoint.hash.hex(),
        "signature": kept.signed.signature.hex(),
        "key": {"fingerprint": checkpoint.key, "publicKey": kept.public_key.hex()},
    }


def from_json(given: Any) -> tuple[Signed, bytes]:
    """The checkpoint and its public key out of that JSON, or an answer of the API with it; ValueError if there is none."""
    try:
        found = given
        for name in ("data", "checkpoint"):
            found = found.get(name, found)
        signed = Signed(checkpoint_of(found["content"]), bytes.fromhex(found["signature"]))
        return signed, bytes.fromhex(found["key"]["publicKey"])
    except (AttributeError, KeyError, TypeError):
        raise ValueError("this is no checkpoint as the API gives it") from None
