"""`tenantd --plan` writes nothing, whatever the ledger holds and whoever signals it; and what stops, stops cleanly.

In:    the real programs, strict_api.
Out:   no request but GETs, no hook run, no crash; exit statuses as documented.
Never: a plan of another organization's ledger.
"""

import os
import signal

import harness
from harness import GROUP
from strict_api import TOKEN

KEYED = GROUP + "databases: {a: {group: eu, tokens: {app: {authorization: read-only, expiration: 7d%s}}}}\n"


def settled(make_daemon, strict, manifest, config=None):
    daemon = make_daemon(strict.url, TOKEN, config=config)
    daemon.write_manifest("m.yaml", manifest)
    daemon.start()
    daemon.settle()
    daemon.stop()
    return daemon


def test_a_ledger_with_published_tokens_is_planned(strict, make_daemon):
    daemon = settled(make_daemon, strict, KEYED % "")
    mark = strict.mark()
    result = daemon.run("--plan")
    assert result.code == 0, result
    assert "0 to create, 0 to update, 0 to delete, 0 blocked" in result.out
    assert strict.writes(mark) == []


def test_a_hangup_does_not_let_it_write(strict, make_daemon):
    daemon = make_daemon(strict.url, TOKEN)
    daemon.write_manifest("m.yaml", GROUP)
    fault = strict.fault(method="GET", path=".*/groups$", count=1, delay=2)
    daemon.start("--plan", by=None)
    harness.wait_until(lambda: fault.hits, 20)
    daemon.hup()
    daemon.wait(timeout=30)
    assert strict.writes(0) == []


def test_no_hook_runs(strict, make_daemon, tmp_path):
    ran = tmp_path / "ran"
    script = tmp_path / "hook"
    script.write_text(f"#!/bin/sh\necho x >>{ran}\nexit 1\n")
    script.chmod(0o755)
    config = {"hooks": {"tell": {"command": [str(script)], "debounce": "1ms"}},
              "reconcile": {"backoff": {"initial": "1h", "max": "1h"}}}
    daemon = make_daemon(strict.url, TOKEN, config=config)
    daemon.write_manifest("m.yaml", KEYED % ", notify: tell")
    daemon.start()
    harness.wait_until(ran.exists, 30)
    daemon.stop()
    before = ran.read_text()
    assert daemon.run("--plan").code == 0
    assert ran.read_text() == before


def test_another_organizations_ledger_is_refused(strict, make_daemon):
    daemon = settled(make_daemon, strict, GROUP)
    daemon.write_config(api={"url": "http://127.0.0.1:1"})
    result = daemon.run("--plan")
    assert result.code == 1 and "belongs to" in result.err


def test_once_outlives_a_single_failure(strict, make_daemon):
    daemon = make_daemon(strict.url, TOKEN)
    daemon.write_manifest("m.yaml", GROUP + "databases: {a: {group: eu}}\n")
    strict.fault(method="POST", path=".*", count=1, status=500)
    strict.fault(method="POST", path=".*/databases$", count=1, status=429, retry_after="1")
    assert daemon.run("--once").code == 0
    assert "a" in strict.state.databases


def test_another_organization_under_the_slug_stops_writes_but_not_the_daemon(strict, make_daemon):
    daemon = make_daemon(strict.url, TOKEN)
    daemon.write_manifest("m.yaml", GROUP)
    daemon.start()
    daemon.settle()
    known = strict.state.organization_id
    strict.state.organization_id = "00000000-0000-4000-8000-000000000000"
    daemon.sync()
    mark = strict.mark()
    daemon.write_manifest("m.yaml", GROUP + "databases: {a: {group: eu}}\n")
    daemon.sync()
    assert daemon.is_running()
    assert "Unauthorized" in [p["reason"] for p in daemon.status()["problems"]]
    assert strict.writes(mark) == []
    strict.state.organization_id = known
    daemon.settle()
    assert "a" in strict.state.databases


def test_signals_in_the_middle_of_a_build_end_it_cleanly(strict, make_daemon):
    daemon = make_daemon(strict.url, TOKEN, config={"policy": {"writes": "off"}})
    daemon.write_manifest("root.yaml", GROUP)
    daemon.write_manifest("many.yaml", "databases:\n" + "".join(f"  t-{i:05d}: {{group: eu}}\n" for i in range(20000)))
    daemon.start()
    for _ in range(3):
        daemon.hup()
    daemon.process.send(signal.SIGTERM) if hasattr(daemon, "process") else daemon.stop()
    daemon.stop() if daemon.is_running() else None
    assert "ERROR: AddressSanitizer" not in daemon.log()


def test_closed_standard_descriptors_are_no_trouble(strict, make_daemon):
    daemon = make_daemon(strict.url, TOKEN)
    daemon.write_manifest("m.yaml", GROUP)
    command = [harness.program("tenantd"), "--config", str(daemon.config_path), "--once"]
    pid = os.fork()
    if pid == 0:
        for fd in range(3):
            os.close(fd)
        os.execv(command[0], [str(c) for c in command])
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_an_answer_that_cannot_be_written_is_a_failure(strict, make_daemon):
    daemon = make_daemon(strict.url, TOKEN)
    daemon.write_manifest("m.yaml", GROUP)
    for mode in ("--plan", "--check", "--version", "--help"):
        command = f'exec "$0" --config "$1" {mode} >/dev/full'
        result = harness.run(["bash", "-c", command, harness.program("tenantd"), daemon.config_path], 30)
        assert result.code == 1, (mode, result)
        assert "cannot write the answer: No space left on device" in result.err
