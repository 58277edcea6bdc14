"""A copy of the ledger: made from under a daemon at work, and put in its place.

In:    the real programs, strict_api.
Out:   each case as a person would see it.
Never: a look inside the daemon.
"""

import os
import re
import shutil
import sqlite3
import stat
import threading

import harness
import pytest
from harness import GROUP
from strict_api import TOKEN


def manifest(names):
    return GROUP + "databases:\n" + "".join(f"  {name}: {{group: eu}}\n" for name in names)


@pytest.fixture
def daemon(strict, make_daemon):
    config = {"policy": {"prune": "on", "deletion_grace": "0s"}}
    return make_daemon(strict.url, TOKEN, config=config).settled(manifest(["a", "b"]))


def owned(path):
    ledger = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        assert ledger.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [name for (name,) in ledger.execute("SELECT name FROM owned WHERE kind = 'database' ORDER BY name")]
    finally:
        ledger.close()


def test_a_copy_is_whole_and_for_nobody_else(daemon, tmp_path):
    path = tmp_path / "copy.db"
    before = os.umask(0)
    try:
        answer = daemon.ctl_json("backup", path)
    finally:
        os.umask(before)
    assert answer == {"path": str(path), "bytes": path.stat().st_size}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert owned(path) == ["a", "b"] and os.listdir(tmp_path) == ["copy.db"]
    refused = daemon.ctl("backup", path)
    assert refused.code == 1 and "File exists" in refused.err and owned(path) == ["a", "b"]
    into = daemon.ctl("backup", tmp_path)
    assert into.code == 0 and re.search(r"/ledger-\d{8}T\d{6}Z\.db: \d+ bytes", into.out)
    daemon.assert_no_secrets([TOKEN])


def test_copies_under_writes_are_of_one_moment(strict, daemon, tmp_path):
    names, done = [f"t-{i:03}" for i in range(120)], threading.Event()

    def copy_on():
        for i in range(200):
            assert daemon.ctl("backup", tmp_path / f"{i}.db").code == 0
            if done.is_set():
                return

    copying = threading.Thread(target=copy_on)
    copying.start()
    daemon.write_manifest("m.yaml", manifest(["a", "b", *names]))
    daemon.settle()
    done.set()
    copying.join(60)
    assert not copying.is_alive()
    assert daemon.ctl("backup", tmp_path / f"{len(os.listdir(tmp_path))}.db").code == 0  # of the end
    counts = [len(owned(tmp_path / f"{i}.db")) for i in range(len(os.listdir(tmp_path)))]
    assert counts == sorted(counts) and counts[-1] == 122
    assert "the ledger cannot be written" not in daemon.log()


def test_a_restored_copy_removes_nothing_by_itself(strict, daemon, tmp_path):
    path = tmp_path / "copy.db"
    assert daemon.ctl("backup", path).code == 0
    daemon.write_manifest("m.yaml", manifest(["a", "b", "c"]))
    daemon.settle()
    daemon.stop()
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
        (daemon.state_dir / name).unlink(missing_ok=True)
    shutil.copy(path, daemon.state_dir / "ledger.db")
    daemon.write_manifest("m.yaml", manifest(["a"]))  # before it could adopt c
    daemon.start()
    assert daemon.sync().code == 3
    assert {"a", "b", "c"} <= set(strict.state.databases)
    status = daemon.status()
    assert "LedgerFromBackup" in [p["reason"] for p in status["problems"]]
    assert daemon.ctl("plan").out.startswith("- delete database/b (held)")
    assert daemon.ctl("approve", status["plan"]["id"], "--reason", "restored").code == 0
    harness.wait_until(lambda: "b" not in strict.state.databases, 30)
    daemon.settle()
    assert "c" in strict.state.databases, "the copy does not know it, so it is nobody's"
    assert daemon.status()["problems"] == []


def test_a_copy_needs_no_daemon(daemon, tmp_path):
    daemon.stop()
    assert daemon.ctl("backup", tmp_path / "copy.db").code == 5
    assert daemon.ctl("backup", "--state-dir", daemon.state_dir, tmp_path / "copy.db").code == 0
    assert owned(tmp_path / "copy.db") == ["a", "b"]
    daemon.start()
    daemon.settle()


def test_what_is_no_ledger_is_not_copied(daemon, tmp_path):
    (tmp_path / "ledger.db").write_text("no database")
    result = daemon.ctl("backup", "--state-dir", tmp_path, tmp_path / "copy.db")
    assert result.code == 1 and not (tmp_path / "copy.db").exists()
    assert daemon.ctl("backup", "--state-dir", tmp_path / "nowhere", tmp_path / "copy.db").code == 1
