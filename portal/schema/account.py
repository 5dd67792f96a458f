"""What users do about their own account: sign in and out, change their password, end sessions."""

from datetime import datetime
from typing import Annotated, TypeAlias
from uuid import UUID

import strawberry
from django.utils.crypto import salted_hmac

from commands.postgres.sessions import OpenSession
from commands.postgres.users import Credentials
from portal.errors import unauthenticated
from portal.schema.context import Context, PortalInfo
from portal.schema.cursors import (
    PLACE_IN_SESSIONS,
    After,
    Connection,
    First,
    connection,
    page_size,
    place,
)
from portal.schema.reading import signed_in_user
from portal.schema.types import Session, User
from portal.signin import account
from portal.signin import sessions as auth
from portal.signin.tokens import InvalidToken, Viewer

RefreshToken: TypeAlias = Annotated[
    str, strawberry.argument(description="The session's latest; see Session.")
]


@strawberry.type(description="A sign-in of the reader's that goes on, on whatever device.")
class ActiveSession:
    id: UUID = strawberry.field(description="The session's id, for endSession.")
    created_at: datetime = strawberry.field(description="When the reader signed in.")
    last_used_at: datetime = strawberry.field(
        description="When it was refreshed last; a client that is used does so every few minutes."
    )
    expires_at: datetime = strawberry.field(description="When it ends unless it is refreshed.")
    current: bool = strawberry.field(description="Whether it is the one that asks.")

    @classmethod
    def of(cls, session: OpenSession, viewer: Viewer) -> "ActiveSession":
        """In the API's form."""
        return cls(
            id=session.id,
            created_at=session.created_at,
            last_used_at=session.used_at,
            expires_at=session.expires_at,
            current=session.id == viewer.session_id,
        )


async def session_from(context: Context, signed_in: auth.SignedIn) -> Session:
    """The session in the API's form."""
    return Session(
        access_token=signed_in.access_token,
        expires_at=signed_in.viewer.expires_at,
        refresh_token=signed_in.refresh_token,
        user=User.of(await signed_in_user(context.runtime, signed_in.viewer)),
    )


async def count_attempt(context: Context, name: str) -> None:
    """RATE_LIMITED beyond what may be tried from an address, or under a name.

    Counted before the attempt, and forgiven after one that was right: guesses made at once are all
    counted.
    """
    await context.runtime.rates.spend(
        ("SIGN_IN_PER_ADDRESS", context.address), ("SIGN_IN_PER_USER", name)
    )


async def count_mail(context: Context, *subjects: str) -> None:
    """RATE_LIMITED beyond the mails that a user, or an address, may be sent by request."""
    for subject in subjects:
        if subject:
            key = salted_hmac(
                "portal.mails", ascii(subject.lower()), algorithm="sha256"
            ).hexdigest()
            await context.runtime.rates.spend(("MAILS_PER_USER", key))


async def proved(context: Context, viewer: Viewer, field: str, password: str) -> Credentials:
    """What the viewer signs in with, after they showed that they know their password.

    BAD_USER_INPUT of that field if they don't: whoever found an open browser learns nothing.
    """
    known = await account.credentials(context.runtime.pool, viewer)
    name = auth.counted_name(known.username)
    await count_attempt(context, name)
    await account.prove(known, field, password)
    await context.runtime.rates.forgive("SIGN_IN_PER_USER", name)
    return known


@strawberry.type
class AccountQuery:
    @strawberry.field(
        description="The reader's sessions that go on, the newest sign-in first; no tokens."
    )
    async def my_sessions(
        self, info: PortalInfo, first: First = 20, after: After = None
    ) -> Connection[ActiveSession]:
        viewer = await info.context.viewer()
        size, start = page_size(first), place(after, *PLACE_IN_SESSIONS)
        found = await auth.own_sessions(
            info.context.runtime.pool, viewer, size + 1, start and (start[0], start[1])
        )
        return connection(
            found,
            size,
            lambda session: ActiveSession.of(session, viewer),
            lambda session: (session.created_at, session.id),
        )


