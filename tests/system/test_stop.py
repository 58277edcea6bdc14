"""test_stop: told to stop at an awkward moment, and told again.

In:    the real tenantd, turso-emulator; files that do not answer.
Out:   nothing new is sent.
Never: a moment by the clock: a signal comes while a file is held.
"""

import signal

import harness
import held_file
import test_upload
from test_upload import platform  # noqa: F401: a fixture


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
