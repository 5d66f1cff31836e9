"""Writes mails into a folder, as a maildir or one .eml file each, for tests, demos and programs that send them on."""

import asyncio
import os
import re
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from engine.adapters.mail.message import Letterhead, mail_of
from engine.errors import TemporaryFailure
from engine.model import Outreach


class FolderChannel:
    """A Channel. The file's name is the outreach id, so that a repeat replaces the file."""

    def __init__(self, folder: Path, head: Letterhead, wall: Callable[[], int], *, maildir: bool) -> None:
        self._head = head
        self._wall = wall
        self._new = folder / "new" if maildir else folder
        self._half = folder / "tmp" if maildir else folder
        self._suffix = "" if maildir else ".eml"
        for each in (folder, self._new, self._half, *([folder / "cur"] if maildir else [])):
            each.mkdir(parents=True, exist_ok=True)

    async def deliver(self, outreach: Outreach) -> None:
        """Write the mail; it is on disk when this returns."""
        content = mail_of(outreach, self._head, self._wall()).content
        name = re.sub(r"[^\w.-]", "_", outreach.id).lstrip(".") + self._suffix
        try:
            await asyncio.to_thread(self._write, name, content)
        except OSError as error:
            why = f"cannot write a mail: {error.strerror}"
            raise TemporaryFailure(why, down=True) from error

    async def close(self) -> None:
        """Nothing is open."""

    def _write(self, name: str, content: bytes) -> None:
        """Write to a temporary name and rename: readers never see half a file."""
        half = self._half / f".{name}.{uuid4().hex}"
        try:
            with half.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            half.replace(self._new / name)
        except OSError:
            half.unlink(missing_ok=True)  # a full disk would get fuller with every try
            raise
