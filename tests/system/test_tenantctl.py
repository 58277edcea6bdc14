"""test_tenantctl: every verb against a scripted daemon: what it sends, prints and ends with.

In:    tenantctl, and fake_control.
Out:   pytest's verdict.
Never: a real daemon; test_control_go and the end-to-end tests have that.
"""

import datetime
import json
import os
import pty
import re
import select
import subprocess

import harness
import pytest
from fake_control import HANG_UP, FakeControl, Fault, resource, status

FINE, FAILED, CHANGES, HELD, INVALID, UNREACHABLE, DENIED, TIMED_OUT, DEGRADED = range(9)
USAGE = 64


def run_ctl(*arguments, **environment):
    return harness.run([harness.program("tenantctl"), *arguments], 30,
                       harness.clean_environment(**environment))


def answers_status(*statuses):
    """One after the other; the last one again and again."""
    left = list(statuses)
    return lambda _: {"status": left.pop(0) if len(left) > 1 else left[0]}


# --- status -------------------------------------------------------------------------------------


def test_status__json_is_the_status_itself():
    with FakeControl(GetStatus={"status": status()}) as fake:
        result = fake.ctl("-o", "json", "status")
        assert (result.code, result.json(), result.err) == (FINE, status(), "")
        result = fake.ctl("status", "-o", "ndjson")
        assert (result.code, result.ndjson()) == (FINE, [status()])


@pytest.mark.parametrize("state", ["starting", "held", "working", "degraded", "settled"])
def test_status__ends_with_0_in_every_state(state):
    with FakeControl(GetStatus={"status": status(state)}) as fake:
        result = fake.ctl("status")
    assert result.code == FINE
    assert f"{state} acme  (tenantd 9.9, pid 4242, up " in result.out.splitlines()[0]


def test_status__table_shows_everything():
    whole = status(
        "held", unmanaged=4, possibly_leaked=1,
        counts={"database": {"Ready": 3, "Blocked": 1}, "token": {"Ready": 2, "Retrying": 5}},
        problems=[{"reason": "Held", "count": 2, "since": "2026-11-22T23:00:00Z",
                   "example": "database/t-1", "message": "waits for approval"}],
        manifest={"errors": [{"file": "eu.yaml", "line": 3, "column": 5, "message": "bad"}],
                  "warnings": [{}, {}]},
        observation={"complete": False, "error": "503 from the platform"},
        api={"throttled": 3}, plan={"held": 2})
    with FakeControl(GetStatus={"status": whole}) as fake:
        out = fake.ctl("status").out
    for text in ("generation 2, loaded ", "1 file, 1 error, 2 warnings", "eu.yaml:3:5: bad",
                 "cycle 7, last complete ", "503 from the platform", "12 calls, 0 errors",
                 "throttled 3 times", "2 held: 0123456789abcdef", "1 may exist that nobody holds",
                 "4 live and not managed", "2 Held for ", "waits for approval (database/t-1)"):
        assert text in out, (text, out)
    rows = [line.split() for line in out.splitlines()]
    assert ["KIND", "Ready", "Retrying", "Blocked"] in rows
    assert ["database", "3", "0", "1"] in rows and ["token", "2", "5", "0"] in rows


# --- list and describe --------------------------------------------------------------------------

SOME = [resource("database/t-1", source="eu.yaml:3"),
        resource("database/t-2", "Blocked", "Conflict", message="another thing is live")]


def test_list__batches_become_one_answer():
    batches = [{"resources": [SOME[0]]}, {"resources": [SOME[1]]}, {"resources": []}]
    with FakeControl(List=batches) as fake:
        assert fake.ctl("-o", "json", "list").json() == SOME
        assert fake.ctl("-o", "ndjson", "list").ndjson() == SOME
        table = fake.ctl("list")
    assert table.code == FINE
    lines = table.out.splitlines()
    assert lines[0].split() == ["NAME", "PHASE", "REASON", "SINCE", "SOURCE", "MESSAGE"]
    assert lines[1].split()[:4] == ["✔", "database/t-1", "Ready", "InSync"]
    assert lines[2].startswith("✖ database/t-2") and lines[2].endswith("another thing is live")


def test_list__filters_are_the_daemons():
    with FakeControl(List=[{"resources": []}]) as fake:
        result = fake.ctl("list", "token", "--phase", "Blocked", "--source", "eu.yaml")
        assert fake.calls == [
            ("List", {"kind": "token", "phase": "Blocked", "source": "eu.yaml"}, True)]
        assert (result.code, result.out) == (FINE, "") and "nothing fits" in result.err
        assert fake.ctl("-o", "json", "list").json() == []
        assert fake.ctl("-o", "ndjson", "list").out == ""


