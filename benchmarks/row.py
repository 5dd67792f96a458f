"""One row of `make bench`: python -m benchmarks.row NAME RESULT [--quick]

Starts durable servers (those with a *_URL are used as they are), measures, writes the result as JSON.
"""

import argparse
import importlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.harness import WRITERS_VARIABLE, Bench, as_json
from portal.laptop.cluster import cluster
from portal.laptop.servers import OWNERS_VARIABLE

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Measure the row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("row")
    parser.add_argument("result", type=Path)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as folder:
        data = Path(folder)
        with cluster(data, durable=not options.quick) as servers:
            urls = dict(servers.urls)
            writers = urls["DATABASE_URL"]
            # Rows vacuum tables and make some of their own; the portal's processes don't.
            urls["DATABASE_URL"] = urls.get(OWNERS_VARIABLE, writers)
            os.environ.update(
                {
                    "DJANGO_SETTINGS_MODULE": "portal.settings",
                    "PORTAL_ENV": "local",
                    "PORTAL_DATA": folder,
                    "LOG_LEVEL": "WARNING",
                    "SECRET_KEY": secrets.token_urlsafe(64),
                    **urls,
                    WRITERS_VARIABLE: writers,
                }
            )
            manage = [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity", "0"]
            subprocess.run(manage, check=True, cwd=ROOT)
            _measure(options.row, options.result, quick=options.quick)


def _measure(name: str, result: Path, *, quick: bool) -> None:
    import django

    django.setup()
    row = importlib.import_module(f"benchmarks.rows.{name}")
    bench = Bench(name, quick, lambda line: print(f"    {line}", flush=True))
    started = time.perf_counter()
    try:
        row.measure(bench)
    finally:
        from commands.wiring import pool

        pool().close()
    result.write_text(json.dumps(as_json(bench, time.perf_counter() - started), indent=1))


if __name__ == "__main__":
    main()
