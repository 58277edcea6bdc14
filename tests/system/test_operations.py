"""What an operator does, and what goes wrong around a daemon: token files, hooks, reload, locks, unmounted directories.

In:    the real programs, strict_api.
Out:   each case as a person would see it.
Never: a look inside the daemon.
"""

import json
import os
import shutil
import stat

import harness
from harness import GROUP
from strict_api import TOKEN


def started(make_daemon, strict, manifest, config=None):
    return make_daemon(strict.url, TOKEN, config=config).settled(GROUP + manifest)


def test_token_files_have_their_form_and_mode(strict, make_daemon):
    daemon = started(make_daemon, strict, """
databases:
  a:
    group: eu
    tokens:
      one: {authorization: full-access, expiration: 7d}
      two: {authorization: read-only, expiration: 7d, format: env, mode: "0640"}
      three: {authorization: read-only, expiration: 7d, format: json, file: "deep/er/three.json"}
""")
    assert daemon.token_file("a/one.jwt").count(".") == 2
    env = daemon.token_file("a/two.env")
    assert env.startswith("TURSO_DATABASE_URL=libsql://") and "\nTURSO_AUTH_TOKEN=ey" in env
    three = json.loads(daemon.token_file("deep/er/three.json"))
    assert set(three) == {"url", "token", "expires"}
    assert stat.S_IMODE(os.stat(daemon.tokens_dir / "a/one.jwt").st_mode) == 0o600
    assert stat.S_IMODE(os.stat(daemon.tokens_dir / "a/two.env").st_mode) == 0o640
    assert stat.S_IMODE(os.stat(daemon.tokens_dir / "a").st_mode) == 0o700


def test_a_token_moves_and_goes(strict, make_daemon):
    entry = "databases: {a: {group: eu, tokens: {app: {authorization: read-only, expiration: 7d%s}}}}\n"
    daemon = started(make_daemon, strict, entry % "")
    before = daemon.token_file("a/app.jwt")
    daemon.write_manifest("m.yaml", GROUP + entry % ", file: elsewhere/app.jwt")
    daemon.settle()
    assert daemon.token_file("elsewhere/app.jwt") == before
    assert not (daemon.tokens_dir / "a/app.jwt").exists()
    assert len(strict.state.minted) == 1

    daemon.write_manifest("m.yaml", GROUP + "databases: {a: {group: eu}}\n")
    daemon.settle()
    assert not (daemon.tokens_dir / "elsewhere/app.jwt").exists()
    token = daemon.resource("token/a/app")
    assert token["reason"] == "StillValid" and token["due"] == token["expires"]


def test_changed_parameters_mint_anew(strict, make_daemon):
    entry = "databases: {a: {group: eu, tokens: {app: {authorization: %s, expiration: 7d}}}}\n"
    daemon = started(make_daemon, strict, entry % "read-only")
    before = daemon.token_file("a/app.jwt")
    daemon.write_manifest("m.yaml", GROUP + entry % "full-access")
    daemon.settle()
    assert daemon.token_file("a/app.jwt") != before


def test_a_hook_is_told_also_after_a_failure(strict, make_daemon, tmp_path):
    told = tmp_path / "told"
    gate = tmp_path / "gate"
    script = tmp_path / "hook"
    script.write_text(f"#!/bin/sh\n[ -e {gate} ] || exit 1\nexec cat >>{told}\n")
    script.chmod(0o755)
    hooks = {"tell": {"command": [str(script)], "debounce": "10ms"}}
    config = {"hooks": hooks, "reconcile": {"backoff": {"initial": "50ms", "max": "200ms"}}}
    daemon = started(make_daemon, strict, """
databases: {a: {group: eu, tokens: {app: {authorization: read-only, expiration: 7d, notify: tell}}}}
""", config)
    harness.wait_until(lambda: "HookFailed" in daemon.ctl("events", "--since", "1h", "-o", "ndjson").out, 20)
    daemon.kill9()
    gate.touch()
    daemon.start()
    harness.wait_until(told.exists, 20, "the hook was not told again")
    harness.wait_until(lambda: told.read_text().endswith("\n"), 20)
    line = json.loads(told.read_text().splitlines()[0])
    assert line == {"kind": "token", "name": "a/app", "file": "a/app.jwt", "cause": "published"} or \
        line["file"].endswith("a/app.jwt")
    assert "ey" not in told.read_text()


def test_writes_off_sends_reads_alone_and_a_reload_lets_go(strict, make_daemon):
    daemon = make_daemon(strict.url, TOKEN, config={"policy": {"writes": "off"}})
    daemon.write_manifest("m.yaml", GROUP + "databases: {a: {group: eu}}\n")
    daemon.start()
    assert daemon.sync()[0] == 0
    assert daemon.ctl("plan").code == 2
    assert strict.writes(0) == []
    daemon.write_config(policy={"writes": "on"})
    assert daemon.ctl("reload").code == 0
    daemon.settle()
    assert "a" in strict.state.databases


def test_a_reload_that_changes_what_it_may_not_is_refused(strict, make_daemon):
    daemon = started(make_daemon, strict, "databases: {a: {group: eu}}\n")
    daemon.write_config(organization="other")
    result = daemon.ctl("reload")
    assert result.code != 0 and "organization" in result.err
    assert "ConfigurationRefused" in daemon.problems()
    daemon.write_config(organization="acme")
    assert daemon.ctl("reload").code == 0
    daemon.settle()


