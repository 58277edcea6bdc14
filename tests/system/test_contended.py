"""test_contended: more than one hand on one organization: two daemons, two machines, a person in the dashboard.

In:    the real tenantd, strict_api.
Out:   the second is refused, or both keep from doing harm, and say what they see.
Never: an outside edit that a dashboard could not make.
"""

import harness
from strict_api import TOKEN

QUICK = {"reconcile": {"debounce": "10ms", "interval": "300ms", "config_sweep": "1s",
                       "backoff": {"initial": "20ms", "max": "200ms"}},
         "policy": {"prune": "on", "deletion_grace": "0s",
                    "guard": {"max_deletes": None, "max_delete_percent": None,
                              "max_update_percent": None}}}


def write(daemon, names):
    lines = "".join(f"  {name}: {{group: eu, size_limit: 256mb}}\n" for name in names)
    daemon.write_manifest(
        "m.yaml", "groups: {eu: {location: aws-eu-west-1}}\ndatabases:\n" + lines)


def make(strict, make_daemon, names, **options):
    daemon = make_daemon(strict.url, TOKEN, config=QUICK, **options)
    write(daemon, names)
    return daemon


def test_two_daemons_on_one_state_directory(strict, make_daemon):
    first = make(strict, make_daemon, "ab")
    first.start()
    first.settle()
    second = make(strict, make_daemon, "ab")
    second.write_config(state_dir=str(first.state_dir))
    mark = strict.mark()

    second.start(by=None)

    assert second.wait() == 1
    lines = second.log().splitlines()
    assert len(lines) == 1, lines
    for part in ("in use by another tenantd", str(first.process.pid), str(first.state_dir)):
        assert part in lines[0]
    assert strict.writes(mark) == []
    first.settle()


def test_two_machines_on_one_organization(strict, make_daemon):
    here = make(strict, make_daemon, ("a", "b", "c", "d"))
    here.start()
    here.settle()
    there = make(strict, make_daemon, ("a", "b", "c"))
    there.start()
    there.settle()  # adopts what both want; what it does not name is not its own
    assert sorted(strict.state.databases) == ["a", "b", "c", "d"]

    write(there, ("b", "c"))  # removed over there, within its rights or not
    there.ctl("sync")
    plan = there.ctl_json("plan", expect=3) if there.status()["state"] == "held" else None
    if plan:
        assert there.ctl("approve", plan["id"], "--reason", "it left").code == 0
    harness.wait_until(lambda: "a" not in strict.state.databases, 60, "the other's removal")
    harness.wait_until(lambda: "event=Stranger" in here.log(), 60, "it is noticed here")
    write(here, ("a", "b"))  # all that is removed from now on waits for somebody
    harness.wait_until(lambda: here.status()["state"] == "held", 60, "it is held")
    assert sorted(strict.state.databases) == ["b", "c", "d"]
    assert strict.creates_by_name["database/a"] == 1
    assert not any(strict.state.counts["rotates"].values())


def test_a_person_in_the_dashboard(strict, make_daemon):
    daemon = make(strict, make_daemon, ("a", "b", "c"))
    daemon.start()
    daemon.settle()

    with strict.lock:  # another's database, a changed field, a removed database, all at once
        strict.state.add_database("theirs", "eu")
        strict.state.configure("a", {"size_limit": "1gb"})
        strict.state.remove_database("b")
    harness.wait_until(
        lambda: strict.state.databases["a"]["config"]["size_limit"] == str(256 << 20), 30,
        "the drift is corrected")
    harness.wait_until(lambda: "event=Stranger" in daemon.log(), 60, "it is noticed")
    write(daemon, ("a",))
    harness.wait_until(lambda: daemon.status()["state"] == "held", 30, "it is held")
    assert sorted(strict.state.databases) == ["a", "c", "theirs"]
    assert "b" not in strict.state.databases
    assert strict.creates_by_name["database/b"] == 1
