"""Idempotency keys as they are stored: hashed with a secret, because a key may hold personal data."""

from typing import Any

from django.utils.crypto import salted_hmac

from commands.record.codec import canonical


def stored_key(scope: str, key: str, content: dict[str, Any] | None = None) -> str:
    """64 hexadecimal digits that are equal for equal key, scope and content.

    With content, an equal key finds the earlier job only if the content is equal, too. A stranger
    who guesses the key would have to know all of it, password included.
    """
    parts = (scope, key, canonical(content).decode() if content is not None else "")
    return salted_hmac("commands.idempotency-key", "\0".join(parts), algorithm="sha256").hexdigest()
