"""The tokens of a session.

Access tokens (JWT) name a user and a session, and are valid for some minutes. Each request also checks that
the session and the user still exist, so that a deletion or a sign-out takes effect at once.

A refresh token is `<session>.<number>.<proof>`. The proof is an HMAC of session, number and the
session's seed with the secret key. So every token that the session ever had can be told from a guess,
and no token is stored.
"""

import base64
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from uuid import UUID

import jwt
from django.conf import settings
from django.utils.crypto import salted_hmac

from commands.postgres.sessions import Claim

ALGORITHM = "HS256"
ISSUER = "auction-portal"
NOT_OURS = "this is not a refresh token of this portal"
NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
FORGED = "this is not an access token of this portal"
# By how much the clocks of two web processes may differ: a token may have been issued that far in the
# future by this clock. Its expiry is not extended.
CLOCKS_DIFFER = timedelta(seconds=30)
# Access tokens whose signatures are remembered.
VERIFIED = 10_000


class InvalidToken(Exception):
    """The token is not valid, or not any more; the message says why."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """A signed-in user and their session; the access token is valid until `expires_at`."""

    user_id: UUID
    is_staff: bool
    session_id: UUID
    expires_at: datetime

    @property
    def claim(self) -> Claim:
        """What is to be checked in the database."""
        return Claim(self.session_id, self.user_id)


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token as it was sent; not verified yet."""

    session_id: UUID
    number: int
    proof: str

    def genuine(self, seed: bytes) -> bool:
        """Whether this token was issued for the session with that seed."""
        expected = refresh_token(self.session_id, seed, self.number).rpartition(".")[2]
        if hmac.compare_digest(self.proof.encode(errors="replace"), expected.encode()):
            return True
        # Tokens from before they had numbers are random, and their hash became the seed.
        hashed = sha256(self.proof.encode(errors="replace")).digest()
        return self.number == 0 and hmac.compare_digest(hashed, seed)


def refresh_token(session_id: UUID, seed: bytes, number: int) -> str:
    """The session's refresh token of that number."""
    value = f"{session_id}.{number}.{seed.hex()}"
    digest = salted_hmac("portal.refresh-token", value, algorithm="sha256").digest()
    return f"{session_id}.{number}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def read_refresh_token(text: str) -> RefreshToken:
    """The parts of a refresh token, not verified; InvalidToken if the text has another form."""
    session_id, _, rest = text.partition(".")
    number, dot, proof = rest.rpartition(".")
    if dot and not NUMBER.fullmatch(number):
        raise InvalidToken(NOT_OURS)
    try:
        return RefreshToken(UUID(session_id), int(number or 0), proof)
    except ValueError:
        raise InvalidToken(NOT_OURS) from None


def issue(user_id: UUID, is_staff: bool, session_id: UUID) -> tuple[str, Viewer]:
    """A new access token, and its viewer."""
    now = datetime.now(UTC)
    expires_at = now + settings.ACCESS_TOKEN_LIFETIME
    claims = {
        "iss": ISSUER,
        "sub": str(user_id),
        "sid": str(session_id),
        "iat": now,
        "exp": expires_at,
    }
    viewer = Viewer(user_id, is_staff, session_id, expires_at.replace(microsecond=0))
    return jwt.encode(claims, signing_key(), algorithm=ALGORITHM), viewer


def claimed(access_token: str) -> Viewer:
    """The viewer that a signed token names, never as staff; InvalidToken if it is forged or expired.

    Whether the session still exists is not checked.
    """
    viewer, issued_at = _verified(access_token, signing_key())
    now = datetime.now(UTC)
    if viewer.expires_at <= now:
        raise InvalidToken("this access token has expired; refresh the session")
    if issued_at > now + CLOCKS_DIFFER:
        raise InvalidToken("this access token is from the future; the portal's clocks disagree")
    return viewer


@lru_cache(VERIFIED)
def _verified(access_token: str, key: str) -> tuple[Viewer, datetime]:
    """The viewer whom a token signed with that key names, and when it was issued; InvalidToken if forged.

    That is the same whenever it is asked, so it is remembered. Times are checked each time.
    """
    try:
        claims = jwt.decode(
            access_token,
            key,
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            options={
                "require": ["sub", "sid", "exp", "iat", "iss"],
                "verify_iat": False,
                "verify_exp": False,
            },
        )
        user_id, session_id = UUID(claims["sub"]), UUID(claims["sid"])
        issued_at = datetime.fromtimestamp(claims["iat"], UTC)
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
    except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError, OverflowError):
        raise InvalidToken(FORGED) from None
    return Viewer(user_id, False, session_id, expires_at), issued_at


def signing_key() -> str:
    """The key that signs access tokens, derived from the secret key."""
    return _derived(settings.SECRET_KEY)


@lru_cache(1)
def _derived(secret_key: str) -> str:
    return salted_hmac(
        "portal.access-token", "HS256", secret=secret_key, algorithm="sha256"
    ).hexdigest()