def test_list__many_resources():
    def batches(_):
        return [{"resources": [resource(f"database/t-{i}") for i in range(at, at + 500)]}
                for at in range(0, 20000, 500)]
    with FakeControl(List=batches) as fake:
        assert len(fake.ctl("-o", "json", "list").json()) == 20000
        assert len(fake.ctl("list").out.splitlines()) == 20001


def test_describe__shows_fields_drift_and_tokens():
    whole = resource("database/core", "Retrying", "PlatformError", message="500", drift=["size_limit"],
                     attempts=4, next_retry="2026-11-22T23:31:00Z", hostname="core.example",
                     fields={"size_limit": {"manifest": "5gb", "live": "4gb"}}, residencies=[],
                     tokens=[resource("token/core/app", file="core/app.env",
                                      expires="2099-01-01T00:00:00Z")])
    with FakeControl(Describe={"resource": whole}) as fake:
        assert fake.ctl("-o", "json", "describe", "database/core").json() == whole
        assert fake.calls == [("Describe", {"kind": "database", "name": "core"}, False)]
        out = fake.ctl("describe", "database/core").out
    assert out.splitlines()[0] == "↻ database/core"
    rows = [line.split() for line in out.splitlines()]
    for row in (["phase", "Retrying"], ["attempts", "4"], ["next_retry", "2026-11-22T23:31:00Z"],
                ["drift", "size_limit"], ["size_limit", "5gb", "4gb"]):
        assert row in rows, out
    assert re.search(r"✔ core/app +Ready +InSync +in \d+d +core/app.env", out), out
    assert "residencies" not in out


def test_describe__what_is_not_there():
    with FakeControl(Describe=Fault("NotFound", "there is no database/nix")) as fake:
        result = fake.ctl("describe", "database/nix")
    assert result == (FAILED, "", "tenantctl: there is no database/nix\n")


@pytest.mark.parametrize("reference", ["core", "/core", "database/", "x" * 40 + "/a"])
@pytest.mark.parametrize("verb", ["describe", "why", "sync", "wait"])
def test_references_are_checked_first(verb, reference):
    result = run_ctl("--socket", "/nonexistent", verb, reference)
    assert result.code == USAGE and "is no reference; write KIND/NAME" in result.err


# --- pause and its like --------------------------------------------------------------------------

def test_pause__sends_what_was_said():
    with FakeControl(Pause={"message": "paused until then"}) as fake:
        assert fake.ctl("pause", "database/a", "--reason", "a move", "--until",
                        "2027-01-01T00:00:00Z") == (
            FINE, "", "tenantctl: database/a: paused until then\n")
        assert fake.calls[-1][1] == {
            "kind": "database", "name": "a", "reason": "a move", "until": "2027-01-01T00:00:00Z"}
        assert fake.ctl("pause", "--reason", "night", "-o", "json").json() == {
            "message": "paused until then"}
        assert fake.calls[-1][1] == {"reason": "night"}
        assert fake.ctl("pause", "--reason", "r", "--until", "2h").code == FINE
        until = fake.calls[-1][1]["until"]
        ahead = datetime.datetime.fromisoformat(until) - datetime.datetime.now(datetime.timezone.utc)
        assert 7190 < ahead.total_seconds() <= 7200


def test_resume__of_one_and_of_all():
    with FakeControl(Resume={"message": "resumed"}) as fake:
        assert fake.ctl("resume") == (FINE, "", "tenantctl: resumed\n")
        assert fake.calls[-1][1] == {}
        assert fake.ctl("resume", "token/a/app", "--reason", "done").code == FINE
        assert fake.calls[-1][1] == {"kind": "token", "name": "a/app", "reason": "done"}


@pytest.mark.parametrize("error, code", [("Denied", DENIED), ("Held", HELD), ("Paused", FAILED),
                                         ("Invalid", FAILED), ("NotFound", FAILED), ("NotReady", FAILED)])
def test_pause__errors_are_said(error, code):
    with FakeControl(Pause=Fault(error, "because of that")) as fake:
        assert fake.ctl("pause", "--reason", "r") == (code, "", "tenantctl: because of that\n")


