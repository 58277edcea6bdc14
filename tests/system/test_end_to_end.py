"""The main job, against an API server that forgives nothing: a manifest becomes an organization, and stays one.

In:    the real tenantd and tenantctl, strict_api.
Out:   what every change must keep: settled, nothing written twice, changes followed, nothing lost, nothing leaked.
Never: the emulator, which shares its authors' mistakes.
"""

import random
import time

import harness
from strict_api import TOKEN

ROOT = """
groups:
  eu: {location: aws-eu-west-1}
  us: {location: aws-us-east-1, tokens: {all: {authorization: read-only, expiration: 30d}}}
residency:
  eu: {groups: [eu], locations: [aws-eu-west-1]}
classes:
  free:
    size_limit: 256mb
    tokens:
      app: {authorization: full-access, expiration: 7d, renew_before: 2d}
databases:
  core: {group: us, delete_protection: true, tokens: {rep: {authorization: read-only, expiration: 30d, format: env}}}
"""


def tenants(n, first=0):
    lines = [f"  t-{i:03d}: {{class: free, residency: eu}}" for i in range(first, first + n)]
    return "databases:\n" + "\n".join(lines) + "\n"


def settled_daemon(make_daemon, strict, n=200, config=None):
    daemon = make_daemon(strict.url, TOKEN, config=config)
    daemon.write_manifest("root.yaml", ROOT)
    daemon.write_manifest("tenants.yaml", tenants(n))
    daemon.start()
    daemon.settle(timeout=120)
    return daemon


def secrets_of(strict):
    return [TOKEN] + [minted["jwt"] for minted in strict.state.minted]


def test_201_databases_settle_and_a_second_run_writes_nothing(strict, make_daemon):
    daemon = settled_daemon(make_daemon, strict)
    counts = daemon.status()["counts"]
    assert counts["database"] == {"Ready": 201}
    assert counts["group"] == {"Ready": 2}
    assert counts["token"] == {"Ready": 201}
    assert set(strict.creates_by_name.values()) == {1}

    mark = strict.mark()
    daemon.restart()
    daemon.settle()
    assert strict.writes(mark) == []
    daemon.assert_no_secrets(secrets_of(strict))


def test_added_edited_and_drifted_are_followed(strict, make_daemon):
    daemon = settled_daemon(make_daemon, strict, n=20)

    started = time.monotonic()
    daemon.write_manifest("more.yaml", tenants(3, first=500))
    harness.wait_until(lambda: "t-502" in strict.state.databases, 10, "the file event was not followed")
    print(f"file event to create: {time.monotonic() - started:.2f} s")
    daemon.settle()

    daemon.write_manifest("more.yaml", tenants(3, first=500).replace("t-501: {", "t-501: {size_limit: 1gb, "))
    daemon.settle()
    assert daemon.resource("database/t-501")["phase"] == "Ready"
    assert strict.state.databases["t-501"]["config"]["size_limit"] in ("1gb", "1073741824")

    strict.state.configure("core", {"delete_protection": False})
    daemon.settle()
    assert strict.state.databases["core"]["config"]["delete_protection"] is True

    daemon.remove_manifest("more.yaml")
    daemon.settle()
    assert "t-501" in strict.state.databases
    assert daemon.resource("database/t-501")["phase"] == "Orphaned"


def test_killed_at_any_moment_it_ends_in_the_same_place(strict, make_daemon):
    rng = random.Random(7)
    daemon = make_daemon(strict.url, TOKEN, config={"api": {"concurrency": 4}})
    daemon.write_manifest("root.yaml", ROOT)
    daemon.write_manifest("tenants.yaml", tenants(60))
    strict.fault(method="*", path=".*", count=None, delay=0.004)
    for _ in range(12):
        wanted = len(strict.requests) + rng.randrange(3, 30)
        daemon.start()
        harness.wait_until(lambda n=wanted: len(strict.requests) >= n or daemon.status()["state"] == "settled", 30)
        daemon.kill9()
    strict.clear_faults()
    daemon.start()
    daemon.settle(timeout=120)
    assert daemon.status()["counts"]["database"] == {"Ready": 61}
    assert set(strict.creates_by_name.values()) == {1}
    alive = {m["jwt"]: m for m in strict.state.minted}
    for i in range(60):
        text = daemon.token_file(f"t-{i:03d}/app.jwt").strip()
        assert text in alive
        assert strict.state.is_token_alive(text)


