"""Users and their sessions."""

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models, transaction
from django.db.models.functions import Collate, Lower, Now

from commands import passwords
from commands.wake import publish


class UserManager(BaseUserManager["User"]):
    """Looks users up for sign-in."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """The user of that name, whatever its case."""
        return self.get(username__iexact=username)


class User(AbstractBaseUser):
    """State row of a user's stream: the only table with names, addresses and password hashes."""

    id = models.UUIDField(primary_key=True, editable=False)
    username = models.CharField(max_length=30, null=True, unique=True)
    email = models.EmailField(null=True)
    is_staff = models.BooleanField("staff", default=False)
    # When the link in the confirmation mail was opened; until then no other mail is sent there.
    email_confirmed_at = models.DateTimeField(null=True)
    # Since when the confirmation mail is due; null once the notifier has enqueued it.
    confirmation_due_at = models.DateTimeField(null=True)
    # Since when the notifier may have something left of the deleted user; null once it has nothing.
    leftovers_due_at = models.DateTimeField(null=True)
    # From when on no ban of theirs holds; null if they never had one.
    banned_until = models.DateTimeField(null=True)
    # True if they have a limit on their exposure, else null.
    limited = models.BooleanField(null=True)
    version = models.IntegerField(default=0)
    created_at = models.DateTimeField("created")
    deleted_at = models.DateTimeField("deleted", null=True)
    # Of a deleted user whose bids are not withdrawn in all auctions yet: when the deletion was
    # accepted, and the last auction that has a job for it.
    withdrawing_at = models.DateTimeField(null=True)
    withdrawn_to = models.UUIDField(null=True)
    last_login = None
    # The new password as given to set_password, until `save`.
    _password: str | None = None

    USERNAME_FIELD = "username"
    objects = UserManager()

    class Meta:
        db_table = "users"
        constraints = (models.UniqueConstraint(Lower("username"), name="users_username_unique"),)
        indexes = (
            models.Index(Collate(Lower("username"), "C"), name="users_by_beginning"),
            models.Index(fields=["id"], name="users_staff", condition=models.Q(is_staff=True)),
            models.Index(
                Lower("email"),
                name="users_email",
                condition=models.Q(email__isnull=False),
            ),
            models.Index(
                fields=["confirmation_due_at"],
                name="users_confirmation_due",
                condition=models.Q(confirmation_due_at__isnull=False),
            ),
            models.Index(
                fields=["leftovers_due_at"],
                name="users_leftovers_due",
                condition=models.Q(leftovers_due_at__isnull=False),
            ),
            models.Index(
                fields=["withdrawing_at"],
                name="users_withdrawing",
                condition=models.Q(withdrawing_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return self.username or f"deleted user {self.id}"

    @property
    def is_active(self) -> bool:  # type: ignore[override]  # it follows from another field
        """Whether the user may sign in; Django's sign-in asks this."""
        return self.deleted_at is None

    def save(self, *_: Any, **__: Any) -> None:
        """Write the password hash alone; the other columns follow from events.

        After set_password the user's sessions end. They go on when Django only hashes the same
        password again, with other parameters: it then saves without `_password`.
        """
        with transaction.atomic():
            User.objects.filter(pk=self.pk, deleted_at=None).update(password=self.password)
            if self._password is not None:
                Session.objects.filter(user=self, expires_at__gt=Now()).update(expires_at=Now())
                subjects = {"user": str(self.pk)}
                transaction.on_commit(lambda: publish("sessions", subjects))
        self._password = None

    def set_password(self, raw_password: str | None) -> None:
        """Hash the password in its normal form; None makes sign-in impossible."""
        super().set_password(None if raw_password is None else passwords.normal_form(raw_password))

    def check_password(self, raw_password: str | None) -> bool:
        """Whether it is the user's password, in any Unicode form of it."""
        return raw_password is not None and any(
            map(super().check_password, passwords.hashable_forms(raw_password))
        )

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """True for staff: they may do all that the admin pages offer."""
        return self.is_active and self.is_staff

    def has_module_perms(self, app_label: str) -> bool:
        """True for staff, as for has_perm."""
        return self.is_active and self.is_staff


class Session(models.Model):
    """A sign-in. It lasts until `expires_at`, which is set to now to end it early.

    `generation` is the number of its current refresh token and rises with every refresh. A token's
    proof is derived from the secret key, `seed` and the number, so the row alone makes no token.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, db_index=False)
    seed = models.BinaryField(max_length=32)
    generation = models.IntegerField()
    created_at = models.DateTimeField()
    used_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "sessions"
        indexes = (
            # A user's sessions that go on are few; those that ended lie apart in it.
            models.Index(fields=["user", "expires_at"], name="sessions_of_user_going_on"),
            models.Index(fields=["expires_at"], name="sessions_ended"),
        )

    def __str__(self) -> str:
        return f"session {self.id}"
