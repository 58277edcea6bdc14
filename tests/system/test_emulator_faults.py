"""test_emulator_faults: /_emulator/, and everything that goes wrong on demand.

In:    turso-emulator, started for each test.
Out:   every kind of fault, seen from the client; every bad script, refused.
Never: a fault that the script did not ask for.
"""

import email.utils
import http.client
import json
import socket
import time
import urllib.parse

import harness
import pytest
from emulator_client import (ORG, Client, all_pages, call, emu, error_of, filled,  # noqa: F401
                             names, running)
from jwt_check import claims

# --- Plans, limits, clock -----------------------------------------------------------------------


def test_the_starter_plan_gates_with_its_statuses():
    with running("--profile", "starter", "--switch", "max_databases=2") as emu:
        call = emu.client.call
        group = {"name": "eu", "location": "aws-eu-west-1"}
        call("POST", ORG + "/groups", group)
        refused = call("POST", ORG + "/groups", {**group, "name": "us"}, expect=402)
        assert refused["code"] == "feature_not_available_for_starter_plan"
        for name in ("a", "b"):
            call("POST", ORG + "/databases", {"name": name, "group": "eu"})
        assert "upgrade" in error_of(emu.client, "POST", ORG + "/databases",
                                     {"name": "c", "group": "eu"}, 402)
        call("PATCH", ORG + "/databases/a/configuration", {"allowed_ips": ["10.0.0.1"]}, expect=403)
        emu.admin("POST", "switches", {"profile": "scaler", "max_databases": 0})
        call("POST", ORG + "/groups", {**group, "name": "us"})


def test_a_rate_limit_answers_429_and_says_when(emu):
    emu.admin("POST", "switches", {"rate": 1, "burst": 3})
    answers = [emu.client.raw("GET", "/v1/user") for _ in range(5)]
    assert [status for status, _, _ in answers][:3] == [200] * 3
    refused = [headers for status, headers, _ in answers if status == 429]
    assert refused and int(refused[0]["Retry-After"]) >= 1


def test_the_clock_moves_date_and_tokens(filled, call):
    filled.admin("POST", "clock", {"advance": "400d"})
    date = filled.client.raw("GET", "/v1/user")[1]["Date"]
    ahead = email.utils.parsedate_to_datetime(date).timestamp() - time.time()
    assert abs(ahead - 400 * 86400) < 60
    token = call("POST", ORG + "/databases/d-0/auth/tokens")["jwt"]
    assert abs(claims(token)["iat"] - time.time() - 400 * 86400) < 60
    status, _, _ = filled.client.raw("POST", "/_emulator/clock", {"advance": "soon"})
    assert status == 400


# --- /_emulator/ --------------------------------------------------------------------------------


def test_counters_and_requests_tell_what_was_asked_and_no_token(filled, call):
    before = filled.requests()["last"]
    call("PATCH", ORG + "/databases/d-0/configuration?x=1", {"block_reads": True})
    call("GET", ORG + "/databases/none", expect=404)
    Client(filled.url, "wrong").raw("GET", "/v1/user")
    seen = filled.requests(before)["requests"]
    assert [(r["method"], r["status"], r["authorized"]) for r in seen] == [
        ("PATCH", 200, True), ("GET", 404, True), ("GET", 401, False)]
    assert seen[0]["path"] == ORG + "/databases/d-0/configuration" and seen[0]["query"] == "x=1"
    assert json.loads(seen[0]["body"]) == {"block_reads": True}
    assert seen[1]["route"] == "/v1/organizations/{org}/databases/{db}"
    routes = filled.counters()["routes"]
    assert routes["GET /v1/organizations/{org}/databases/{db}"]["by_status"] == {"404": 1}
    assert routes["POST /v1/organizations/{org}/databases"]["requests"] == 10
    assert "wrong" not in json.dumps(filled.requests())


def test_a_body_that_is_no_text_is_still_listed_as_json(emu):
    emu.client.raw("POST", ORG + "/groups", b"\xff\x00\x80{\"\n")
    assert emu.requests()["requests"][-1]["body_size"] == 6


