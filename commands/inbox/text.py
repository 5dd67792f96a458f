"""Titles and descriptions: which characters they may have, and their normal form."""

import unicodedata

from commands.inbox.invalid import InvalidInput

# Characters that are refused: controls and separators (except line ends), surrogates, private and
# unassigned characters, direction overrides.
FORBIDDEN_CATEGORIES = {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
DIRECTION_CONTROLS = set("\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


def checked_text(name: str, value: str, longest: int, *, lines: bool = False) -> str:
    """The text in normal form C without spaces around it, of at most `longest` characters; InvalidInput.

    Line ends and tabs only where `lines` says so.
    """
    text = unicodedata.normalize("NFC", value.strip())
    if not text:
        raise InvalidInput(name, f"a {name} can't be empty")
    if len(text) > longest:
        raise InvalidInput(name, f"a {name} has at most {longest} characters, not {len(text)}")
    allowed = {"\n", "\r", "\t"} if lines else set()
    for character in text:
        if character not in allowed and (
            unicodedata.category(character) in FORBIDDEN_CATEGORIES
            or character in DIRECTION_CONTROLS
        ):
            raise InvalidInput(name, f"a {name} can't hold the character U+{ord(character):04X}")
    if not any(unicodedata.category(character)[0] in "LNPS" for character in text):
        raise InvalidInput(name, f"a {name} needs something to be seen")
    return text
