"""The Witness port over HTTP: each checkpoint is POSTed to a URL, as JSON; any 2xx says that it was taken."""

import json
from hashlib import sha256
from http.client import HTTPException
from urllib.parse import urlsplit

from commands.checkpoints.json_form import as_json
from commands.checkpoints.witnesses import NotTaken
from commands.http_exchange import post
from commands.postgres.checkpoints import Kept

# For all of it, see `http_exchange`.
SECONDS = 5.0


class Webhook:
    """A witness at a URL, which may hold a secret and is never shown."""

    def __init__(self, url: str, seconds: float = SECONDS) -> None:
        self._url, self._seconds = urlsplit(url), seconds
        self.name = sha256(url.encode()).hexdigest()
        self.host = self._url.hostname or ""

    def take(self, checkpoint: Kept) -> None:
        """POST the checkpoint; redirects are not followed."""
        body = json.dumps(as_json(checkpoint)).encode()
        try:
            status = post(self._url, body, self._seconds)
        except (OSError, HTTPException, ValueError) as error:
            raise NotTaken(type(error).__name__) from error
        if not 200 <= status < 300:
            raise NotTaken(f"status {status}")