def test_faults_are_outlived_without_a_second_create(strict, make_daemon):
    strict.fault(method="POST", path=".*/databases$", count=5, status=503)
    strict.fault(method="POST", path=".*/databases$", count=3, status=429, retry_after="1")
    strict.fault(method="POST", path=".*/databases$", count=4, drop="after")
    strict.fault(method="PATCH", path=".*/configuration$", count=4, html=True)
    strict.fault(method="GET", path=".*/databases$", count=1, truncate="json")
    daemon = settled_daemon(make_daemon, strict, n=30)
    assert daemon.status()["counts"]["database"] == {"Ready": 31}
    assert set(strict.creates_by_name.values()) == {1}


def test_lists_that_lie_lead_to_no_writes(strict, make_daemon):
    daemon = settled_daemon(make_daemon, strict, n=20, config={"policy": {"prune": "on", "deletion_grace": "0s"}})
    mark = strict.mark()
    for lie in ("empty", "short", "repeat-cursor"):
        strict.fault(method="GET", path=".*/databases$", count=1, list=lie)
        daemon.sync()
    strict.clear_faults()
    daemon.settle()
    assert strict.writes(mark) == []


def test_a_mass_removal_is_held_until_approved(strict, make_daemon):
    config = {"policy": {"prune": "on", "deletion_grace": "1s", "guard": {"max_deletes": 5, "max_delete_percent": 100}}}
    daemon = settled_daemon(make_daemon, strict, n=40, config=config)
    daemon.write_manifest("tenants.yaml", tenants(30))
    assert daemon.sync()[0] == 3
    assert daemon.status()["state"] == "held"
    plan = daemon.ctl_json("plan", expect=3)
    assert plan["held"] == 10 and plan["total"]["delete"] == 10
    assert len(strict.state.databases) == 41

    assert daemon.ctl("approve", plan["id"], "--reason", "they left").code == 0
    harness.wait_until(lambda: len(strict.state.databases) == 31, 60, "approved removals did not happen")
    daemon.settle()
    assert not any(strict.state.counts["rotates"].values())
    assert "core" in strict.state.databases


def test_an_emptied_manifest_directory_removes_nothing(strict, make_daemon):
    daemon = settled_daemon(make_daemon, strict, n=5, config={"policy": {"prune": "on", "deletion_grace": "0s"}})
    mark = strict.mark()
    daemon.remove_manifest("root.yaml")
    daemon.remove_manifest("tenants.yaml")
    assert daemon.sync()[0] == 8
    assert "ManifestRefused" in [p["reason"] for p in daemon.status()["problems"]]
    assert strict.writes(mark) == []


def test_one_recreated_under_its_name_is_never_touched(strict, make_daemon):
    daemon = settled_daemon(make_daemon, strict, n=5, config={"policy": {"prune": "on", "deletion_grace": "0s"}})
    strict.state.remove_database("t-001")
    strict.state.add_database("t-001", "eu")
    mark = strict.mark()
    assert daemon.sync()[0] == 8
    assert daemon.resource("database/t-001")["reason"] == "Conflict"
    daemon.write_manifest("tenants.yaml", tenants(1))
    daemon.sync()
    assert "t-001" in strict.state.databases
    assert [w for w in strict.writes(mark) if "t-001" in w["target"]] == []


def test_a_lost_token_file_is_minted_anew(strict, make_daemon):
    daemon = settled_daemon(make_daemon, strict, n=3)
    before = daemon.token_file("t-001/app.jwt")
    (daemon.tokens_dir / "t-001/app.jwt").unlink()
    daemon.settle()
    assert daemon.token_file("t-001/app.jwt") != before


def test_a_refused_token_degrades_and_heals(strict, make_daemon):
    daemon = settled_daemon(make_daemon, strict, n=3)
    strict.tokens.clear()
    daemon.sync()
    assert daemon.status()["state"] == "degraded"
    assert "Unauthorized" in [p["reason"] for p in daemon.status()["problems"]]
    strict.tokens.add(TOKEN)
    daemon.settle()
    strict.violations.clear()


def test_plan_and_check_write_nothing(strict, make_daemon):
    daemon = make_daemon(strict.url, TOKEN)
    daemon.write_manifest("root.yaml", ROOT)
    assert daemon.run("--check").code == 0
    result = daemon.run("--plan")
    assert result.code == 2
    assert "+ create group/eu in aws-eu-west-1" in result.out
    assert strict.writes(0) == []
    daemon.write_manifest("root.yaml", "groups: {eu: {lokation: x}}\n")
    result = daemon.run("--check")
    assert result.code == 4 and "root.yaml:1:15" in result.err