def test_release_adopt_purge__send_what_was_said():
    said = {"message": "done, and how"}
    with FakeControl(Release=said, Adopt=said, Purge=said) as fake:
        assert fake.ctl("release", "database/a") == (FINE, "", "tenantctl: database/a: done, and how\n")
        assert fake.ctl("adopt", "group/eu", "--id", "g-1", "-o", "json").json() == said
        assert fake.ctl("purge", "a", "--reason", "they asked").code == FINE
        assert fake.ctl("purge", "database/a", "--reason", "they asked").code == FINE
        assert [c[:2] for c in fake.calls] == [
            ("Release", {"kind": "database", "name": "a"}),
            ("Adopt", {"kind": "group", "name": "eu", "id": "g-1"}),
            ("Purge", {"name": "a", "reason": "they asked"}),
            ("Purge", {"name": "a", "reason": "they asked"})]


def test_recreate__shows_the_old_one_and_asks():
    def recreate(parameters):
        return {"message": "the old one is gone" if parameters.get("look") else "made anew"}

    look = ("Recreate", {"kind": "database", "name": "a", "reason": "r", "look": True})
    make = ("Recreate", {"kind": "database", "name": "a", "reason": "r"})
    words = ("recreate", "database/a", "--reason", "r")
    with FakeControl(Recreate=recreate) as fake:
        result = fake.ctl(*words)  # no terminal, and no --yes
        assert (result.code, result.out) == (USAGE, "") and "the old one is gone" in result.err
        assert [c[:2] for c in fake.calls] == [look]
        result = fake.ctl(*words, "--yes")
        assert result.code == FINE and "made anew" in result.err
        assert [c[:2] for c in fake.calls] == [look, look, make]
        for typed, code in (("y\n", FINE), ("no\n", FAILED), ("\n", FAILED)):
            fake.calls.clear()
            assert on_terminal(fake, *words, typed=typed)[0] == code
            assert [c[:2] for c in fake.calls] == [look, make][:2 if code == FINE else 1]


# --- plan, approve, reject ----------------------------------------------------------------------


def plan(held=0, **total):
    return {"id": "feedbeef", "held": held, "steps": [],
            "total": {"create": 0, "update": 0, "delete": 0, "blocked": 0, **total}}


@pytest.mark.parametrize("answer, code", [
    (plan(), FINE), (plan(blocked=2), FINE), (plan(create=1), CHANGES), (plan(update=1), CHANGES),
    (plan(delete=1), CHANGES), (plan(held=1, delete=1), HELD), (plan(held=1), HELD)])
def test_plan__exit_status(answer, code):
    text = "+ create database/t-1 in eu\n1 to create, 0 to update, 0 to delete, 0 blocked\n"
    with FakeControl(Plan={"plan": answer, "text": text}) as fake:
        as_text = fake.ctl("plan")
        as_json = fake.ctl("plan", "-o", "json")
    assert (as_text.code, as_text.out) == (code, text)
    assert ("approve feedbeef" in as_text.err) == (code == HELD)
    assert (as_json.code, as_json.json()) == (code, answer)


@pytest.mark.parametrize("verb, method", [("approve", "Approve"), ("reject", "Reject")])
def test_decisions(verb, method):
    with FakeControl(**{method: {"steps": 2}}) as fake:
        result = fake.ctl(verb, "feedbeef", "--reason", "as agreed")
        assert fake.calls == [(method, {"plan": "feedbeef", "reason": "as agreed"}, False)]
        assert result == (FINE, "", f"tenantctl: 2 steps {verb.rstrip('e')}ed\n")
        assert fake.ctl(verb, "feedbeef", "--reason", "x", "-o", "json").json() == {"steps": 2}


@pytest.mark.parametrize("verb, method", [("approve", "Approve"), ("reject", "Reject")])
@pytest.mark.parametrize("name, code", [("Denied", DENIED), ("NotFound", FAILED), ("Held", HELD),
                                        ("Paused", FAILED), ("Invalid", FAILED),
                                        ("NotReady", FAILED)])
def test_decisions__refused(verb, method, name, code):
    with FakeControl(**{method: Fault(name, "because")}) as fake:
        result = fake.ctl(verb, "feedbeef", "--reason", "x")
    assert result == (code, "", "tenantctl: because\n")


@pytest.mark.parametrize("verb", ["approve", "reject"])
@pytest.mark.parametrize("rest", [[], ["--reason", ""]])
def test_decisions__want_a_reason(verb, rest):
    result = run_ctl("--socket", "/nonexistent", verb, "feedbeef", *rest)
    assert result == (USAGE, "", "tenantctl: say why: --reason TEXT\n")


