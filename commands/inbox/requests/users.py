"""Requests to sign up, and to delete a user."""

import re
from typing import Unpack
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils.crypto import salted_hmac

from commands import passwords
from commands.addresses import UndeliverableAddress, deliverable
from commands.domain.commands import CreateUser, DeleteUser
from commands.ids import new_id
from commands.inbox.invalid import InvalidInput
from commands.inbox.requests.asking import Caller, How, submission
from commands.jobs import Submission
from commands.streams import Stream

USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,29}")


def create_user(
    caller: Caller,
    *,
    username: str,
    password: str,
    email: str | None = None,
    is_staff: bool = False,
    **how: Unpack[How],
) -> Submission:
    """A sign-up. Takes some hundredths of a second of processor time: it hashes the password."""
    if not USERNAME.fullmatch(username):
        raise InvalidInput(
            "username",
            "a username is 3 to 30 letters, digits, dots, dashes or underscores, "
            "and begins with a letter or digit",
        )
    email = _email(email)
    _check_password(password, username, email)
    command = CreateUser(
        user_id=new_id(),
        username=username,
        email=email,
        password_hash=_password_hash(password, username, how.get("idempotency_key")),
        is_staff=is_staff,
    )
    content = {
        "username": username,
        "email": email,
        "is_staff": is_staff,
        "password_hash": command.password_hash,
    }
    return submission(caller, Stream("user", command.user_id), command, content, **how)


def delete_user(
    caller: Caller,
    *,
    user_id: UUID,
    **how: Unpack[How],
) -> Submission:
    """The command to delete a user."""
    return submission(
        caller, Stream("user", user_id), DeleteUser(user_id), {"user_id": str(user_id)}, **how
    )


def _email(value: str | None) -> str | None:
    try:
        return deliverable(value) if value else None
    except UndeliverableAddress as error:
        raise InvalidInput("email", str(error)) from error


def _check_password(password: str, username: str, email: str | None) -> None:
    from commands.models import User

    try:
        passwords.check(password, User(username=username, email=email))
    except ValidationError as error:
        raise InvalidInput("password", " ".join(error.messages)) from error


def _password_hash(password: str, username: str, key: str | None) -> str:
    """Argon2. With an idempotency key the salt follows from key, name and secret, so that a
    repeated request has an equal hash, and one with another password has not."""
    salt = (
        salted_hmac("createUser", f"{username}\0{key}", algorithm="sha256").hexdigest()[:32]
        if key
        else None
    )
    return passwords.hashed(password, salt)
