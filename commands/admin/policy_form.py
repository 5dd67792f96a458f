"""The form for a policy's options."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.forms.models import ModelChoiceIterator

from commands.domain.promoter import LIMITS, Policy
from commands.models import Auction
from commands.promoter.labels import EXCLUSION_LABELS, LIMIT_LABELS, WEIGHT_LABELS

# How many auctions the list offers. The form for others is linked from their own pages.
OFFERED = 100


class SoonestToEnd(ModelChoiceIterator[Auction]):
    """Choices: the auction chosen already, and the OFFERED auctions that end next."""

    def __iter__(self) -> Iterator[Any]:
        """Values with their labels."""
        if self.field.empty_label is not None:
            yield "", self.field.empty_label
        offered = list(self.queryset[:OFFERED])
        assert isinstance(self.field, OpenAuctionField)
        chosen = self.field.chosen
        for auction in offered if chosen is None or chosen in offered else [chosen, *offered]:
            yield self.choice(auction)


class OpenAuctionField(forms.ModelChoiceField[Auction]):
    """A choice of any auction that is not closed; the list offers only some of them."""

    iterator = SoonestToEnd
    chosen: Auction | None = None

    def __init__(self, **more: Any) -> None:
        super().__init__(Auction.objects.filter(closed=False).order_by("ends_at"), **more)


class PolicyForm(forms.Form):
    """The options of a policy."""

    auction = OpenAuctionField(
        required=False,
        empty_label="All auctions without a policy of their own",
        help_text="A policy of an auction's own takes the place of the portal's.",
    )
    chance = forms.DecimalField(
        min_value=0,
        max_value=100,
        decimal_places=2,
        help_text="Per cent: of a draw at all, in each auction and tick.",
    )
    weight = forms.MultipleChoiceField(
        choices=list(WEIGHT_LABELS.items()),
        widget=forms.CheckboxSelectMultiple,
        help_text="How likely each bid is drawn. Several are multiplied.",
    )
    exclude = forms.MultipleChoiceField(
        choices=list(EXCLUSION_LABELS.items()),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="What is never drawn.",
    )
    preview_auction = OpenAuctionField(
        required=False,
        label="Preview with",
        help_text="Shows each bid's chance in that auction by these options.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label in LIMIT_LABELS.items():
            self.fields[f"limit_{name}"] = forms.IntegerField(
                required=False,
                min_value=0,
                max_value=999_999,
                label=f"At most: {label}",
                help_text="Left empty: any number.",
            )
        self.order_fields([*(name for name in self.fields if name != "preview_auction")])
        for field in self.fields.values():
            if isinstance(field, OpenAuctionField):
                field.chosen = self.initial.get("auction")

    def policy(self) -> Policy:
        """The policy with the chosen options."""
        chosen = self.cleaned_data
        limits = {name: chosen[f"limit_{name}"] for name in LIMITS}
        return Policy(
            chosen["chance"],
            tuple(chosen["weight"]),
            tuple(chosen["exclude"]),
            tuple(f"{name}:{most}" for name, most in limits.items() if most is not None),
        )

    @staticmethod
    def showing(policy: Policy) -> dict[str, Any]:
        """The form's initial values for a policy."""
        limits = dict(term.split(":") for term in policy.limit)
        return {
            "chance": policy.chance,
            "weight": policy.weight,
            "exclude": policy.exclude,
            **{f"limit_{name}": limits.get(name) for name in LIMITS},
        }
