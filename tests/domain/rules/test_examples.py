"""The examples of docs/rules.md, line by line, tried as admin's form tries lines: what becomes of each is as written."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from commands.domain.rules.increments import HOUSE_TABLE
from commands.inbox.chosen_rules import RULES, choose
from commands.inbox.trial_lines import read_steps
from commands.inbox.trying import Became, try_out
from tests.domain.scenario import ALICE, BOB, CAST, CLOSING, OPENING
from tests.servers import ROOT

TEXT = (ROOT / "docs/rules.md").read_text()
# What is done, when, and what becomes of it.
LINE = re.compile(r"\| ((?:alice|bob|carol|dora|the house) .+?|the end) \| (.+?) \|")
PEOPLE = {"alice": CAST[ALICE], "bob": CAST[BOB]}


@dataclass(frozen=True, slots=True)
class Example:
    """Options of `create_auction`, and lines with what is done and what becomes of it."""

    options: str
    lines: tuple[tuple[str, str], ...]


def examples() -> Iterator[Example]:
    """Each table of lines, with the options that the line before it names."""
    options, lines = "", list[tuple[str, str]]()
    for line in [*TEXT.splitlines(), ""]:
        if named := re.fullmatch(r"With `(.*)`(?:, .*)?:", line):
            options = named[1]
        if found := LINE.fullmatch(line):
            lines.append((found[1], found[2]))
        elif lines:
            yield Example(options, tuple(lines))
            options, lines = "", []


EXAMPLES = list(examples())


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.options or "plain")
def test_what_the_document_says(example: Example) -> None:
    words = shlex.split(example.options)
    options = {words[at][2:].replace("-", "_"): words[at + 1] for at in range(0, len(words), 2)}
    steps = read_steps("\n".join(done for done, _ in example.lines if done != "the end"))
    became = try_out(choose(**options), steps, OPENING, CLOSING, PEOPLE)
    told = [(each.text, written(each)) for each in became]
    # Not each example says how it ends.
    assert told[: len(example.lines)] == list(example.lines)


def written(became: Became) -> str:
    """As the document writes it: a rejection by its code."""
    return f"`{became.told}`" if became.rejection else became.told


def test_each_rule_has_an_example_and_the_table_is_the_houses() -> None:
    assert {
        name
        for name in RULES
        if any(f"--{name.replace('_', '-')} " in each.options for each in EXAMPLES)
    } == set(RULES)
    for bracket in HOUSE_TABLE:
        assert f"| {bracket.start:,} | {bracket.step:,} |" in TEXT
