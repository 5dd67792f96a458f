"""Files of exports: whole or not there, compressed if the name ends in .gz."""

import gzip
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO, cast

STDOUT = "-"
# For files that only their owner may read.
PRIVATE = 0o600


def written(path: str) -> bool:
    """Whether there is such a file already."""
    return path != STDOUT and Path(path).exists()


@contextmanager
def writing(path: str, mode: int = 0o666) -> Iterator[BinaryIO]:
    """A new file, which gets its name when all of it is on the disk; or standard output.

    Whoever writes to the same path at the same time has another file until then: the first one's stays,
    and FileExistsError is raised for the others. `mode` is who can read it, as far as the umask lets them.
    """
    if path == STDOUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    unfinished = Path(f"{path}.{token_hex(4)}.unfinished")
    opened = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    try:
        with os.fdopen(opened, "wb") as plain:
            if path.endswith(".gz"):
                # Without a name and a time, so that equal content gives equal bytes.
                with gzip.GzipFile("", "wb", 6, plain, mtime=0) as packed:
                    yield cast(BinaryIO, packed)
            else:
                yield plain
            plain.flush()
            os.fsync(plain.fileno())
        # Where a rename would take the place of a file that came meanwhile.
        os.link(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def reading(path: str) -> Iterator[BinaryIO]:
    """The file's bytes, unpacked."""
    with Path(path).open("rb") as plain:
        if path.endswith(".gz"):
            with gzip.GzipFile(fileobj=plain) as packed:
                yield cast(BinaryIO, packed)
        else:
            yield plain
