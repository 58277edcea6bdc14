"""test_strict_api: the strict API server and the harness do what system tests lean on.

In:    a StrictApi on loopback; a stand-in program for the harness's process handling.
Out:   pytest's verdict, in a few seconds.
Never: the daemon or the emulator: what judges them is itself judged without them.
"""

import base64
import email.utils
import http.client
import json
import pathlib
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

import harness
import pytest
import strict_api

ORG = "/v1/organizations/acme"
DATABASES, GROUPS = ORG + "/databases", ORG + "/groups"
STRICT_PROGRAM = str(pathlib.Path(strict_api.__file__))


class Client:
    """One keep-alive connection with the right token."""

    def __init__(self, api):
        self.headers = {"Authorization": "Bearer " + next(iter(api.tokens))}
        self.connection = http.client.HTTPConnection(api.url.removeprefix("http://"), timeout=10)

    def raw(self, method, target, body=None, headers=None):
        self.connection.request(method, target, body, {**self.headers, **(headers or {})})
        self.response = self.connection.getresponse()
        return self.response.status, self.response.read()

    def __call__(self, method, target, body=None):
        """(status, decoded JSON or None)."""
        as_json = {"Content-Type": "application/json"} if body is not None else {}
        data = None if body is None else json.dumps(body)
        status, answer = self.raw(method, target, data, as_json)
        return status, json.loads(answer) if answer else None


@pytest.fixture
def ask(strict):
    client = Client(strict)
    yield client
    client.connection.close()


@pytest.fixture
def two_groups(strict):
    strict.state.add_group("eu")
    strict.state.add_group("us", "aws-us-east-1")


def send_bytes(api, data):
    """What the server answers to these very bytes, until it closes the connection."""
    with socket.create_connection(("127.0.0.1", int(api.url.rsplit(":", 1)[1])), 10) as wire:
        wire.sendall(data)
        wire.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: wire.recv(65536), b""))


def claims_of(jwt):
    header, payload, signature = jwt.split(".")
    unpack = lambda part: base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    assert json.loads(unpack(header)) == {"alg": "EdDSA", "typ": "JWT"}
    assert len(unpack(signature)) == 64
    return json.loads(unpack(payload))


def page_through(ask, limit):
    """Names over all pages, and the size of each page."""
    names, sizes, cursor = [], [], ""
    while True:
        _, page = ask("GET", f"{DATABASES}?limit={limit}{cursor}")
        names += [d["Name"] for d in page["databases"]]
        sizes.append(len(page["databases"]))
        following = page["pagination"]["next"]
        if following is None:
            return names, sizes
        cursor = "&cursor=" + urllib.parse.quote(following, safe="")


# --- What the platform answers ------------------------------------------------------------------


def test_organization_user_token_and_locations(strict, ask):
    assert ask("GET", "/v1/organizations")[1][0]["slug"] == "acme"
    assert ask("GET", "/v2/organizations")[1]["organizations"][0]["slug"] == "acme"
    assert ask("GET", ORG)[1]["organization"]["id"] == strict.state.organization_id
    assert ask("GET", "/v1/organizations/other") == (404, {"error": "organization not found"})
    assert ask("GET", "/v1/user")[1]["user"]["plan"] == "scaler"
    assert ask("GET", "/v1/auth/validate") == (200, {"exp": -1})
    assert "aws-eu-west-1" in ask("GET", "/v1/locations")[1]["locations"]


def test_group_lives_and_dies_with_its_databases(strict, ask):
    status, answer = ask("POST", GROUPS, {"name": "eu", "location": "aws-eu-west-1",
                                          "extensions": ["vector"]})
    assert status == 200
    assert answer["group"]["primary"] == "eu-west-1"  # no provider prefix, as seen live
    assert answer["group"]["locations"] == ["aws-eu-west-1"]
    again = {"name": "eu", "location": "aws-eu-west-1"}
    assert ask("POST", GROUPS, again) == (409, {"error": "group already exists"})
    nowhere = {"name": "x", "location": "lhr"}
    assert ask("POST", GROUPS, nowhere) == (400, {"error": "invalid location: lhr"})
    assert ask("GET", GROUPS + "/x") == (404, {"error": "group not found"})
    ask("POST", DATABASES, {"name": "a", "group": "eu"})
    _, minted = ask("POST", DATABASES + "/a/auth/tokens")

    assert ask("DELETE", GROUPS + "/eu")[1]["group"]["name"] == "eu"

    assert ask("GET", DATABASES)[1]["databases"] == []
    assert len(strict.state.cascaded) == 1
    assert not strict.state.is_token_alive(minted["jwt"])