# --- sync and wait ------------------------------------------------------------------------------


def test_sync__without_wait_is_asked_and_done():
    with FakeControl(Sync={"cycle": 8}) as fake:
        assert fake.ctl("sync") == (FINE, "", "")
        assert fake.ctl("sync", "database/t-1", "-o", "json").json() == {"cycle": 8}
        assert [c[:2] for c in fake.calls] == [
            ("Sync", {}), ("Sync", {"kind": "database", "name": "t-1"})]


@pytest.mark.parametrize("name, code", [("Denied", DENIED), ("Invalid", INVALID), ("Held", HELD),
                                        ("NotFound", FAILED)])
def test_sync__refused(name, code):
    with FakeControl(Sync=Fault(name, "because")) as fake:
        assert fake.ctl("sync", "--wait") == (code, "", "tenantctl: because\n")


WORKING = status("working")
OLD = status(observation={"cycle": 7})
UNREAD = status(observation={"cycle": 8, "complete": False})


@pytest.mark.parametrize("last, code", [("settled", FINE), ("held", HELD), ("degraded", DEGRADED)])
def test_sync__waits_for_the_cycle_and_for_rest(last, code):
    end = status(last, observation={"cycle": 8})
    sequence = [OLD, status("held"), WORKING, status("starting", observation={"cycle": 8}), UNREAD,
                status("working", observation={"cycle": 9}), end]
    with FakeControl(Sync={"cycle": 8}, GetStatus=answers_status(*sequence),
                     Watch=[{"event": {"seq": i}} for i in range(9)]) as fake:
        result = fake.ctl("sync", "--wait", "-o", "json")
        asked = [c for c in fake.calls if c[0] == "GetStatus"]
    assert (result.code, result.json()) == (code, end)
    assert len(asked) == len(sequence)


def test_sync__wait_is_bounded():
    with FakeControl(Sync={"cycle": 8}, GetStatus=answers_status(WORKING)) as fake:
        result = fake.ctl("sync", "--wait", "--timeout", "300ms")
    assert result == (TIMED_OUT, "", "tenantctl: timed out: the daemon is working\n")


def test_sync__the_daemon_goes_away():
    left = [{"status": WORKING}, HANG_UP]
    with FakeControl(Sync={"cycle": 8}, GetStatus=lambda _: left.pop(0)) as fake:
        result = fake.ctl("sync", "--wait")
    assert result.code == UNREACHABLE and "closed the connection" in result.err
    with FakeControl(GetStatus={"status": WORKING}, Watch=HANG_UP) as fake:
        result = fake.ctl("wait")
    assert result.code == UNREACHABLE and "closed the connection" in result.err


def test_sync__timeout_without_wait_is_wrong():
    assert run_ctl("sync", "--timeout", "5s").code == USAGE
    assert run_ctl("sync", "--wait", "--timeout", "soon").code == USAGE


def test_wait__for_all():
    with FakeControl(GetStatus=answers_status(WORKING, status())) as fake:
        assert fake.ctl("wait") == (FINE, "", "tenantctl: nothing is working: settled\n")


PENDING = resource("database/t-1", "Pending", "Queued", message="waiting for its turn")
TOKEN_PENDING = resource("token/t-1/app", "Pending", "WaitingForTarget", message="waiting")
TOKEN_BLOCKED = resource("token/t-1/app", "Blocked", "Refused", message="the platform refused it")
READY = resource("database/t-1", tokens=[resource("token/t-1/app")])


def answers_resource(*resources):
    left = list(resources)

    def answer(_):
        found = left.pop(0) if len(left) > 1 else left[0]
        return found if isinstance(found, Fault) else {"resource": found}
    return answer


def test_wait__for_a_resource_and_its_tokens():
    steps = [Fault("NotFound", "not yet"), PENDING, {**READY, "tokens": [TOKEN_PENDING]}, READY]
    with FakeControl(GetStatus=answers_status(WORKING), Describe=answers_resource(*steps),
                     Watch=[{"event": {"seq": 1}}]) as fake:
        result = fake.ctl("wait", "database/t-1")
    assert result == (FINE, "", "tenantctl: database/t-1 is Ready\n")