def test_a_second_daemon_is_locked_out(strict, make_daemon):
    daemon = started(make_daemon, strict, "databases: {a: {group: eu}}\n")
    result = daemon.run("--once")
    assert result.code == 1 and str(daemon.state_dir) in result.err
    daemon.settle()


def test_an_unmounted_tokens_dir_degrades_and_nothing_is_minted(strict, make_daemon):
    daemon = started(make_daemon, strict, """
databases: {a: {group: eu, tokens: {app: {authorization: read-only, expiration: 7d}}}}
""")
    away = str(daemon.tokens_dir) + ".away"
    os.rename(daemon.tokens_dir, away)
    os.mkdir(daemon.tokens_dir, 0o700)
    assert daemon.sync()[0] == 8
    assert "TokensDirUnmarked" in daemon.problems()
    assert os.listdir(daemon.tokens_dir) == []
    os.rmdir(daemon.tokens_dir)
    shutil.move(away, daemon.tokens_dir)
    harness.wait_until(lambda: daemon.sync()[0] == 0, 30, "it did not heal")
    assert len(strict.state.minted) == 1


def test_a_bad_tenant_file_freezes_its_own(strict, make_daemon):
    daemon = make_daemon(strict.url, TOKEN, config={"policy": {"prune": "on", "deletion_grace": "0s"}})
    daemon.write_manifest("root.yaml", GROUP)
    daemon.write_manifest("x.yaml", "databases: {x: {group: eu}}\n")
    daemon.write_manifest("y.yaml", "databases: {y: {group: eu}}\n")
    daemon.start()
    daemon.settle()
    daemon.write_manifest("x.yaml", "databases: {x: {grup: eu}}\n")
    daemon.remove_manifest("y.yaml")
    daemon.write_manifest("z.yaml", "databases: {z: {group: eu}}\n")
    assert daemon.sync()[0] == 8
    error = daemon.status()["manifest"]["errors"][0]
    assert error["file"].endswith("x.yaml") and error["line"] == 1
    assert {"x", "y", "z"} <= set(strict.state.databases)
    assert daemon.resource("database/y")["reason"] == "ManifestRefused"


def test_a_hook_hears_of_a_removed_file(strict, make_daemon, tmp_path):
    told = tmp_path / "told"
    script = tmp_path / "hook"
    script.write_text(f"#!/bin/sh\nexec cat >>{told}\n")
    script.chmod(0o755)
    config = {"hooks": {"tell": {"command": [str(script)], "debounce": "10ms"}}}
    daemon = started(make_daemon, strict, """
databases: {a: {group: eu, tokens: {app: {authorization: read-only, expiration: 7d, notify: tell}}}}
""", config)
    harness.wait_until(told.exists, 20)
    daemon.write_manifest("m.yaml", GROUP + "databases: {a: {group: eu}}\n")
    harness.wait_until(lambda: "removed" in told.read_text(), 20, "the hook was not told of the removal")


def test_a_changed_path_and_authorization_leave_no_old_file(strict, make_daemon):
    entry = "databases: {a: {group: eu, tokens: {app: {authorization: %s, expiration: 7d%s}}}}\n"
    daemon = started(make_daemon, strict, entry % ("full-access", ""))
    daemon.write_manifest("m.yaml", GROUP + entry % ("read-only", ", file: new/app.jwt"))
    daemon.settle()
    assert daemon.token_file("new/app.jwt")
    harness.wait_until(lambda: not (daemon.tokens_dir / "a/app.jwt").exists(), 20, "the old token's file is still there")


def test_a_problem_names_what_is_wrong_and_not_what_is_only_warned_of(strict, make_daemon):
    daemon = started(make_daemon, strict, """
databases: {a: {group: eu, tokens: {app: {authorization: read-only, expiration: never}}}}
""")
    daemon.write_manifest("n.yaml", "databases: {b: {group: [eu]}}\n")
    daemon.sync()
    (said,) = [p for p in daemon.status()["problems"] if p["reason"] == "ManifestRefused"]
    assert said["count"] == 1 and said["message"].startswith(f"{daemon.manifest_dir}/n.yaml:1:"), said


def test_a_directory_that_lost_all_its_files_wants_nothing_gone(strict, make_daemon):
    """As where it is a mount, and was unmounted; also when that was found at the start."""
    daemon = make_daemon(strict.url, TOKEN, config={"policy": {"prune": "on", "deletion_grace": "0s"}})
    daemon.write_manifest("root.yaml", GROUP)
    (daemon.manifest_dir / "shop").mkdir(mode=0o755)
    daemon.write_manifest("shop/x.yaml", "databases: {x: {group: eu}, y: {group: eu}}\n")
    (daemon.manifest_dir / "never-used").mkdir(mode=0o755)
    daemon.start()
    daemon.settle()
    away = daemon.root / "away"
    (daemon.manifest_dir / "shop").rename(away)
    (daemon.manifest_dir / "shop").mkdir(mode=0o755)
    for restarts in (False, True):
        if restarts:
            daemon.restart()
        assert daemon.sync().code == 8
        (said,) = [p for p in daemon.status()["problems"] if p["reason"] == "ManifestRefused"]
        assert said["message"] == (f"{daemon.manifest_dir}/shop: cannot be read: it holds no manifest file any more (is "
                                   "it mounted?); remove the directory if none is wanted; what was in it stays as it "
                                   "last was")
        assert [daemon.resource(f"database/{name}")["phase"] for name in "xy"] == ["Ready", "Ready"]
    (daemon.manifest_dir / "shop").rmdir()
    assert daemon.sync().code == 3  # the guard is asked about them, since the directory is gone
