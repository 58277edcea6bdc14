"""What a tenant's database goes through beyond being made: deleted and restored.

In:    the real programs, strict_api.
Out:   each case as a person would see it.
Never: a look inside the daemon.
"""

import base64
import json
import secrets

import harness
from harness import GROUP
from strict_api import TOKEN


def started(make_daemon, strict, manifest, config=None, code=0):
    daemon = make_daemon(strict.url, TOKEN, config=config)
    daemon.write_manifest("m.yaml", GROUP + manifest)
    daemon.start()
    assert daemon.sync().code == code, daemon.tail()
    return daemon


# --- Encryption ----------------------------------------------------------------------------------


def test_keys_reach_the_platform_and_nothing_else(strict, make_daemon, tmp_path):
    keys = {name: base64.b64encode(secrets.token_bytes(size)).decode()
            for name, size in (("long", 32), ("short", 16))}
    for name, key in keys.items():
        harness.write_atomically(tmp_path / name, key + "\n", 0o600)
    config = {"encryption_keys": {name: {"file": str(tmp_path / name)} for name in keys}}
    daemon = started(make_daemon, strict, """
databases:
  a: {group: eu, encryption: {cipher: aes256gcm, key: long}}
  b: {group: eu, encryption: {cipher: aegis128x2, key: short}}
  copy: {group: eu, seed: {database: a}}
  wrong: {group: eu, encryption: {cipher: aes256gcm, key: short}}
  unknown: {group: eu, encryption: {cipher: aes256gcm, key: other}}
""", config, code=8)
    sealed = {n: d["encryption"] for n, d in strict.state.databases.items()}
    assert sealed == {
        "a": {"encryption_key": keys["long"], "encryption_cipher": "aes256gcm"},
        "b": {"encryption_key": keys["short"], "encryption_cipher": "aegis128x2"},
        "copy": {"encryption_key": keys["long"], "encryption_cipher": "aes256gcm"}}
    for name in ("wrong", "unknown"):
        assert daemon.resource(f"database/{name}")["reason"] == "EncryptionKey"
    daemon.assert_no_secrets(keys.values())
    strict.assert_clean()

    harness.write_atomically(tmp_path / "short", "no key\n", 0o600)
    refused = daemon.ctl("reload")
    assert refused.code == 4 and "encryption key" in refused.err and "no key" not in refused.err


# --- Probes --------------------------------------------------------------------------------------

PROBED = """
databases:
  a:
    group: eu
    probe: true
    tokens: {app: {authorization: read-only, expiration: 7d, format: env}, b: {authorization: read-only, expiration: 7d}}
"""


def test_ready_is_what_its_own_host_answers(strict, make_daemon):
    late = strict.fault(method="POST", path="^/v2/pipeline$", status=404, count=2)
    daemon = started(make_daemon, strict, PROBED)
    assert daemon.resource("database/a")["phase"] == "Ready" and late.hits == 2
    assert strict.state.counts["probes"] == {"database/a": 1}
    asked = strict.calls("POST", "^/v2/pipeline$")
    assert {r["headers"]["host"] for r in asked} == {strict.state.databases["a"]["Hostname"]}
    strict.assert_clean()

    daemon.stop()
    daemon.start()
    daemon.settle()
    assert strict.state.counts["probes"] == {"database/a": 1}  # the ledger knows
    assert daemon.ctl("sync", "database/a", "--wait").code == 0
    assert strict.state.counts["probes"] == {"database/a": 2}
    strict.assert_clean()


def test_rotated_keys_are_noticed_and_tokens_minted_anew(strict, make_daemon):
    daemon = started(make_daemon, strict, PROBED)
    before = {name: daemon.token_file(name) for name in ("a/app.env", "a/b.jwt")}
    strict.state.rotate("group", "eu")
    assert daemon.ctl("sync", "database/a", "--wait").code == 0
    assert len(strict.state.minted) == 4
    assert all(daemon.token_file(name) != text for name, text in before.items())
    assert "KeysRotated" in daemon.ctl("events", "-o", "ndjson").out
    assert daemon.resource("database/a")["phase"] == "Ready"
    daemon.assert_no_secrets([t["jwt"] for t in strict.state.minted])
    strict.assert_clean()


