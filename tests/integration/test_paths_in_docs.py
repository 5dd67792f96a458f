"""Each file, folder and test that the documentation names exists."""

import re
from pathlib import Path

import pytest

from tests.servers import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FOLDERS = ("commands", "projections", "notifications", "portal", "tests", "benchmarks", "docs")
SUFFIXES = "py|js|mjs|css|html|md|toml|yaml|graphql"
QUOTED = re.compile(r"`([\w.-]+(?:/[\w.-]+)*/?)`")
# `tests/….py`, with `::test_…` behind it or not, in backticks or in a block.
TEST = re.compile(r"\b(tests/[\w/]+\.py)(?:::(\w+))?")


def paths_in(page: Path) -> set[str]:
    """What stands in backticks and looks like a file or folder of this project."""
    quoted = QUOTED.findall(page.read_text())
    return {
        text
        for text in quoted
        if text.endswith("/")
        or text.partition("/")[0] in FOLDERS
        or re.fullmatch(rf"[\w/-]+\.(?:{SUFFIXES})", text)
    }


def exists(path: str, page: Path) -> bool:
    """Whether it exists from the root, beside the page, or as the end of a path in a folder of ours."""
    if (ROOT / path).exists() or (page.parent / path).exists():
        return True
    return any(found for folder in FOLDERS for found in (ROOT / folder).rglob(path.rstrip("/")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_names_exists(page: Path) -> None:
    missing = {path for path in paths_in(page) if not exists(path, page)}
    for path, function in TEST.findall(page.read_text()):
        source = ROOT / path
        if not source.exists() or (function and f"def {function}(" not in source.read_text()):
            missing.add(f"{path}::{function}")
    assert missing == set()


def test_a_path_that_is_missing_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("`commands/nothing.py`, `commands/domain/`, `application/json`, `nothing.py`\n")
    named = paths_in(page)
    assert named == {"commands/nothing.py", "commands/domain/", "nothing.py"}
    assert [path for path in sorted(named) if not exists(path, page)] == [
        "commands/nothing.py",
        "nothing.py",
    ]
