"""Admin's pages for schedules. The portal's own can only get another interval."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django_celery_beat.admin import PeriodicTaskAdmin
from django_celery_beat.models import PeriodicTask

# The names of the portal's own schedules, from the migrations. The portal does not work without them.
OWN = frozenset({"Announce winners", "Promoter", "Sweep", "Notifications", "Audit"})


class OwnScheduleForm(forms.ModelForm[PeriodicTask]):
    """The form for one of the portal's own schedules: only the interval."""

    class Meta:
        """Form metadata."""

        model = PeriodicTask
        fields = ("interval", "enabled")


class ScheduleAdmin(PeriodicTaskAdmin):  # type: ignore[misc]  # the library has no types
    """The library's pages, restricted for the portal's own schedules."""

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


admin.site.unregister(PeriodicTask)
admin.site.register(PeriodicTask, ScheduleAdmin)
