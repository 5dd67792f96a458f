"""The domain imports the standard library alone. (The other import rules are contracts in pyproject.toml.)"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands import domain

FOLDER = Path(domain.__file__).parent


def imported(source: str) -> Iterator[str]:
    """The absolute names of the modules that the source imports."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=str(module)):
                yield module


@pytest.mark.parametrize("module", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_the_domain_imports_the_standard_library_alone(module: Path) -> None:
    foreign = [
        name
        for name in imported(module.read_text())
        if not name.startswith("commands.domain")
        and name.partition(".")[0] not in sys.stdlib_module_names
    ]
    assert foreign == []


def test_imports_of_other_packages_are_seen() -> None:
    source = (
        "import argon2.low_level\nfrom commands import wake\ndef f():\n    from celery import a\n"
    )
    assert list(imported(source)) == ["argon2.low_level", "commands", "celery"]
