"""Soft close: a bid shortly before the end moves the end."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from commands.domain.pauses import moved
from commands.domain.rejections import readable
from commands.domain.rules.rule import InvalidRule, Rule
from commands.domain.rules.spans import in_words

LONGEST = 24 * 60 * 60
MOST_TIMES = 1000


@dataclass(frozen=True, slots=True)
class SoftClose(Rule):
    """A bid in the last `window` seconds moves the end by `extension` seconds, so many times or up to a hard end.

    What decides is when the bid was accepted. One that is rejected moves nothing.
    """

    window: int
    extension: int
    times: int | None = None
    hard_end: datetime | None = None

    @property
    def sentence(self) -> str:
        most = f", {self.times:,} times at most" if self.times else ""
        until = f", until {readable(self.hard_end)} at the latest" if self.hard_end else ""
        return (
            f"A bid in the last {in_words(self.window)} moves the end by {in_words(self.extension)}"
            f"{most}{until}."
        )

    def check(self) -> None:
        for what, seconds in (("window", self.window), ("extension", self.extension)):
            if not 1 <= seconds <= LONGEST:
                raise InvalidRule(
                    f"the {what} of a soft close is 1 to {LONGEST} seconds, not {seconds}"
                )
        if self.times is None and self.hard_end is None:
            raise InvalidRule(
                "a soft close moves the end so many times at most, or up to a hard end"
            )
        if self.times is not None and not 1 <= self.times <= MOST_TIMES:
            raise InvalidRule(
                f"a soft close moves the end 1 to {MOST_TIMES:,} times, not {self.times}"
            )

    def unfit(self, ends_at: datetime) -> str | None:
        if self.hard_end is None or self.hard_end > ends_at:
            return None
        return f"its hard end would be at {readable(self.hard_end)}, and its end at {readable(ends_at)}"

    def moved_end(self, ends_at: datetime, extensions: int, now: datetime) -> datetime | None:
        if now < ends_at - timedelta(seconds=self.window):
            return None
        if self.times is not None and extensions >= self.times:
            return None
        end = moved(ends_at, timedelta(seconds=self.extension))
        if self.hard_end is not None:
            end = min(end, self.hard_end)
        return end if end > ends_at else None

    def later(self, by: timedelta) -> "SoftClose":
        return replace(self, hard_end=moved(self.hard_end, by)) if self.hard_end else self
