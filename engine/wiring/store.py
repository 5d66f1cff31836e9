"""Opens the store that the settings name: customers, claims and the suppression list."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from functools import partial
from time import sleep
from typing import TypeVar

from pydantic import SecretStr

from engine.adapters.memory import MemoryClaims, MemoryStore, MemorySuppressions
from engine.adapters.redis import connect, connect_sending
from engine.config import Settings
from engine.errors import StoreLoading, UsageError
from engine.loop import Outage
from engine.ports import ClaimStore, StateStore, SuppressionList

T = TypeVar("T")
SendingStores = tuple[ClaimStore, SuppressionList]


@contextmanager
def open_store(settings: Settings, patience: Outage | None = None) -> Iterator[StateStore]:
    """The store that the settings name. With `patience` it waits while the server loads its data. Raises UsageError."""
    if settings.store == "memory":
        yield MemoryStore()
        return
    erased_kept = timedelta(days=settings.erased_days)
    with _server(settings) as (url, password):
        store = _connected(
            lambda: connect(url, settings.namespace, password=password, erased_kept=erased_kept), patience
        )
        try:
            yield store
        finally:
            store.close()


@contextmanager
def open_sending(
    settings: Settings, patience: Outage | None = None, *, while_loading: bool = False
) -> Iterator[SendingStores]:
    """Claims and suppressions in the store that the settings name, as `open_store`. Raises UsageError.

    With `while_loading` they are there at once, and raise StoreLoading until the server has loaded its data.
    """
    if settings.store == "memory":
        yield MemoryClaims(), MemorySuppressions()
        return
    kept = timedelta(days=settings.send_claims_days)
    with _server(settings) as (url, password):
        connecting = partial(connect_sending, url, settings.namespace, password=password, kept=kept)
        stores = _connected(partial(connecting, while_loading=while_loading), patience)
        try:
            yield stores
        finally:
            stores[0].close()


@contextmanager
def open_customers(settings: Settings) -> Iterator[tuple[StateStore, SuppressionList]]:
    """The store and the suppression list of the same server. Raises UsageError."""
    if settings.store == "memory":
        yield MemoryStore(), MemorySuppressions()
        return
    with (
        _server(settings) as (url, password),
        closing(connect(url, settings.namespace, password=password)) as store,
    ):
        claims, suppressions = connect_sending(url, settings.namespace, password=password)
        with closing(claims):
            yield store, suppressions


@contextmanager
def open_for_processes(settings: Settings) -> Iterator[Settings]:
    """The settings by which several processes open the store at once, for as long as this is open."""
    if settings.store == "memory":
        yield settings
        return
    with _server(settings) as (url, password):
        yield settings.model_copy(update={"store": url, "store_password": SecretStr(password)})


def _connected(connecting: Callable[[], T], patience: Outage | None) -> T:
    """A server that loads its data runs, and was found under its URL: it is worth waiting for."""
    while True:
        try:
            connected = connecting()
        except StoreLoading as error:
            if patience is None:
                raise
            sleep(patience.failed(error))
        else:
            if patience:
                patience.over()
            return connected


@contextmanager
def _server(settings: Settings) -> Iterator[tuple[str, str]]:
    """URL and password of a Redis. The embedded one runs for as long as this is open."""
    if settings.store == "embedded":
        from engine.adapters.redis.embedded import EmbeddedServer  # a tenth of a start, of no use to others

        with EmbeddedServer(settings.data) as server:
            yield server.url, ""
    elif "://" in settings.store:
        yield settings.store, settings.store_password.get_secret_value()
    else:
        message = f"--store {settings.store}: expected memory, embedded, or a URL such as redis://localhost:6379/0"
        raise UsageError(message)
