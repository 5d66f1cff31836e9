"""Where tests keep their files: in memory, where there is room.

Archives, stores and brokers sync each of hundreds of small files to the disk, and a test waits for it. What a sync is
for, that the power fails, no test tries.
"""

import os
import tempfile

_MEMORY = "/dev/shm"
_ENOUGH = 4 * 2**30
"""Bytes. A run of all tests leaves an eighth of that."""


def keep_in_memory() -> None:
    """Of this process and those that it starts, unless the environment names another place."""
    if "TMPDIR" not in os.environ and _has_room():
        os.environ["TMPDIR"] = tempfile.tempdir = _MEMORY


def _has_room() -> bool:
    try:
        found = os.statvfs(_MEMORY)
    except (AttributeError, OSError):  # not Linux
        return False
    programs_run = not found.f_flag & os.ST_NOEXEC
    return programs_run and os.access(_MEMORY, os.W_OK) and found.f_bavail * found.f_frsize > _ENOUGH
