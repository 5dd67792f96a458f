"""Idempotency keys as they are stored: hashed with a secret, because a key may hold personal data."""

from typing import Any

from django.utils.crypto import salted_hmac

from commands.record.codec import canonical


def stored_key(scope: str, key: str, content: dict[str, Any] | None = None) -> str:
    """64 hexadecimal digits that are equal for an equal key, scope and content.

    With content, the key counts only together with it: a stranger who knows or guesses the key
    meets other people's jobs only by asking for exactly the same, a password's hash included.
    """
    parts = (scope, key, canonical(content).decode() if content is not None else "")
    return salted_hmac("commands.idempotency-key", "\0".join(parts), algorithm="sha256").hexdigest()