def test_wait__looks_again_at_what_may_have_become_ready_before_all_was_at_rest():
    with FakeControl(GetStatus={"status": status("settled")}, Describe=answers_resource(PENDING, READY)) as fake:
        assert fake.ctl("wait", "database/t-1") == (FINE, "", "tenantctl: database/t-1 is Ready\n")


@pytest.mark.parametrize("state, found, code, why", [
    ("working", {**READY, "tokens": [TOKEN_PENDING, TOKEN_BLOCKED]}, DEGRADED,
     "token/t-1/app is Blocked: Refused: the platform refused it"),
    ("held", {**PENDING, "reason": "Held"}, HELD,
     "database/t-1 is Pending: Held: waiting for its turn"),
    ("degraded", PENDING, DEGRADED, "database/t-1 is Pending: Queued: waiting for its turn"),
    ("settled", resource("database/t-1", "Deleting", "Grace", message="soon"), DEGRADED,
     "database/t-1 is Deleting: Grace: soon"),
    ("held", READY, FINE, "database/t-1 is Ready"),
    ("settled", Fault("NotFound", "there is no database/t-1"), FAILED, "there is no database/t-1")])
def test_wait__says_why_not(state, found, code, why):
    with FakeControl(GetStatus={"status": status(state)},
                     Describe=answers_resource(found)) as fake:
        assert fake.ctl("wait", "database/t-1") == (code, "", f"tenantctl: {why}\n")


def test_sync__of_a_resource_waits_for_its_cycle():
    seen = answers_resource({**PENDING, "phase": "Blocked"}, READY)
    with FakeControl(Sync={"cycle": 8}, Describe=seen,
                     GetStatus=answers_status(OLD, status(observation={"cycle": 8}))) as fake:
        assert fake.ctl("sync", "--wait", "database/t-1").code == FINE


# --- events -------------------------------------------------------------------------------------

EVENTS = [{"seq": 1, "at": "2026-11-22T23:30:00Z", "kind": "database", "name": "t-1",
           "what": "Created", "level": 6, "message": "in eu", "source": "eu.yaml:3"},
          {"seq": 2, "at": "2026-11-22T23:30:01Z", "kind": "daemon", "name": "", "what": "Stopping",
           "level": 4, "message": ""}]
HISTORY = [{"event": e} for e in EVENTS] + [{}]


def test_events__history():
    with FakeControl(Watch=HISTORY) as fake:
        assert fake.ctl("events", "-o", "ndjson").ndjson() == EVENTS
        assert fake.calls == [("Watch", {"since": 0, "follow": False}, True)]
        assert fake.ctl("events", "-o", "json").json() == EVENTS
        assert fake.ctl("events").out.splitlines() == [
            "2026-11-22T23:30:00Z info    database/t-1 Created: in eu (eu.yaml:3)",
            "2026-11-22T23:30:01Z warning daemon Stopping"]


def test_events__since():
    with FakeControl(Watch=[{}]) as fake:
        assert fake.ctl("events", "--since", "2026-11-22T23:30:00+01:00").code == FINE
        assert fake.parameters("Watch") == {"from": "2026-11-22T22:30:00Z", "follow": False}
        fake.calls.clear()
        assert fake.ctl("events", "--since", "2h").code == FINE
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", fake.parameters("Watch")["from"])
        assert fake.ctl("events", "--since", "yesterday").code == USAGE


