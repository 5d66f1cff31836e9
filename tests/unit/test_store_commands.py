"""`engine store` where there is nothing to look at."""

import re
from pathlib import Path

import pytest

from tests.support.backtests import write_lines
from tests.support.command import engine
from tests.support.plans import STORE, files, one_rule, purchases
from tests.support.project_files import write_project


@pytest.mark.parametrize("command", ["check", "dump"])
def test_a_store_in_which_there_is_nothing_is_not_in_order(tmp_path: Path, command: str) -> None:
    ran = engine("store", command, *STORE, "--namespace", "misspelt", folder=tmp_path)
    assert (ran.code, ran.out) == (1, "")
    assert "the store is empty: no customer in this namespace" in ran.said


@pytest.mark.parametrize("command", ["check", "dump"])
def test_a_partition_that_does_not_exist_is_not_an_empty_one(tmp_path: Path, command: str) -> None:
    write_project(tmp_path, files(one_rule()))
    write_lines(tmp_path / "history.jsonl", purchases(3))
    assert engine("replay", "history.jsonl", *STORE, folder=tmp_path).code == 0
    assert engine("store", command, "--partition", 0, *STORE, folder=tmp_path).code == 0
    ran = engine("store", command, "--partition", 7, *STORE, folder=tmp_path)
    assert (ran.code, ran.said.strip()) == (2, "--partition 7: there are 1, counted from 0")


def test_a_partition_without_customers_has_no_largest_one(tmp_path: Path) -> None:
    write_project(tmp_path, files(one_rule()))
    write_lines(tmp_path / "history.jsonl", purchases(1))
    assert engine("replay", "history.jsonl", *STORE, folder=tmp_path).code == 0
    ran = engine("store", "check", *STORE, folder=tmp_path)
    (largest,) = re.findall(r"^partition 0: 1 customer of \d+ bytes, the largest (\S+) of \d+; ", ran.out)
    assert engine("customer", "erase", largest, "--yes", *STORE, folder=tmp_path).code == 0
    ran = engine("store", "check", *STORE, folder=tmp_path)
    assert ran.out == "partition 0: 0 customers; 0 looks, 0 with a history only\n"
