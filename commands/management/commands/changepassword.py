"""`manage.py changepassword NAME`, in place of Django's command, which leaves sessions open."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import OperationalError

from commands import passwords
from commands.management.operator_command import REJECTED, OperatorCommand, read_password
from commands.models import User


class Command(OperatorCommand):
    """Changes a user's password and ends their sessions."""

    help = (
        "Change a user's password. It comes from --password, or from standard input. "
        "The user's sessions end."
    )
    away = (OperationalError,)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The user's name and the new password."""
        parser.add_argument("username", metavar="NAME")
        parser.add_argument(
            "--password", help="visible to other users of the machine; better typed or piped"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Check the password as at sign-up, and store it."""
        user = User.objects.filter(username__iexact=options["username"]).first()
        if user is None:
            raise CommandError(
                f"there is no user named {options['username']!r}", returncode=REJECTED
            )
        password = options["password"] or read_password()
        try:
            passwords.check(password, user)
        except ValidationError as error:
            raise CommandError("password: " + " ".join(error.messages), returncode=2) from error
        user.set_password(password)
        user.save()
        text = f"Changed the password of {user}, and ended their sessions."
        self.answer(options, {"user_id": user.id, "username": user.username}, text)
