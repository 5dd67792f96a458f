"""`manage.py database_roles`."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from commands.management.operator_command import REJECTED, OperatorCommand
from portal.database.owner import names_of_roles, owners_connection
from portal.database.roles import CannotMakeRoles, Made, make_roles, signed_in_as


class Command(OperatorCommand):
    """Makes the roles that the portal's processes and auditors sign in to Postgres as."""

    help = (
        "Make the database's writer and reader, or bring what they may do up to date. The portal's processes "
        "sign in as the writer, who can't change events; auditors as the reader. Passwords come from "
        "DATABASE_WRITER_PASSWORD and DATABASE_READER_PASSWORD; those of new roles are made without, "
        "and printed once. Run it as the owner (DATABASE_OWNER_URL); running it again does no harm."
    )

    def handle(self, *_: Any, **options: Any) -> None:
        passwords = (settings.DATABASE_WRITER_PASSWORD, settings.DATABASE_READER_PASSWORD)
        try:
            with owners_connection() as connection:
                made = make_roles(connection, names_of_roles(), passwords)
        except CannotMakeRoles as error:
            raise CommandError(str(error), returncode=REJECTED) from error
        content = {
            "roles": [
                {"role": each.role, "new": each.new, "url": _url(each) if each.password else None}
                for each in made
            ]
        }
        self.answer(options, content, "\n".join(map(_told, made)))


def _url(made: Made) -> str:
    return signed_in_as(settings.DATABASE_OWNER_URL, made.role, made.password)


def _told(made: Made) -> str:
    what = f"{made.role} {'was made' if made.new else 'is up to date'}."
    if made.password:
        what += f" Its password is shown this once, as part of its URL: {_url(made)}"
    return what
