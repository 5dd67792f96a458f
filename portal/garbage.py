"""Python's garbage collector in processes that run for long."""

import gc

# New objects that may be cycles before the young are looked through (Python's own: 700). A request makes
# hundreds that are gone at its end without any help.
YOUNG = 50_000
OLDER, OLDEST = 20, 50


def collect_rarely() -> None:
    """Leave what is there now, modules and the schema, out of each collection, and collect seldom.

    Called once a process, when it has loaded what it needs. The collector otherwise takes a third of
    a web process's time, looking through what never goes away.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, OLDER, OLDEST)
