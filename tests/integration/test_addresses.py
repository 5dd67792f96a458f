"""Which addresses are taken at sign-up."""

import pytest

from commands.inbox.invalid import InvalidInput
from commands.inbox.requests import Caller, create_user
from commands.jobs import Submission

TAKEN = {
    "as it is": ("Alice.B+auctions@example.org", "Alice.B+auctions@example.org"),
    "its domain in capitals": ("alice@EXAMPLE.org", "alice@example.org"),
    "an international domain": ("alice@müller.example", "alice@xn--mller-kva.example"),
    # Django would send to strasse.example, which may be another's.
    "a letter that old software takes for two": (
        "alice@straße.example",
        "alice@xn--strae-oqa.example",
    ),
}
REFUSED = {
    "quoted controls at a literal": '"\x1e\x1cM"@[::1]',
    "a quoted space": '"a b"@example.org',
    "a number for a host": "alice@[127.0.0.1]",
    "no domain of the internet": "alice@localhost",
    "a domain of the local network": "alice@printer.local",
    "letters beyond ASCII": "älice@example.org",
    "a name beside it": "Alice <alice@example.org>",
    "a second header": "alice@example.org\nBcc: bob@example.org",
    "too long a name": f"{'a' * 65}@example.org",
    "too long": f"alice@{'a.' * 130}org",
}


def signed_up(email: str) -> Submission:
    return create_user(
        Caller.anonymous(), username="alice", password="correct horse 7", email=email
    )


@pytest.mark.parametrize(("given", "kept"), TAKEN.values(), ids=TAKEN)
def test_an_address_is_kept_as_mail_servers_take_it(given: str, kept: str) -> None:
    assert signed_up(given).content["email"] == kept


@pytest.mark.parametrize("given", REFUSED.values(), ids=REFUSED)
def test_an_address_that_no_mail_can_be_sent_to_is_refused(given: str) -> None:
    with pytest.raises(InvalidInput, match=r"name@example\.org") as refused:
        signed_up(given)
    assert refused.value.field == "email"
