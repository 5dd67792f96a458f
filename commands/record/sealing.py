"""Values in events that nobody can read yet: sealed with a key of their owner's, and committed to by a hash.

What is sealed can be read by whoever has the key, and by nobody once that is destroyed. A commitment shows,
when the value and its salt are told, that it is the value of then.
"""

import base64
import hmac
import json
import secrets
from binascii import Error as NotBase64
from hashlib import sha256
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from commands.record.codec import canonical

KEY_BYTES = 32
SALT_BYTES = 16
NONCE_BYTES = 12
# What is sealed is filled up to a multiple of this: its length would tell of the value.
BLOCK = 128
# The form of a sealed text.
FORM = "1."

Value = dict[str, Any]


class Unsealable(Exception):
    """The text can't be read: it was sealed with another key, for another place, or is damaged."""


def new_key() -> bytes:
    """A random key to seal with."""
    return secrets.token_bytes(KEY_BYTES)


def new_salt() -> str:
    """Random hexadecimal digits, so that nobody finds a value from its commitment by trying."""
    return secrets.token_hex(SALT_BYTES)


def seal(key: bytes, value: Value, *place: UUID) -> str:
    """The JSON object as text that only the key makes readable, and only as of that place.

    The place is where it belongs, e.g. the ids of an auction and a bid. AES-256-GCM with a random nonce (NIST SP
    800-38D), in base64.
    """
    nonce = secrets.token_bytes(NONCE_BYTES)
    text = canonical(value)
    text += b" " * (-len(text) % BLOCK)
    sealed = AESGCM(key).encrypt(nonce, text, _name_of(place))
    return FORM + base64.urlsafe_b64encode(nonce + sealed).decode()


def unseal(key: bytes, sealed: str, *place: UUID) -> Value:
    """What was sealed with the key for that place; Unsealable."""
    if not sealed.startswith(FORM):
        raise Unsealable(f"{sealed[:2]!r} is no form that this release knows")
    try:
        content = base64.b64decode(sealed.removeprefix(FORM), altchars=b"-_", validate=True)
        opened = AESGCM(key).decrypt(content[:NONCE_BYTES], content[NONCE_BYTES:], _name_of(place))
        value: Value = json.loads(opened)
    except (NotBase64, ValueError, InvalidTag) as error:
        raise Unsealable(f"it does not open: {type(error).__name__}") from error
    return value


def commitment(value: Value, salt: str) -> str:
    """SHA-256 in hex of the canonical JSON of the value's fields and the salt, e.g. {"amount":"12.00","salt":"…"}."""
    return sha256(canonical({**value, "salt": salt})).hexdigest()


def fingerprint(key: bytes, value: Value) -> str:
    """Equal for equal values, and no help in guessing them without the key: what idempotency compares instead."""
    return hmac.new(key, b"fingerprint" + canonical(value), sha256).hexdigest()


def _name_of(place: tuple[UUID, ...]) -> bytes:
    return "/".join(map(str, place)).encode()
