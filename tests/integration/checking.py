"""docs/verify_auction.py as outsiders run it on a file."""

import subprocess
import sys

from tests.servers import ROOT


def check(*words: str) -> subprocess.CompletedProcess[str]:
    """As somebody does who has the script, the file, and nothing else."""
    command = (sys.executable, "-I", "-S", str(ROOT / "docs/verify_auction.py"), *words)
    return subprocess.run(command, capture_output=True, text=True, check=False)
