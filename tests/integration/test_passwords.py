"""Passwords are compared in one normal form, whatever way they were typed."""

import time

import pytest
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError

from commands import passwords
from commands.inbox.invalid import InvalidInput
from commands.inbox.requests import Caller, create_user
from commands.models import User

SAME = {
    "a no-break space": ("three little\u00a0words", "three little words"),
    "an accent": ("une idée très nette", "une ide\u0301e tre\u0300s nette"),
    "full width": ("ｃｏｒｒｅｃｔ horse", "correct horse"),
    "a ligature": ("sufﬁciently long", "sufficiently long"),
}
INVISIBLE = {
    "a ZWJ emoji": "family 👩\u200d👩\u200d👧 dinner",
    "a soft hyphen": "auc\u00adtion night",
    "an emoji": "🐎🔋📎 correct",
}


@pytest.mark.parametrize(("typed", "otherwise"), SAME.values(), ids=SAME)
def test_what_looks_the_same_is_the_same_password(typed: str, otherwise: str) -> None:
    for kept, given in ((typed, otherwise), (otherwise, typed), (typed, typed)):
        assert passwords.matches(given, passwords.hashed(kept))
        user = User(username="alice")
        user.set_password(kept)
        assert user.check_password(given)


@pytest.mark.parametrize("typed", INVISIBLE.values(), ids=INVISIBLE)
def test_what_is_not_seen_counts_on_both_sides(typed: str) -> None:
    passwords.check(typed, User(username="alice"))
    encoded = passwords.hashed(typed)
    assert passwords.matches(typed, encoded)
    assert not passwords.matches(typed.replace("\u200d", "").replace("\u00ad", "") + " ", encoded)


@pytest.mark.parametrize("typed", [typed for typed, _ in SAME.values()], ids=SAME)
def test_a_hash_from_before_there_was_a_normal_form_still_fits(typed: str) -> None:
    assert passwords.matches(typed, make_password(typed))
    assert User(username="alice", password=make_password(typed)).check_password(typed)


REFUSED = {
    "a tab": ("correct\thorse", "U+0009"),
    "the end of a line": ("correct horse\n", "U+000A"),
    "nothing": ("correct\x00horse", "U+0000"),
    "half a character": ("correct \ud800 horse", "U+D800"),
    "too long": ("x" * 201, "at most 200 characters"),
    "common in another width": ("ｐａｓｓｗｏｒｄ", "too common"),
    "short once it is composed": ("e\u0301" * 4, "at least 8"),
    "the address": ("alice.smith@example.org", "similar to the email"),
}


@pytest.mark.parametrize(("password", "says"), REFUSED.values(), ids=REFUSED)
def test_what_can_be_no_password_is_refused_with_a_reason(password: str, says: str) -> None:
    user = User(username="alice", email="alice.smith@example.org")
    with pytest.raises(ValidationError, match=says.replace("+", r"\+")):
        passwords.check(password, user)
    with pytest.raises(InvalidInput, match=says.replace("+", r"\+")) as refused:
        create_user(Caller.anonymous(), username="alice", password=password, email=user.email)
    assert refused.value.field == "password"


def test_a_long_text_is_not_normalised() -> None:
    """Sorting that many accents would take minutes."""
    slow = "a" + "\u0301\u0323" * 60_000
    began = time.monotonic()
    assert not passwords.matches(slow, passwords.hashed("correct horse"))
    assert time.monotonic() - began < 5
