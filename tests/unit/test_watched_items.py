"""The example of items that customers watch: it is all right, and its tests pass."""

from tests.support.command import REPOSITORY, engine

FOLDER = REPOSITORY / "examples/watched-items"


def test_the_example_is_all_right_and_does_what_its_tests_say() -> None:
    checked, tested = engine("check", folder=FOLDER), engine("test", folder=FOLDER)
    assert (checked.code, checked.out) == (0, "ok 2 rules in 3 files\n"), checked.said
    assert tested.code == 0, tested.said
    assert tested.out.startswith("4 passed, 0 failed")
