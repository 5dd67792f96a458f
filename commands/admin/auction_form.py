"""The form that creates an auction: its texts and times, and a section for each rule.

It knows no rule: what is written for each, what it is called and what it means come from the rules' own files.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib.admin.widgets import AdminSplitDateTime
from django.forms import BoundField
from django.utils import timezone
from django.utils.html import format_html

from commands.domain.pauses import moved
from commands.domain.rejections import as_sentence
from commands.domain.rules.rule import InvalidRule, Rule
from commands.domain.rules.table import check, sentences
from commands.inbox.choosing.section import Section, Text
from commands.inbox.choosing.table import PRESETS, SECTIONS, TEXTS
from commands.inbox.chosen_rules import RULES, Choice, choose
from commands.inbox.hiding import new_reserve
from commands.inbox.invalid import InvalidInput
from commands.inbox.trial_lines import read_steps
from commands.inbox.trying import Became, try_out
from commands.postgres.users import bidders_named
from commands.wiring import pool

# Longer texts have a wider input.
WIDE = 100
# How long a made-up auction lasts for which no end is given.
DAY = timedelta(days=1)


class DateAndTime(AdminSplitDateTime):
    """Admin's inputs for date and time, each with a label."""

    template_name = "admin/commands/date_and_time.html"


@dataclass(frozen=True, slots=True)
class ShownSection:
    """A section of the form; `says` is its rule in plain English, if it is chosen."""

    title: str
    purpose: str
    fields: list[BoundField]
    open: bool
    says: str


class CreateAuctionForm(forms.Form):
    """The fields of the command CreateAuction. With `asking` it need not be complete: only its rules are asked for."""

    title = forms.CharField(max_length=200, widget=forms.TextInput(attrs={"size": 60}))
    description = forms.CharField(
        max_length=5000, required=False, widget=forms.Textarea(attrs={"rows": 5, "cols": 70})
    )
    starts_at = forms.SplitDateTimeField(
        label="Starts", required=False, widget=DateAndTime(), help_text="UTC. Left empty: at once."
    )
    ends_at = forms.SplitDateTimeField(label="Ends", widget=DateAndTime(), help_text="UTC.")
    preset = forms.ChoiceField(
        label="Rules that go together",
        required=False,
        initial="plain",
        widget=forms.RadioSelect,
        choices=[
            (name, format_html("<b>{}</b> {}", name.capitalize(), what))
            for name, what in PRESETS.items()
        ],
        help_text="What is chosen below takes the place of the preset's own.",
    )

    bids = forms.CharField(
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 6, "cols": 50}),
        help_text=(
            "One a line, 50 at most: “alice 10.00”, “bob 12.00, 30 s before the end”, “bob deletes 12.00, 10 m later”, "
            "“alice buys”, “alice 10.00 is doubled”; with a second chance “alice confirms, 2 h later”, “alice declines”, “alice "
            "does not answer”, “the house takes it back”. Names are made up, unless a user has that name. Nothing is stored."
        ),
    )

    def __init__(self, data: Any = None, *, asking: bool = False) -> None:
        super().__init__(data)
        self._asking = asking
        self.fields.update({text.name: _field(text) for text in TEXTS})
        for name in ("title", "ends_at"):
            self.fields[name].required = not asking
        # None as long as nothing valid is chosen.
        self.choice: Choice | None = None
        # What would become of the bids; empty unless it is asked for.
        self.trial: list[Became] = []

    def clean(self) -> None:
        """Read the rules; what is wrong about one is said in its section."""
        if not set(RULES).isdisjoint(self.errors):
            return
        try:
            choice = choose(**{name: self.cleaned_data[name] for name in RULES})
        except InvalidInput as error:
            self.add_error(error.field, as_sentence(str(error)))
            return
        possible = [self._possible(rule) for rule in choice.all_rules]
        if all(possible) and self._combine(choice):
            self.choice = choice
            self._try_out(choice)

    def _try_out(self, choice: Choice) -> None:
        """Try the bids in a made-up auction of the form's times, a day long if it has none."""
        written = self.cleaned_data.get("bids") if self._asking else None
        if not written:
            return
        now = timezone.now()
        starts_at = self.cleaned_data.get("starts_at")
        ends_at = self.cleaned_data.get("ends_at") or moved(starts_at or now, DAY)
        try:
            steps = read_steps(written)
            with pool().connection() as connection:
                known = bidders_named(connection, {step.who for step in steps})
            self.trial = try_out(choice, steps, now, ends_at, known, starts_at=starts_at)
        except InvalidInput as error:
            self.add_error(error.field, as_sentence(str(error)))

    def _possible(self, rule: Rule) -> bool:
        """Whether the rule can be chosen so; if not, say why in its section."""
        try:
            rule.check()
        except InvalidRule as error:
            [text] = [section.texts[0] for section in SECTIONS if section.rule is type(rule)]
            self.add_error(text.name, as_sentence(str(error)))
            return False
        return True

    def _combine(self, choice: Choice) -> bool:
        try:
            check(choice.all_rules)
        except InvalidRule as error:
            self.add_error(None, as_sentence(str(error)))
            return False
        return True

    def command(self) -> dict[str, Any]:
        """The valid form's values, as what creates an auction takes them."""
        assert self.choice, "the form is valid"
        own = ("title", "description", "starts_at", "ends_at")
        values = {name: self.cleaned_data[name] for name in own} | {"rules": self.choice.rules}
        if self.choice.reserve is None:
            return values
        with pool().connection() as connection:
            hidden = new_reserve(connection, self.choice.reserve.amount, self.reserve_of())
            return values | {"reserve": hidden}

    def reserve_of(self) -> UUID | None:
        """The auction that the reserve is for; None for a new one."""
        return None

    def meaning(self) -> list[str]:
        """What the choice means, in plain English; empty if it is not valid."""
        return list(sentences(self.choice.all_rules)) if self.choice else []

    def general(self) -> Iterator[BoundField]:
        """The fields that no rule has, and that are not for trying."""
        return (field for field in self if field.name not in (*RULES, "bids"))

    def sections(self) -> Iterator[ShownSection]:
        """The rules' sections, open if something is written in them."""
        return (self._shown(section) for section in SECTIONS)

    def _shown(self, section: Section) -> ShownSection:
        fields = [self[text.name] for text in section.texts]
        rules = self.choice.all_rules if self.choice else ()
        return ShownSection(
            section.title,
            section.purpose,
            fields,
            open=any(field.value() or field.errors for field in fields),
            says=" ".join(rule.sentence for rule in rules if isinstance(rule, section.rule)),
        )


def _field(text: Text) -> forms.Field:
    if text.choices:
        return forms.ChoiceField(
            label=text.label,
            required=False,
            choices=list(text.choices.items()),
            help_text=text.help,
        )
    size = 60 if text.longest > WIDE else 30
    return forms.CharField(
        label=text.label,
        required=False,
        max_length=text.longest,
        widget=forms.TextInput(attrs={"size": size}),
        help_text=text.help,
    )
