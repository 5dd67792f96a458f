"""What the house does to a row with a reason: a button on its page, and a form that shows the command's outcome."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from commands.admin.read_only import ReadOnlyList, Row
from commands.admin.submitting import Refused, caller, carry_out, not_yet
from commands.inbox.requests import LONGEST_REASON
from commands.jobs import JobStatus, Submission

Asks = Callable[..., Submission]


class ReasonForm(forms.Form):
    """The reason, which is part of the event."""

    reason = forms.CharField(
        max_length=LONGEST_REASON,
        widget=forms.TextInput(attrs={"size": 80}),
        help_text="For everybody to read, and kept for good: no names or other personal data.",
    )


@dataclass(frozen=True, slots=True)
class HouseAction:
    """An action: its name in addresses, its title, what it leads to, and what is said once it is done.

    `possible` says whether its button is shown for a row. `asks` gives its command for the caller, a row, and the
    values of the form by their names: a reason, and whatever else another form asks for. `initial` is what the
    form begins with for a row.
    """

    name: str
    title: str
    effect: str
    done: str
    possible: Callable[[Any], bool]
    asks: Asks
    form: type[forms.Form] = ReasonForm
    initial: Callable[[Any], dict[str, object]] = lambda row: {}


class WithHouseActions(ReadOnlyList[Row]):
    """Adds the actions' buttons to a row's page, and their forms."""

    house_actions: Sequence[HouseAction] = ()

    def get_urls(self) -> list[URLPattern]:
        """The usual URLs, and a form for each action."""
        return [
            *(
                path(
                    f"<uuid:object_id>/{action.name}/",
                    self.admin_site.admin_view(partial(_form_view, self, action)),
                    name=f"{_prefix(self)}_{action.name}",
                )
                for action in self.house_actions
            ),
            *super().get_urls(),
        ]

    def own_buttons(self, row: Row) -> Sequence[tuple[str, str]]:
        """Addresses and titles of what can be done to the row in another way."""
        return ()

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The row's page, with the buttons of what can be done to it."""
        row = self.get_object(request, object_id)
        buttons = [
            (reverse(f"admin:{_prefix(self)}_{action.name}", args=[row.pk]), action.title)
            for action in self.house_actions
            if row is not None and action.possible(row)
        ]
        buttons = [*self.own_buttons(row), *buttons] if row is not None else []
        return super().change_view(
            request, object_id, form_url, {**(extra_context or {}), "house_actions": buttons}
        )


def _form_view(
    page: ModelAdmin[Any], action: HouseAction, request: HttpRequest, object_id: object
) -> HttpResponse:
    """The form that submits the action's command, and shows why it was refused."""
    row = page.get_object(request, str(object_id))
    if row is None:
        raise Http404(f"there is no {page.opts.verbose_name} {object_id}")
    back = reverse(f"admin:{_prefix(page)}_change", args=[row.pk])
    data = request.POST if request.method == "POST" else None
    form = action.form(data, initial=action.initial(row))
    if request.method == "POST" and form.is_valid():
        try:
            job = carry_out(lambda: action.asks(caller(request), row, **form.cleaned_data))
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            if job.status is JobStatus.QUEUED:
                page.message_user(request, not_yet(job), messages.WARNING)
            else:
                page.message_user(request, action.done, messages.SUCCESS)
            return HttpResponseRedirect(back)
    return TemplateResponse(
        request, "admin/commands/house_action.html", _context(page, action, request, row, form)
    )


def _context(
    page: ModelAdmin[Any], action: HouseAction, request: HttpRequest, row: Model, form: forms.Form
) -> dict[str, Any]:
    return {
        **page.admin_site.each_context(request),
        "opts": page.opts,
        "title": f"{action.title}: {row}",
        "original": row,
        "action": action,
        "form": form,
    }


def _prefix(page: ModelAdmin[Any]) -> str:
    return f"{page.opts.app_label}_{page.opts.model_name}"