def test_events__follow_shows_each_at_once_until_the_daemon_ends():
    with FakeControl(Watch=HISTORY[:2]) as fake:
        child = subprocess.Popen(
            [harness.program("tenantctl"), "-s", str(fake.path), "-o", "ndjson", "events", "-f"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=harness.clean_environment())
        seen = [json.loads(child.stdout.readline()) for _ in EVENTS]
        assert seen == EVENTS and child.poll() is None
        assert fake.parameters("Watch") == {"follow": True}
    assert child.wait(10) == UNREACHABLE
    assert b"closed the connection" in child.stderr.read()
    child.stdout.close()
    child.stderr.close()


def test_events__follow_is_no_document():
    assert run_ctl("events", "--follow", "-o", "json").code == USAGE


# --- validate -----------------------------------------------------------------------------------


@pytest.fixture
def manifest():
    root = harness.make_root()
    (root / "eu.yaml").write_text("groups: {eu: {location: aws-eu-west-1}}\n"
                                  "databases: {t-1: {group: eu}, t-2: {group: eu}}\n")
    yield root
    harness.shutil.rmtree(root)


def test_validate__good(manifest):
    for path in (manifest, manifest / "eu.yaml"):
        assert run_ctl("validate", str(path)) == (
            FINE, "", "tenantctl: valid: 1 groups, 2 databases in 1 file\n")
    assert run_ctl("validate", "-o", "json", str(manifest)).out == ""


def test_validate__errors_are_the_answer(manifest):
    bad = manifest / "bad.yaml"
    bad.write_text("databases:\n  t-3: {group: eu, sise_limit: 1gb}\n  t-4: {group: nix}\n")
    result = run_ctl("validate", str(manifest))
    assert result.code == INVALID and "not valid: " in result.err
    lines = result.out.splitlines()
    assert any(line.startswith(f"{bad}:2:") and "sise_limit" in line for line in lines), lines
    as_json = run_ctl("-o", "json", "validate", str(manifest))
    assert as_json.code == INVALID
    errors = as_json.ndjson()
    assert [f"{e['file']}:{e['line']}:{e['column']}: {e['message']}" for e in errors] == lines
    assert all(set(e) == {"file", "line", "column", "message"} for e in errors)


@pytest.mark.parametrize("name", ["none", "none.yaml"])
def test_validate__a_path_that_is_not_there(manifest, name):
    result = run_ctl("validate", str(manifest / name))
    assert result.code == INVALID and "No such file" in result.out


def test_validate__nothing_is_not_zero_tenants(manifest):
    (manifest / "eu.yaml").write_text("")
    assert run_ctl("validate", str(manifest)).code == INVALID
    (manifest / "eu.yaml").unlink()
    assert run_ctl("validate", str(manifest)).code == INVALID


# --- reload, version, help, usage ---------------------------------------------------------------


def test_reload():
    with FakeControl(Reload={}) as fake:
        assert fake.ctl("reload") == (FINE, "", "tenantctl: reloaded\n")
        assert fake.ctl("reload", "-o", "json").json() == {}
    with FakeControl(Reload=Fault("Invalid", "tenantd.yaml:3:1: no such key")) as fake:
        assert fake.ctl("reload") == (INVALID, "", "tenantctl: tenantd.yaml:3:1: no such key\n")


def test_version__with_and_without_a_daemon():
    own = run_ctl("--version").out
    assert re.fullmatch(r"tenantctl \d+\.\d+\.\d+\n", own)
    with FakeControl(GetStatus={"status": status()}) as fake:
        assert fake.ctl("version").out == own + "tenantd 9.9\n"
        assert fake.ctl("version", "-o", "json").json() == {
            "tenantctl": own.split()[1], "tenantd": "9.9"}
    result = run_ctl("--socket", "/nonexistent", "version")
    assert (result.code, result.out) == (FINE, own) and "does not run" in result.err


def test_help__names_every_verb_and_option():
    everything = run_ctl("help")
    assert everything.code == FINE and everything.err == ""
    verbs = re.findall(r"^  ([a-z]+)", everything.out.split("Verbs:")[1].split("Options:")[0], re.M)
    assert {"status", "list", "describe", "why", "plan", "sync", "wait", "events", "approve", "reject",
            "move", "restore", "pause", "resume", "recreate", "release", "adopt", "purge",
            "export", "platform", "rotate", "backup", "validate", "reload", "version", "help"} == set(verbs)
    for verb in verbs:
        result = run_ctl("help", verb)
        assert result.code == FINE and result.out.startswith(f"Usage: tenantctl {verb}")
        assert run_ctl(verb, "--help") == result
    assert run_ctl("--help") == everything


@pytest.mark.parametrize("arguments", [
    [], ["fly"], ["--fly"], ["status", "now"], ["status", "--wait"], ["list", "--reason", "x"],
    ["describe"], ["approve"], ["pause"], ["pause", "nonsense", "--reason", "r"],
    ["pause", "--reason", "r", "--until", "soon"], ["pause", "--reason", ""],
    ["recreate", "database/a"], ["release", "a"], ["adopt", "database/a"], ["purge", "a"],
    ["purge", "--reason", "r"], ["-o", "xml", "status"], ["-o"], ["help", "fly"], ["validate"],
    ["validate", "a", "b"], ["wait", "--timeout", "-5s", "database/a"]])
def test_usage(arguments):
    result = run_ctl("--socket", "/nonexistent", *arguments)
    assert (result.code, result.out) == (USAGE, "") and result.err


# --- Reaching the daemon ------------------------------------------------------------------------

ASKING = [["status"], ["list"], ["describe", "database/a"], ["plan"], ["sync"], ["sync", "--wait"],
          ["wait"], ["wait", "database/a"], ["events"], ["events", "--follow"],
          ["approve", "p", "--reason", "r"], ["reject", "p", "--reason", "r"],
          ["pause", "--reason", "r"], ["resume", "database/a"], ["recreate", "database/a", "--reason", "r", "--yes"],
          ["release", "database/a"], ["adopt", "database/a", "--id", "x"],
          ["purge", "a", "--reason", "r"], ["reload"]]


@pytest.mark.parametrize("arguments", ASKING)
def test_unreachable(arguments):
    result = run_ctl("--socket", "/nonexistent/sock", *arguments)
    assert (result.code, result.out) == (UNREACHABLE, "")
    assert "tenantd does not run" in result.err and "/nonexistent/sock" in result.err


@pytest.mark.parametrize("arguments", ASKING)
@pytest.mark.parametrize("answer, code", [(HANG_UP, UNREACHABLE), (b"garbage\0", FAILED),
                                          (b"[]\0", FAILED), (b"{\"error\":\"a.b\"}\0", FAILED)])
def test_daemons_that_talk_nonsense(arguments, answer, code):
    methods = ("GetStatus", "List", "Describe", "Plan", "Sync", "Watch", "Approve", "Reject",
               "Pause", "Resume", "Recreate", "Release", "Adopt", "Purge", "Why",
               "Reload")
    with FakeControl(**{m: answer for m in methods}) as fake:
        result = fake.ctl(*arguments)
    assert result.code == code and result.err


@pytest.mark.parametrize("arguments", [a for a in ASKING if a[0] not in ("events", "reload")])
def test_daemons_that_answer_beside_the_question(arguments):
    strange = {"status": 1, "resource": [], "plan": "p", "resources": {}, "cycle": "8", "steps": None,
               "message": 7}
    methods = ("GetStatus", "List", "Describe", "Plan", "Sync", "Approve", "Reject", "Pause", "Resume",
               "Recreate", "Release", "Adopt", "Purge")
    for answer in ({}, strange):
        with FakeControl(**{m: answer for m in methods}) as fake:
            result = fake.ctl(*arguments)
        assert result.code == FAILED and "is it of another version?" in result.err


def test_socket__from_the_environment_and_too_long():
    with FakeControl(GetStatus={"status": status()}) as fake:
        assert run_ctl("status", TENANTD_SOCKET=str(fake.path)).code == FINE
    result = run_ctl("--socket", "/" + "x" * 120, "status")
    assert result.code == UNREACHABLE and "must have 1 to 107 bytes" in result.err


def test_socket__that_may_not_be_opened():
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    with FakeControl(GetStatus={"status": status()}) as fake:
        os.chmod(fake.root, 0o755)
        os.chmod(fake.path, 0o660)
        command = [harness.program("tenantctl"), "--socket", str(fake.path), "status"]
        done = subprocess.run(command, capture_output=True, timeout=30, user=65534, group=65534,
                              extra_groups=[], env=harness.clean_environment(), cwd="/")
    assert done.returncode == DENIED and b"you may not open" in done.stderr


def test_an_answer_that_cannot_be_written_is_a_failure():
    with FakeControl(GetStatus={"status": status()}) as fake, open("/dev/full", "wb") as full:
        done = subprocess.run([harness.program("tenantctl"), "-s", str(fake.path), "status"],
                              stdout=full, stderr=subprocess.PIPE, timeout=30,
                              env=harness.clean_environment())
    assert done.returncode == FAILED and b"cannot write the answer" in done.stderr


# --- Terminals ----------------------------------------------------------------------------------


def on_terminal(fake, *arguments, typed="", **environment):
    """Exit code and all that a terminal (both streams) was sent."""
    primary, secondary = pty.openpty()
    variables = {**harness.clean_environment(), "TERM": "xterm", **environment}
    variables = {k: v for k, v in variables.items() if v is not None}
    child = subprocess.Popen([harness.program("tenantctl"), "-s", str(fake.path), *arguments],
                             stdin=secondary, stdout=secondary, stderr=secondary, env=variables)
    os.close(secondary)
    os.write(primary, typed.encode())
    seen = b""
    while True:
        assert select.select([primary], [], [], 30)[0], "nothing came"
        try:
            seen += os.read(primary, 65536)
        except OSError:  # the other end is closed
            break
    os.close(primary)
    return child.wait(30), seen.decode()


@pytest.mark.parametrize("arguments", [["status"], ["list"], ["plan"], ["events"],
                                       ["describe", "database/t-2"]])
def test_colour__only_on_terminals_that_want_it(arguments):
    with FakeControl(GetStatus={"status": status("degraded")}, List=[{"resources": SOME}],
                     Plan={"plan": plan(), "text": "+ create database/t-1\n"},
                     Watch=[{"event": {**EVENTS[1]}}], Describe={"resource": SOME[1]}) as fake:
        assert "\033[3" in on_terminal(fake, *arguments, NO_COLOR=None)[1]
        assert "\033[3" in on_terminal(fake, *arguments, NO_COLOR="")[1]
        assert "\033" not in on_terminal(fake, *arguments)[1]
        assert "\033" not in on_terminal(fake, *arguments, NO_COLOR=None, TERM="dumb")[1]
        assert "\033" not in fake.ctl(*arguments, NO_COLOR="").out


def test_marks__are_ascii_where_the_locale_is():
    with FakeControl(List=[{"resources": SOME}], GetStatus={"status": status()}) as fake:
        lines = fake.ctl("list", LC_ALL="C").out
        assert lines.isascii() and "+ database/t-1" in lines and "! database/t-2" in lines
        assert fake.ctl("status", LC_ALL="C").out.startswith("+ settled acme")


def test_control_characters__never_reach_the_terminal():
    evil = "a\033]0;owned\007b\u009bc\rd\ne"
    bad = resource("database/" + evil, "Blocked", evil, message=evil, source=evil, tokens=[])
    whole = status(organization=evil, problems=[
        {"reason": evil, "count": 1, "example": evil, "message": evil}])
    event = {**EVENTS[0], "name": evil, "what": evil, "message": evil, "source": evil}
    with FakeControl(GetStatus={"status": whole}, List=[{"resources": [bad]}],
                     Describe={"resource": bad}, Watch=[{"event": event}],
                     Plan={"plan": plan(), "text": evil}, Sync=Fault("Invalid", evil)) as fake:
        for arguments in (["status"], ["list"], ["describe", "a/b"], ["events"], ["plan"], ["sync"],
                          ["-o", "json", "list"]):
            result = fake.ctl(*arguments)
            assert not re.search("[\0-\x09\x0b-\x1f\x7f]", result.out + result.err)
            if "json" not in arguments:  # which is for programs, and UTF-8 as it came
                assert not re.search("[\x80-\x9f]", result.out + result.err)


def test_progress__one_line_on_a_terminal_only():
    working = status("working", counts={"database": {"Ready": 3, "Pending": 7, "Blocked": 1}},
                     api={"in_flight": 2})
    with FakeControl(GetStatus=answers_status(working, status())) as fake:
        code, seen = on_terminal(fake, "wait")
    assert code == FINE
    assert "\r\033[Kworking: 3 of 11 ready, 2 calls in flight, 1 blocked" in seen
    assert seen.endswith("\r\033[Ktenantctl: nothing is working: settled\r\n")


# --- Completion ---------------------------------------------------------------------------------


def complete(*words):
    script = pathlib_source("ctl", "completion", "tenantctl")
    line = " ".join(f"'{w}'" for w in words)
    code = (f"source {script}; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1};"
            "compopt() { :; }; _tenantctl; printf '%s\\n' \"${COMPREPLY[@]}\"")
    done = subprocess.run(["bash", "-c", code], capture_output=True, timeout=30, text=True)
    assert done.stderr == ""
    return done.stdout.split()


def pathlib_source(*parts):
    return os.path.join(os.environ["TENANTD_SOURCE_DIR"], *parts)


def test_completion__knows_every_verb_and_option():
    everything = run_ctl("help").out
    verbs = re.findall(r"^  ([a-z]+)", everything.split("Verbs:")[1].split("Options:")[0], re.M)
    assert set(verbs) <= set(complete("tenantctl", ""))
    for verb in verbs:
        if verb in ("help", "validate"):
            continue
        text = run_ctl("help", verb).out.split("\nOptions:\n")[1]
        wanted = set(re.findall(r"--[a-z-]+", "\n".join(
            line[:30] for line in text.splitlines())))
        assert wanted <= set(complete("tenantctl", "-o", "json", verb, "--")), verb
    assert complete("tenantctl", "-o", "n") == ["ndjson"]
    assert complete("tenantctl", "list", "--phase", "B") == ["Blocked"]
