"""Combines several hooks into one, so that both metrics and logs are called. A failing hook never stops the worker."""

import logging
from collections.abc import Sequence
from functools import partial
from traceback import extract_tb
from typing import Any

from engine.ports import Hooks

_LOGGER = logging.getLogger("engine.hooks")


class AllHooks(Hooks):
    """Calls each hook in turn. An exception is logged without its message, which may quote personal data."""

    def __init__(self, *hooks: Hooks) -> None:
        for name in vars(Hooks):
            if not name.startswith("_"):
                setattr(self, name, partial(_tell, [getattr(one, name) for one in hooks]))


def _tell(hooks: Sequence[Any], *args: Any) -> None:
    for hook in hooks:
        try:
            hook(*args)
        except Exception as error:
            place = extract_tb(error.__traceback__)[-1]
            where = f"{place.filename}:{place.lineno}"
            _LOGGER.error("a hook has a bug: %s at %s", type(error).__name__, where)
