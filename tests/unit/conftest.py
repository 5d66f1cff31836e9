"""The web pages, and somebody who looks at them."""

from collections.abc import Iterator

import pytest

from tests.support.website import Browser, Website


@pytest.fixture
def site() -> Website:
    return Website()


@pytest.fixture
def browser(site: Website) -> Iterator[Browser]:
    with site.open() as browser:
        yield browser
