"""The form that creates an auction."""

from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminSplitDateTime

from commands.domain.rules.presets import PRESETS
from commands.inbox.chosen_rules import RULES, chosen_reserve, chosen_rules
from commands.inbox.hiding import new_reserve
from commands.wiring import pool


class DateAndTime(AdminSplitDateTime):
    """Admin's inputs for date and time, each with a label."""

    template_name = "admin/commands/date_and_time.html"


class CreateAuctionForm(forms.Form):
    """The fields of the command CreateAuction."""

    title = forms.CharField(max_length=200, widget=forms.TextInput(attrs={"size": 60}))
    description = forms.CharField(
        max_length=5000, required=False, widget=forms.Textarea(attrs={"rows": 5, "cols": 70})
    )
    starts_at = forms.SplitDateTimeField(
        label="Starts", required=False, widget=DateAndTime(), help_text="UTC. Left empty: at once."
    )
    ends_at = forms.SplitDateTimeField(label="Ends", widget=DateAndTime(), help_text="UTC.")
    preset = forms.ChoiceField(
        label="Rules",
        required=False,
        choices=[(name, name.capitalize()) for name in PRESETS],
        help_text=(
            "Plain: a bid need not lead, and the end stays. English: increments by the house's table, and a soft close of "
            "60s/60s/10. What is chosen below takes the place of the preset's own."
        ),
    )
    starting_price = forms.CharField(
        required=False,
        max_length=20,
        help_text="Rule: no bid is lower. Left empty: any amount counts.",
    )
    increments = forms.CharField(
        required=False,
        max_length=1000,
        widget=forms.TextInput(attrs={"size": 60}),
        help_text=(
            "Rule: by how much a bid must be higher than the leading one. “table” for the house's own table, or "
            "brackets such as 0:1, 100:5 (steps of 1 from 0, of 5 from 100). Left empty: a bid may be lower."
        ),
    )
    own_increments = forms.CharField(
        label="Increments over one's own",
        required=False,
        max_length=1000,
        widget=forms.TextInput(attrs={"size": 60}),
        help_text="Rule: by how much a bid must be higher than its bidder's own highest. Written the same way.",
    )
    reserve = forms.CharField(
        required=False,
        max_length=20,
        help_text=(
            "Rule: a hidden price; nobody wins with a lower bid. Bidders see only whether it is met; it is shown at the end."
        ),
    )
    soft_close = forms.CharField(
        required=False,
        max_length=100,
        help_text=(
            "Rule: 60s/60s/10 has a bid in the last 60 s move the end by 60 s, 10 times at most. The last part can be "
            "a time instead, as the hard end: 2030-01-31T18:00:00Z."
        ),
    )
    withdrawal = forms.CharField(
        required=False,
        max_length=20,
        help_text=(
            "Rule: how long bidders can delete their own bids. “never”, or a time after bidding such as 10m. Left empty: "
            "until the auction ends."
        ),
    )

    def command(self) -> dict[str, Any]:
        """The valid form's values, as what creates an auction takes them; InvalidInput for rules that are none."""
        values = dict(self.cleaned_data)
        rules = chosen_rules(**{name: values.pop(name) for name in RULES})
        amount = chosen_reserve(values.pop("reserve"))
        if amount is None:
            return values | {"rules": rules}
        with pool().connection() as connection:
            return values | {"rules": rules, "reserve": new_reserve(connection, amount)}
