"""Each row of `make bench`, run once on little: what it measures works, and is compared with what it says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import ROWS
from benchmarks.harness import figure_of
from benchmarks.report import table
from tests.servers import PROCESS, ROOT, world


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_measured(row: str, tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    with world(f"{PROCESS}_bench_{row}") as whereabouts:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.row", row, str(result), "--quick"],
            cwd=ROOT,
            env={**os.environ, **whereabouts},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    content = json.loads(result.read_text())
    figures = [figure_of(each) for each in content["figures"]]
    assert figures
    for figure in figures:
        assert figure.measured.median > 0, figure
        assert figure.reference is None or figure.reference.median > 0, figure
    assert table(figures).row_count == len(figures)
    (tmp_path / "results.json").write_text(json.dumps({"rows": [content]}))
    charts = [
        sys.executable,
        "-W",
        "error",
        "-W",
        "ignore::ImportWarning",
        "-m",
        "benchmarks.charts",
    ]
    subprocess.run([*charts, str(tmp_path)], cwd=ROOT, check=True)
    for chart in tmp_path.glob("*.svg"):
        assert not re.search(r"src=|href=|url\(|@import", chart.read_text()), "fetches something"
