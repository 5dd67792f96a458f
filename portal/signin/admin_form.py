"""Signing in at admin, with the same limits as over the API."""

from asgiref.sync import async_to_sync
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from portal.errors import PortalError
from portal.signin.rates import address_of, rates
from portal.signin.sessions import counted_name


class LimitedSignIn(AdminAuthenticationForm):
    """Counts each attempt before the password is checked; a right password sets the count of that name to zero."""

    def clean(self) -> dict[str, object]:
        assert isinstance(self.request, HttpRequest)
        name = counted_name(self.cleaned_data.get("username", ""))
        try:
            async_to_sync(_spend)(name, address_of(self.request.META.get("REMOTE_ADDR")))
        except PortalError as error:
            raise ValidationError(error.message) from error
        cleaned: dict[str, object] = super().clean()
        async_to_sync(_forgive)(name)
        return cleaned


async def _spend(name: str, address: str | None) -> None:
    async with rates() as counted:
        await counted.spend(("SIGN_IN_PER_ADDRESS", address), ("SIGN_IN_PER_USER", name))


async def _forgive(name: str) -> None:
    async with rates() as counted:
        await counted.forgive("SIGN_IN_PER_USER", name)