def test_a_sealed_database_is_asked_with_its_key(strict, make_daemon, tmp_path):
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    harness.write_atomically(tmp_path / "key", key, 0o600)
    daemon = started(make_daemon, strict, """
databases:
  a:
    group: eu
    probe: true
    encryption: {cipher: aes256gcm, key: k}
    tokens: {app: {authorization: read-only, expiration: 7d}}
""", {"encryption_keys": {"k": {"file": str(tmp_path / "key")}}})
    assert strict.state.counts["probes"] == {"database/a": 1}
    daemon.assert_no_secrets([key])
    strict.assert_clean()


def test_check_says_which_encryption_key_the_configuration_does_not_name(strict, make_daemon):
    daemon = make_daemon(strict.url, TOKEN)
    daemon.write_manifest("m.yaml", GROUP + "databases:\n  a: {group: eu, encryption: {cipher: aes256gcm, key: k-9}}\n")
    checked = daemon.run("--check")
    assert checked.code == 0 and "m.yaml:3:3: warning:" in checked.err and '"k-9"' in checked.err


# --- Moving --------------------------------------------------------------------------------------


def test_move_says_the_steps_and_does_none(strict, make_daemon):
    daemon = make_daemon(strict.url, TOKEN)
    daemon.write_manifest("m.yaml", "groups: {eu: {location: aws-eu-west-1}, us: {location: aws-us-east-1}}\n"
                                    "databases: {a: {group: eu}}\n")
    daemon.start()
    daemon.settle()
    mark = strict.mark()
    steps = daemon.ctl("move", "database/a", "--to", "us")
    assert steps.code == 0 and "seed: {database: a}" in steps.out
    assert "from group eu to group us (aws-us-east-1)" in steps.out
    assert daemon.ctl("move", "database/a", "--to", "eu").out == ""
    assert daemon.ctl("move", "database/zz", "--to", "us").code == 1
    assert daemon.ctl("move", "database/a", "--to", "nowhere").code == 1
    assert daemon.ctl("move", "group/eu", "--to", "us").code == 64
    assert daemon.ctl("move", "database/a").code == 64
    assert not strict.writes(mark)


def test_move_leads_nowhere_outside_the_residency(strict, make_daemon):
    daemon = make_daemon(strict.url, TOKEN)
    daemon.write_manifest("m.yaml", """
groups: {eu: {location: aws-eu-west-1}, eu-2: {location: aws-eu-west-1}, us: {location: aws-us-east-1}}
residency: {eu: {groups: [eu, eu-2], locations: [aws-eu-west-1]}}
databases: {core: {group: eu, residency: eu}, copy: {group: eu, seed: {database: core}}}
""")
    daemon.start()
    daemon.settle()
    for name in ("core", "copy"):
        refused = daemon.ctl("move", f"database/{name}", "--to", "us")
        assert (refused.code, refused.out) == (1, "")
        assert "the data of database/core may live in residency eu alone" in refused.err
        assert daemon.ctl("move", f"database/{name}", "--to", "eu-2").code == 0


def test_a_copy_outside_its_sources_residency_is_warned_of_and_not_made(strict, make_daemon):
    daemon = make_daemon(strict.url, TOKEN)
    daemon.write_manifest("m.yaml", """
groups: {eu: {location: aws-eu-west-1}, us: {location: aws-us-east-1}}
residency: {eu: {groups: [eu], locations: [aws-eu-west-1]}}
databases: {core: {residency: eu}, copy: {group: us, seed: {database: core}}}
""")
    checked = daemon.ctl("validate", daemon.manifest_dir)
    assert checked.code == 0 and 'm.yaml:4:36: warning: database "copy" is a copy of "core"' in checked.err + checked.out
    daemon.start()
    assert daemon.sync().code == 8
    assert "! blocked database/copy ResidencyViolated" in daemon.ctl("plan").out
    assert list(strict.state.databases) == ["core"]


