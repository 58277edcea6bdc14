"""What is there, and what the platform says of it: export and the platform verbs.

In:    the real programs; the emulator, full; strict_api.
Out:   manifests that change nothing, tables and rows as people see them.
Never: a write to the platform by any of these verbs.
"""

import socket

import harness
import pytest
from harness import GROUP
from strict_api import TOKEN


def observed(make_daemon, server, manifest=GROUP, config=None):
    daemon = make_daemon(server.url, getattr(server, "token", TOKEN), config=config)
    daemon.write_manifest("m.yaml", manifest)
    daemon.start()
    daemon.sync()
    return daemon


def rows(daemon, *arguments):
    result = daemon.ctl("-o", "ndjson", "platform", *arguments)
    assert result.code == 0, repr(result)
    return result.ndjson()


def export(daemon, **options):
    result = daemon.ctl("export", **options)
    assert result.code == 0 and result.err == "", repr(result)
    return result.out


# --- Export -------------------------------------------------------------------------------------


@pytest.fixture
def full():
    with harness.Emulator("--fill", "10000", token=TOKEN) as running:
        yield running


def writes(emulator):
    return [r for r in emulator.requests()["requests"] if r["method"] != "GET"]


def configure(emulator, name, **changes):
    path = f"/v1/organizations/acme/databases/{name}/configuration"
    status, _ = emulator.request("PATCH", path, changes)
    assert status == 200


def test_export__of_10_000_databases__is_a_manifest_that_changes_nothing(full, make_daemon):
    configure(full, "db-0000001", size_limit="256mb", block_reads=True)
    configure(full, "db-0000002", allowed_ips=["203.0.113.0/24", "10.0.0.1"])
    configure(full, "db-0000003", delete_protection=True, block_writes=True)
    full.request("PATCH", "/v1/organizations/acme/groups/default/configuration",
                 {"delete_protection": True})
    daemon = observed(make_daemon, full, "groups: {default: {location: aws-eu-west-1}}\n")
    manifest = export(daemon, timeout=200)
    for line in ('organization: "acme"',
                 "  default: {location: aws-eu-west-1, delete_protection: true}",
                 '  db-0000001: {group: default, size_limit: "268435456", block_reads: true}',
                 '  db-0000002: {group: default, allowed_ips: ["10.0.0.1", "203.0.113.0/24"]}',
                 "  db-0000003: {group: default, delete_protection: true, block_writes: true}",
                 "  db-0010000: {group: default}"):
        assert line in manifest.splitlines()
    assert manifest.count("\n  db-") == 10000

    path = daemon.root / "exported.yaml"
    path.write_text(manifest)
    valid = daemon.ctl("validate", path)
    assert valid.code == 0 and "10000 databases" in valid.err, repr(valid)
    before = writes(full)
    assert daemon.stop() == 0
    daemon.write_manifest("m.yaml", manifest)
    plan = daemon.run("--plan", timeout=200)
    assert plan.code == 0, repr(plan)[-2000:]
    assert plan.out == "0 to create, 0 to update, 0 to delete, 0 blocked\n"
    assert writes(full) == before

    daemon.start()
    result = daemon.sync(timeout=200)
    assert result.code == 0, repr(result)
    assert daemon.status()["counts"]["database"] == {"Ready": 10000}
    assert writes(full) == before


def test_export__of_what_a_manifest_cannot_say__is_a_comment(strict, make_daemon):
    strict.state.add_group("eu")
    strict.state.add_group("Old_Group")
    strict.state.add_database("t-1", "eu")
    strict.state.add_database("Old_Name", "eu")
    strict.state.add_database("no", "eu")
    strict.state.add_database("t-2", "eu")["config"].update(size_limit="7.5gb", block_reads=True)
    strict.state.add_database("t-3", "Old_Group")
    daemon = make_daemon(strict.url, TOKEN)
    daemon.write_manifest("m.yaml", GROUP)
    daemon.start()
    daemon.settle()
    manifest = export(daemon)
    lines = manifest.splitlines()
    assert "  t-1: {group: eu}" in lines
    assert '  "no": {group: eu}' in lines
    for name, kind, what in (("Old_Group", "group", ""), ("Old_Name", "database", ""),
                             ("t-2", "database", "size_limit "), ("t-3", "database", "")):
        head = f'  # {kind} "{name}": {what}left out: '
        assert [line for line in lines if line.startswith(head)], manifest
    assert "  t-2: {group: eu, block_reads: true}" in lines
    daemon.write_manifest("m.yaml", manifest)
    daemon.settle()
    assert daemon.ctl("plan").out == "0 to create, 0 to update, 0 to delete, 0 blocked\n"


