"""What operators have done: pause, resume, recreate, release, adopt, purge, against the emulator.

In:    the real programs, turso-emulator.
Out:   each command as a person would see it, also after a kill -9.
Never: a look inside the daemon.
"""

import harness
import pytest
from harness import GROUP

DATABASES = "/v1/organizations/acme/databases"
TOKENS = "tokens: {app: {authorization: full-access, expiration: 7d}}"


def databases(**entries):
    return GROUP + "databases:\n" + "".join(f"  {n}: {{{e}}}\n" for n, e in entries.items())


@pytest.fixture
def fleet(emulator, make_daemon):
    """A settled daemon with the databases a and b, a with a token; removals go at once."""
    daemon = make_daemon(emulator.url, emulator.token, config={
        "policy": {"deletion_grace": "1h", "guard": {"max_delete_percent": 100, "max_update_percent": 100}},
        "reconcile": {"debounce": "10ms", "interval": "2s"}})
    daemon.write_manifest("m.yaml", databases(a="group: eu, " + TOKENS, b="group: eu"))
    daemon.start()
    daemon.settle()
    daemon.emulator = emulator
    return daemon


def done(daemon, *arguments):
    result = daemon.ctl(*arguments)
    assert result.code == 0, f"{result!r}\n{daemon.tail()}"
    return result.err


def refused(daemon, *arguments, code=1):
    result = daemon.ctl(*arguments)
    assert result.code == code and result.out == "", repr(result)
    return result.err


def until_phase(daemon, reference, phase, reason=None):
    def there():
        r = daemon.resource(reference)
        return r["phase"] == phase and reason in (None, r["reason"])

    harness.wait_until(there, 60, f"{reference} is {phase}")


def ids(daemon):
    return {d["Name"]: d["DbId"] for d in daemon.emulator.request("GET", DATABASES)[1]["databases"]}


def writes(daemon):
    """How often each method that changes something was asked for."""
    return sum(r["method"] != "GET" for r in daemon.emulator.requests()["requests"])


def test_pause__stops_changes_and_outlives_a_kill(fleet):
    assert "paused until" in done(fleet, "pause", "database/b", "--reason", "moving house")
    paused = fleet.resource("database/b")
    assert paused["phase"] == "Paused" and paused["due"] and "moving house" in paused["message"]
    fleet.write_manifest("m.yaml", databases(a="group: eu, size_limit: 1gb, " + TOKENS,
                                             b="group: eu, size_limit: 1gb"))
    assert fleet.settle()["counts"]["database"] == {"Ready": 1, "Paused": 1}
    assert "paused until" in refused(fleet, "sync", "database/b")
    plan = fleet.ctl_json("plan")
    assert [(s["action"], s["name"]) for s in plan["steps"]] == [("blocked", "b")]

    fleet.kill9()
    fleet.start()
    fleet.settle()
    assert fleet.resource("database/b")["phase"] == "Paused"
    done(fleet, "resume", "database/b")
    fleet.settle()
    fields = fleet.resource("database/b")["fields"]["size_limit"]
    assert fleet.resource("database/b")["phase"] == "Ready" and fields["live"] in ("1gb", "1073741824")


def test_pause__of_everything_ends_by_itself(fleet):
    before = writes(fleet)
    done(fleet, "pause", "--reason", "night", "--until", "4s")
    fleet.write_manifest("m.yaml", databases(a="group: eu", c="group: eu"))
    assert "whole organization is paused" in refused(fleet, "sync")
    assert "whole organization is paused" in fleet.resource("group/eu")["message"]
    assert writes(fleet) == before
    harness.wait_until(lambda: "c" in ids(fleet), 60, "the pause has ended")
    fleet.settle()
    assert "not paused" in refused(fleet, "resume")


def test_purge__ends_the_grace_and_nothing_else(fleet):
    old = ids(fleet)["b"]
    assert "no grace" in refused(fleet, "purge", "b", "--reason", "too early")
    fleet.write_manifest("m.yaml", databases(a="group: eu, " + TOKENS, b="state: absent"))
    fleet.sync()
    until_phase(fleet, "database/b", "Deleting", "Grace")
    assert ids(fleet)["b"] == old
    done(fleet, "purge", "b", "--reason", "they asked")
    harness.wait_until(lambda: "b" not in ids(fleet), 60, "b is deleted")
    events = [(e["what"], e["message"]) for e in fleet.ctl_json("events") if e["name"] == "b"]
    assert any(what == "PurgeAsked" and "they asked" in message for what, message in events)
    fleet.write_manifest("m.yaml", databases(a="group: eu, " + TOKENS))
    fleet.settle()
    assert fleet.resource("database/b")["phase"] == "Gone"
    assert fleet.ctl_json("list", "database", "--phase", "Unmanaged") == []


def test_recreate__after_a_deletion_and_only_on_demand(fleet):
    old = ids(fleet)["b"]
    fleet.write_manifest("m.yaml", databases(a="group: eu, " + TOKENS, b="state: absent"))
    fleet.sync()
    until_phase(fleet, "database/b", "Deleting", "Grace")
    done(fleet, "purge", "b", "--reason", "they asked")
    harness.wait_until(lambda: "b" not in ids(fleet), 60, "b is deleted")
    fleet.write_manifest("m.yaml", databases(a="group: eu, " + TOKENS, b="group: eu"))
    assert fleet.sync().code == 8
    assert fleet.resource("database/b")["reason"] == "RecentlyDeleted"
    said = refused(fleet, "recreate", "database/b", "--reason", "r", code=64)
    assert old in said and "--yes" in said
    assert "b" not in ids(fleet)
    done(fleet, "recreate", "database/b", "--reason", "start over", "--yes")
    fleet.settle()
    assert ids(fleet)["b"] != old
    refused(fleet, "recreate", "database/a", "--reason", "r", "--yes")


def test_release__keeps_database_and_files(fleet):
    before = fleet.token_file("a/app.jwt")
    assert "is managed" in refused(fleet, "release", "database/a")
    fleet.write_manifest("m.yaml", databases(b="group: eu"))
    fleet.settle()
    assert fleet.resource("database/a")["phase"] == "Orphaned"
    assert "token file" in done(fleet, "release", "database/a")
    fleet.kill9()
    fleet.start()
    fleet.settle()
    assert fleet.resource("database/a")["phase"] == "Unmanaged"
    assert fleet.token_file("a/app.jwt") == before and "a" in ids(fleet)
    assert "is not ours" in refused(fleet, "release", "database/a")


def test_adopt__takes_that_very_id(fleet):
    fleet.write_config(policy={"adopt": "never"})
    done(fleet, "reload")
    assert fleet.emulator.request("POST", DATABASES, {"name": "c", "group": "eu"})[0] == 200
    fleet.write_manifest("m.yaml", databases(a="group: eu, " + TOKENS, b="group: eu", c="group: eu"))
    fleet.sync()
    until_phase(fleet, "database/c", "Blocked", "NotOwned")
    assert "not nonsense" in refused(fleet, "adopt", "database/c", "--id", "nonsense")
    done(fleet, "adopt", "database/c", "--id", ids(fleet)["c"])
    until_phase(fleet, "database/c", "Ready")
    assert fleet.resource("database/c")["origin"] == "adopted"
