"""A ledger that is old, lost, damaged or another's, and a clock that is wrong: nothing goes without somebody.

In:    the real programs, strict_api.
Out:   each case as a person would see it.
Never: a look inside the daemon; the ledger is edited only as an accident would.
"""

import sqlite3

import harness
import pytest
from harness import GROUP
from strict_api import TOKEN

TWO = GROUP + "databases: {a: {group: eu}, b: {group: eu}}\n"
ONE = GROUP + "databases: {a: {group: eu}}\n"
DAY_MS = 24 * 3600 * 1000
LEDGER = ("ledger.db", "ledger.db-wal", "ledger.db-shm")


@pytest.fixture
def daemon(strict, make_daemon):
    config = {"policy": {"prune": "on", "deletion_grace": "0s"}}
    return make_daemon(strict.url, TOKEN, config=config).settled(TWO)


def problems(daemon):
    return {p["reason"]: p["message"] for p in daemon.status()["problems"]}


def age(daemon, by_ms):
    """As if nothing had been written for so long."""
    with sqlite3.connect(daemon.state_dir / "ledger.db") as ledger:
        ledger.execute("UPDATE event SET at = at - ?", (by_ms,))
        ledger.execute("UPDATE meta SET value = value - ? WHERE key = 'observed'", (by_ms,))
    ledger.close()


def assert_held_until_approved(strict, daemon, reason):
    mark = strict.mark()
    daemon.write_manifest("m.yaml", ONE)
    assert daemon.sync().code == 3
    status = daemon.status()
    assert status["state"] == "held" and reason in problems(daemon)
    plan = daemon.ctl("plan")
    assert plan.code == 3 and "- delete database/b (held)" in plan.out
    assert strict.writes(mark) == [] and "b" in strict.state.databases
    assert daemon.ctl("approve", status["plan"]["id"], "--reason", "seen").code == 0
    harness.wait_until(lambda: "b" not in strict.state.databases, 30, "it was not deleted")
    daemon.settle()


def test_an_old_ledger_holds_removals(strict, daemon):
    assert daemon.stop() == 0
    age(daemon, DAY_MS + 60000)
    daemon.start()
    assert daemon.sync().code == 0
    assert "the ledger ends at" in problems(daemon)["LedgerOld"]
    assert_held_until_approved(strict, daemon, "LedgerOld")
    assert "LedgerOld" not in problems(daemon)


def test_an_old_ledger_is_good_once_somebody_says_so(strict, daemon):
    daemon.stop()
    age(daemon, DAY_MS + 60000)
    daemon.start()
    daemon.sync()
    daemon.restart()
    daemon.sync()
    assert "LedgerOld" in problems(daemon), "a restart makes an old ledger no younger"
    assert daemon.ctl("approve", daemon.status()["plan"]["id"], "--reason", "checked").code == 0
    assert problems(daemon) == {}
    daemon.write_manifest("m.yaml", ONE)
    daemon.settle()
    assert "b" not in strict.state.databases


def test_a_young_ledger_holds_nothing(strict, daemon):
    daemon.stop()
    age(daemon, DAY_MS - 600000)
    daemon.start()
    daemon.write_manifest("m.yaml", ONE)
    daemon.settle()
    assert "b" not in strict.state.databases


def test_a_clock_that_disagrees_holds_removals(strict, daemon):
    strict.knobs.date_offset_s = -400
    daemon.sync()
    assert "ahead of the platform's" in problems(daemon)["ClockOff"]
    daemon.write_manifest("m.yaml", ONE)
    assert daemon.sync().code == 3
    assert "b" in strict.state.databases
    strict.knobs.date_offset_s = 200
    daemon.settle()
    assert "b" not in strict.state.databases and problems(daemon) == {}