def test_reset_brings_back_the_beginning():
    with running("--fill", "3") as emu:
        emu.client.call("DELETE", ORG + "/databases/db-0000001")
        emu.set_faults([{"status": 500, "times": -1}])
        emu.admin("POST", "switches", {"legacy": True})
        emu.admin("POST", "clock", {"advance": "1d"})
        emu.admin("POST", "reset")
        assert len(names(emu.client.call("GET", ORG + "/databases"))) == 3
        assert emu.admin("GET", "switches")["legacy"] is False
        assert emu.admin("GET", "clock")["shift_ms"] == 0
        assert emu.counters()["requests"] == 1


def test_switches_refuse_what_they_do_not_know(emu):
    before = emu.admin("GET", "switches")
    for wrong in ({"nope": 1}, {"legacy": 1}, {"page_cut": 0}, {"page_cut": "many"},
                  {"duplicate_status": 410}, {"latency": "soon"}, {"profile": "gold"},
                  {"legacy": True, "rate": []}, []):
        status, _, body = emu.client.raw("POST", "/_emulator/switches", wrong)
        assert status == 400 and json.loads(body)["error"], wrong
    assert emu.admin("GET", "switches") == before


def test_a_seed_makes_runs_repeatable():
    def ids():
        with running("--seed", "7", "--fill", "20") as emu:
            listing = emu.client.call("GET", ORG + "/databases")["databases"]
            return [db["DbId"] for db in listing], emu.admin("GET", "keys")
    assert ids() == ids()


def test_latency_is_added_to_every_answer_and_blocks_nobody():
    with running("--latency", "200ms", "--fill", "1") as emu:
        clients = [Client(emu.url) for _ in range(200)]
        before = time.monotonic()
        for client in clients:
            client.connection.request("GET", "/v1/user", headers={"Authorization": "Bearer T"})
        statuses = [client.connection.getresponse().status for client in clients]
        took = time.monotonic() - before
        for client in clients:
            client.close()
        assert statuses == [200] * 200
        assert 0.2 <= took < 20  # one after the other it would be 40 s
        assert emu.counters()["in_flight_peak"] > 100


# --- Faults -------------------------------------------------------------------------------------

DB_ROUTE = "/v1/organizations/{org}/databases/{db}"
LIST_ROUTE = "/v1/organizations/{org}/databases"


def cut_off(client, method, path, body=None):
    """The connection ends before the answer does."""
    try:
        client.raw(method, path, body)
    except (http.client.HTTPException, ConnectionError):
        client.close()
        return True
    return False


def test_status_and_both_forms_of_retry_after(filled, call):
    filled.set_faults([{"method": "GET", "route": DB_ROUTE, "status": 429, "retry_after": 7},
                       {"method": "GET", "route": DB_ROUTE, "status": 503,
                        "retry_after": "http-date:30"}])
    status, headers, _ = filled.client.raw("GET", ORG + "/databases/d-0")
    assert (status, headers["Retry-After"]) == (429, "7")
    status, headers, _ = filled.client.raw("GET", ORG + "/databases/d-0")
    due, date = (email.utils.parsedate_to_datetime(headers[k]) for k in ("Retry-After", "Date"))
    assert status == 503 and 29 <= (due - date).total_seconds() <= 31
    call("GET", ORG + "/databases/d-0")
    assert [r["remaining"] for r in filled.admin("GET", "faults")["rules"]] == [0, 0]
    assert filled.counters()["faults_fired"] == 2


def test_times_after_match_and_patterns(filled):
    filled.set_faults([
        {"route": "*/databases/d-?", "match": "d-3", "status": 500, "after": 1, "times": 2},
        {"method": "POST", "match": '"name": "x1"', "status": 500, "times": -1}])
    get = [filled.client.raw("GET", f"{ORG}/databases/d-{i}")[0] for i in (3, 3, 4, 3, 3)]
    assert get == [200, 500, 200, 500, 200]
    post = [filled.client.raw("POST", ORG + "/databases", {"name": n, "group": "eu"})[0]
            for n in ("x1", "x2", "x1")]
    assert post == [500, 200, 500]
    filled.clear_faults()
    assert filled.client.raw("POST", ORG + "/databases", {"name": "x1", "group": "eu"})[0] == 200