def test_group_configuration_archive_and_locations(strict, ask, two_groups):
    protected = {"delete_protection": True}
    assert ask("PATCH", GROUPS + "/eu/configuration", protected) == (200, protected)
    assert ask("GET", GROUPS + "/eu/configuration") == (200, protected)
    assert ask("DELETE", GROUPS + "/eu")[0] == 400
    strict.state.add_database("a", "eu")
    assert ask("DELETE", DATABASES + "/a")[0] == 400
    strict.state.groups["us"]["archived"] = True
    assert ask("POST", GROUPS + "/us/unarchive")[1]["group"]["archived"] is False
    status, answer = ask("POST", GROUPS + "/us/locations/aws-us-west-2")
    assert status == 400 and "replication is not supported" in answer["error"]
    assert ask("GET", GROUPS + "/us/locations/aws-us-east-1/wait") == (200, None)


def test_legacy_group_takes_further_locations(strict, ask):
    strict.state.add_group("old", "lhr", legacy=True)
    ask("POST", GROUPS + "/old/locations/ams")
    assert strict.state.groups["old"]["locations"] == ["lhr", "ams"]
    assert ask("DELETE", GROUPS + "/old/locations/lhr")[0] == 400
    assert ask("DELETE", GROUPS + "/old/locations/ams")[0] == 200
    assert strict.state.groups["old"]["locations"] == ["lhr"]


def test_database_create_read_delete(strict, ask, two_groups):
    status, created = ask("POST", DATABASES, {"name": "a", "group": "eu", "size_limit": "256mb"})
    assert status == 200 and set(created["database"]) == {"Name", "DbId", "Hostname"}
    _, read = ask("GET", DATABASES + "/a")
    assert read["database"]["group"] == "eu" and read["database"]["block_reads"] is False
    assert read["database"]["primaryRegion"] == "aws-eu-west-1"
    assert ask("GET", DATABASES + "/a/configuration")[1]["size_limit"] == "268435456"
    assert ask("DELETE", DATABASES + "/a") == (200, {"database": "a"})
    gone = {"error": "could not find database with name a: record not found"}
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/configuration"),
                         ("POST", "/auth/tokens"), ("POST", "/auth/rotate"), ("GET", "/usage")):
        assert ask(method, DATABASES + "/a" + path) == (404, gone)
    _, again = ask("POST", DATABASES, {"name": "a", "group": "eu"})
    assert again["database"]["DbId"] != created["database"]["DbId"]
    assert strict.creates_by_name == {"database/a": 2}
    assert strict.state.counts["deletes"]["database/a"] == 1


def test_database_refusals(strict, ask, two_groups):
    strict.state.add_database("a", "eu")
    wanted = {"name": "a", "group": "eu"}
    assert ask("POST", DATABASES, wanted) == (
        400, {"error": "database with same name already exists"})
    strict.knobs.duplicate_status = 409
    assert ask("POST", DATABASES, wanted) == (
        409, {"error": "database with name a already exists"})
    assert ask("POST", DATABASES, {"name": "b", "group": "x"}) == (
        400, {"error": "group not found"})
    assert ask("POST", DATABASES, {"name": "b" * 64, "group": "eu"})[0] == 400
    assert ask("PATCH", DATABASES + "/a/configuration", {"allow_attach": True})[0] == 400
    strict.knobs.refuse_size_limit = True
    status, answer = ask("PATCH", DATABASES + "/a/configuration", {"size_limit": "1gb"})
    assert status == 400 and "size_limit is not supported" in answer["error"]
    ask("PATCH", DATABASES + "/a/configuration", {"delete_protection": True})
    assert ask("DELETE", DATABASES + "/a")[0] == 400
    assert strict.creates_by_name == {}