def test_export__when_a_configuration_cannot_be_read__says_so(strict, make_daemon):
    strict.state.add_group("eu")
    strict.state.add_database("t-1", "eu")
    strict.state.add_database("t-2", "eu")
    daemon = make_daemon(strict.url, TOKEN)
    daemon.write_manifest("m.yaml", GROUP)
    daemon.start()
    daemon.settle()
    strict.fault(method="GET", path="databases/t-1/configuration", status=403, error="not for you")
    lines = export(daemon).splitlines()
    at = lines.index("  t-1: {group: eu}")
    assert lines[at - 1].startswith('  # database "t-1": its configuration could not be read (')
    assert "not for you" in lines[at - 1]
    assert "  t-2: {group: eu}" in lines


def test_export__before_an_observation__is_not_ready(strict, make_daemon):
    strict.fault(method="GET", path="/v1/organizations/acme/databases", status=503, count=None)
    daemon = make_daemon(strict.url, TOKEN)
    daemon.write_manifest("m.yaml", GROUP)
    daemon.start()
    result = daemon.ctl("export")
    assert result.code == 1 and "no complete observation yet" in result.err
    assert result.out == ""
    assert daemon.ctl("-o", "json", "export").code == 64


# --- What the platform says ---------------------------------------------------------------------


def test_plan_and_limits__are_composed(strict, make_daemon):
    strict.state.knobs.quotas = {"databases": 7, "groups": None}
    daemon = observed(make_daemon, strict, GROUP + "databases: {a: {group: eu}, b: {group: eu}}\n")
    plans = rows(daemon, "plan")
    assert [(p["name"], p["current"]) for p in plans] == [("scaler", True), ("starter", False)]
    assert plans[0]["databases"] == 7 and plans[0]["timeline"] == "monthly"
    limits = {row["what"]: row for row in rows(daemon, "limits")}
    assert limits["databases"] == {"what": "databases", "used": 2, "limit": 7, "left": 5}
    assert limits["groups"] == {"what": "groups", "used": 1}
    assert limits["storage_bytes"]["left"] == 9 * 10 ** 9 - 8192
    table = daemon.ctl("platform", "limits").out.splitlines()
    assert table[0].split() == ["WHAT", "USED", "LIMIT", "LEFT"]
    assert table[1].split() == ["databases", "2", "7", "5"]


def test_limits__with_nothing_told__are_empty(strict, make_daemon):
    daemon = observed(make_daemon, strict)
    for path in ("plans", "subscription", "usage"):
        strict.fault(method="GET", path="/v1/organizations/acme/" + path, status=403, error="no",
                     count=2)
    assert [set(row) for row in rows(daemon, "limits")] == [{"what"}] * 7
    refused = daemon.ctl("platform", "plan")
    assert refused.code == 1 and "read subscription: not permitted: no" in refused.err


def test_usage__is_summed_by_group(strict, make_daemon):
    strict.state.add_group("us", "aws-us-east-1")
    strict.state.add_database("x", "us")
    daemon = observed(make_daemon, strict, GROUP + "databases: {a: {group: eu}, b: {group: eu}}\n")
    usage = rows(daemon, "usage")
    assert [(r["scope"], r["name"], r["databases"], r["storage_bytes"]) for r in usage] == [
        ("organization", "acme", 3, 3 * 4096), ("group", "eu", 2, 2 * 4096), ("group", "us", 1, 4096)]
    databases = [r for r in rows(daemon, "usage", "--databases") if r["scope"] == "database"]
    assert sorted((r["name"], r["group"]) for r in databases) == [
        ("a", "eu"), ("b", "eu"), ("x", "us")]
    assert daemon.ctl("platform", "plan", "--databases").code == 64


def test_usage__of_databases_that_are_left_out__is_read_within_a_budget(strict, make_daemon):
    strict.state.add_group("eu")
    for i in range(130):
        strict.state.add_database(f"t-{i:03d}", "eu")
    daemon = observed(make_daemon, strict)
    strict.state.knobs.usage_by_database = False
    mark = strict.mark()
    usage = rows(daemon, "usage", "--databases")
    assert len([r for r in usage if r["scope"] == "database"]) == 100
    assert usage[-1] == {"scope": "not read", "databases": 30}
    assert len(strict.calls("GET", "/usage", mark)) == 101


