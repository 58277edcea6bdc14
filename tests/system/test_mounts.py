"""test_mounts: disks that are full, read-only, gone, or not what they were, under a running daemon.

In:    the real tenantd, strict_api; mounts in a namespace of the test's own, so root.
Out:   each time: it goes on, says so in `problems`, loses nothing, and recovers by itself.
Never: a mount that anybody else can see.
"""

import ctypes
import os
import resource
import subprocess

import harness
import pytest
from strict_api import TOKEN

CLONE_NEWNS = 0x20000
CONFIG = {"reconcile": {"debounce": "10ms", "interval": "300ms",
                        "backoff": {"initial": "20ms", "max": "200ms"}}}


@pytest.fixture(scope="module", autouse=True)
def namespace():
    """Mounts of this process and its children alone."""
    if os.geteuid() != 0 or ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        pytest.skip("needs to be root, and a mount namespace")
    if subprocess.run(["mount", "--make-rprivate", "/"], check=False).returncode != 0:
        pytest.skip("mounts cannot be made private here")


@pytest.fixture
def mounted(request):
    """mounted(path, size): a small tmpfs there, gone with the test."""
    places = []

    def mount(path, size="1m"):
        path.mkdir(mode=0o700, exist_ok=True)
        run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", path)
        places.append(path)
        return path

    yield mount
    for path in places:
        subprocess.run(["umount", "-l", str(path)], check=False)


def run(*command):
    subprocess.run([str(part) for part in command], check=True)


def want(daemon, n):
    tokens = "tokens: {app: {authorization: read-only, expiration: 7d}}"
    lines = "".join(f"  t-{i}: {{group: eu, {tokens}}}\n" for i in range(n))
    daemon.write_manifest(
        "m.yaml", "groups: {eu: {location: aws-eu-west-1}}\ndatabases:\n" + lines)


def has_problem(daemon, reason):
    status = daemon.status()
    return status["state"] == "degraded" and reason in [p["reason"] for p in status["problems"]]


def wait_for_problem(daemon, reason):
    harness.wait_until(lambda: has_problem(daemon, reason), 30, reason, 0.05)


def wait_for_peace(daemon):
    harness.wait_until(lambda: daemon.status()["state"] == "settled", 30, "it recovers", 0.05)
    assert daemon.status()["problems"] == []


def fill(directory):
    ballast = directory / ".ballast"
    with open(ballast, "wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass  # full, to this size
    return ballast


@pytest.fixture
def small(strict, make_daemon):
    """A daemon with one database and its token wanted, not started."""
    made = make_daemon(strict.url, TOKEN, config=CONFIG)
    want(made, 1)
    return made


def assert_each_minted_once(strict, daemon, n):
    assert len(strict.state.minted) == n
    for i in range(n):
        assert strict.state.is_token_alive(daemon.token_file(f"t-{i}/app.jwt").strip())


def test_a_full_token_directory(strict, small, mounted):
    mounted(small.tokens_dir, "256k")
    small.start()
    small.settle()
    ballast = fill(small.tokens_dir)
    want(small, 2)
    wait_for_problem(small, "FileFailed")
    harness.wait_until(lambda: "space" in small.resource("token/t-1/app")["message"], 30)
    ballast.unlink()
    wait_for_peace(small)
    assert_each_minted_once(strict, small, 2)


def test_a_read_only_token_directory(strict, small, mounted):
    mounted(small.tokens_dir)
    small.start()
    small.settle()
    run("mount", "-o", "remount,ro", small.tokens_dir)
    want(small, 2)
    wait_for_problem(small, "FileFailed")
    run("mount", "-o", "remount,rw", small.tokens_dir)
    wait_for_peace(small)
    assert_each_minted_once(strict, small, 2)


def test_an_unmounted_token_directory(strict, small, mounted):
    disk = mounted(small.root / "disk")
    small.tokens_dir.mkdir(mode=0o700)
    run("mount", "--bind", disk, small.tokens_dir)
    small.start()
    small.settle()
    run("umount", small.tokens_dir)
    want(small, 2)
    wait_for_problem(small, "TokensDirUnmarked")
    assert list(small.tokens_dir.iterdir()) == []
    run("mount", "--bind", disk, small.tokens_dir)
    wait_for_peace(small)
    assert_each_minted_once(strict, small, 2)
    small.stop()
    run("umount", small.tokens_dir)


def test_a_token_directory_that_is_a_link(strict, small):
    small.start()
    small.settle()
    away, elsewhere = small.root / "away", small.root / "elsewhere"
    small.tokens_dir.rename(away)
    elsewhere.mkdir(mode=0o700)
    small.tokens_dir.symlink_to(elsewhere)
    want(small, 2)
    harness.wait_until(lambda: small.status()["state"] == "degraded", 30, "it says so", 0.05)
    assert list(elsewhere.iterdir()) == []
    small.tokens_dir.unlink()
    away.rename(small.tokens_dir)
    wait_for_peace(small)
    assert_each_minted_once(strict, small, 2)


def test_a_full_state_directory(strict, small, mounted):
    mounted(small.state_dir, "2m")
    small.start()
    small.settle()
    ballast = fill(small.state_dir)
    mark = strict.mark()
    want(small, 30)  # more rows than what is left of the last page takes
    wait_for_problem(small, "LedgerFailed")
    writes = len(strict.writes(mark))
    assert small.ctl("sync").code == 0
    assert len(strict.writes(mark)) == writes, "something was begun that is not in the ledger"
    ballast.unlink()
    wait_for_peace(small)
    assert set(strict.creates_by_name.values()) == {1}
    assert_each_minted_once(strict, small, 30)


def allow_writes(daemon, may):
    """Without: every write to a file fails, as on a disk with errors."""
    size = resource.RLIM_INFINITY if may else 0
    resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_a_state_directory_on_a_disk_with_errors(strict, small):
    small.start()
    small.settle()
    mark = strict.mark()
    allow_writes(small, False)
    want(small, 30)
    wait_for_problem(small, "LedgerFailed")
    assert small.ctl("sync").code == 0
    said = [p["message"] for p in small.status()["problems"] if p["reason"] == "LedgerFailed"]
    assert "disk I/O error" in said[0], said
    assert strict.writes(mark) == [], "something was begun that is not in the ledger"
    allow_writes(small, True)
    assert small.ctl("sync").code == 0  # so that it need not be waited for
    wait_for_peace(small)
    assert set(strict.creates_by_name.values()) == {1}
    assert_each_minted_once(strict, small, 30)
    assert small.stop() == 0
    small.start()  # and it is all in the ledger
    small.settle()
    assert set(strict.creates_by_name.values()) == {1}


def test_a_start_with_a_read_only_state_directory(strict, small, mounted):
    mounted(small.state_dir)
    small.start()
    small.settle()
    small.stop()
    run("mount", "-o", "remount,ro", small.state_dir)
    result = small.run("--once")
    assert result.code == 1 and result.err.endswith(
        f"state directory {small.state_dir} is mounted read-only: mount it for writing, or set state_dir "
        "in the configuration\n")
    run("mount", "-o", "remount,rw", small.state_dir)
    assert small.run("--once").code == 0
