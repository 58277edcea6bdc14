"""test_start: what happens to a daemon in the moment in which it starts.

In:    the real tenantd, strict_api.
Out:   it starts.
Never: a look that needs a lucky moment more than once.
"""

import pathlib
import signal

import harness

TOKEN = "strict-api-token-" + "x" * 16
GROUP = "groups: {eu: {location: aws-eu-west-1}}\n"


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
