"""What people read when a command is refused."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from commands.domain.rejections import Rejection, RejectionCode, readable

LATE = datetime(2025, 3, 1, 15, 33, 19, 707901, tzinfo=UTC)


@pytest.mark.parametrize(
    "moment",
    [LATE, LATE.astimezone(timezone(timedelta(hours=9))), LATE.replace(microsecond=0)],
    ids=["with a fraction", "of another zone", "whole"],
)
def test_a_moment_is_named_in_utc_to_the_second(moment: datetime) -> None:
    assert readable(moment) == "2025-03-01 15:33:19 UTC"


def test_a_message_becomes_a_sentence() -> None:
    rejection = Rejection(RejectionCode.USERNAME_TAKEN, "this username is taken")
    assert rejection.sentence == "This username is taken."