def test_configuration_patch_changes_only_what_it_names(strict, ask, two_groups):
    strict.state.add_database("a", "eu")
    _, before = ask("GET", DATABASES + "/a/configuration")
    change = {"block_writes": True, "allowed_ips": ["203.0.113.0/24"], "size_limit": "5gb"}
    _, after = ask("PATCH", DATABASES + "/a/configuration", change)
    assert after == {**before, **change, "size_limit": str(5 << 30)}
    assert ask("GET", DATABASES + "/a/configuration") == (200, after)
    assert ask("GET", DATABASES + "/a")[1]["database"]["block_writes"] is True


def test_branch_keeps_its_parent(strict, ask, two_groups):
    parent = strict.state.add_database("core", "eu")
    seed = {"type": "database", "name": "core", "timestamp": "2001-01-01T00:00:00Z"}
    body = {"name": "pr-1", "group": "eu", "seed": seed}
    assert ask("POST", DATABASES, body)[0] == 400  # before the recovery window
    seed["timestamp"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60))
    assert ask("POST", DATABASES, body)[0] == 200
    read = ask("GET", DATABASES + "/pr-1")[1]["database"]["parent"]
    assert (read["id"], read["name"]) == (parent["DbId"], "core")
    _, branches = ask("GET", f"{DATABASES}?parent={parent['DbId']}")
    assert [d["Name"] for d in branches["databases"]] == ["pr-1"]
    seed["name"] = "nobody"
    assert ask("POST", DATABASES, {**body, "name": "pr-2"})[0] == 400


def test_listing_is_paged_and_cut(strict, ask, two_groups):
    names = {strict.state.add_database(f"t-{i}", ("eu", "us")[i % 2])["Name"]
             for i in range(2005)}
    assert len(ask("GET", DATABASES)[1]["databases"]) == 1000
    assert "pagination" not in ask("GET", DATABASES)[1]
    seen, sizes = page_through(ask, 1000)
    assert sizes == [1000, 1000, 5] and len(seen) == 2005 and set(seen) == names
    assert page_through(ask, 401)[1] == [401] * 5  # a full last page is the last
    _, page = ask("GET", DATABASES + "?group=us&limit=1000")
    assert {d["group"] for d in page["databases"]} == {"us"}


def test_usage_and_instances(strict, ask, two_groups):
    strict.state.add_database("a", "eu")
    usage = ask("GET", DATABASES + "/a/usage?from=2026-11-01T00:00:00Z")[1]["database"]
    assert usage["total"] == usage["usage"]
    assert ask("GET", ORG + "/usage")[1]["organization"]["usage"]["databases"] == 1
    (instance,) = ask("GET", DATABASES + "/a/instances")[1]["instances"]
    assert instance["type"] == "primary"
    assert ask("GET", DATABASES + "/a/instances/aws-eu-west-1")[1]["instance"] == instance
    assert ask("GET", DATABASES + "/a/instances/aws-us-east-1")[0] == 404


def test_minted_tokens_say_what_was_asked(strict, ask, two_groups):
    database = strict.state.add_database("a", "eu")
    tokens = DATABASES + "/a/auth/tokens"
    _, minted = ask("POST", tokens + "?expiration=1w2d6h3m&authorization=read-only")
    claims = claims_of(minted["jwt"])
    assert claims["id"] == database["DbId"] and claims["a"] == "ro"
    assert claims["exp"] - claims["iat"] == ((9 * 24 + 6) * 60 + 3) * 60
    assert "exp" not in claims_of(ask("POST", tokens)[1]["jwt"])
    _, other = ask("POST", tokens + "?expiration=1w2d6h3m&authorization=read-only")
    assert other["jwt"] != minted["jwt"]
    _, group = ask("POST", GROUPS + "/eu/auth/tokens?expiration=30d", {})
    assert claims_of(group["jwt"])["gid"] == strict.state.groups["eu"]["uuid"]
    assert strict.state.counts["mints"] == {"database/a": 3, "group/eu": 1}
    rules = {"fine_grained_permissions": [{"t": ["comments"], "a": ["data_read"]}]}
    assert ask("POST", tokens, rules)[0] == 200
    assert strict.state.minted[-1]["body"] == rules