def test_a_failed_status_may_still_have_done_the_work(filled, call):
    filled.set_faults([{"method": "POST", "status": 500},
                       {"method": "POST", "status": 500, "commit": True}])
    assert filled.client.raw("POST", ORG + "/databases", {"name": "x", "group": "eu"})[0] == 500
    call("GET", ORG + "/databases/x", expect=404)
    assert filled.client.raw("POST", ORG + "/databases", {"name": "x", "group": "eu"})[0] == 500
    call("GET", ORG + "/databases/x")


def test_dropped_before_or_after_the_work(filled, call):
    filled.set_faults([{"method": "POST", "drop": "before"}, {"method": "POST", "drop": "after"}])
    assert cut_off(filled.client, "POST", ORG + "/databases", {"name": "x", "group": "eu"})
    call("GET", ORG + "/databases/x", expect=404)
    assert cut_off(filled.client, "POST", ORG + "/databases", {"name": "x", "group": "eu"})
    call("GET", ORG + "/databases/x")
    by_status = filled.counters()["routes"]["POST " + LIST_ROUTE]["by_status"]
    assert by_status == {"200": 10, "closed": 2}


def test_bodies_cut_replaced_or_html(filled, call):
    filled.set_faults([{"cut": 20}, {"body": "{\"databases\": nope"}, {"html": True},
                       {"html": True, "status": 200}, {"body": "", "status": 204}])
    assert cut_off(filled.client, "GET", ORG + "/databases")
    status, _, body = filled.client.raw("GET", ORG + "/databases")
    assert (status, body) == (200, b'{"databases": nope')
    status, headers, body = filled.client.raw("GET", ORG + "/databases")
    assert (status, headers["Content-Type"]) == (502, "text/html") and b"<html>" in body
    assert filled.client.raw("GET", ORG + "/databases")[0] == 200
    assert filled.client.raw("GET", ORG + "/databases")[0] == 204


def test_a_cut_body_stops_at_the_byte(filled):
    filled.set_faults([{"cut": 20}])
    at = urllib.parse.urlsplit(filled.url)
    with socket.create_connection((at.hostname, at.port), timeout=10) as s:
        s.sendall(f"GET {ORG}/databases HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer T\r\n\r\n"
                  .encode())
        data = b"".join(iter(lambda: s.recv(65536), b""))
    head, body = data.split(b"\r\n\r\n", 1)
    assert len(body) == 20 and int(head.split(b"Content-Length: ")[1].split()[0]) > 1000


def test_lists_short_empty_and_stale(filled, call):
    listed = [f"d-{i}" for i in range(10)]
    filled.set_faults([{"route": LIST_ROUTE, "method": "GET", "list": kind, "times": 2}
                       for kind in ("short", "empty", "stale")])
    call("DELETE", ORG + "/databases/d-4")
    call("POST", ORG + "/databases", {"name": "late", "group": "eu"})
    for _ in range(2):
        short = call("GET", ORG + "/databases?limit=8")
        assert names(short) == ["d-0", "d-1", "d-2", "d-3"]
        assert short["pagination"]["next"] is None
    for _ in range(2):
        assert call("GET", ORG + "/databases?limit=8") == {"databases": [],
                                                           "pagination": {"next": None}}
    assert all_pages(call, 5)[0] == listed
    assert all_pages(call, 5)[0] == listed[:4] + listed[5:] + ["late"]


def test_group_lists_short_empty_and_stale(filled, call):
    call("POST", ORG + "/groups", {"name": "us", "location": "aws-us-east-1"})
    filled.set_faults([{"route": "/v1/organizations/{org}/groups", "method": "GET", "list": kind}
                       for kind in ("short", "empty", "stale")])
    call("DELETE", ORG + "/groups/us")
    call("POST", ORG + "/groups", {"name": "ap", "location": "aws-us-east-1"})
    seen = [[g["name"] for g in call("GET", ORG + "/groups")["groups"]] for _ in range(4)]
    assert seen == [["eu"], [], ["eu", "us"], ["eu", "ap"]]


