"""Files of exports: whole or not there, compressed if the name ends in .gz."""

import gzip
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

STDOUT = "-"


def written(path: str) -> bool:
    """Whether there is such a file already."""
    return path != STDOUT and Path(path).exists()


@contextmanager
def writing(path: str) -> Iterator[BinaryIO]:
    """A new file, which gets its name when all of it is on the disk; or standard output."""
    if path == STDOUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    unfinished = Path(f"{path}.unfinished")
    try:
        with unfinished.open("wb") as plain:
            if path.endswith(".gz"):
                # Without a name and a time, so that equal content gives equal bytes.
                with gzip.GzipFile("", "wb", 6, plain, mtime=0) as packed:
                    yield cast(BinaryIO, packed)
            else:
                yield plain
            plain.flush()
            os.fsync(plain.fileno())
        unfinished.rename(path)
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
