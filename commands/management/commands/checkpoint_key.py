"""`manage.py checkpoint_key`."""

import secrets
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from commands.checkpoints.signing import signer
from commands.management.operator_command import OperatorCommand
from commands.postgres.checkpoints import every_key
from commands.wiring import pool


class Command(OperatorCommand):
    """Prints the public key that checkpoints are signed with, and those from before."""

    help = "Show the public key that signs checkpoints, and earlier ones; --new prints a new private key."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--new",
            action="store_true",
            help="only print a new random private key, as a value for CHECKPOINT_KEY",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        if options["new"]:
            key = secrets.token_hex(32)
            return self.answer(options, {"CHECKPOINT_KEY": key}, key)
        if not settings.CHECKPOINT_KEY:
            raise CommandError(
                "CHECKPOINT_KEY is not set: run this with the settings of the upkeep worker, which signs"
            )
        own = signer()
        with pool().connection() as connection:
            keys = [
                {"fingerprint": name, "publicKey": public.hex(), "since": since}
                for name, public, since in every_key(connection)
            ]
        lines = [f"fingerprint {own.fingerprint}", f"public key  {own.public_key.hex()}"]
        before = [each for each in keys if each["fingerprint"] != own.fingerprint]
        lines += [
            f"before: fingerprint {each['fingerprint']}, since {each['since']}" for each in before
        ]
        content = {"fingerprint": own.fingerprint, "publicKey": own.public_key.hex(), "keys": keys}
        return self.answer(options, content, "\n".join(lines))
