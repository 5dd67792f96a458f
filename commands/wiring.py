"""What workers, operators' commands and admin work with, made once a process and handed on from there.

Only entry points (tasks, commands, views) ask here; the web process has portal/web/runtime.py.
"""

from functools import cache

from commands.postgres.connections import Pool, new_pool


@cache
def pool() -> Pool:
    """Connections to Postgres, opened at first use."""
    return new_pool()
