"""Email addresses: which of them mail can be sent to."""

from email_validator import EmailNotValidError, validate_email

# In characters, as RFC 5321 has it.
LONGEST = 254


class UndeliverableAddress(ValueError):
    """No mail can be sent to the address; the message says what one looks like."""

    def __init__(self) -> None:
        super().__init__("no mail can be sent there; an email address looks like name@example.org")


def deliverable(address: str) -> str:
    """The address as mail servers take it, an international domain in ASCII; UndeliverableAddress if there is none.

    Quoted names, numeric hosts and names beyond ASCII are allowed by the standards, and refused
    here: few servers take them, and what stands in them can be anything. Nobody is asked whether
    the domain exists; that shows when the address is confirmed.
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
