"""Headless Chromium, as customers use it. ENGINE_TEST_CHROMIUM says where it is, if not on the path."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import Error, Page, sync_playwright

from tests.services.processes import unavailable

_NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")


def find_chromium() -> str | None:
    """Where it is."""
    given = os.environ.get("ENGINE_TEST_CHROMIUM")
    return given or next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def browser_page() -> Iterator[Page]:
    """An empty page. Where there is no Chromium, or none that starts, the test is skipped (fails under CI).

    An event loop runs in this thread until it is closed.
    """
    path = find_chromium()
    if not path:
        raise unavailable("no Chromium: install the package chromium, or set ENGINE_TEST_CHROMIUM=/path/to/it")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path)
        except Error as error:
            raise unavailable(f"{path} does not start: {error.message.splitlines()[0]}") from error
        yield browser.new_page()
        browser.close()


@contextmanager
def quiet_page(may_ask: Callable[[str], bool]) -> Iterator[Page]:
    """A page that fails the test by an address it asks for and may not, and by what it complains of, such as a style
    that is refused."""
    with browser_page() as page:
        asked: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        yield page
    assert [url for url in asked if not may_ask(url)] == complaints == []