@pytest.mark.parametrize("whole_group", [True, False])
def test_rotation_ends_tokens(strict, ask, two_groups, whole_group):
    strict.knobs.rotate_whole_group = whole_group
    strict.state.add_database("a", "eu")
    strict.state.add_database("b", "eu")
    a, b = (ask("POST", f"{DATABASES}/{n}/auth/tokens")[1]["jwt"] for n in "ab")
    assert strict.state.is_token_alive(a)
    assert ask("POST", DATABASES + "/a/auth/rotate") == (200, None)
    assert not strict.state.is_token_alive(a)
    assert strict.state.is_token_alive(b) is not whole_group
    ask("POST", GROUPS + "/eu/auth/rotate")
    assert not strict.state.is_token_alive(b)
    assert strict.state.counts["rotates"] == {"database/a": 1, "group/eu": 1}


# --- What it does not forgive -------------------------------------------------------------------

BAD_TARGETS = [
    ("GET", ORG + "/nothing", 404, "route"),
    ("PUT", GROUPS, 404, "route"),
    ("GET", DATABASES + "/", 404, "path"),
    ("GET", ORG + "//databases", 404, "path"),
    ("GET", DATABASES + "/../groups", 404, "path"),
    ("GET", DATABASES + "/%2e%2E/groups", 400, "path"),
    ("GET", DATABASES + "/a%2Fb", 400, "path"),
    ("GET", DATABASES + "/%61", 400, "path"),
    ("GET", DATABASES + "/a%0Ab", 400, "path"),
    ("GET", DATABASES + "/a%zz", 400, "path"),
    ("GET", DATABASES + "/a%F", 400, "path"),
    ("GET", DATABASES + "/%FF", 400, "path"),
    ("GET", DATABASES + "/a#b", 404, "path"),
    ("GET", DATABASES + "?", 400, "query"),
    ("GET", DATABASES + "?limit", 400, "query"),
    ("GET", DATABASES + "?limit=5&", 400, "query"),
    ("GET", DATABASES + "?limit=5&limit=5", 400, "query"),
    ("GET", DATABASES + "?limit=0", 400, "query"),
    ("GET", DATABASES + "?limit=1001", 400, "query"),
    ("GET", DATABASES + "?page=2", 400, "query"),
    ("GET", DATABASES + "?limit=5&cursor=made-up", 400, "cursor"),
    ("GET", DATABASES + "?limit=5&cursor=a+b", 400, "query"),
    ("GET", GROUPS + "?limit=5", 400, "query"),
    ("GET", DATABASES + "/a/usage?from=2023-12-12T00:00:00", 400, "query"),
    ("POST", DATABASES + "/a/auth/tokens?expiration=2fortnights", 400, "query"),
    ("POST", DATABASES + "/a/auth/tokens?expiration=2m1h", 400, "query"),
    ("POST", DATABASES + "/a/auth/tokens?expiration=500ms", 400, "query"),
    ("POST", DATABASES + "/a/auth/tokens?authorization=admin", 400, "query"),
    ("POST", DATABASES, 400, "body"),
]


@pytest.mark.allow_violations
@pytest.mark.parametrize("method, target, status, kind", BAD_TARGETS)
def test_bad_target_is_a_violation(strict, ask, two_groups, method, target, status, kind):
    strict.state.add_database("a", "eu")
    assert ask.raw(method, target)[0] == status
    assert [v["kind"] for v in strict.violations] == [kind]
    assert strict.requests[-1]["status"] == status


