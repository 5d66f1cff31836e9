"""The examples of items that customers watch, and of trips: they are all right, and their tests pass."""

import pytest

from tests.support.command import REPOSITORY, engine


@pytest.mark.parametrize(("name", "rules", "tests"), [("watched-items", 2, 4), ("trips", 3, 5)])
def test_the_example_is_all_right_and_does_what_its_tests_say(name: str, rules: int, tests: int) -> None:
    folder = REPOSITORY / "examples" / name
    checked, tested = engine("check", folder=folder), engine("test", folder=folder)
    assert (checked.code, checked.out) == (0, f"ok {rules} rules in 3 files\n"), checked.said
    assert tested.code == 0, tested.said
    assert tested.out.startswith(f"{tests} passed, 0 failed")
