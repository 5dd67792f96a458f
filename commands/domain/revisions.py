"""What a revision changes of an auction."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from commands.domain.rules.rule import Rule


@dataclass(frozen=True, slots=True)
class Revision:
    """Those of an auction's details that a revision changes, as they were or as they are to be; None of others.

    An empty tuple of rules is the plain ones alone.
    """

    title: str | None = None
    description: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    rules: tuple[Rule, ...] | None = None

    @property
    def given(self) -> Mapping[str, Any]:
        """What it has, by the names of the auction's fields."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def of_times(self) -> bool:
        """Whether it has the auction's start or end."""
        return self.starts_at is not None or self.ends_at is not None
