"""Mails as files: whole ones, or none."""

import asyncio
from pathlib import Path

import pytest

from engine.adapters.mail.maildir import FolderChannel
from engine.adapters.mail.message import Letterhead
from engine.errors import TemporaryFailure
from tests.support.outreach import outreach


@pytest.mark.parametrize("maildir", [True, False])
def test_a_mail_that_could_not_be_written_leaves_no_half_of_it(tmp_path: Path, maildir: bool) -> None:
    """Each try would leave one: a full disk would never get any room again."""
    channel = FolderChannel(tmp_path, Letterhead("news@shop.example"), lambda: 0, maildir=maildir)
    target = (tmp_path / "new" if maildir else tmp_path) / ("o-1" if maildir else "o-1.eml")
    target.mkdir()  # nothing can take its place
    with pytest.raises(TemporaryFailure, match="cannot write a mail"):
        asyncio.run(channel.deliver(outreach(to="ada@shop.example")))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
