"""Platform API tokens: made, put into files, rotated, revoked; those of others left alone.

In:    the real programs; strict_api, and turso-emulator.
Out:   each case as a person would see it.
Never: a look inside the daemon.
"""

import json
import time

import harness
import strict_api
from harness import GROUP
from strict_api import TOKEN

SIGNUP = "  signup: {group: eu, scopes: [read, 'db:create'], rotate_every: 90d, file: s.jwt}\n"


def started(make_daemon, strict, tokens, config=None):
    daemon = make_daemon(strict.url, TOKEN, config=config)
    daemon.write_manifest("m.yaml", GROUP + "api_tokens:\n" + tokens)
    daemon.start()
    assert daemon.sync().code == 0, daemon.tail()
    return daemon


def names(strict):
    return sorted(t["name"] for t in strict.state.api_tokens)


def test_a_token_is_made_scoped_and_its_secret_is_in_its_file_alone(strict, make_daemon):
    daemon = started(make_daemon, strict, SIGNUP + "  all: {format: json, mode: '0640'}\n")
    made = {t["name"]: t for t in strict.state.api_tokens}
    assert sorted(made) == ["all--g1", "signup--g1"]
    assert made["signup--g1"]["scopes"] == ["db:create", "read"]
    assert made["signup--g1"]["group"] == "eu" and "group" not in made["all--g1"]
    assert daemon.token_file("s.jwt") == made["signup--g1"]["jwt"] + "\n"
    assert json.loads(daemon.token_file("_api/all.json"))["token"] == made["all--g1"]["jwt"]
    one = daemon.ctl_json("describe", "api-token/signup")
    assert one["id"] == made["signup--g1"]["id"] and one["group"] == "eu"
    assert one["scopes"] == ["db:create", "read"]
    assert [g["generation"] for g in one["generations"]] == [1]
    daemon.assert_no_secrets([t["jwt"] for t in strict.state.api_tokens])


def test_other_scopes_mean_another_token_and_the_old_one_stays_for_a_while(strict, make_daemon):
    daemon = started(make_daemon, strict, SIGNUP)
    first = strict.state.api_tokens[0]
    daemon.write_manifest("m.yaml", GROUP + "api_tokens:\n  signup: {group: eu, "
                          "scopes: [read-only], rotate_every: 90d, file: s.jwt}\n")
    daemon.settle()
    assert names(strict) == ["signup--g1", "signup--g2"]
    second = strict.state.api_tokens[1]
    assert second["scopes"] == ["read"] and daemon.token_file("s.jwt") == second["jwt"] + "\n"
    generations = daemon.ctl_json("describe", "api-token/signup")["generations"]
    assert [g["id"] for g in generations] == [first["id"], second["id"]]
    assert "retired" in generations[0] and "retired" not in generations[1]


def test_removed_it_is_revoked_by_its_id_and_those_of_others_stay(strict, make_daemon):
    strict.state.add_group("eu")
    strict.state.add_api_token("signup--g9", "eu", ["read"], owner="jo")
    strict.state.add_api_token("ci-bot", owner="jo")
    daemon = started(make_daemon, strict, SIGNUP)
    assert names(strict) == ["ci-bot", "signup--g10", "signup--g9"]
    listed = daemon.list("api-token", "--phase", "Unmanaged")
    assert [(t["name"], t["owner"]) for t in listed] == [("signup--g9", "jo"), ("ci-bot", "jo")]
    daemon.write_manifest("m.yaml", GROUP + "api_tokens: {signup: {state: absent}}\n")
    daemon.settle()
    assert names(strict) == ["ci-bot", "signup--g9"]
    assert not (daemon.tokens_dir / "s.jwt").exists()
    assert [c["path"].split("/")[4] for c in strict.calls("DELETE")] == ["api-tokens"]


