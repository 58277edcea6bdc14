"""test_stop: told to stop at an awkward moment, and told again.

In:    the real tenantd, turso-emulator, strict_api; files that do not answer.
Out:   nothing new is sent; the ledger is closed in order; it ends, whatever hangs.
Never: a moment by the clock: a signal comes while a file is held.
"""

import signal
import sqlite3

import harness
import held_file
import test_upload
from test_upload import platform  # noqa: F401: a fixture
from strict_api import TOKEN


def told_to_stop(daemon, times=1):
    for n in range(times):
        daemon.process.send((signal.SIGTERM, signal.SIGINT, signal.SIGHUP)[n % 3])
    harness.wait_until(lambda: "stopping" in daemon.log(), 30, "it is told")


def upload(make_daemon, platform):
    daemon = test_upload.daemon_of(make_daemon, platform.url)
    return daemon, test_upload.seed_file(daemon.seeds_dir / "base.db")


def test_an_upload_whose_file_is_looked_at_does_not_begin_any_more(platform, make_daemon):
    daemon, seed = upload(make_daemon, platform)
    with held_file.Holder(seed) as held:
        daemon.start()
        held.let_go(held.wait())  # before the draft is made
        for_the_upload = held.wait()
        told_to_stop(daemon)
        held.let_go(for_the_upload)
        assert daemon.wait() == 0, daemon.tail()
    assert not test_upload.requests(platform, "POST", "/v1/upload")
    daemon.start()
    assert daemon.sync().code == 0, daemon.tail()
    assert len(test_upload.requests(platform, "POST", "/v1/upload")) == 1


def test_told_again_and_again_it_closes_its_ledger_in_order(strict, make_daemon):
    daemon = make_daemon(strict.url, TOKEN)
    daemon.write_manifest("m.yaml", "groups: {eu: {location: aws-eu-west-1}}\n")
    daemon.start()
    daemon.settle()
    while daemon.is_running():  # which takes longer than to say it once more
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            daemon.process.send(number)
    assert daemon.wait() == 0, daemon.tail()
    assert not (daemon.state_dir / "ledger.db-wal").exists()
    with sqlite3.connect(daemon.state_dir / "ledger.db") as ledger:
        assert ledger.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_it_ends_though_a_file_hangs(platform, make_daemon):
    daemon, seed = upload(make_daemon, platform)
    with held_file.Holder(seed) as held:
        daemon.start()
        looked_at = held.wait()
        told_to_stop(daemon, 2)
        assert daemon.wait() == 0, daemon.tail()
        held.let_go(looked_at)
    assert "told to stop twice" in daemon.log() and "stopping without it" in daemon.log()
    assert not (daemon.state_dir / "ledger.db-wal").exists()