def test_a_cursor_that_repeats(filled, call):
    filled.set_faults([{"route": LIST_ROUTE, "cursor": "repeat", "times": -1}])
    first = call("GET", ORG + "/databases?limit=3")["pagination"]["next"]
    again = call("GET", f"{ORG}/databases?limit=3&cursor={first}")
    assert again["pagination"]["next"] == first and names(again) == ["d-3", "d-4", "d-5"]


def test_delay_holds_the_answer_and_hang_holds_it_until_a_reset(filled, call):
    filled.set_faults([{"delay": "300ms"}, {"hang": True}])
    before = time.monotonic()
    call("GET", ORG + "/databases/d-0")
    assert time.monotonic() - before >= 0.3
    hung = Client(filled.url, timeout=20)
    hung.connection.request("GET", "/v1/user", headers={"Authorization": "Bearer T"})
    harness.wait_until(lambda: filled.counters()["in_flight"] == 1, 10, "the request hangs")
    filled.admin("POST", "reset")
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        hung.connection.getresponse()
    hung.close()
    harness.wait_until(lambda: filled.counters()["in_flight"] == 0, 10, "nothing hangs")


def test_probability_is_the_same_dice_every_time(filled):
    def throw(seed):
        filled.set_faults([{"status": 500, "probability": 0.5, "times": -1, "seed": seed}])
        return [filled.client.raw("GET", "/v1/user")[0] for _ in range(60)]
    one = throw(1)
    assert one == throw(1) and one != throw(2)
    assert 10 < one.count(500) < 50


BAD_SCRIPTS = [
    ("{}", "an array of rules"), ("[", "fault script"), ("[1]", "rule 1: expected an object"),
    ('[{"status":500},{"nope":1}]', "rule 2: nope: unknown key"),
    ('[{"status":99}]', "rule 1: status: expected a status"),
    ('[{"status":"500"}]', "rule 1: status"), ('[{"delay":300}]', "rule 1: delay"),
    ('[{"delay":"2h"}]', "at most an hour"), ('[{"drop":"later"}]', "rule 1: drop"),
    ('[{"route":"/v1/{x}","status":500}]', "there is no route /v1/{x}"),
    ('[{"route":"v1","status":500}]', "rule 1: route"),
    ('[{"method":"get","status":500}]', "method"),
    ('[{"method":"GET"}]', "has no effect"), ('[{"drop":"after","status":500}]', "drop"),
    ('[{"list":"odd"}]', "rule 1: list"), ('[{"cursor":"x"}]', "rule 1: cursor"),
    ('[{"list":"short","status":500}]', "own answer"), ('[{"cut":-1}]', "rule 1: cut"),
    ('[{"html":1}]', "rule 1: html"), ('[{"hang":"yes"}]', "rule 1: hang"),
    ('[{"times":-2,"status":500}]', "rule 1: times"), ('[{"after":-1,"status":500}]', "after"),
    ('[{"probability":2,"status":500}]', "probability"), ('[{"seed":0,"status":500}]', "seed"),
    ('[{"retry_after":"later"}]', "retry_after"), ('[{"commit":1,"status":500}]', "commit"),
    ('[{"match":"","status":500}]', "match"), ('[{"body":1}]', "rule 1: body"),
    ('[{"drop":"before","commit":true}]', "exclude"),
]


@pytest.mark.parametrize("script, wanted", BAD_SCRIPTS, ids=range(len(BAD_SCRIPTS)))
def test_bad_scripts_are_refused_and_the_old_one_stays(emu, script, wanted):
    emu.set_faults([{"route": "/v1/user", "status": 500, "times": -1}])
    status, _, body = emu.client.raw("POST", "/_emulator/faults", script)
    assert status == 400 and wanted in json.loads(body)["error"]
    assert emu.client.raw("GET", "/v1/user")[0] == 500
