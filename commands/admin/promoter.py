"""The promoter: its policies, the chances they give now, and statistics of past draws."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html

from commands.admin.bidders import labels
from commands.admin.policy_form import OFFERED, PolicyForm
from commands.admin.read_only import ReadOnly
from commands.admin.submitting import Refused, caller, carry_out, not_yet
from commands.domain.policies import Policies
from commands.domain.promoter import Policy
from commands.domain.rules.table import own_promoter
from commands.inbox.requests import change_policy, withdraw_policy
from commands.jobs import Job, JobStatus
from commands.models import Auction, PromoterPolicy, PromoterTick
from commands.postgres.connections import SyncConnection
from commands.postgres.policies import policy_versions, read_policies
from commands.postgres.ticks import policies_of_next
from commands.promoter import statistics as charts
from commands.promoter.rounds import chances
from commands.record.codec import decode_rules
from commands.wiring import pool

VERSIONS = 20
TICKS = 10


def _preview(
    connection: SyncConnection, auction: Auction | None, policy: Policy
) -> list[dict[str, Any]]:
    """The rows of a preview: bids with their bidders' names and chances."""
    if auction is None:
        return []
    found = chances(connection, auction.pk, policy)
    names = labels([chance.bid.bidder_id for chance in found])
    return [{"chance": chance, "bidder": names[chance.bid.bidder_id]} for chance in found]


def _in_next_tick(connection: SyncConnection, auction: Auction, version: int) -> bool:
    """Whether the next tick draws by that version, and is not committed to an older one."""
    committed = policies_of_next(connection)
    if committed is None:
        return True
    return policy_versions(connection, committed, [auction.pk])[auction.pk] == version


def _own_policies(policies: Policies) -> list[tuple[Auction, int, Policy]]:
    """The open auctions with a policy of their own, its version and the policy; the first to end first."""
    own = [scope for scope in policies.in_force if scope]
    auctions = Auction.objects.filter(pk__in=own, closed=False).order_by("ends_at")
    return [(auction, *policies.in_force[auction.pk]) for auction in auctions[:OFFERED]]


def _statistics(connection: SyncConnection) -> dict[str, Any]:
    return {
        "hourly": charts.hourly(connection, timezone.now()),
        "by_chance": charts.by_chance(connection),
        "by_policy": charts.by_policy(connection),
        "luckiest": _lucky(charts.luckiest(connection)),
    }


def _lucky(found: Sequence[tuple[UUID, int]]) -> list[tuple[str, int]]:
    names = labels([bidder_id for bidder_id, _ in found])
    return [(names[bidder_id], draws) for bidder_id, draws in found]


@admin.register(PromoterPolicy)
class PromoterPolicyAdmin(ReadOnly, admin.ModelAdmin[PromoterPolicy]):
    """The dashboard, and the form that submits ChangePolicy."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(getattr(request.user, "is_staff", False))

    def get_urls(self) -> list[URLPattern]:
        """The usual URLs, and one that withdraws a policy."""
        withdraw = self.admin_site.admin_view(self.withdraw_view)
        return [
            path("withdraw/", withdraw, name="commands_promoterpolicy_withdraw"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """The dashboard: policies in force, an auction's chances, and statistics of past draws."""
        chosen = _auction(request.GET.get("auction"))
        with pool().connection() as connection:
            policies = read_policies(connection)
            version, policy = policies.of(chosen.pk if chosen else None)
            fixed = own_promoter(decode_rules(chosen.rules or {})) if chosen else None
            context = {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": "Promoter",
                "portal_wide": policies.of(None),
                "own": _own_policies(policies),
                "auctions": _offered(chosen),
                "chosen": chosen,
                "version": version,
                "policy": fixed.policy if fixed else policy,
                "fixed": fixed,
                "in_next_tick": fixed or not chosen or _in_next_tick(connection, chosen, version),
                "preview": []
                if fixed and fixed.off
                else _preview(connection, chosen, fixed.policy if fixed else policy),
                **_statistics(connection),
                "versions": PromoterPolicy.objects.select_related("auction").order_by("-version")[
                    :VERSIONS
                ],
                "ticks": PromoterTick.objects.order_by("-number")[:TICKS],
            }
        return TemplateResponse(request, "admin/commands/promoter.html", context)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form, which previews its options or submits them as ChangePolicy."""
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
        """Submit WithdrawPolicy for an auction's policy, or for the portal's."""
        scope = _auction(request.POST.get("auction"))
        if scope is None:
            return HttpResponseRedirect(_dashboard())
        return self._submitted(
            request, lambda: withdraw_policy(caller(request), auction_id=scope.pk)
        )

    def _submitted(self, request: HttpRequest, submission: Any) -> HttpResponse:
        try:
            self._show_outcome(request, carry_out(submission))
        except Refused as refused:
            self.message_user(request, str(refused), messages.ERROR)
        return HttpResponseRedirect(_dashboard())

    def _show_outcome(self, request: HttpRequest, job: Job) -> None:
        if job.status is JobStatus.QUEUED:
            self.message_user(request, not_yet(job), messages.WARNING)
        else:
            text = format_html(
                "Policy {} is in force from the tick after the next one on.", job.version
            )
            self.message_user(request, text, messages.SUCCESS)


def _offered(chosen: Auction | None) -> list[Auction]:
    """The auctions that end next, and the chosen one."""
    soonest = list(Auction.objects.filter(closed=False).order_by("ends_at")[:OFFERED])
    return soonest if chosen is None or chosen in soonest else [chosen, *soonest]


def _dashboard() -> str:
    return reverse("admin:commands_promoterpolicy_changelist")


def _auction(text: str | None) -> Auction | None:
    """The auction of that id, or None."""
    try:
        return Auction.objects.filter(pk=UUID(text)).first() if text else None
    except ValueError:
        return None
