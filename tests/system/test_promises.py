"""test_promises: what tenantd promises never to do, each against an API server that is not of its making.

In:    the real tenantd and tenantctl, strict_api.
Out:   the platform as it was, or exactly the manifest.
Never: the emulator, which shares its authors' mistakes.
"""

import random

import harness
import pytest
import strict_api
from strict_api import TOKEN

ROOT = """
groups:
  eu: {location: aws-eu-west-1}
classes:
  free: {group: eu, size_limit: 256mb, tokens: {app: {authorization: full-access, expiration: 7d}}}
"""
DATABASES = ".*/databases$"
PRUNE = {"policy": {"prune": "on", "deletion_grace": "0s"}}
QUICK = {"reconcile": {"debounce": "10ms", "interval": "1s",
                       "backoff": {"initial": "20ms", "max": "200ms"}}}


@pytest.fixture
def make(strict, make_daemon):
    """make(n, config): a daemon, not started, that wants n databases."""

    def make_one(n, config=None):
        daemon = make_daemon(strict.url, TOKEN, config=harness.merge(QUICK, config or {}))
        daemon.write_manifest("root.yaml", ROOT)
        write_tenants(daemon, n)
        return daemon

    yield make_one
    assert not any(strict.state.counts["rotates"].values())
    assert strict.calls(path="/auth/rotate$") == []


def write_tenants(daemon, n):
    lines = [f"  t-{i:03d}: {{class: free}}\n" for i in range(n)]
    daemon.write_manifest("tenants.yaml", "databases:\n" + "".join(lines))


def settled(daemon):
    daemon.start()
    daemon.settle(timeout=120)
    return daemon


def look(daemon):
    """Have it read manifest and platform anew; until it has, whatever came of that."""
    result = daemon.ctl("sync")
    assert result.code == 0, result
    cycle = daemon.status()["observation"]["cycle"]
    harness.wait_until(lambda: daemon.status()["observation"]["cycle"] > cycle, 30, "another look")
    return daemon.status()


def reasons(daemon):
    return [problem["reason"] for problem in daemon.status()["problems"]]


def assert_exactly(strict, n):
    """The manifest with n databases is live, and each was made once."""
    names = [f"t-{i:03d}" for i in range(n)]
    assert sorted(strict.state.databases) == names and list(strict.state.groups) == ["eu"]
    assert all(d["config"]["size_limit"] == str(256 << 20) for d in strict.state.databases.values())
    assert strict.creates_by_name == {"group/eu": 1, **{f"database/{name}": 1 for name in names}}
    assert not any(strict.state.counts["deletes"].values())


TROUBLE = ({"status": 503}, {"status": 503, "commit": True}, {"status": 429, "retry_after": "1"},
           {"status": 429, "retry_after_date": 1}, {"drop": "after"}, {"drop": "before"},
           {"html": True}, {"html": True, "commit": True}, {"truncate": "json"},
           {"truncate": "wire"})


def add_trouble(strict, rng):
    """Of each kind that a platform in trouble shows, in writes; of some, in reads, too. What is
    left from before goes: all of it at once would be nothing but waiting."""
    strict.clear_faults()
    for kind in TROUBLE:
        strict.fault(method=rng.choice(("POST", "POST", "PATCH")), skip=rng.randrange(6), **kind)
    for path in (DATABASES, ".*/groups$", "/acme$", ".*/databases/t-[0-9]+$"):
        strict.fault(method="GET", path=path, skip=rng.randrange(3), **rng.choice(TROUBLE))


@pytest.mark.parametrize("seed", (1, 2))
def test_eight_kills_amid_faults_end_in_exactly_the_manifest(strict, make, seed):
    rng, daemon = random.Random(seed), make(40)
    for _ in range(8):
        add_trouble(strict, rng)
        wanted = strict.mark() + rng.randrange(3, 20)
        daemon.start(by=None)
        harness.wait_until(lambda n=wanted: strict.mark() >= n, 60, "requests", 0.001)
        daemon.kill9()
    add_trouble(strict, rng)
    daemon.start()
    daemon.settle(timeout=120)
    assert_exactly(strict, 40)
    for i in range(40):
        assert strict.state.is_token_alive(daemon.token_file(f"t-{i:03d}/app.jwt").strip())


