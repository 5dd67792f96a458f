"""Which email addresses are accepted."""

from email_validator import EmailNotValidError, validate_email

# In characters, as RFC 5321 has it.
LONGEST = 254


class UndeliverableAddress(ValueError):
    """The address is not accepted; the message says what one looks like."""

    def __init__(self) -> None:
        super().__init__("no mail can be sent there; an email address looks like name@example.org")


def deliverable(address: str) -> str:
    """The address in the form mail servers accept, with an international domain in ASCII.

    UndeliverableAddress for anything else, also for quoted names, numeric hosts and names beyond
    ASCII: the standards allow them, but few servers do. The domain is not looked up; whether mail
    arrives shows when the user confirms the address.
    """
    if len(address) > LONGEST:
        raise UndeliverableAddress
    try:
        found = validate_email(
            address,
            check_deliverability=False,
            strict=True,
            allow_smtputf8=False,
            allow_quoted_local=False,
            allow_domain_literal=False,
        )
    except EmailNotValidError as error:
        raise UndeliverableAddress from error
    assert found.ascii_email is not None, "names beyond ASCII are not allowed"
    return found.ascii_email
