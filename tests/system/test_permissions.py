"""Who may do what over the control socket, with real users: by user, group and supplementary groups.

In:    the real programs under a group file of their own, in a mount namespace.
Out:   each kind of user's answers.
Never: a change of this machine's users; skipped where root or a namespace is not to be had.
"""

import os
import pathlib
import subprocess

import harness
import pytest
from strict_api import TOKEN

READERS, ADMINS, USER = 64101, 64102, 64001


@pytest.fixture
def grouped(strict, make_daemon, monkeypatch):
    """A settled daemon that knows the groups tenantd and tenantd-admin, whose directory others may enter."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to be other users")
    root = harness.make_root()
    groups = root / "group"
    kept = [line for line in pathlib.Path("/etc/group").read_text().splitlines()
            if not line.startswith(("tenantd:", "tenantd-admin:"))]
    groups.write_text("\n".join([*kept, f"tenantd:x:{READERS}:", f"tenantd-admin:x:{ADMINS}:", ""]))
    unshare = ["unshare", "--mount"]
    if subprocess.run([*unshare, "mount", "--bind", groups, "/etc/group"], check=False,
                      capture_output=True).returncode != 0:
        pytest.skip("no mount namespaces here")
    daemon = make_daemon(strict.url, TOKEN)
    daemon.write_manifest("m.yaml", "groups: {eu: {location: aws-eu-west-1}}\n")
    wrapper = root / "tenantd"
    wrapper.write_text("#!/bin/sh\nexec unshare --mount sh -c '"
                       f"mount --bind {groups} /etc/group && exec {harness.program('tenantd')} \"$@\"' sh \"$@\"\n")
    wrapper.chmod(0o755)
    daemon.root.chmod(0o755)
    with monkeypatch.context() as patch:
        built = harness.program
        patch.setattr(harness, "program", lambda n: str(wrapper) if n == "tenantd" else built(n))
        daemon.start()
    daemon.settle()
    yield daemon
    for path in (wrapper, groups):
        path.unlink()
    root.rmdir()


def as_user(daemon, *arguments, user=USER, group=USER, groups=()):
    done = subprocess.run([harness.program("tenantctl"), "-s", str(daemon.socket_path), *arguments],
                          user=user, group=group, extra_groups=groups, capture_output=True, text=True,
                          timeout=60, check=False, env=harness.clean_environment(), cwd="/")
    return done.returncode, done.stderr


WRITING = [("sync",), ("pause", "--reason", "r"), ("resume",), ("approve", "p", "--reason", "r"),
           ("reject", "p", "--reason", "r"), ("recreate", "group/eu", "--reason", "r", "--yes"),
           ("release", "group/eu"), ("adopt", "group/eu", "--id", "x"),
           ("purge", "a", "--reason", "r"), ("reload",), ("restore", "database/a"),
           ("rotate", "token/a/app"), ("rotate", "group/eu", "--invalidate", "--yes")]


def test_who_is_in_no_group_may_not_even_ask(grouped):
    assert as_user(grouped, "status")[0] == 6


def test_who_is_in_tenantd_reads_and_does_not_write(grouped):
    assert as_user(grouped, "status", groups=[READERS])[0] == 0
    assert as_user(grouped, "list", group=READERS)[0] == 0
    for words in WRITING:
        code, said = as_user(grouped, *words, groups=[READERS])
        assert code == 6 and "tenantd-admin" in said, (words, code, said)
    assert grouped.status()["state"] == "settled"
    assert grouped.resource("group/eu")["phase"] == "Ready"


@pytest.mark.parametrize("groups, group", [([READERS, ADMINS], USER), ([READERS], ADMINS),
                                           ([ADMINS], READERS)])
def test_who_is_in_tenantd_admin_writes(grouped, groups, group):
    assert as_user(grouped, "pause", "--reason", "r", groups=groups, group=group)[0] == 0
    assert grouped.resource("group/eu")["phase"] == "Paused"
    event = [e for e in grouped.ctl_json("events") if e["what"] == "Paused"][-1]
    assert f"by uid {USER}" in event["message"]
    assert as_user(grouped, "resume", groups=groups, group=group)[0] == 0
    assert as_user(grouped, "sync", groups=groups, group=group)[0] == 0


def test_root_writes_without_a_group(grouped):
    assert as_user(grouped, "sync", user=0, group=USER)[0] == 0
