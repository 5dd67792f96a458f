"""The connections of workers, operators' commands and admin: made once a process and handed on.

Only entry points (tasks, commands, views) ask here; the web process has portal/web/runtime.py.
"""

from functools import cache

from commands.postgres.connections import Pool, new_pool


@cache
def pool() -> Pool:
    """The pool of connections to Postgres, opened at first use."""
    return new_pool()
