"""Pages that only show rows, and lists that stay fast while their tables grow."""

from functools import cached_property
from typing import Any, TypeVar

from django.contrib.admin import ModelAdmin, ShowFacets
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest

Row = TypeVar("Row", bound=Model)


class ReadOnly:
    """Forbids adding, changing and deleting rows."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class BoundedPaginator(Paginator[Any]):
    """Counts and shows at most MOST rows; others are found by filters and searches."""

    MOST = 10_000

    @cached_property
    def count(self) -> int:
        """The number of rows, or MOST."""
        assert isinstance(self.object_list, QuerySet)
        return self.object_list.order_by()[: self.MOST].count()

    @property
    def truncated(self) -> bool:
        """Whether there may be more than MOST rows."""
        return self.count == self.MOST


class ReadOnlyList(ReadOnly, ModelAdmin[Row]):
    """A list of fifty rows a page, which can be sorted and filtered only where an index serves it."""

    paginator = BoundedPaginator
    list_per_page = 50
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    sortable_by = ()

    class Media:
        """Styles besides Django's own."""

        css = {"all": ("commands/admin.css",)}  # noqa: RUF012 (Django's own declaration)
