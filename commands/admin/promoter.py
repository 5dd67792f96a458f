"""The promoter: what is in force, what that means now, and what past draws gave."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html

from commands.admin.read_only import ReadOnly
from commands.admin.submitting import Refused, caller, carry_out, not_yet
from commands.domain.promoter import LIMITS, Policy
from commands.inbox.requests import change_policy, withdraw_policy
from commands.jobs import Job, JobStatus
from commands.models import Auction, PromoterPolicy, PromoterTick, User
from commands.postgres.connections import SyncConnection
from commands.postgres.policies import read_policies
from commands.promoter import statistics as charts
from commands.promoter.labels import EXCLUSION_LABELS, LIMIT_LABELS, WEIGHT_LABELS
from commands.promoter.rounds import chances
from commands.wiring import pool

VERSIONS = 20
TICKS = 10


class PolicyForm(forms.Form):
    """The options of a policy."""

    auction = forms.ModelChoiceField(
        Auction.objects.filter(closed=False).order_by("ends_at"),
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
    preview_auction = forms.ModelChoiceField(
        Auction.objects.filter(closed=False).order_by("ends_at"),
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

    def policy(self) -> Policy:
        """The options that were chosen."""
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
        """The form's values for a policy."""
        limits = dict(term.split(":") for term in policy.limit)
        return {
            "chance": policy.chance,
            "weight": policy.weight,
            "exclude": policy.exclude,
            **{f"limit_{name}": limits.get(name) for name in LIMITS},
        }


def _preview(
    connection: SyncConnection, auction: Auction | None, policy: Policy
) -> list[dict[str, Any]]:
    """The rows of a preview: bids with their bidders' names and chances."""
    if auction is None:
        return []
    found = chances(connection, auction.pk, policy)
    names = User.objects.in_bulk([chance.bid.bidder_id for chance in found])
    return [{"chance": chance, "bidder": names[chance.bid.bidder_id]} for chance in found]


def _lucky(found: Sequence[tuple[UUID, int]]) -> list[tuple[User, int]]:
    names = User.objects.in_bulk([bidder_id for bidder_id, _ in found])
    return [(names[bidder_id], draws) for bidder_id, draws in found]


@admin.register(PromoterPolicy)
class PromoterPolicyAdmin(ReadOnly, admin.ModelAdmin[PromoterPolicy]):
    """The dashboard, and the form that submits ChangePolicy."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(getattr(request.user, "is_staff", False))

    def get_urls(self) -> list[URLPattern]:
        """Beside the usual ones, where a policy is withdrawn."""
        withdraw = self.admin_site.admin_view(self.withdraw_view)
        return [
            path("withdraw/", withdraw, name="commands_promoterpolicy_withdraw"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """What is in force, what it means for an auction, and what came of it so far."""
        open_auctions = Auction.objects.filter(closed=False).order_by("ends_at")
        chosen = _auction(request.GET.get("auction"))
        with pool().connection() as connection:
            policies = read_policies(connection)
            version, policy = policies.of(chosen.pk if chosen else None)
            context = {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": "Promoter",
                "portal_wide": policies.of(None),
                "own": [
                    (auction, *policies.in_force[auction.pk])
                    for auction in Auction.objects.filter(
                        pk__in=[scope for scope in policies.in_force if scope]
                    )
                ],
                "auctions": open_auctions[:100],
                "chosen": chosen,
                "version": version,
                "policy": policy,
                "preview": _preview(connection, chosen, policy),
                "hourly": charts.hourly(connection, timezone.now()),
                "by_chance": charts.by_chance(connection),
                "by_policy": charts.by_policy(connection),
                "luckiest": _lucky(charts.luckiest(connection)),
                "versions": PromoterPolicy.objects.select_related("auction").order_by("-version")[
                    :VERSIONS
                ],
                "ticks": PromoterTick.objects.order_by("-number")[:TICKS],
            }
        return TemplateResponse(request, "admin/commands/promoter.html", context)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form: preview its options, or submit them as ChangePolicy."""
        preview: list[dict[str, Any]] = []
        with pool().connection() as connection:
            scope = _auction(request.GET.get("auction"))
            _, current = read_policies(connection).of(scope.pk if scope else None)
            shown = {**PolicyForm.showing(current), "auction": scope}
            form = PolicyForm(request.POST or None, initial=shown)
            if request.method == "POST" and form.is_valid():
                if "preview" not in request.POST:
                    return self._changed(request, form)
                preview = _preview(connection, form.cleaned_data["preview_auction"], form.policy())
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Change the promoter's policy",
            "form": form,
            "preview": preview,
        }
        return TemplateResponse(request, "admin/commands/change_policy.html", context)

    def _changed(self, request: HttpRequest, form: PolicyForm) -> HttpResponse:
        policy, scope = form.policy(), form.cleaned_data["auction"]
        return self._submitted(
            request,
            lambda: change_policy(
                caller(request),
                auction_id=scope.pk if scope else None,
                chance=policy.chance,
                weight=policy.weight,
                exclude=policy.exclude,
                limit=policy.limit,
            ),
        )

    def withdraw_view(self, request: HttpRequest) -> HttpResponse:
        """An auction's own policy is no more; its auction follows the portal's."""
        scope = _auction(request.POST.get("auction"))
        if scope is None:
            return HttpResponseRedirect(_dashboard())
        return self._submitted(
            request, lambda: withdraw_policy(caller(request), auction_id=scope.pk)
        )

    def _submitted(self, request: HttpRequest, submission: Any) -> HttpResponse:
        try:
            self._tell(request, carry_out(submission))
        except Refused as refused:
            self.message_user(request, str(refused), messages.ERROR)
        return HttpResponseRedirect(_dashboard())

    def _tell(self, request: HttpRequest, job: Job) -> None:
        if job.status is JobStatus.QUEUED:
            self.message_user(request, not_yet(job), messages.WARNING)
        else:
            text = format_html("Policy {} is in force from the next tick on.", job.version)
            self.message_user(request, text, messages.SUCCESS)


def _dashboard() -> str:
    return reverse("admin:commands_promoterpolicy_changelist")


def _auction(text: str | None) -> Auction | None:
    """The auction of that id, if it is one."""
    try:
        return Auction.objects.filter(pk=UUID(text)).first() if text else None
    except ValueError:
        return None


@admin.register(PromoterTick)
class PromoterTickAdmin(ReadOnly, admin.ModelAdmin[PromoterTick]):
    """The promoter's rounds; a secret shows once it is revealed."""

    list_display = ("number", "committed_at", "made_at", "draws", "revealed_at")
    ordering = ("-number",)
    fields = (
        "number",
        "stream_id",
        "commitment",
        "committed_at",
        "made_at",
        "draws",
        "revealed_secret",
        "revealed_at",
    )
    readonly_fields = ("revealed_secret",)

    @admin.display(description="secret")
    def revealed_secret(self, tick: PromoterTick) -> str:
        """In hex."""
        return tick.secret if tick.revealed_at else "not revealed yet"