BAD_BODIES = [
    (GROUPS, {"name": "g"}, "missing"),
    (GROUPS, {"Name": "g", "location": "aws-eu-west-1"}, "key"),
    (GROUPS, {"name": "g", "location": "aws-eu-west-1", "primary": True}, "key"),
    (GROUPS, {"name": "g", "location": 5}, "type"),
    (GROUPS, {"name": "-g", "location": "aws-eu-west-1"}, "value"),
    (GROUPS, {"name": "g", "location": "aws-eu-west-1", "extensions": ["x"]}, "value"),
    (DATABASES, ["a"], "type"),
    (DATABASES, {"name": "b", "group": "eu", "location": "x"}, "key"),
    (DATABASES, {"name": "b", "group": "eu", "size_limit": 5}, "value"),
    (DATABASES, {"name": "b", "group": "eu", "use_tursodb": 1}, "type"),
    (DATABASES, {"name": "b", "group": "eu", "seed": None}, "type"),
    (DATABASES, {"name": "b", "group": "eu", "seed": {"type": "dump"}}, "value"),
    (DATABASES, {"name": "b", "group": "eu", "seed": {"type": "database"}}, "missing"),
    (DATABASES, {"name": "b", "group": "eu",
                 "seed": {"type": "database", "value": "a"}}, "key"),
    (DATABASES, {"name": "b", "group": "eu",
                 "seed": {"type": "database", "name": "a", "timestamp": "today"}}, "value"),
    (DATABASES + "/a/auth/tokens", {"expiration": "7d"}, "token-options"),
    (DATABASES + "/a/auth/tokens", {"permissions": {"write": {}}}, "key"),
    (DATABASES + "/a/auth/tokens", {"fine_grained_permissions": [{"t": "x", "a": []}]}, "value"),
    (DATABASES + "/a/auth/rotate", {}, "body"),
    (GROUPS + "/eu/unarchive", {}, "body"),
]


@pytest.mark.allow_violations
@pytest.mark.parametrize("path, body, kind", BAD_BODIES)
def test_bad_body_is_a_violation(strict, ask, two_groups, path, body, kind):
    strict.state.add_database("a", "eu")
    assert ask("POST", path, body)[0] == 400
    assert [v["kind"] for v in strict.violations] == [kind]
    assert strict.state.minted == [] and strict.creates_by_name == {}


@pytest.mark.allow_violations
def test_bad_bytes_are_violations(strict, ask, two_groups):
    strict.state.add_database("a", "eu")
    configuration, as_json = DATABASES + "/a/configuration", {"Content-Type": "application/json"}
    cases = [
        ("PATCH", configuration, b'{"block_reads":true}', {}, "content-type"),
        ("PATCH", configuration, b'{"block_reads":true}', {"Content-Type": "text/plain"},
         "content-type"),
        ("PATCH", configuration, b'{"block_reads":true,"block_reads":false}', as_json, "key"),
        ("PATCH", configuration, b'{"block_reads":true', as_json, "json"),
        ("PATCH", configuration, b'{"block_reads":NaN}', as_json, "json"),
        ("PATCH", configuration, b'{"block_reads":"\xff"}', as_json, "json"),
        ("PATCH", configuration, b'{"block_reads":null}', as_json, "type"),
        ("PATCH", configuration, b'{"allowed_ips":"10.0.0.1"}', as_json, "type"),
        ("GET", DATABASES, b"{}", as_json, "body"),
        ("DELETE", DATABASES + "/a", b"{}", as_json, "body"),
    ]
    for method, path, body, headers, _ in cases:
        assert ask.raw(method, path, body, headers)[0] == 400
    assert [v["kind"] for v in strict.violations] == [case[-1] for case in cases]
    assert strict.state.databases["a"]["config"]["block_reads"] is False


@pytest.mark.allow_violations
def test_authorization_is_exact(strict, ask):
    (token,) = strict.tokens
    for value in ("", "Bearer", "Bearer  " + token, "bearer " + token, "Bearer " + token + "x",
                  "Basic " + token, "Bearer a.b.c"):
        assert ask.raw("GET", GROUPS, headers={"Authorization": value})[0] == 401
    assert {v["kind"] for v in strict.violations} == {"authorization"}
    strict.tokens.add("second")
    assert ask.raw("GET", GROUPS, headers={"Authorization": "Bearer second"})[0] == 200
    assert token not in json.dumps(strict.requests)


