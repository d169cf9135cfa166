"""Where a gateway listens for requests, however long the path is."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def beside(log: Path) -> Path:
    """The socket of the gateway that holds this log."""
    return log.with_name(log.name + ".sock")


@contextmanager
def address(path: Path) -> Iterator[str]:
    """A name of `path` that fits the 108 bytes which Linux allows a socket's (unix(7)): by way of its folder."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