def test_locations_and_organizations(emulator, make_daemon):
    daemon = observed(make_daemon, emulator, GROUP)
    places = rows(daemon, "locations")
    assert [p["region"] for p in places] == sorted(p["region"] for p in places)
    assert [p["code"] for p in places if p["closest"]] == ["aws-eu-west-1"]
    (organization,) = rows(daemon, "organizations")
    assert organization["slug"] == "acme" and organization["plan"] == "scaler"
    table = daemon.ctl("platform", "locations").out
    assert "AWS EU West (Ireland)" in table


def test_audit__is_read_page_by_page_and_filtered(strict, make_daemon):
    for i in range(250):
        strict.state.note("db-create", author="jo" if i % 2 else "al", database=f"d-{i}")
    daemon = observed(make_daemon, strict)
    mark = strict.mark()
    entries = [e for e in rows(daemon, "audit") if e["action"] == "db-create"]
    assert [e["database"] for e in entries] == [f"d-{i}" for i in range(250)]
    assert len(strict.calls("GET", "/audit-logs", mark)) >= 3
    assert len(rows(daemon, "audit", "--author", "jo", "--action", "db-create")) == 125
    assert rows(daemon, "audit", "--since", "2099-01-01T00:00:00Z") == []
    assert daemon.ctl("platform", "audit", "--since", "yesterday").code == 64


def test_audit__that_nobody_waits_for__is_read_no_further(strict, make_daemon):
    for i in range(10000):
        strict.state.note("db-create", database=f"d-{i}")
    daemon = observed(make_daemon, strict, config={"api": {"rate": 20}})
    mark = strict.mark()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(daemon.socket_path))
        client.sendall(b'{"method": "org.tenantd.Control.Platform", "parameters": {"what": "audit"}}\0')
        harness.wait_until(lambda: len(strict.calls("GET", "/audit-logs", mark)) >= 2)
    mark = strict.mark()
    for _ in range(5):  # in the same line, so that it would have been its turn too
        assert rows(daemon, "organizations")
    assert len(strict.calls("GET", "/audit-logs", mark)) <= 2


def test_audit__that_the_plan_does_not_hold__is_said(strict, make_daemon):
    strict.state.knobs.audit_refused = 403
    daemon = observed(make_daemon, strict)
    refused = daemon.ctl("platform", "audit")
    assert refused.code == 1
    assert "not in the plan: audit logs are not available on your plan" in refused.err


def test_platform__of_something_else__is_usage(strict, make_daemon):
    daemon = observed(make_daemon, strict)
    assert daemon.ctl("platform", "weather").code == 64
    assert daemon.ctl("platform").code == 64
    assert daemon.ctl("platform", "plan", "--follow").code == 64


# --- The audit log, followed --------------------------------------------------------------------


def events(daemon, what):
    result = daemon.ctl("-o", "ndjson", "events")
    return [e for e in result.ndjson() if e["what"] == what]


def test_audit__is_followed_and_outside_hands_are_named(strict, make_daemon):
    config = {"reconcile": {"interval": "1s"}}
    daemon = make_daemon(strict.url, TOKEN, config=config)
    daemon.write_manifest("m.yaml", GROUP + """
databases:
  a: {group: eu, delete_protection: true, tokens: {app: {authorization: read-only, expiration: 7d}}}
  b: {group: eu}
""")
    daemon.start("--log-level", "info")
    daemon.settle()
    follower = harness.Process(
        [harness.program("tenantctl"), "--socket", str(daemon.socket_path), "-o", "ndjson",
         "platform", "audit", "--follow", "--author", "jo"],
        daemon.root / "followed", harness.clean_environment())
    try:
        harness.wait_until(lambda: "db-create by owner" in daemon.log())
        strict.state.note("db-unprotect", author="jo", database="a")
        strict.state.note("db-token-create", author="jo", database="a")
        strict.state.note("db-token-create", author="jo", database="not-ours")
        strict.state.note("db-delete", author="jo", database="b")
        harness.wait_until(lambda: follower.log().count("\n") == 4)
    finally:
        follower.end()
    actions = [e["action"] for e in map(harness.json.loads, follower.log().splitlines())]
    assert actions == ["db-unprotect", "db-token-create", "db-token-create", "db-delete"]
    # The follower may have read them before the daemon's own look did.
    harness.wait_until(lambda: events(daemon, "DeletedOutside"))
    (unprotected,) = events(daemon, "UnprotectedOutside")
    assert unprotected["name"] == "a" and unprotected["message"].startswith("jo at ")
    (minted,) = events(daemon, "MintedOutside")
    assert minted["name"] == "a"
    (deleted,) = events(daemon, "DeletedOutside")
    assert deleted["name"] == "b" and deleted["level"] == 3
    assert daemon.log().count("db-token-create by jo") == 2