def test_branches_that_are_left_behind_are_counted_and_listed(strict, make_daemon):
    daemon = started(make_daemon, strict, """
databases: {core: {group: eu}, pr-1: {group: eu, seed: {database: core}, expires: 30d}}
""")
    assert daemon.status()["left_behind"] == 0
    assert daemon.ctl("list", "--phase", "LeftBehind").err == "tenantctl: nothing fits\n"
    daemon.write_manifest("m.yaml", GROUP + "databases: {core: {group: eu}}\n")
    daemon.settle()
    assert daemon.status()["left_behind"] == 1
    assert "1 branch left behind" in daemon.ctl("status").out
    assert "its entry is gone" in daemon.ctl("list", "--phase", "LeftBehind").out
    assert daemon.resource("database/pr-1")["left_behind"] == "its entry is gone"


# --- Restoring -----------------------------------------------------------------------------------


def test_what_we_deleted_is_restored_and_ours_again(strict, make_daemon):
    entry = "databases: {a: {group: eu, tokens: {app: {authorization: read-only, expiration: 7d}}}}\n"
    daemon = started(make_daemon, strict, entry, {"policy": {"deletion_grace": "0s"}})
    before = strict.state.databases["a"]["DbId"]
    daemon.write_manifest("m.yaml", GROUP + "databases: {a: {state: absent}}\n")
    daemon.settle()
    assert "a" not in strict.state.databases

    daemon.write_manifest("m.yaml", GROUP + entry)
    assert daemon.sync().code == 8
    database = daemon.resource("database/a")
    assert (database["phase"], database["reason"]) == ("Blocked", "RecentlyDeleted")
    assert "tenantctl restore database/a" in database["message"]

    restored = daemon.ctl("restore", "database/a")
    assert restored.code == 0 and before in restored.err
    assert daemon.ctl("wait", "database/a", "--timeout", "20s").code == 0
    back = strict.state.databases["a"]
    assert back["DbId"] == before
    assert not back["config"]["block_reads"] and not back["config"]["block_writes"]
    assert strict.state.is_token_alive(daemon.token_file("a/app.jwt").strip())
    strict.assert_clean()


def test_a_name_that_somebody_deleted_is_not_made_again_by_itself(strict, make_daemon):
    strict.state.add_group("eu")
    first = strict.state.add_database("a", "eu")["DbId"]
    strict.state.remove_database("a")
    second = strict.state.add_database("a", "eu")["DbId"]
    strict.state.remove_database("a")
    daemon = started(make_daemon, strict, "databases: {a: {group: eu}, b: {group: eu}}\n",
                     code=8)
    assert daemon.resource("database/a")["reason"] == "RecentlyDeleted"
    assert daemon.resource("database/b")["phase"] == "Ready"
    listed = strict.calls("GET", "^/v3/")
    assert [r["query"] for r in listed[:1]] == [{"deleted": "true", "limit": "1000"}]

    assert daemon.ctl("restore", "database/zz").code == 1
    assert daemon.ctl("restore", "database/b").code == 1
    assert daemon.ctl("restore", "token/a/app").code == 1
    assert daemon.ctl("restore", "database/a", "--id", first).code == 0
    daemon.settle()
    assert strict.state.databases["a"]["DbId"] == first != second
    assert daemon.resource("database/a")["phase"] == "Ready"
    strict.assert_clean()


def test_a_plan_without_recovery_stands_in_nobodys_way(strict, make_daemon):
    strict.knobs.recovery = False
    daemon = started(make_daemon, strict, "databases: {a: {group: eu}}\n")
    assert daemon.resource("database/a")["phase"] == "Ready"
    refused = daemon.ctl("restore", "database/b")
    assert refused.code == 6 and "does not list" in refused.err
    strict.assert_clean()


def test_a_group_comes_back_with_what_was_in_it(strict, make_daemon):
    daemon = started(make_daemon, strict, "databases: {a: {group: eu}}\n")
    before = strict.state.databases["a"]["DbId"]
    strict.state.remove_group("eu")
    cycle = daemon.ctl_json("sync")["cycle"]
    harness.wait_until(lambda: daemon.status()["observation"]["cycle"] >= cycle, 20, "another look")
    restored = daemon.ctl("restore", "group/eu", "-o", "json")
    assert restored.code == 0 and "restored" in json.loads(restored.out)["message"]
    daemon.settle()
    assert strict.state.databases["a"]["DbId"] == before
    strict.assert_clean()
