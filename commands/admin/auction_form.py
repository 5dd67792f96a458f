"""The form that creates an auction."""

from django import forms
from django.contrib.admin.widgets import AdminSplitDateTime


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
