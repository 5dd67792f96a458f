"""A checkpoint: how many events the log had, and the root of the Merkle tree over them, signed (Ed25519)."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from commands.record.codec import canonical

# What the first one has in place of the hash of the one before.
FIRST = bytes(32)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Numbers are gapless from 1; `previous` is the hash of the one before, `key` the fingerprint of the signer's."""

    number: int
    size: int
    root: bytes
    made_at: datetime
    previous: bytes
    key: str

    @property
    def content(self) -> bytes:
        """What is signed: canonical JSON, in UTF-8."""
        return canonical(
            {
                "type": "checkpoint",
                "number": self.number,
                "size": self.size,
                "root": self.root.hex(),
                "made_at": self.made_at.astimezone(UTC).isoformat(timespec="microseconds"),
                "previous": self.previous.hex(),
                "key": self.key,
            }
        )

    @property
    def hash(self) -> bytes:
        """SHA-256 of the content, which the next one names."""
        return sha256(self.content).digest()


def checkpoint_of(content: str) -> Checkpoint:
    """The checkpoint with that content; ValueError if it is none."""
    try:
        data: dict[str, Any] = json.loads(content)
        found = Checkpoint(
            data["number"],
            data["size"],
            bytes.fromhex(data["root"]),
            datetime.fromisoformat(data["made_at"]),
            bytes.fromhex(data["previous"]),
            data["key"],
        )
        if found.content.decode() == content:
            return found
    except (KeyError, TypeError, ValueError, AttributeError):
        pass
    raise ValueError("this is no checkpoint's content")


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint with its signature."""

    checkpoint: Checkpoint
    signature: bytes


class Signer:
    """Signs with the private key that these 32 bytes are."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key = self._key.public_key().public_bytes_raw()
        self.fingerprint = fingerprint(self.public_key)

    def sign(self, checkpoint: Checkpoint) -> Signed:
        """The checkpoint, signed."""
        return Signed(checkpoint, self._key.sign(checkpoint.content))


def fingerprint(public_key: bytes) -> str:
    """The key's name: SHA-256 of its 32 bytes, in hex."""
    return sha256(public_key).hexdigest()


def signed_by(signed: Signed, public_key: bytes) -> bool:
    """Whether the checkpoint names that key and was signed with it."""
    if signed.checkpoint.key != fingerprint(public_key):
        return False
    try:
        key = Ed25519PublicKey.from_public_bytes(public_key)
        key.verify(signed.signature, signed.checkpoint.content)
    except (InvalidSignature, ValueError):
        return False
    return True