@pytest.mark.parametrize("lie", ("empty", "short", "repeat-cursor"))
def test_a_list_that_lies_leads_to_no_writes(strict, make, lie):
    daemon = settled(make(20, PRUNE))
    fault = strict.fault(method="GET", path=DATABASES, count=None, list=lie, short_by=3)
    mark = strict.mark()
    look(daemon)
    write_tenants(daemon, 18)  # what may be removed, if anything
    assert not look(daemon)["observation"]["complete"]
    assert fault.hits and strict.writes(mark) == []
    assert len(strict.state.databases) == 20


def test_a_lying_list_of_groups_leads_to_no_writes(strict, make):
    daemon = settled(make(5, PRUNE))
    fault = strict.fault(method="GET", path=".*/groups$", count=None, list="empty")
    mark = strict.mark()
    look(daemon)
    write_tenants(daemon, 4)
    look(daemon)
    assert fault.hits and strict.writes(mark) == []


def test_30_of_120_are_held_until_approved(strict, make):
    guard = {"guard": {"max_deletes": 5, "max_delete_percent": 100}}
    daemon = settled(make(120, {"policy": {**PRUNE["policy"], **guard}}))
    mark = strict.mark()
    write_tenants(daemon, 90)
    assert daemon.sync().code == 3
    assert daemon.status()["state"] == "held"
    plan = daemon.ctl_json("plan", expect=3)
    assert (plan["held"], plan["total"]["delete"]) == (30, 30)
    daemon.restart()
    assert daemon.sync().code == 3
    assert strict.writes(mark) == [] and len(strict.state.databases) == 120

    assert daemon.ctl("approve", plan["id"], "--reason", "they left").code == 0
    harness.wait_until(lambda: len(strict.state.databases) == 90, 60, "the approved removals")
    daemon.settle()
    assert sorted(strict.state.databases) == [f"t-{i:03d}" for i in range(90)]
    assert set(strict.state.counts["deletes"].values()) == {1}


def empty_directory(daemon):
    for path in daemon.manifest_dir.iterdir():
        path.unlink()


def empty_files(daemon):
    for path in sorted(daemon.manifest_dir.iterdir()):
        daemon.write_manifest(path.name, "")


def no_directory(daemon):
    empty_directory(daemon)
    daemon.manifest_dir.rmdir()


@pytest.mark.parametrize("spoil", (empty_directory, empty_files, no_directory))
def test_an_emptied_manifest_removes_nothing(strict, make, spoil):
    daemon = settled(make(6, PRUNE))
    mark = strict.mark()
    spoil(daemon)
    assert daemon.sync().code in (4, 8)
    assert "ManifestRefused" in reasons(daemon)
    daemon.restart()
    daemon.sync()
    said = daemon.status()
    assert [p["since"] >= said["since"] for p in said["problems"] if p["reason"] == "ManifestRefused"] == [True]
    assert strict.writes(mark) == []


@pytest.mark.parametrize("is_wanted", (True, False))
def test_one_made_anew_by_others_is_never_touched(strict, make, is_wanted):
    daemon = settled(make(6, PRUNE))
    with strict.lock:
        strict.state.remove_database("t-005")
        strict.state.add_database("t-005", "eu", size_limit="1gb")
    mark = strict.mark()
    write_tenants(daemon, 6 if is_wanted else 5)
    daemon.sync()
    if is_wanted:
        assert daemon.resource("database/t-005")["reason"] == "Conflict"
    assert [w for w in strict.writes(mark) if "t-005" in w["target"]] == []
    assert strict.state.databases["t-005"]["config"]["size_limit"] == str(1 << 30)


def test_a_redirect_carries_the_token_nowhere(strict, make):
    with strict_api.StrictApi("acme", TOKEN) as elsewhere:
        strict.fault(count=None, status=307, headers={"Location": elsewhere.url + "/v1/user"})
        daemon = make(2)
        daemon.start()
        assert "307" in look(daemon)["observation"]["error"]
        assert elsewhere.requests == [] and elsewhere.violations == []
    strict.clear_faults()
    daemon.settle()
