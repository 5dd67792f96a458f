"""Pages that show rows and write none, and lists that stay quick while their tables grow."""

from functools import cached_property
from typing import Any, TypeVar

from django.contrib.admin import ModelAdmin, ShowFacets
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest

Row = TypeVar("Row", bound=Model)


class ReadOnly:
    """Nothing is added, changed or deleted by writing rows."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class BoundedPaginator(Paginator[Any]):
    """Counts, and pages through, so many rows at most: filters and searches lead to the others."""

    MOST = 10_000

    @cached_property
    def count(self) -> int:
        """The number of rows, or MOST."""
        assert isinstance(self.object_list, QuerySet)
        return self.object_list.order_by()[: self.MOST].count()

    @property
    def truncated(self) -> bool:
        """Whether there may be more rows than are counted."""
        return self.count == self.MOST


class ReadOnlyList(ReadOnly, ModelAdmin[Row]):
    """A list of fifty rows a page. Its orders and filters are those that an index serves."""

    paginator = BoundedPaginator
    list_per_page = 50
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    sortable_by = ()

    class Media:
        """Beside what the library loads."""

        css = {"all": ("commands/admin.css",)}  # noqa: RUF012 (Django's own declaration)
