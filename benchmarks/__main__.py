"""`make bench`: every row beside its reference, in one table, as JSON, and as charts."""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.harness import Figure, figure_of
from benchmarks.report import markdown, table

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
ROWS = tuple(
    sorted(path.stem for path in (HERE / "rows").glob("*.py") if not path.stem.startswith("_"))
)
# A row that takes longer than this is ended, in seconds.
LONGEST = 900
# The table's width where it is not shown on a terminal.
WIDE = 170


def main() -> int:
    """Measure the rows; 1 if one could not be measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="rows to measure, parted by commas")
    parser.add_argument("--quick", action="store_true", help="little of each")
    parser.add_argument("--out", type=Path, help="a folder for results.json and the charts")
    options = parser.parse_args()
    console = Console()
    console = console if console.is_terminal else Console(width=WIDE)
    wanted = [name for name in options.only.split(",") if name] or list(ROWS)
    if unknown := set(wanted) - set(ROWS):
        console.print(f"no such row: {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
        return 2
    started, results, failed = time.perf_counter(), [], []
    for number, name in enumerate(wanted, start=1):
        console.print(f"[bold]{number}/{len(wanted)} {name}[/] {_title(name)}", highlight=False)
        result = _row(name, quick=options.quick)
        results += [result] if result else []
        failed += [] if result else [name]
        if options.out:  # After each row, so that a run that is broken off leaves what it has.
            _write(options.out, results)
    console.print(table(_figures(results)))
    console.print(f"{time.perf_counter() - started:.0f} s in all on {_machine()}", highlight=False)
    if failed:
        console.print(f"[red]not measured: {', '.join(failed)}")
    return 1 if failed else 0


def _title(name: str) -> str:
    return (HERE / "rows" / f"{name}.py").read_text().split('"""')[1].strip().splitlines()[0]


def _row(name: str, *, quick: bool) -> dict[str, Any] | None:
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as folder:
        result = Path(folder) / "result.json"
        words = [sys.executable, "-m", "benchmarks.row", name, str(result)]
        try:
            done = subprocess.run(
                [*words, *(["--quick"] if quick else [])], cwd=ROOT, check=False, timeout=LONGEST
            )
        except subprocess.TimeoutExpired:
            return None
        if done.returncode:
            return None
        content: dict[str, Any] = json.loads(result.read_text())
        return content


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


def _figures(results: list[dict[str, Any]]) -> list[Figure]:
    return [figure_of(each) for result in results for each in result["figures"]]


def _write(out: Path, results: list[dict[str, Any]]) -> None:
    """Results as JSON and as a page, and the charts; what an earlier run left goes."""
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("*.svg"):
        old.unlink()
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    content = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "machine": _machine(),
        "rows": results,
    }
    (out / "results.json").write_text(json.dumps(content, indent=1) + "\n")
    heading = f"What was measured on {_machine()}"
    (out / "results.md").write_text(markdown(_figures(results), heading))
    charts = [sys.executable, "-m", "benchmarks.charts", str(out)]
    subprocess.run(charts, cwd=ROOT, check=True)


if __name__ == "__main__":
    sys.exit(main())
