"""The form that revises an auction: as the one that creates it, with what was said of it, of which only changes are sent."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from commands.admin.auction_form import CreateAuctionForm
from commands.admin.submitting import Refused, caller, carry_out, not_yet
from commands.inbox.chosen_rules import RULES
from commands.inbox.requests import revise_auction
from commands.jobs import JobStatus
from commands.models import Auction

OWN = ("title", "description", "starts_at", "ends_at")


class ReviseAuctionForm(CreateAuctionForm):
    """The fields of the command ReviseAuction, with what they are now.

    What somebody else changed meanwhile is not changed back: what counts is what this form showed.
    """

    new_rules = forms.BooleanField(
        label="Other rules",
        required=False,
        help_text="The rules below take the place of all that the auction has, a reserve included.",
    )

    def __init__(self, auction: Auction, data: Any = None, *, asking: bool = False) -> None:
        super().__init__(data, asking=asking)
        self.auction = auction
        self.initial = {name: getattr(auction, name) for name in OWN}
        for name in OWN:
            self.fields[name].show_hidden_initial = True
        self.fields["starts_at"].help_text = "UTC."

    def clean(self) -> None:
        """Rules that are written are meant to be the auction's."""
        super().clean()
        written = [name for name in RULES if name != "preset" and self.cleaned_data.get(name)]
        if written and not self.cleaned_data["new_rules"]:
            self.add_error("new_rules", "Tick this, or leave the rules below empty.")

    def command(self) -> dict[str, Any]:
        """The valid form's changes, as what revises an auction takes them."""
        values = super().command() if self.cleaned_data["new_rules"] else self.cleaned_data
        changed = [name for name in OWN if name in self.changed_data]
        if self.cleaned_data["new_rules"]:
            changed += [name for name in ("rules", "reserve") if name in values]
        return {name: values[name] for name in changed} | {"auction_id": self.auction.pk}

    def reserve_of(self) -> UUID | None:
        """The auction whose key hides the reserve."""
        return self.auction.pk


def address_of(auction: Auction) -> str:
    """The form's address."""
    return reverse("admin:commands_auction_revise", args=[auction.pk])


def form_view(page: ModelAdmin[Any], request: HttpRequest, object_id: object) -> HttpResponse:
    """The form, which shows why a revision was refused, or only says what the choice of rules means."""
    auction = page.get_object(request, str(object_id))
    if auction is None:
        raise Http404(f"there is no auction {object_id}")
    asking = "ask" in request.POST
    form = ReviseAuctionForm(auction, request.POST or None, asking=asking)
    if request.method == "POST" and form.is_valid() and not asking:
        try:
            job = carry_out(lambda: revise_auction(caller(request), **form.command()))
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            if job.status is JobStatus.QUEUED:
                page.message_user(request, not_yet(job), messages.WARNING)
            else:
                page.message_user(request, "The auction is revised.", messages.SUCCESS)
            return HttpResponseRedirect(reverse("admin:commands_auction_change", args=[auction.pk]))
    context = {
        **page.admin_site.each_context(request),
        "opts": page.opts,
        "title": "Revise auction",
        "original": auction,
        "form": form,
        "media": page.media + form.media,
    }
    return TemplateResponse(request, "admin/commands/create_auction.html", context)
