"""docs/coverage.md and docs/safety.md name tests and verbs that are there.

In:    the pages, the tree's tests, tenantctl's help.
Out:   no name in a page that leads nowhere, no row without a test that should have one.
Never: a program but `tenantctl help`.
"""

import os
import pathlib
import re

import harness

TREE = pathlib.Path(os.environ["TENANTD_SOURCE_DIR"])
PAGE = (TREE / "docs/coverage.md").read_text()
SAFETY = (TREE / "docs/safety.md").read_text()
TESTS = TREE / "tests"


def table_rows():
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells and cells[-1] not in ("test", "---") and set(line) - set("|- "):
            yield cells


def test_every_test_that_is_named_is_there():
    for name, function in re.findall(r"`(test_\w+\.py)(?:::(test_\w+))?`", PAGE + SAFETY):
        text = (TESTS / "system" / name).read_text()
        assert not function or f"def {function}(" in text, f"{name}::{function}"
    for name in re.findall(r"`(test_\w+\.c)`", PAGE + SAFETY):
        assert list(TESTS.glob(f"*/{name}")), name
    for name in re.findall(r"`([\w-]+\.scenario)`", PAGE):
        assert (TESTS / "data/reconcile" / name).exists(), name


def test_every_promise_is_shown_by_transcripts_that_are_there():
    promises = re.findall(r"^## \d+\..*?(?=^## )", SAFETY, re.DOTALL | re.MULTILINE)
    assert len(promises) >= 11
    for promise in promises:
        shown = promise.partition("*Shown by*")[2]
        assert "`" in shown, promise
        for name in re.findall(r"`([a-z0-9-]+)`", shown):
            assert (TESTS / "data/reconcile" / f"{name}.scenario").exists(), name


def test_every_row_has_a_test_but_what_is_not_there_to_be_tested():
    without = [cells[0] for cells in table_rows() if "`" not in cells[-1]]
    assert without == ["update a group's version",
                       "invoices, changing the plan, creating and deleting organizations",
                       "wrapped results, proxies"]


def test_every_verb_that_is_named_is_there():
    for verb in set(re.findall(r"`tenantctl (?:--all )?(?:-o \w+ )?([a-z]+)", PAGE)):
        assert harness.run([harness.program("tenantctl"), "help", verb], 30).code == 0, verb
    for what in set(re.findall(r"`tenantctl (?:-o \w+ )?platform (\w+)", PAGE)):
        assert what in harness.run([harness.program("tenantctl"), "help", "platform"], 30).out
