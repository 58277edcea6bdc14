"""test_emulator_tokens: tokens, the keys behind them, and the host that takes them.

In:    turso-emulator, started for each test.
Out:   claims, signatures, rotation, permissions, probes.
Never: what tenantd does with a token.
"""

import json
import time
import urllib.parse

import pytest
from emulator_client import ORG, call, emu, error_of, filled  # noqa: F401 (fixtures)
from jwt_check import claims, is_signed_by, unbase64


def signing_key(emu, token):
    """(kind, name) of the key in force that signed this token; None: none did."""
    message, signature = token.rsplit(".", 1)
    for key in emu.admin("GET", "keys")["keys"]:
        if is_signed_by(unbase64(key["x"]), message.encode(), unbase64(signature)):
            return key["kind"], key["name"]
    return None


def mint(call, path, **query):
    text = urllib.parse.urlencode(query)
    return call("POST", f"{ORG}/{path}/auth/tokens" + (f"?{text}" if text else ""))["jwt"]


def probe(emu, hostname, token):
    """The status of SELECT 1 on the database's own host."""
    body = {"requests": [{"type": "execute", "stmt": {"sql": "SELECT 1"}}, {"type": "close"}]}
    status, _, data = emu.client.raw("POST", "/v2/pipeline", body, Host=hostname,
                                     Authorization="Bearer " + token)
    if status == 200:
        assert json.loads(data)["results"][0]["response"]["result"]["rows"] == [
            [{"type": "integer", "value": "1"}]]
    return status


def test_tokens_are_signed_and_say_whom_they_open(filled, call):
    db = call("GET", ORG + "/databases/d-0")["database"]
    group = call("GET", ORG + "/groups/eu")["group"]
    token = mint(call, "databases/d-0", expiration="2w1d30m", authorization="read-only")
    body = claims(token)
    assert (body["id"], body["a"]) == (db["DbId"], "ro")
    assert body["exp"] - body["iat"] == 15 * 86400 + 1800
    assert abs(body["iat"] - time.time()) < 60
    assert signing_key(filled, token) == ("group", "eu")
    forged = token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")
    assert signing_key(filled, forged) is None
    body = claims(mint(call, "groups/eu", expiration="never"))
    assert (body["gid"], body["a"], "exp" in body) == (group["uuid"], "rw", False)
    assert mint(call, "databases/d-0") != mint(call, "databases/d-0")
    state = filled.state()["organizations"][0]
    assert state["databases"][0]["mints"] == 3 and state["groups"][0]["mints"] == 1


def test_token_options_count_in_the_query_alone(filled, call):
    path = ORG + "/databases/d-0/auth/tokens"
    body = claims(call("POST", path, {"expiration": "1h", "authorization": "read-only"})["jwt"])
    assert body["a"] == "rw" and "exp" not in body
    assert filled.counters()["unknown_keys"] == 2


@pytest.mark.parametrize("query", ["expiration=tomorrow", "expiration=1y", "expiration=5ms",
                                   "expiration=", "expiration=0s", "expiration=1.5h",
                                   "authorization=admin"])
def test_wrong_token_options_are_refused(filled, query):
    assert "Invalid" in error_of(filled.client, "POST",
                                 f"{ORG}/databases/d-0/auth/tokens?{query}")


def test_token_permissions_are_checked_and_carried(filled, call):
    path = ORG + "/databases/d-0/auth/tokens"
    fine = [{"t": ["comments"], "a": ["data_read"]}, {"t": None, "a": ["data_add"]}]
    assert claims(call("POST", path, {"fine_grained_permissions": fine})["jwt"])["perm"] == fine
    attach = {"permissions": {"read_attach": {"databases": ["d-1"]}}}
    other = call("GET", ORG + "/databases/d-1")["database"]["DbId"]
    body = claims(call("POST", path, attach)["jwt"])
    assert body["p"]["roa"]["ns"] == [other] and "id" not in body
    for wrong in ({"fine_grained_permissions": [{}]}, {"fine_grained_permissions": {}},
                  {"permissions": {"read_attach": {"databases": ["nope"]}}},
                  {"permissions": []}):
        assert error_of(filled.client, "POST", path, wrong)


@pytest.mark.parametrize("scope, dies", [("group", True), ("auto", True), ("database", False)])
def test_a_rotated_database_key_kills_as_many_tokens_as_switched(filled, call, scope, dies):
    filled.admin("POST", "switches", {"rotate_scope": scope})
    own, neighbour = mint(call, "databases/d-0"), mint(call, "databases/d-1")
    assert call("POST", ORG + "/databases/d-0/auth/rotate") == {}
    assert (signing_key(filled, neighbour) is None) == dies
    fresh = signing_key(filled, mint(call, "databases/d-0"))
    assert fresh == (("group", "eu") if dies else ("database", "d-0"))
    host = call("GET", ORG + "/databases/d-0")["database"]["Hostname"]
    filled.admin("POST", "switches", {"data_plane_delay": "0s"})
    assert probe(filled, host, own) == 401


def test_a_rotated_group_key_kills_every_token_in_it(filled, call):
    filled.admin("POST", "switches", {"rotate_scope": "database"})
    call("POST", ORG + "/databases/d-0/auth/rotate")
    tokens = [mint(call, path) for path in ("groups/eu", "databases/d-0", "databases/d-1")]
    assert [signing_key(filled, t) for t in tokens] == [
        ("group", "eu"), ("database", "d-0"), ("group", "eu")]
    assert call("POST", ORG + "/groups/eu/auth/rotate") == {}
    assert [signing_key(filled, t) for t in tokens] == [None] * 3


def test_a_new_database_answers_on_its_own_host_a_little_later(filled, call):
    host = call("GET", ORG + "/databases/d-0")["database"]["Hostname"]
    token, other = mint(call, "databases/d-0", expiration="1d"), mint(call, "databases/d-1")
    filled.admin("POST", "switches", {"data_plane_delay": "1h"})
    assert probe(filled, host, token) == 404
    filled.admin("POST", "clock", {"advance": "2h"})
    assert probe(filled, host, token) == 200
    assert probe(filled, host, mint(call, "groups/eu")) == 200
    assert probe(filled, host, other) == 401
    assert probe(filled, "nobody" + host, token) == 404
    call("PATCH", ORG + "/databases/d-0/configuration", {"block_reads": True})
    assert probe(filled, host, token) == 403
    filled.admin("POST", "clock", {"advance": "1d"})
    assert probe(filled, host, token) == 401
    filled.admin("POST", "archive", {"group": "eu"})
    assert probe(filled, host, token) == 502