@pytest.mark.allow_violations
def test_broken_framing_is_a_violation(strict):
    (token,) = strict.tokens
    good = f"Host: x\r\nAuthorization: Bearer {token}\r\n"
    for data in (f"GET {GROUPS} HTTP/1.0\r\n{good}\r\n", f"GET  {GROUPS} HTTP/1.1\r\n{good}\r\n",
                 f"GET {strict.url}{GROUPS} HTTP/1.1\r\n{good}\r\n",
                 f"GET {GROUPS} HTTP/1.1\r\nno colon\r\n{good}\r\n",
                 f"GET {GROUPS} HTTP/1.1\r\nAuthorization: Bearer {token}\r\n\r\n",
                 f"GET {GROUPS} HTTP/1.1\r\n{good}{good}\r\n",
                 f"POST {GROUPS} HTTP/1.1\r\n{good}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                 f"POST {GROUPS} HTTP/1.1\r\n{good}Content-Length: -1\r\n\r\n"):
        assert b" 400 " in send_bytes(strict, data.encode()).split(b"\r\n")[0]
    assert {v["kind"] for v in strict.violations} == {"request-line", "header"}
    assert len(strict.violations) == 8


@pytest.mark.allow_violations
def test_a_violation_fails_the_test_that_made_it(strict, ask):
    strict.assert_clean()
    ask("GET", ORG + "/nothing")
    with pytest.raises(AssertionError, match="/nothing: route: no such route"):
        strict.assert_clean()


# --- Faults -------------------------------------------------------------------------------------


def test_fault_status_counts_and_lets_through(strict, ask, two_groups):
    fault = strict.fault(method="POST", path="/databases$", skip=1, count=2, status=503,
                         retry_after=7)
    body = {"name": "a", "group": "eu"}
    seen = [ask("POST", DATABASES, {**body, "name": n})[0] for n in "abcd"]
    assert seen == [200, 503, 503, 200] and fault.hits == 2
    assert sorted(strict.creates_by_name) == ["database/a", "database/d"]
    assert [r["fault"] for r in strict.writes()] == [False, True, True, False]


def test_fault_retry_after_in_both_forms(strict, ask):
    strict.fault(status=429, retry_after=7, error="slow down")
    strict.fault(status=503, retry_after_date=60)
    assert ask("GET", GROUPS) == (429, {"error": "slow down"})
    assert ask.response.headers["Retry-After"] == "7"
    assert ask("GET", GROUPS)[0] == 503
    at = email.utils.parsedate_to_datetime(ask.response.headers["Retry-After"]).timestamp()
    assert 50 < at - time.time() <= 60
    assert ask("GET", GROUPS)[0] == 200


@pytest.mark.parametrize("when, created", [("before", {}), ("after", {"database/a": 1})])
def test_fault_drop(strict, ask, two_groups, when, created):
    strict.fault(method="POST", drop=when)
    with pytest.raises(http.client.RemoteDisconnected):
        ask("POST", DATABASES, {"name": "a", "group": "eu"})
    assert strict.creates_by_name == created
    assert strict.requests[-1]["status"] is None


def test_fault_error_although_the_work_was_done(strict, ask, two_groups):
    strict.fault(method="POST", status=500, commit=True)
    assert ask("POST", DATABASES, {"name": "a", "group": "eu"})[0] == 500
    assert strict.creates_by_name == {"database/a": 1}


def test_fault_bodies_that_are_no_answer(strict, ask, two_groups):
    strict.fault(html=True)
    status, page = ask.raw("GET", GROUPS)
    assert status == 200 and page.startswith(b"<!DOCTYPE html>")
    strict.fault(truncate="json")
    status, half = ask.raw("GET", GROUPS)
    assert status == 200 and half.startswith(b'{"groups"')
    with pytest.raises(ValueError):
        json.loads(half)
    strict.fault(truncate="wire")
    with pytest.raises(http.client.IncompleteRead):
        ask.raw("GET", GROUPS)


def test_fault_lists_that_lie(strict, ask, two_groups):
    for i in range(30):
        strict.state.add_database(f"t-{i}", "eu")
    page = DATABASES + "?limit=20"
    strict.fault(path="/databases$", list="empty")
    assert ask("GET", page)[1] == {"databases": [], "pagination": {"next": None}}
    strict.fault(path="/databases$", list="short", short_by=3)
    assert len(ask("GET", page)[1]["databases"]) == 17
    strict.fault(path="/databases$", list="repeat-cursor", count=2)
    first = ask("GET", page)[1]
    cursor = first["pagination"]["next"]
    second = ask("GET", page + "&cursor=" + urllib.parse.quote(cursor, safe=""))[1]
    assert second == first
    strict.fault(path="/groups$", list="empty")
    assert ask("GET", GROUPS)[1] == {"groups": []}
    assert len(ask("GET", GROUPS)[1]["groups"]) == 2


@pytest.mark.parametrize("script", [{"hang": True}, {"delay": 1000}])
def test_fault_that_holds_back_ends_on_release(strict, ask, two_groups, script):
    fault = strict.fault(method="POST", **script)
    answers = []
    body = {"name": "a", "group": "eu"}
    caller = threading.Thread(target=lambda: answers.append(ask("POST", DATABASES, body)))
    caller.start()
    harness.wait_until(lambda: fault.hits, what="the fault struck")
    harness.wait_until(lambda: strict.in_flight == 1, what="one request is in flight")
    assert strict.creates_by_name == {}
    strict.release()
    caller.join(10)
    assert answers and answers[0][0] == 200


def test_fault_hang_ends_when_the_client_leaves(strict, ask):
    strict.fault(hang=True)
    ask.connection.timeout = 0.05
    with pytest.raises(TimeoutError):
        ask("GET", GROUPS)
    ask.connection.close()
    harness.wait_until(lambda: strict.in_flight == 0, what="the request was given up")
    assert strict.requests[-1]["status"] is None and strict.peak_in_flight == 1


def test_fault_mistakes_are_refused(strict):
    for script in ({}, {"status": 99}, {"drop": "later"}, {"list": "long"}):
        with pytest.raises(ValueError):
            strict.fault(**script)
    with pytest.raises(TypeError):
        strict.fault(stauts=500)


def test_date_header_follows_the_knob(strict, ask):
    strict.knobs.date_offset_s = -600
    ask("GET", GROUPS)
    at = email.utils.parsedate_to_datetime(ask.response.headers["Date"]).timestamp()
    assert -602 < at - time.time() < -598


def test_program_with_hooks_over_http():
    command = [sys.executable, STRICT_PROGRAM, "--port", "0", "--organization", "acme",
               "--token", "T"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            url = child.stdout.readline().removeprefix("listening on ").strip()
            call = lambda *a: harness.http_json(url, *a)
            assert call("POST", "/_strict/faults", {"stauts": 500})[0] == 400
            assert call("POST", "/_strict/faults", [{"status": 500}]) == (200, {"added": 1})
            assert call("GET", GROUPS, None, "T")[0] == 500
            assert call("GET", "/_strict/faults")[1][0]["hits"] == 1
            assert call("DELETE", "/_strict/faults")[0] == 200
            group = {"name": "eu", "location": "aws-eu-west-1"}
            assert call("POST", GROUPS, group, "T")[0] == 200
            assert call("GET", GROUPS, None, "wrong")[0] == 401
            assert call("GET", "/_strict/state")[1]["counts"]["creates"] == {"group/eu": 1}
            assert [v["kind"] for v in call("GET", "/_strict/violations")[1]] == ["authorization"]
            assert [r["status"] for r in call("GET", "/_strict/requests")[1]] == [500, 200, 401]
            assert call("GET", "/_strict/nothing")[0] == 404
        finally:
            child.terminate()
    assert child.returncode == 0


# --- The harness --------------------------------------------------------------------------------

STAND_IN = """#!/usr/bin/python3
import os, pathlib, signal, socket, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
print("started", *sys.argv[3:], file=sys.stderr, flush=True)
if "--fail" in sys.argv:
    sys.exit(3)
path = pathlib.Path(sys.argv[2]).with_name("sock")
path.unlink(missing_ok=True)
control = socket.socket(socket.AF_UNIX)
control.bind(str(path))
control.listen()
if "NOTIFY_SOCKET" in os.environ:
    said = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    said.sendto(b"STATUS=up\\nREADY=1", os.environ["NOTIFY_SOCKET"])
signal.sigwait({signal.SIGTERM})
"""


@pytest.fixture
def stand_in(tmp_path, monkeypatch, make_daemon):
    """A Daemon whose program only starts, says so, and waits for SIGTERM."""
    harness.write_atomically(tmp_path / "tenantd", STAND_IN, 0o755)
    monkeypatch.setenv("TENANTD_BIN_DIR", str(tmp_path))
    return make_daemon("http://127.0.0.1:1", "some-api-token")


def test_daemon_starts_dies_and_starts_again(stand_in):
    stand_in.start()
    assert stand_in.notify.collect() == ["STATUS=up", "READY=1"]
    assert stand_in.kill9() == -9
    assert not stand_in.is_running()
    stand_in.start("--log-level", "debug", by="socket")
    stand_in.restart()
    assert stand_in.stop() == 0
    assert stand_in.log().splitlines() == ["started", "started --log-level debug", "started"]


def test_daemon_that_ends_early_is_reported(stand_in):
    with pytest.raises(AssertionError, match="before READY=1, status 3\nstarted --fail"):
        stand_in.start("--fail")
    with pytest.raises(RuntimeError, match="ended early, status 3"):
        stand_in.start("--fail", by="socket")
    assert stand_in.run("--fail") == (3, "", "started --fail\n")


def test_daemon_files(stand_in):
    stand_in.write_config(api={"rate": 5}, policy={"prune": "plan"}, socket=harness.REMOVED)
    text = stand_in.config_path.read_text()
    assert '"policy":\n  "prune": "plan"\n' in text and '\n  "rate": 5\n' in text
    assert "socket" not in text
    assert stand_in.token_path.stat().st_mode & 0o777 == 0o600
    assert stand_in.config_path.stat().st_mode & 0o777 == 0o600
    stand_in.write_manifest("a.yaml", {"databases": {"a": {"group": "eu", "allowed_ips": []}}})
    written = (stand_in.manifest_dir / "a.yaml").read_text()
    assert written == '"databases":\n  "a":\n    "group": "eu"\n    "allowed_ips": []\n'
    stand_in.remove_manifest("a.yaml")
    assert list(stand_in.manifest_dir.iterdir()) == []


def test_close_removes_the_root(stand_in):
    stand_in.start()
    process = stand_in.process
    stand_in.close()
    assert not process.is_running() and not stand_in.root.exists()


def test_sanitizer_report_is_a_failure(stand_in):
    stand_in.start()
    with open(stand_in.log_path, "a", encoding="utf-8") as log:
        log.write("==1==ERROR: AddressSanitizer: heap-use-after-free\n")
    with pytest.raises(AssertionError, match="heap-use-after-free"):
        stand_in.stop()


def test_wait_until_tells_what_it_saw_last():
    answers = iter([0, None, "yes"])
    assert harness.wait_until(lambda: next(answers), interval=0.001) == "yes"

    def has_one():
        assert answers_left == 1, "none left"
        return True

    answers_left = 0
    with pytest.raises(AssertionError, match="has_one: not so .*: none left"):
        harness.wait_until(has_one, 0.01, interval=0.001)
    with pytest.raises(AssertionError, match=r"three things: not so after 0.01 s; last answer: \[\]"):
        harness.wait_until(list, 0.01, "three things", 0.001)


def test_secrets_nowhere_finds_them(tmp_path):
    jwt = strict_api.new_jwt({"id": "x"})
    (tmp_path / "tokens").mkdir()
    (tmp_path / "tokens" / "a.jwt").write_text(jwt)
    (tmp_path / "ledger.db-wal").write_bytes(b"\0" * 5000 + b"harmless")
    harness.secrets_nowhere([tmp_path, ("status", "{}")], [jwt], [tmp_path / "tokens"])
    with pytest.raises(AssertionError, match="a.jwt at offset"):
        harness.secrets_nowhere([tmp_path], [jwt])
    (tmp_path / "ledger.db-wal").write_bytes(b"\0" * 5000 + jwt.split(".")[2].encode())
    with pytest.raises(AssertionError, match="db-wal at offset 5000"):
        harness.secrets_nowhere([tmp_path], [jwt], [tmp_path / "tokens"])
    with pytest.raises(AssertionError, match="a secret of 9 bytes is in status"):
        harness.secrets_nowhere([("status", "xx secretive")], ["secretive"])
    with pytest.raises(AssertionError, match="nothing to search"):
        harness.secrets_nowhere([tmp_path / "tokens" / "none"], [jwt])
    with pytest.raises(ValueError):
        harness.secrets_nowhere([tmp_path], [])
