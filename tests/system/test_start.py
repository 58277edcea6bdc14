"""test_start: what happens to a daemon in the moment in which it starts.

In:    the real tenantd, strict_api.
Out:   it starts.
Never: a look that needs a lucky moment more than once.
"""

import pathlib
import signal

import harness
import pytest
from harness import GROUP
from strict_api import TOKEN


def holds_back_reloads(pid):
    """SIGHUP is blocked there, and not only because all signals are for a moment."""
    fields = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    blocked = int(fields["SigBlk"], 16)
    return blocked >> (signal.SIGHUP - 1) & 1 and not blocked >> (signal.SIGUSR1 - 1) & 1


def test_a_reload_during_the_start_waits_for_its_end(strict, make_daemon):
    daemon = make_daemon(strict.url, TOKEN)
    daemon.write_manifest("m.yaml", GROUP)
    daemon.config_path.write_text(daemon.config_path.read_text() + "# it takes its time to read\n" * 30000)

    def is_caught_early():
        daemon.start(by=None)
        harness.wait_until(lambda: holds_back_reloads(daemon.process.pid) or daemon.log(), interval=0)
        daemon.process.send(signal.SIGSTOP)  # so that nothing happens between a look and a signal
        if holds_back_reloads(daemon.process.pid):
            return True
        daemon.kill9()
        daemon.log_path.unlink()
        return False

    harness.wait_until(is_caught_early, 60, "it is seen while it starts")
    daemon.hup()
    daemon.process.send(signal.SIGCONT)
    harness.wait_until(lambda: "reloading configuration" in daemon.log(), 30, "it reloads")
    daemon.settle()


def test_a_token_of_the_environment_outlives_a_reload_also_beside_credentials(strict, make_daemon, tmp_path):
    daemon = make_daemon(strict.url, TOKEN, config={"api": {"token": harness.REMOVED}})
    daemon.write_manifest("m.yaml", GROUP)
    daemon.start(TURSO_API_TOKEN=TOKEN, CREDENTIALS_DIRECTORY=str(tmp_path))
    daemon.settle()
    daemon.hup()
    harness.wait_until(lambda: "reloading configuration" in daemon.log(), 30, "it reloads")
    assert daemon.settle()["problems"] == []


@pytest.mark.allow_violations
def test_a_credential_is_found_without_being_named(strict, make_daemon, tmp_path):
    daemon = make_daemon(strict.url, TOKEN, config={"api": {"token": harness.REMOVED}})
    daemon.write_manifest("m.yaml", GROUP)
    harness.write_atomically(tmp_path / "turso-api-token", TOKEN, 0o400)
    daemon.start(CREDENTIALS_DIRECTORY=str(tmp_path))
    daemon.settle()
    strict.tokens.clear()
    daemon.ctl("sync")
    harness.wait_until(lambda: any("it is the credential turso-api-token" in p["message"]
                                   for p in daemon.status()["problems"]), 30, "it says which one is refused")
    strict.tokens.add(TOKEN)
    daemon.hup()
    daemon.settle()
