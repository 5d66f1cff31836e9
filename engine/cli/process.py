"""The start and the stop that `run`, `send` and `web` share: logs, ignored variables, signals."""

import signal
from collections.abc import Callable
from threading import Thread
from types import FrameType

import structlog

from engine.config import Settings, linked_settings, unknown_settings
from engine.telemetry.logs import set_up_logs

_LOGGER = "engine.process"


def begin_log(settings: Settings) -> None:
    """Set up the log and name variables that are ignored."""
    set_up_logs(settings.log_format, settings.log_level)
    for name, nearest in unknown_settings().items():
        structlog.stdlib.get_logger(_LOGGER).warning("not a setting, ignored", name=name, nearest=nearest or None)
    for name in linked_settings():
        structlog.stdlib.get_logger(_LOGGER).warning("has a Kubernetes service's address, ignored", name=name)


def obey_stop(stop: Callable[[], None]) -> None:
    """Let SIGTERM and SIGINT stop the process."""

    def obey(number: int, frame: FrameType | None) -> None:
        stop()
        log_stop(number)
        signal.signal(number, signal.SIG_DFL)  # somebody who asks again does not want to wait

    signal.signal(signal.SIGTERM, obey)
    signal.signal(signal.SIGINT, obey)


def log_stop(number: int) -> None:
    """Log from a thread, not from the signal handler: the interrupted loop may hold the log's lock."""
    log = structlog.stdlib.get_logger(_LOGGER)
    said = {"signal": signal.Signals(number).name}
    Thread(target=log.info, args=("asked to stop",), kwargs=said, name="log").start()
