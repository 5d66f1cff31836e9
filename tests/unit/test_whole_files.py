"""Files that commands write whole."""

from pathlib import Path

import pytest

from engine.cli.whole_files import whole_file


@pytest.mark.parametrize("left", ["file", "link"])
def test_what_was_left_beside_a_private_file_lets_nobody_read_it(tmp_path: Path, left: str) -> None:
    """Left by a killed command, or put there by a stranger in a folder that is shared."""
    list_, beside, others = (tmp_path / name for name in ("vip.csv", ".vip.csv.new", "others.csv"))
    others.write_text("theirs")
    beside.symlink_to(others) if left == "link" else beside.write_text("half")
    with whole_file(list_, private=True) as file:
        file.write("ada@shop.example")
    assert list_.read_text() == "ada@shop.example"
    assert list_.stat().st_mode & 0o777 == 0o600
    assert not list_.is_symlink()
    assert others.read_text() == "theirs"
