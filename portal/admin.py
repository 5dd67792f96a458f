"""Admin's pages for schedules. The portal's own can only get another interval."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django_celery_beat.admin import IntervalScheduleAdmin as LibraryIntervalAdmin
from django_celery_beat.admin import PeriodicTaskAdmin, PeriodicTaskForm
from django_celery_beat.models import IntervalSchedule, PeriodicTask

# The names of the portal's own schedules, from the migrations. The portal does not work without them.
OWN = frozenset(
    {
        "Announce winners",
        "Audit",
        "Checkpoints",
        "Notifications",
        "Promoter",
        "Pruning",
        "Second chances",
        "Sweep",
        "Watched auctions",
        "Witnesses",
    }
)


# In seconds. Beat would do nothing else with a shorter one, and can't reckon with the longest there may be.
SHORTEST, LONGEST = 1, 366 * 86_400


def check_interval(every: int, period: str) -> None:
    """ValidationError unless beat can keep to that interval."""
    if not SHORTEST <= every * timedelta(**{period: 1}).total_seconds() <= LONGEST:
        raise ValidationError("An interval lasts at least one second and at most 366 days.")


class IntervalForm(forms.ModelForm[IntervalSchedule]):
    """An interval that beat can keep to."""

    def clean(self) -> dict[str, Any]:
        """Both fields together say how long it lasts."""
        data = super().clean() or {}
        if {"every", "period"} <= data.keys():
            check_interval(data["every"], data["period"])
        return data


class WithInterval(forms.ModelForm[PeriodicTask]):
    """A schedule's form: intervals may be there that no form has checked."""

    def clean_interval(self) -> IntervalSchedule | None:
        """The interval, if there is one."""
        interval: IntervalSchedule | None = self.cleaned_data["interval"]
        if interval:
            check_interval(interval.every, interval.period)
        return interval


class ScheduleForm(WithInterval, PeriodicTaskForm):  # type: ignore[misc]  # the library has no types
    """The library's form."""


class OwnScheduleForm(WithInterval):
    """The form for one of the portal's own schedules: only the interval."""

    class Meta:
        """Form metadata."""

        model = PeriodicTask
        fields = ("interval", "enabled")


class ScheduleAdmin(PeriodicTaskAdmin):  # type: ignore[misc]  # the library has no types
    """The library's pages, restricted for the portal's own schedules."""

    form = ScheduleForm
    own_fields = ("name", "description", "interval", "enabled", "task", "queue", "last_run_at")

    def get_form(self, request: HttpRequest, obj: Any = None, **more: Any) -> Any:
        """The library's form asks for a task, which own schedules keep."""
        if _own(obj):
            more["form"] = OwnScheduleForm
        return super().get_form(request, obj, **more)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """What there is to see of an own schedule fits into one."""
        if _own(obj):
            return ((None, {"fields": self.own_fields}),)
        return super().get_fieldsets(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All but the interval; one that is stopped, as older portals allowed, can be started."""
        if not _own(obj):
            return super().get_readonly_fields(request, obj)
        editable = {"interval"} if obj.enabled else {"interval", "enabled"}
        return tuple(name for name in self.own_fields if name not in editable)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not for own schedules; Django asks this, too, before it deletes an interval with them."""
        return not _own(obj) and bool(super().has_delete_permission(request, obj))

    @admin.action(description="Disable selected tasks")
    def disable_tasks(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        """Only schedules that are not the portal's own."""
        super().disable_tasks(request, self._others(request, queryset))

    @admin.action(description="Toggle activity of selected tasks")
    def toggle_tasks(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        """Only schedules that are not the portal's own."""
        super().toggle_tasks(request, self._others(request, queryset))

    def _others(
        self, request: HttpRequest, chosen: QuerySet[PeriodicTask]
    ) -> QuerySet[PeriodicTask]:
        own = sorted(chosen.filter(name__in=OWN).values_list("name", flat=True))
        if own:
            text = f"The portal needs {', '.join(own)}: give them another interval instead."
            self.message_user(request, text, messages.WARNING)
        return chosen.exclude(name__in=OWN)


def _own(schedule: PeriodicTask | None) -> bool:
    return schedule is not None and schedule.name in OWN


class IntervalAdmin(LibraryIntervalAdmin):  # type: ignore[misc]  # the library has no types
    """The library's pages, for intervals that beat can keep to."""

    form = IntervalForm


admin.site.unregister(IntervalSchedule)
admin.site.register(IntervalSchedule, IntervalAdmin)
admin.site.unregister(PeriodicTask)
admin.site.register(PeriodicTask, ScheduleAdmin)
