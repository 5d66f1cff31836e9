"""The certificate authorities that a TLS connection trusts, from a PEM file that is read again when it changes."""

import ssl
from pathlib import Path


class Authorities:
    """`file`: PEM; without it the system's authorities. Raises OSError for one that cannot be read (ssl.SSLError too).

    A renewed file counts from the next connection on; if it cannot be read then, the last good one stays.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._stamp = self._look()
        self._context = ssl.create_default_context(cafile=file)

    def context(self) -> ssl.SSLContext:
        """The context for the next connection; the same object while the file is the same."""
        stamp = self._look()
        if stamp != self._stamp:
            try:
                self._context = ssl.create_default_context(cafile=self._file)
            except OSError:  # gone, or half written: asked again at the next connection
                return self._context
            self._stamp = stamp
        return self._context

    def _look(self) -> tuple[int, ...]:
        """A stamp that changes with the file, also when a link to it is swapped, as Kubernetes does."""
        try:
            found = self._file.stat() if self._file else None
        except OSError:
            return ()
        return (found.st_mtime_ns, found.st_size, found.st_ino) if found else ()