def test_audit__a_follower_misses_nothing_that_comes_while_it_reads_the_pages(strict, make_daemon):
    daemon = make_daemon(strict.url, TOKEN, config={"reconcile": {"interval": "100ms"}})
    daemon.write_manifest("m.yaml", GROUP)
    daemon.start("--log-level", "info")
    daemon.settle()
    harness.wait_until(lambda: strict.calls(path="/audit-logs$"))
    for number in range(900):
        strict.state.note("db-create", author="al", database=f"d-{number}")
    harness.wait_until(lambda: '"d-899"' in daemon.log(), 30)
    strict.fault(method="GET", path="/audit-logs$", delay=0.1, count=None)
    follower = harness.Process(
        [harness.program("tenantctl"), "--socket", str(daemon.socket_path), "-o", "ndjson",
         "platform", "audit", "--follow"], daemon.root / "followed", harness.clean_environment())
    try:
        mark = strict.mark()
        harness.wait_until(lambda: any(c["query"].get("page") == "3" for c in strict.calls(path="/audit-logs$", since=mark)))
        strict.state.note("db-delete", author="jo", database="late")
        harness.wait_until(lambda: '"late"' in daemon.log(), 30)
        harness.wait_until(lambda: '"d-899"' in follower.log(), 30, "the pages")
        harness.wait_until(lambda: follower.log().count('"late"') == 1, 10, "what came meanwhile")
        assert len(follower.log().splitlines()) == len(set(follower.log().splitlines()))
    finally:
        follower.end()


def test_audit__is_not_told_twice_after_a_restart(strict, make_daemon):
    daemon = make_daemon(strict.url, TOKEN, config={"reconcile": {"interval": "1s"}})
    daemon.write_manifest("m.yaml", GROUP + "databases: {a: {group: eu}}\n")
    daemon.start("--log-level", "info")
    daemon.settle()
    harness.wait_until(lambda: "db-create by owner" in daemon.log())
    strict.state.note("db-token-create", author="jo", database="a")
    harness.wait_until(lambda: events(daemon, "MintedOutside"))
    daemon.restart("--log-level", "info")
    mark = strict.mark()
    harness.wait_until(lambda: len(strict.calls("GET", "/audit-logs", mark)) >= 2)
    assert len(events(daemon, "MintedOutside")) == 1


# --- Before it hurts ----------------------------------------------------------------------------


def test_quota__is_said_before_anything_is_sent(strict, make_daemon):
    strict.state.knobs.quotas = {"databases": 2}
    daemon = make_daemon(strict.url, TOKEN)
    daemon.write_manifest("m.yaml", GROUP + "databases: {a: {group: eu}, b: {group: eu}, c: {group: eu}}\n")
    plan = daemon.run("--plan")
    assert "! blocked database/c QuotaExceeded: the plan scaler allows 2 databases" in plan.out
    daemon.start()
    assert daemon.sync().code == 8
    assert sorted(strict.creates_by_name) == ["database/a", "database/b", "group/eu"]
    (problem,) = daemon.status()["problems"]
    assert problem["reason"] == "QuotaExceeded" and problem["example"] == "database/c"
    strict.state.knobs.quotas = {}
    daemon.settle()


def test_quota__that_is_not_known__blocks_nothing(strict, make_daemon):
    strict.fault(method="GET", path="/v1/organizations/acme/(plans|subscription|usage)", status=503,
                 count=3)
    daemon = make_daemon(strict.url, TOKEN)
    daemon.write_manifest("m.yaml", GROUP + "databases: {a: {group: eu}}\n")
    daemon.start()
    daemon.settle()


def test_long_names__are_warned_of(strict, make_daemon):
    name = "t-" + "x" * 60
    daemon = make_daemon(strict.url, TOKEN)
    daemon.write_manifest("m.yaml", f"organization: acme\n{GROUP}databases: {{{name}: {{group: eu}}}}\n")
    valid = daemon.ctl("validate", daemon.manifest_dir)
    assert valid.code == 0 and "the platform is likely to take 58 bytes at most" in valid.err
    assert "(its name may be too long" in daemon.run("--plan").out


