"""What events don't hold of users: names, addresses, hashes of passwords, choices, what they watch and who they are in masked auctions, in a file of their own."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import BinaryIO, TypeVar
from uuid import UUID

from psycopg.errors import DataError, UniqueViolation

from commands.postgres.aliases import aliases_to_export, bring_aliases
from commands.postgres.connections import Pool, SyncConnection
from commands.postgres.exporting import all_people
from commands.postgres.exposure import find_stakes
from commands.postgres.importing import name_users
from notifications.postgres.preferences import Choice, choices_of, choose
from notifications.postgres.watches import Watched, bring_in, watches_of
from notifications.preferences import NotificationChannel, NotificationKind
from portal.transfer.lines import Json, Lines, Refused

FORMAT, HOLDS = "auction portal users", "personal data"
TOGETHER = 500

Item = TypeVar("Item")


def people_lines(connection: SyncConnection) -> Iterator[Json]:
    """The lines' objects for all users who were not deleted."""
    for page in together(all_people(connection), TOGETHER):
        ids = [row["id"] for row in page]
        chosen, watches = choices_of(connection, ids), watches_of(connection, ids)
        aliases = aliases_to_export(connection, ids)
        for row in page:
            confirmed_at = row["email_confirmed_at"]
            choices = chosen.get(row["id"], ())
            yield {
                **row,
                "email_confirmed_at": confirmed_at and confirmed_at.isoformat(),
                "choices": [[each.kind, each.channel, each.enabled] for each in choices],
                "watches": [_written(each) for each in watches.get(row["id"], ())],
                "aliases": [str(each) for each in aliases.get(row["id"], ())],
            }


def _written(watched: Watched) -> list[str | None]:
    told_at = watched.told_at
    return [
        str(watched.auction_id),
        watched.watched_at.isoformat(),
        told_at.isoformat() if told_at else None,
    ]


def together(items: Iterable[Item], most: int) -> Iterator[list[Item]]:
    """The items in lists of so many."""
    left = iter(items)
    while page := list(islice(left, most)):
        yield page


def import_people(pool: Pool, file: BinaryIO) -> int:
    """Give the users of the record, who have no name yet, what the file has of them; how many those were."""
    lines = Lines(file, FORMAT, HOLDS)
    named = 0
    for page in together(((lines.number, _person(lines, found)) for found in lines), TOGETHER):
        first, people = page[0][0], [person for _, person in page]
        try:
            with pool.connection() as connection, connection.transaction():
                written = name_users(connection, people)
                for person in people if written else ():
                    choose(connection, person["id"], person["choices"])
                    bring_in(connection, person["id"], person["watches"])
                    bring_aliases(connection, person["id"], person["aliases"])
                if written:
                    find_stakes(connection, [person["id"] for person in people])
        except (UniqueViolation, DataError) as error:
            what = "a name that somebody else has, or a value that no table takes"
            raise Refused(first, f"it, or one of the next {TOGETHER}, has {what}") from error
        named += written
    return named


def _person(lines: Lines, found: Json) -> Json:
    try:
        confirmed_at = found["email_confirmed_at"]
        return {
            "id": UUID(found["id"]),
            "username": str(found["username"]),
            "email": found["email"] and str(found["email"]),
            "password": str(found["password"]),
            "email_confirmed_at": confirmed_at and datetime.fromisoformat(confirmed_at),
            "choices": [
                Choice(NotificationKind(kind), NotificationChannel(channel), bool(enabled))
                for kind, channel, enabled in found["choices"]
            ],
            # Files from before there were watches have none.
            "watches": [
                Watched(
                    UUID(auction_id),
                    datetime.fromisoformat(watched_at),
                    told_at and datetime.fromisoformat(told_at),
                )
                for auction_id, watched_at, told_at in found.get("watches", ())
            ],
            # Nor have they aliases.
            "aliases": [UUID(each) for each in found.get("aliases", ())],
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise lines.refused("it is no user") from error
