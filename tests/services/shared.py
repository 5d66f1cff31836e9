"""One broker for all processes of a run: it starts for the first that wants it, and ends after the last.

A broker takes seconds to start, and a fortieth of a processor though nobody uses it. A process of its own guards it,
which waits until nobody holds the lock on `users` any more, as nobody does who has ended, however that was.
"""

import fcntl
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple
from unittest import SkipTest

from tests.services.brokers import Broker, open_broker
from tests.services.kafka_config import Listeners
from tests.services.processes import PATIENCE, unavailable, wait_until


class _Told(NamedTuple):
    """What the guard tells: where the broker is, or why there is none."""

    address: str = ""
    listeners: Listeners | None = None
    trouble: str = ""


class SharedBroker:
    """A share in the broker of `folder`, which all who share it name. Nobody may stop it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        ready = folder / "ready"
        self._users = (folder / "users").open("w")
        with (folder / "start").open("w") as one_by_one:
            fcntl.flock(one_by_one, fcntl.LOCK_EX)
            fcntl.flock(self._users, fcntl.LOCK_SH)  # waits for a guard that is ending its broker
            if not ready.exists():
                _start_guard(folder, ready)
        told: _Told = pickle.loads(ready.read_bytes())
        if told.trouble:
            raise unavailable(told.trouble)
        self.broker = Broker.of_others(told.address, told.listeners)

    def give_back(self) -> None:
        self._users.close()


def _start_guard(folder: Path, ready: Path) -> None:
    """Returns when it has told."""
    command = [sys.executable, "-c", f"from {__name__} import guard; guard()", str(folder)]
    with (folder / "guard.log").open("wb") as log:
        guard = subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=log, stderr=log, start_new_session=True)
    wait_until(lambda: ready.exists() or guard.poll() is not None, "a broker is there", 2 * PATIENCE)
    assert ready.exists(), (folder / "guard.log").read_text()
    guard.returncode = 0  # nobody waits for it: others may need it when this process has ended


def guard() -> None:
    """Start a broker in the folder of the command line, and end it after the last user.

    The files that are locked stay: somebody may wait for a lock.
    """
    folder = Path(sys.argv[1])
    place, ready = folder / "broker", folder / "ready"
    place.mkdir()
    try:
        broker = open_broker(place)
    except (SkipTest, RuntimeError) as error:
        _tell(ready, _Told(trouble=str(error)))
        return
    _tell(ready, _Told(broker.address, broker.listeners))
    with (folder / "users").open() as users:
        fcntl.flock(users, fcntl.LOCK_EX)
        ready.unlink(missing_ok=True)
        broker.remove()
        shutil.rmtree(place, ignore_errors=True)


def _tell(ready: Path, told: _Told) -> None:
    made = ready.with_name("made")
    made.write_bytes(pickle.dumps(told))
    made.rename(ready)
