"""`manage.py changepassword NAME`, in place of Django's command, which knows nothing of our sessions."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import OperationalError

from commands import passwords
from commands.management.operator_command import REJECTED, OperatorCommand, read_password
from commands.models import User


class Command(OperatorCommand):
    """Gives a user another password and ends their sessions."""

    help = (
        "Change a user's password. It comes from --password, or from standard input. "
        "The user's sessions end."
    )
    away = (OperationalError,)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whose, and which."""
        parser.add_argument("username", metavar="NAME")
        parser.add_argument("--password", help="better: leave it out and pipe or type it")

    def handle(self, *_: Any, **options: Any) -> None:
        """Check it as at sign-up, and write it."""
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