@strawberry.type
class AccountMutation:
    @strawberry.mutation(description="Sign in with name and password.")
    async def login(
        self,
        info: PortalInfo,
        username: Annotated[str, strawberry.argument(description="In any case of letters.")],
        password: Annotated[str, strawberry.argument(description="As at sign-up.")],
    ) -> Session:
        name = auth.counted_name(username)
        await count_attempt(info.context, name)
        signed_in = await auth.sign_in(info.context.runtime.pool, username, password)
        if signed_in is None:
            raise unauthenticated("wrong username or password")
        await info.context.runtime.rates.forgive("SIGN_IN_PER_USER", name)
        return await session_from(info.context, signed_in)

    @strawberry.mutation(
        description=(
            "New tokens for the session. Each refresh token is good once. For some seconds after it "
            "was spent it gives the same successor again, for an answer that was lost; later, using "
            "it ends the session."
        )
    )
    async def refresh_session(self, info: PortalInfo, refresh_token: RefreshToken) -> Session:
        try:
            signed_in = await auth.refresh(info.context.runtime.pool, refresh_token)
        except InvalidToken as error:
            raise unauthenticated(str(error)) from error
        return await session_from(info.context, signed_in)

    @strawberry.mutation(
        description=(
            "End the session at once, its access tokens and open sockets included. Whether there "
            "was one to end."
        )
    )
    async def logout(self, info: PortalInfo, refresh_token: RefreshToken) -> bool:
        return await auth.sign_out(info.context.runtime.pool, refresh_token)

    @strawberry.mutation(
        description=(
            "Change the reader's password. Their other sessions end; how many there were. "
            "BAD_USER_INPUT if the current password is wrong."
        )
    )
    async def change_password(
        self,
        info: PortalInfo,
        current_password: Annotated[
            str, strawberry.argument(description="What the reader signed in with.")
        ],
        new_password: Annotated[
            str, strawberry.argument(description="8 to 200 characters, not a common one.")
        ],
    ) -> int:
        viewer = await info.context.viewer()
        known = await proved(info.context, viewer, "currentPassword", current_password)
        return await account.change_password(info.context.runtime.pool, viewer, known, new_password)

    @strawberry.mutation(
        description=(
            "Change the address that the reader's mail goes to; empty or null for none. It counts "
            "once it is confirmed by the link in a mail that is sent there; asking again for the "
            "same one sends another. A mail to the old one says so."
        )
    )
    async def change_email(
        self,
        info: PortalInfo,
        password: Annotated[str, strawberry.argument(description="The reader's own.")],
        email: Annotated[
            str | None, strawberry.argument(description="At most 254 characters.")
        ] = None,
    ) -> User:
        viewer = await info.context.viewer()
        known = await proved(info.context, viewer, "password", password)
        address = account.acceptable(email)
        await count_mail(info.context, str(viewer.user_id), address or "")
        await account.change_email(info.context.runtime.pool, known, address)
        return User.of(await signed_in_user(info.context.runtime, viewer))

    @strawberry.mutation(
        description=(
            "Mail a link for a new password to those of that name or confirmed address. Always "
            "true, whether there is one or not."
        )
    )
    async def request_password_reset(
        self,
        info: PortalInfo,
        username_or_email: Annotated[
            str, strawberry.argument(description="As at sign-in, or where mail goes.")
        ],
    ) -> bool:
        await info.context.runtime.rates.spend(("SIGN_IN_PER_ADDRESS", info.context.address))
        await count_mail(info.context, username_or_email)
        await account.request_reset(info.context.runtime.pool, username_or_email)
        return True

    @strawberry.mutation(
        description=(
            "A new password with the link from a mail, which is good once and for an hour. All "
            "sessions of the user end. BAD_USER_INPUT of the field token if it is not good."
        )
    )
    async def reset_password(
        self,
        info: PortalInfo,
        token: Annotated[str, strawberry.argument(description="The last part of the link.")],
        new_password: Annotated[
            str, strawberry.argument(description="8 to 200 characters, not a common one.")
        ],
    ) -> bool:
        await info.context.runtime.rates.spend(("SIGN_IN_PER_ADDRESS", info.context.address))
        await account.reset_password(info.context.runtime.pool, token, new_password)
        return True

    @strawberry.mutation(
        description=(
            "End one of the reader's sessions at once, its access tokens and open sockets "
            "included. Whether it was one that went on."
        )
    )
    async def end_session(
        self,
        info: PortalInfo,
        id: Annotated[UUID, strawberry.argument(description="As mySessions has it.")],
    ) -> bool:
        viewer = await info.context.viewer()
        return await auth.end_own(info.context.runtime.pool, viewer, id)

    @strawberry.mutation(
        description="End the reader's sessions but the one that asks; how many there were."
    )
    async def end_other_sessions(self, info: PortalInfo) -> int:
        viewer = await info.context.viewer()
        return await auth.end_others(info.context.runtime.pool, viewer)
