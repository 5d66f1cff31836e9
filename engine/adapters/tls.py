"""Whom a connection trusts: the authorities of a PEM file, read again when the file has changed."""

import ssl
from pathlib import Path


class Authorities:
    """`file`: PEM; without it the system's authorities. Raises OSError for one that cannot be read (ssl.SSLError too).

    A file that is renewed counts from the next connection on; what cannot be read then leaves the last good one.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._stamp = self._look()
        self._context = ssl.create_default_context(cafile=file)

    def context(self) -> ssl.SSLContext:
        """For the next connection; the same object as long as the file is the same."""
        stamp = self._look()
        if stamp != self._stamp:
            try:
                self._context = ssl.create_default_context(cafile=self._file)
            except OSError:  # gone, or half written: asked again at the next connection
                return self._context
            self._stamp = stamp
        return self._context

    def _look(self) -> tuple[int, ...]:
        """What changes with the file, also where a link to it is swapped, as Kubernetes does."""
        try:
            found = self._file.stat() if self._file else None
        except OSError:
            return ()
        return (found.st_mtime_ns, found.st_size, found.st_ino) if found else ()
