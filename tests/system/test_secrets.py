"""Secrets: in their files and nowhere else, not even in what a dead process leaves behind.

In:    the real programs, strict_api.
Out:   what is found in logs, ledger, answers, memory and core dumps.
Never: a secret in a failure's text.

Every test that runs a daemon looks through its log and state directory when it ends: conftest.py.
"""

import pathlib
import re
import signal
import stat

import harness
import pytest
from strict_api import TOKEN

MANIFEST = """
groups: {eu: {location: aws-eu-west-1, tokens: {all: {authorization: read-only, expiration: 30d}}}}
databases:
  a: {group: eu, tokens: {app: {authorization: full-access, expiration: 7d}}}
  b: {group: eu, tokens: {app: {authorization: full-access, expiration: 7d, format: env}}}
  c: {group: eu, tokens: {app: {authorization: full-access, expiration: 7d, format: json}}}
"""


@pytest.fixture
def daemon(strict, make_daemon):
    return make_daemon(strict.url, TOKEN).settled(MANIFEST)


def minted(strict):
    return [token["jwt"] for token in strict.state.minted]


def test_tokens_are_wiped_once_they_are_in_their_files(strict, daemon):
    assert daemon.ctl("rotate", "token/a/app").code == 0
    daemon.settle()
    assert len(minted(strict)) == 5
    daemon.assert_wiped(minted(strict))


def test_nothing_of_it_is_in_answers_log_and_ledger(strict, daemon):
    assert daemon.ctl("backup", daemon.state_dir / "copy.db").code == 0
    for arguments in (["-o", "json", "why", "token/a/app"], ["plan"], ["-o", "json", "describe", "database/a"]):
        harness.secrets_nowhere([(" ".join(arguments), daemon.ctl(*arguments).out)], [TOKEN, *minted(strict)])
    daemon.assert_no_secrets(minted(strict))


def test_a_process_that_dies_leaves_no_core(daemon):
    limits = pathlib.Path(f"/proc/{daemon.process.pid}/limits").read_text()
    assert re.search(r"Max core file size +0 +0 ", limits)
    assert daemon.process.end(10, signal.SIGABRT) == -signal.SIGABRT
    assert not [p for p in daemon.root.rglob("*core*")]


def test_files_are_never_open_to_others_in_between(strict, daemon):
    """Every name that comes to be in the directory is looked at while it is being written."""
    seen = set()

    def look():
        for path in daemon.tokens_dir.rglob("*"):
            try:
                found = path.lstat()
            except FileNotFoundError:
                continue
            if stat.S_ISREG(found.st_mode) and path.name != ".tenantd":
                seen.add(stat.S_IMODE(found.st_mode))

    def is_done(number):
        look()
        return len(minted(strict)) >= 4 + number

    for number in range(1, 13):
        assert daemon.ctl("rotate", f"token/{'abc'[number % 3]}/app").code == 0
        harness.wait_until(lambda: is_done(number), 20, interval=0)
        daemon.settle()
    assert seen == {0o600}
