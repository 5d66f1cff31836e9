"""The stores that every contract suite of stores runs over."""

from collections.abc import Callable

import pytest

from engine.ports import StateStore

OpenStore = Callable[[str], StateStore]
"""Opens the store of a namespace; opened again, it is the same data through a second client."""

STORES = ["memory", *(pytest.param(name, marks=pytest.mark.redis) for name in ("redis", "cluster", "restricted"))]
"""`restricted`: a user who may do what docs/deployment.md lists, and no more."""
