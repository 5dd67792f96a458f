"""Passwords: which are allowed, and the normal form in which they are hashed and compared.

A password is hashed in Unicode's normal form NFKC, which NIST SP 800-63B (5.1.1.2) recommends:
keyboards write the same character in different ways (é as one code point or two, a space as a
no-break space), and people can't see which. Invisible characters (zero width joiner, soft hyphen)
are kept: they are part of what was typed, on both sides.
"""

import unicodedata
from collections.abc import Iterator
from typing import Any

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

# In characters. Hashes of longer ones may exist; they were set where there was no limit.
LONGEST = 200


def normal_form(password: str) -> str:
    """The password in NFKC. Longer ones than LONGEST are left as they are: normalising takes long."""
    return unicodedata.normalize("NFKC", password) if len(password) <= LONGEST else password


def hashable_forms(password: str) -> Iterator[str]:
    """The forms in which a password may have been hashed: the normal form, and as typed (older hashes)."""
    normal = normal_form(password)
    yield normal
    if normal != password:
        yield password


def hashed(password: str, salt: str | None = None) -> str:
    """The hash to store. Takes some hundredths of a second of processor time."""
    return make_password(normal_form(password), salt)


def matches(password: str, encoded: str | None) -> bool:
    """Whether the password is the hashed one; without a hash, False after the same amount of work."""
    try:
        password.encode()
    except UnicodeEncodeError:
        return False
    if encoded is None:
        for form in hashable_forms(password):
            make_password(form)
        return False
    return any(check_password(form, encoded) for form in hashable_forms(password))


def check(password: str, user: Any) -> None:
    """ValidationError, with a sentence for each reason, if the password is not allowed."""
    CharactersValidator().validate(password)
    validate_password(password, user)


class CharactersValidator:
    """Checks characters and length, and has Django's other validators check the normal form, too."""

    def validate(self, password: str, user: Any = None) -> None:
        """ValidationError if it is too long, has control characters, or is too weak in its normal form."""
        if len(password) > LONGEST:
            raise ValidationError(self.get_help_text())
        for character in password:
            if unicodedata.category(character) in {"Cc", "Cs"}:
                raise ValidationError(
                    "This password holds a control character "
                    f"(U+{ord(character):04X}), which can't be typed everywhere."
                )
        if (normal := normal_form(password)) != password:
            validate_password(normal, user)

    def get_help_text(self) -> str:
        """The rule as shown in admin's password forms."""
        return f"Your password can have at most {LONGEST} characters, and no control characters."