def test_a_missing_ledger_is_said_until_somebody_has_seen_it(strict, daemon):
    daemon.stop()
    for name in LEDGER:
        (daemon.state_dir / name).unlink(missing_ok=True)
    mark = strict.mark()
    daemon.start()
    daemon.sync()
    assert "there was no ledger beside a last good manifest" in problems(daemon)["LedgerLost"]
    assert "LedgerLost" in daemon.ctl("-o", "ndjson", "events", "--since", "1h").out
    assert daemon.resource("database/a")["phase"] == "Ready"
    assert strict.writes(mark) == []
    daemon.restart()
    daemon.sync()
    assert "LedgerLost" in problems(daemon)
    assert daemon.ctl("approve", daemon.status()["plan"]["id"], "--reason", "seen").code == 0
    assert problems(daemon) == {}


def test_a_damaged_ledger_is_left_as_it_is(strict, daemon):
    daemon.stop()
    path = daemon.state_dir / "ledger.db"
    damaged = bytearray(path.read_bytes())
    damaged[4096:12288] = b"\x5a" * 8192
    path.write_bytes(damaged)
    mark = strict.mark()
    before = daemon.log()
    daemon.start(by=None)
    assert daemon.wait() == 1
    said = daemon.log()[len(before):].strip().splitlines()
    assert len(said) == 1 and "never replaced by itself: put a backup in its place" in said[0]
    assert path.read_bytes() == bytes(damaged)
    assert strict.mark() == mark


def damage_manifest(daemon):
    with sqlite3.connect(daemon.state_dir / "manifest.db") as kept:
        kept.execute("UPDATE file SET data = x'00'")
    kept.close()


def test_a_damaged_last_good_manifest_is_said_and_mended(strict, daemon):
    daemon.stop()
    damage_manifest(daemon)
    before = daemon.log()
    daemon.restart()
    daemon.settle()
    assert "m.yaml is damaged" in daemon.log()[len(before):]
    assert (daemon.state_dir / "manifest.db.damaged").exists()
    daemon.stop()
    before = daemon.log()
    daemon.start()
    daemon.settle()
    assert "damaged" not in daemon.log()[len(before):]


def test_after_a_restart_what_was_last_good_stands_in(strict, daemon):
    daemon.stop()
    daemon.write_manifest("m.yaml", ONE + "no: such key\n")
    daemon.start()
    assert daemon.sync().code == 8
    assert daemon.resource("database/b")["phase"] == "Ready"
    daemon.stop()
    damage_manifest(daemon)
    before = daemon.log()
    mark = strict.mark()
    daemon.start()
    daemon.sync()
    assert "the last good manifest is not to be had: " in daemon.log()[len(before):]
    assert strict.writes(mark) == []


def test_a_ledger_of_another_organization_names_both(strict, daemon):
    daemon.stop()
    daemon.write_config(organization="other")
    daemon.start(by=None)
    assert daemon.wait() == 1
    said = daemon.tail(3)
    assert '"acme" id ' + strict.state.organization_id in said and '"other"' in said
    daemon.write_config(organization="acme", api={"url": "http://127.0.0.1:9"})
    daemon.start(by=None)
    assert daemon.wait() == 1
    assert strict.url in daemon.tail(3) and "http://127.0.0.1:9" in daemon.tail(3)


def test_an_empty_directory_beside_a_damaged_last_good_manifest_was_perhaps_used(strict, daemon):
    """Nobody knows what was in it: nothing that is ours goes, also after another restart."""
    more = daemon.manifest_dir / "more"
    daemon.stop()
    more.mkdir()
    daemon.write_manifest("m.yaml", ONE)
    (more / "b.yaml").write_text("databases: {b: {group: eu}}\n")
    daemon.start()
    daemon.settle()
    daemon.stop()
    damage_manifest(daemon)
    (more / "b.yaml").unlink()
    mark = strict.mark()
    for _ in range(2):
        daemon.start()
        assert daemon.sync().code == 8
        assert "holds no manifest file any more" in daemon.log()
        daemon.stop()
    assert strict.writes(mark) == []
    more.rmdir()
    daemon.start()
    harness.wait_until(lambda: "b" not in strict.state.databases, 30, "it was not deleted")
