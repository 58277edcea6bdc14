"""A daemon that gets no more memory for a while, as in a cgroup beside greedy neighbours.

In:    the real tenantd, strict_api; a limit on its address space, put on and lifted while it runs.
Out:   what it says meanwhile; that it goes on by itself.
Never: so little that it has to end.
"""

import os
import resource

import harness
import pytest
from strict_api import TOKEN

MANIFEST = """
groups: {eu: {location: aws-eu-west-1}}
databases: {a: {group: eu}%s}
"""
MIB = 1 << 20

pytestmark = pytest.mark.skipif(bool(os.environ.get("TENANTD_SANITIZE")) or
                                "memcheck" in os.environ.get("TENANTD_BIN_DIR", ""),
                                reason="sanitizers and memcheck end what gets no memory")


def limit(daemon, spare):
    """So many bytes beside what it has; None: no limit."""
    pages = int(open(f"/proc/{daemon.process.pid}/statm", encoding="ascii").read().split()[0])
    size = resource.RLIM_INFINITY if spare is None else pages * resource.getpagesize() + spare
    resource.prlimit(daemon.process.pid, resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))


def refused(daemon):
    return [p["message"] for p in daemon.status()["problems"] if p["reason"] == "ManifestRefused"]


def test_a_manifest_that_could_not_be_read_is_read_again_by_itself(strict, make_daemon):
    daemon = make_daemon(strict.url, TOKEN)
    daemon.write_manifest("m.yaml", MANIFEST % "")
    daemon.start()
    daemon.settle()
    limit(daemon, 16 * MIB)
    daemon.write_manifest("m.yaml", "#" + "x" * (64 * MIB) + MANIFEST % ", b: {group: eu}")
    harness.wait_until(lambda: refused(daemon), 30, "it says that it could not read it")
    assert "out of memory" in refused(daemon)[0]
    assert daemon.resource("database/a")["phase"] == "Ready"
    limit(daemon, None)
    harness.wait_until(lambda: not refused(daemon), 30, "it has read it after all")
    daemon.ctl("wait", "database/b")
    assert daemon.resource("database/b")["phase"] == "Ready"
