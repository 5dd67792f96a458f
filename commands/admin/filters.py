"""Filters whose choices are fixed in code, so that no table is read for them."""

from collections.abc import Iterable
from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest


def one_of(column: str, label: str, values: Iterable[str]) -> type[SimpleListFilter]:
    """A filter class for rows with one of the values in the column."""
    choices = [(value, value) for value in sorted(values)]

    class OneOf(SimpleListFilter):
        title = label
        parameter_name = column

        def lookups(
            self, request: HttpRequest, model_admin: ModelAdmin[Any]
        ) -> list[tuple[str, str]]:
            return choices

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            return queryset.filter(**{column: self.value()}) if self.value() else queryset

    return OneOf
