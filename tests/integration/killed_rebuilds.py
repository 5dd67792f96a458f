"""Rebuilds that are killed (SIGKILL), in a process of their own."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Literal

from projections.mongo.layout import ProjectionName

# Not from tests.servers, which would make the dying process a world of its own.
ROOT = Path(__file__).resolve().parents[2]
Moment = Literal["halfway", "before the switch", "after the switch"]

DIE = """
import os, signal, sys
from django import setup
setup()
from commands.wiring import pool
from projections.upkeep import rebuild
from projections.wiring import database

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def halfway(streams, name, total):
    for number, stream in enumerate(streams):
        if number == total // 2 and sys.argv[1] == "halfway":
            die()
        yield stream

if sys.argv[1] == "before the switch":
    rebuild.move_pointer = die
if sys.argv[1] == "after the switch":
    rebuild.drop_leftovers = die
rebuild.rebuild(sys.argv[2], pool(), database(), halfway)
"""


def kill_rebuild(projection: ProjectionName, moment: Moment) -> None:
    """Rebuild the projection in this process's world, as far as that moment."""
    command = [sys.executable, "-c", DIE, moment, projection]
    done = subprocess.run(command, cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