# --- Several organizations ----------------------------------------------------------------------


def test_all_status__asks_every_instance(strict, make_daemon, tmp_path):
    run = harness.make_root()
    (run / "acme").mkdir()
    (run / "gone").mkdir()
    daemon = make_daemon(strict.url, TOKEN, config={"socket": str(run / "acme" / "tenantd.sock")})
    daemon.socket_path = run / "acme" / "tenantd.sock"
    daemon.write_manifest("m.yaml", GROUP + "databases: {a: {group: eu}}\n")
    daemon.start()
    daemon.settle()

    def ctl(*arguments):
        return harness.run([harness.program("tenantctl"), "--socket", str(run / "tenantd.sock"),
                            *arguments], 30)

    try:
        one = ctl("--all", "status")
        assert one.code == 0
        assert one.out.splitlines()[1].split()[1:5] == ["acme", "settled", "1", "1"]
        with harness.socket.socket(harness.socket.AF_UNIX) as left:
            left.bind(str(run / "gone" / "tenantd.sock"))  # nobody listens
        both = ctl("-o", "json", "--all", "status")
        assert both.code == 5
        acme, gone = both.json()
        assert acme["organization"] == "acme" and acme["counts"]["database"] == {"Ready": 1}
        assert gone["organization"] == "gone" and gone["state"] == "no answer" and gone["error"]
        assert [s["organization"] for s in ctl("-o", "ndjson", "status", "--all").ndjson()] == [
            "acme", "gone"]
        assert ctl("--all", "plan").code == 64
        daemon.stop()
        nobody = harness.run([harness.program("tenantctl"), "--socket", str(tmp_path / "s"),
                              "--all", "status"], 30)
        assert nobody.code == 5 and "there is no tenantd here" in nobody.err
    finally:
        harness.shutil.rmtree(run)


def test_instance__reads_its_own_file_over_the_shared_one(strict, make_daemon):
    daemon = make_daemon(strict.url, TOKEN, organization="acme")
    organization = daemon.config["organization"]
    shared = {key: value for key, value in daemon.config.items() if key != "organization"}
    harness.write_atomically(daemon.config_path, harness.to_yaml(shared) + "\n", 0o600)
    harness.write_atomically(daemon.root / "acme.yaml",
                             "policy: {writes: off}\nreconcile: {interval: 1m}\n", 0o600)
    daemon.write_manifest("m.yaml", GROUP)
    daemon.start("--instance", organization)
    assert daemon.sync().code == 0
    assert daemon.status()["organization"] == "acme"
    assert daemon.resource("group/eu")["reason"] == "WritesOff"
    assert strict.writes() == []


# --- People and their tokens --------------------------------------------------------------------


def test_tokens_and_members__are_shown(emulator, make_daemon):
    emulator.request("POST", "/v1/organizations/acme/groups",
                     {"name": "eu", "location": "aws-eu-west-1"})
    for name, body in (("ci", {"organization": "acme", "group": "eu", "scopes": ["read", "db:create"]}),
                       ("all", {"organization": "acme"})):
        assert emulator.request("POST", f"/v1/auth/api-tokens/{name}", body)[0] == 200
    emulator.request("POST", "/v2/organizations/acme/invites",
                     {"email": "jo@example.com", "role": "admin"})
    daemon = observed(make_daemon, emulator)
    tokens = {t["name"]: t for t in rows(daemon, "tokens")}
    assert tokens["ci"]["group"] == "eu" and set(tokens["ci"]["scopes"]) == {"read", "db:create"}
    assert "group" not in tokens["all"] and tokens["all"]["owner"] == "owner"
    assert not tokens["ci"]["ours"] and not tokens["all"]["ours"]
    daemon.write_manifest("m.yaml", GROUP + "api_tokens: {signup: {group: eu, scopes: [read]}}\n")
    daemon.settle()
    (ours,) = [t for t in rows(daemon, "tokens") if t["ours"]]
    assert ours["name"].startswith("signup") and ours["scopes"] == ["read"]
    members = rows(daemon, "members")
    assert [(m["email"], m["role"], m["state"]) for m in members] == [
        ("owner@example.com", "owner", "member"), ("jo@example.com", "admin", "invited")]
    table = daemon.ctl("platform", "tokens").out
    assert " 0d " in table or " 1d " in table  # whose clock's day it is, is the platform's business
