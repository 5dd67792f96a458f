"""Values that are no amount, time, id and so on, for the tables of bad input."""

import base64
import json
from typing import Any

NOWHERE = "01890a5d-ac96-774b-bcce-b302099a8057"
LATER = "2099-01-01T00:00:00Z"
AMOUNTS: list[Any] = ["0", "0.00", "-0.00", "-1.00", "+1.00", "1.001", "1e3", "1E-2", "1e999999999", "NaN", "sNaN",
           "Infinity", "-Infinity", "1,000.00", "1.000,00", "1_000.00", "0x10", "", " 1.00", "1.00\n",
           "1.00\x00", "10000000000.00", "9" * 10_000, "٣.00", "１.００", "1.", ".5", "1.0.0", "\ud800", 12, 1.5,
           float("nan"), float("inf"), True, None, [["1.00"]], {"amount": "1.00"}]  # fmt: skip
TIMES: list[Any] = ["tomorrow", "2099-01-01", "2099-01-01T00:00:00", "", 0, None, "9999-99-99T00:00:00Z",
         "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:59", "2099-01-01T00:00:00+99:00",
         "２０９９-01-01T00:00:00Z", "2099-01-01T00:00:00Z" * 1000, "\x00", [], {}, True,
         "2099-01-01T00:00:00Z\x00garbage", "2099-01-01X00:00:00Z", "2099-01-01 00:00:00Z", "2099-01-01t00:00:00z",
         "2099-01-01T00:00Z", "2099-01-01T00:00:00.Z", "2099-01-01T00:00:00,5Z", "2099-01-01T00:00:00+0000",
         "20990101T000000Z", "2099-W01-1T00:00:00Z", "2099-01-01T24:00:00Z", "2099-01-01T00:00:60Z",
         "2099-01-01T00:00:00Z\n", " 2099-01-01T00:00:00Z", "2099-02-29T00:00:00Z"]  # fmt: skip
IDS: list[Any] = ["", "x", "0" * 31, "g" * 32, "\x00", "\ud800", "٣" * 32, 7, -1, 1.5, True, [], {}]
TITLES: list[Any] = ["", "   ", "x" * 201, "a\x00b", "a\nb", "a\x7fb", "a\u2028b", "\u202egnp", "a\u2066b",
          "a\u061cb", "\u200b", "\u200b\ufeff", "\ud800", "\ufdd0", "\ue000", None, 7, [], {}]  # fmt: skip
REASONS: list[Any] = [title if title != "x" * 201 else "x" * 501 for title in TITLES]
NAMES: list[Any] = ["", "ab", "x" * 31, "-dash", "a b c", "naïve", "a\x00b", "аlice", "alice\u202e", "alice\n",
         "ali\u200bce", "\ud800lice", "٣٣٣", "ａｌｉｃｅ", None, 7, [], {}]  # fmt: skip
PASSWORDS: list[Any] = ["", "short", "12345678901", "password", "mallory1", "x" * 201, "\ud800abcdefgh", "a\tb\tc\td\te", None,
             7, []]  # fmt: skip
EMAILS: list[Any] = ["x", "a@", "@b.org", f"{'x' * 250}@b.org", "a\n@b.org", "a\x00@b.org", "a@b.org\nBcc: c@d.org",
          "a\u202e@b.org", "\ud800@b.org", '"\x1e\x1cM"@[::1]', '"a b"@b.org', "a@[127.0.0.1]", "a@1.2.3.4",
          "a@localhost", "a@b.local", "ä@b.org", "A <a@b.org>", "a..b@b.org", " a@b.org", 7, [], {}]  # fmt: skip
NOT_TEXT: list[Any] = [None, 7, [], {}]
NOT_IDS: list[Any] = ["", "x", "\x00", "\ud800", 1.5, [[]], {}, None]
NO_BOOLEANS: list[Any] = [None, "true", "", 1, [], {}]
NO_CHOICES: list[Any] = [None, [{}], [{"kind": "X"}], 7]
KEYS: list[Any] = ["", "a b", "k" * 201, "schlüssel", "\x00", "a\n", "\ud800", 7, [], {}]
NONCES: list[Any] = [
    "",
    "a b",
    "n" * 65,
    "schlüssel",
    "\x00",
    "a\n",
    "\ud800",
    7,
    1.5,
    True,
    [],
    {},
]
DESCRIPTIONS: list[Any] = ["x" * 5001, "a\x00b", "\ud800", "a\u202eb", 7]


def cursor(*parts: object) -> str:
    """A cursor as the portal writes them, with other content."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


NO_CURSORS = [
    "", "x", "é", "\ud800", "WyJ4Il0=", "%", cursor(), cursor("x", NOWHERE), cursor(LATER, "x"),
    cursor(LATER, NOWHERE, ""), cursor("0001-01-01T00:00:00+23:59", NOWHERE), cursor(LATER[:-1], NOWHERE),
    cursor("2099-01-01X00:00:00+00:00", NOWHERE), cursor("2099-01-01 00:00:00+00:00\x00garbage", NOWHERE),
    cursor("20990101T000000+0000", NOWHERE), cursor("2099-01-01 00:00:00+00:00", NOWHERE.upper()),
    cursor("2099-01-01 00:00:00+00:00", f"urn:uuid:{NOWHERE}"), cursor("2099-01-01 00:00:00+00:00", NOWHERE) + "!",
    f" {cursor('2099-01-01 00:00:00+00:00', NOWHERE)}", cursor({}, []), base64.urlsafe_b64encode(b"[" * 60_000).decode(),
    *(cursor(amount, "1") for amount in ("NaN", "Infinity", "1e999999999", "-1", "٣.00", "9" * 50)),
    *(cursor("1.00", version) for version in ("-1", "9" * 30, "9" * 5000, "1.5", "٣")),
]  # fmt: skip
NO_PAGE_SIZES: list[Any] = [-1, 0, 101, 2**31, 1.5, "x", True, [], {}]
NO_VERSIONS: list[Any] = [2**31, -(2**31) - 1, 1.5, "1", [], {}]
NO_WAITS: list[Any] = [-1, 31, 10**400, float("nan"), float("inf"), "1", [], {}]
NO_SEARCHES: list[Any] = ["x" * 201, "a\x00b", "\ud800", "\u202e", "a\nb", 7, []]
NO_STATUSES: list[Any] = ["GONE", "open", 7, []]
NO_ORDERS: list[Any] = ["OLDEST", "ending_soonest", 7, []]
NO_STANDINGS: list[Any] = ["OPEN", "leading", "", None, 7, [], {}]
NO_RULES: list[Any] = ["GONE", "soft_close", "", 7, [], {}]