def test_a_lost_answer_leaves_no_token_behind_that_nobody_holds(make_daemon):
    own = strict_api.new_jwt({"jti": "clGFZ4STEe6fljpFzIum8A"})  # it tells which token it is
    with strict_api.StrictApi("acme", own) as strict:
        strict.fault(method="POST", path="/v1/auth/api-tokens", drop="after")
        daemon = make_daemon(strict.url, own)
        daemon.write_manifest("m.yaml", GROUP + "api_tokens:\n" + SIGNUP)
        daemon.start()
        assert daemon.sync().code == 0, daemon.tail()
        assert names(strict) == ["signup--g2"]
        assert daemon.token_file("s.jwt") == strict.state.api_tokens[0]["jwt"] + "\n"
        strict.assert_clean()


def test_with_a_token_that_does_not_tell_its_id_nothing_doubtful_is_revoked(strict, make_daemon):
    strict.fault(method="POST", path="/v1/auth/api-tokens", drop="after")
    daemon = make_daemon(strict.url, TOKEN)
    daemon.write_manifest("m.yaml", GROUP + "api_tokens:\n" + SIGNUP)
    daemon.start()
    assert daemon.sync().code == 8
    assert daemon.resource("api-token/signup")["reason"] == "OwnToken"
    assert names(strict) == ["signup--g1", "signup--g2"]


def test_what_it_knows_outlives_a_kill(strict, make_daemon):
    daemon = started(make_daemon, strict, SIGNUP)
    before = daemon.token_file("s.jwt")
    daemon.kill9()
    daemon.start()
    assert daemon.sync().code == 0
    assert names(strict) == ["signup--g1"] and daemon.token_file("s.jwt") == before


def test_a_list_that_is_refused_stops_api_tokens_alone(strict, make_daemon):
    strict.fault(method="GET", path="/api-tokens", status=403, error="admins only",
                 count=None)
    daemon = make_daemon(strict.url, TOKEN)
    daemon.write_manifest("m.yaml", GROUP + "databases: {a: {group: eu}}\napi_tokens:\n" + SIGNUP)
    daemon.start()
    assert daemon.sync().code == 8
    assert daemon.resource("database/a")["phase"] == "Ready"
    token = daemon.resource("api-token/signup")
    assert (token["phase"], token["reason"]) == ("Blocked", "Unobserved")
    assert "admins only" in token["message"]


def test_the_end_of_its_own_token_is_said_a_week_before(make_daemon):
    with strict_api.StrictApi("acme", TOKEN, token_exp=int(time.time()) + 6 * 86400) as strict:
        daemon = make_daemon(strict.url, TOKEN)
        daemon.write_manifest("m.yaml", GROUP)
        daemon.start()
        harness.wait_until(lambda: [p for p in daemon.status()["problems"]
                                    if p["reason"] == "TokenExpires"], what="the problem")
        strict.assert_clean()


def test_plan_mode_shows_api_tokens_and_makes_none(strict, make_daemon):
    strict.state.add_group("eu")
    daemon = make_daemon(strict.url, TOKEN)
    daemon.write_manifest("m.yaml", GROUP + "api_tokens:\n" + SIGNUP)
    shown = daemon.run("--plan")
    assert "+ create api-token/signup of group eu: db:create,read" in shown.out
    assert strict.writes() == []


def test_with_the_emulator_a_whole_life(emulator, make_daemon):
    daemon = make_daemon(emulator.url, emulator.token)
    daemon.write_manifest("m.yaml", GROUP + "api_tokens:\n" + SIGNUP)
    daemon.start()
    assert daemon.sync().code == 0, daemon.tail()
    secret = daemon.token_file("s.jwt").strip()
    listed = emulator.request("GET", "/v1/organizations/acme/api-tokens")[1]["tokens"]
    assert [(t["name"], t["group"], sorted(t["scopes"])) for t in listed
            if t["name"].startswith("signup")] == [("signup--g1", "eu", ["db:create", "read"])]
    assert harness.http_json(emulator.url, "GET", "/v1/auth/validate", token=secret)[0] == 200
    daemon.write_manifest("m.yaml", GROUP + "api_tokens: {signup: {state: absent}}\n")
    daemon.settle()
    listed = emulator.request("GET", "/v1/organizations/acme/api-tokens")[1]["tokens"]
    assert [t["name"] for t in listed if t["name"].startswith("signup")] == []
