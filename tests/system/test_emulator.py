"""test_emulator: the local platform behaves as the real one is known to.

In:    turso-emulator, started for each test.
Out:   its routes, shapes, refusals, pages and removals, over HTTP.
Never: tokens and faults, which have files of their own.
"""

import base64
import contextlib
import email.utils
import json
import os
import pathlib
import socket
import time
import urllib.parse

import pytest
from emulator_client import (ORG, Client, all_pages, call, emu, error_of, filled,  # noqa: F401
                             names, running)

# --- Who may ask --------------------------------------------------------------------------------


def test_requests_without_the_right_token_are_refused(emu):
    for token in (None, "wrong", "a.b.c", "T2", ""):
        client = Client(emu.url, token)
        assert "error" in client.call("GET", "/v1/user", expect=401)
        client.close()
    assert emu.counters()["unauthorized"] == 5
    assert error_of(emu.client, "GET", "/v1/organizations/other", expect=404) == \
        "organization not found"


def test_a_database_token_is_no_platform_token(filled, call):
    client = Client(filled.url, call("POST", ORG + "/databases/d-0/auth/tokens")["jwt"])
    assert error_of(client, "GET", "/v1/user", expect=401) == "could not parse jwt id"
    client.close()


def test_the_platform_token_expires_on_the_platforms_clock():
    with running("--token-lifetime", "1h") as emu:
        exp = emu.client.call("GET", "/v1/auth/validate")["exp"]
        assert 3500 < exp - time.time() < 3700
        emu.admin("POST", "clock", {"advance": "2h"})
        emu.client.call("GET", "/v1/auth/validate", expect=401)


def test_validate_says_minus_one_for_a_token_without_end(call):
    assert call("GET", "/v1/auth/validate") == {"exp": -1}


def test_token_file_is_read(tmp_path):
    (tmp_path / "token").write_text("from-file\n")
    with running("--token-file", str(tmp_path / "token")) as emu:
        client = Client(emu.url, "from-file")
        assert client.call("GET", "/v1/user")["user"]["plan"] == "scaler"
        client.close()


# --- Shapes -------------------------------------------------------------------------------------


def test_organizations_are_an_array_in_v1_and_wrapped_in_v2(call):
    v1, v2 = call("GET", "/v1/organizations"), call("GET", "/v2/organizations")
    assert isinstance(v1, list) and v1[0]["slug"] == "acme"
    assert v2["organizations"][0]["id"] == call("GET", ORG)["organization"]["id"]


def test_an_organizations_id_outlives_a_restart(call):
    with running() as other:
        assert other.client.call("GET", ORG) == call("GET", ORG)


def test_locations_are_a_map_and_the_region_needs_no_token(emu, call):
    locations = call("GET", "/v1/locations")["locations"]
    assert locations["aws-eu-west-1"] and "lhr" not in locations
    client = Client(emu.url, None)
    assert set(client.call("GET", "/")) == {"server", "client"}
    client.close()
    assert set(call("GET", "/v2/organizations/acme/locations")["locations"]) == {"aws"}
    one = call("GET", "/v1/locations/aws-eu-west-1")["location"]
    assert one["closest"] and one["code"] == "aws-eu-west-1"


def test_request_keys_match_in_any_case_and_unknown_ones_are_counted(emu, call):
    call("POST", ORG + "/groups", {"Name": "eu", "LOCATION": "aws-eu-west-1", "Version": "latest"})
    assert emu.counters()["unknown_keys"] == 0
    call("POST", ORG + "/databases", {"name": "a", "group": "eu", "is_schema": True,
                                      "seed": None})
    assert emu.counters()["unknown_keys"] == 1


def test_a_database_reads_back_with_keys_of_mixed_case(filled, call):
    db = call("GET", ORG + "/databases/d-0")["database"]
    assert db["Name"] == "d-0" and db["group"] == "eu" and db["parent"] is None
    assert db["Hostname"] == "d-0-acme.aws-eu-west-1.turso.io"
    assert db["primaryRegion"] == "aws-eu-west-1" and db["block_reads"] is False
    created = call("POST", ORG + "/databases", {"name": "new", "group": "eu"})["database"]
    assert {"DbId", "Hostname", "Name"} <= set(created) and "group" not in created
    assert call("DELETE", ORG + "/databases/new") == {"database": "new"}
    message = error_of(filled.client, "GET", ORG + "/databases/new", expect=404)
    assert message == "could not find database with name new: record not found"


def test_primary_lacks_its_prefix_until_switched(filled, call):
    group = call("GET", ORG + "/groups/eu")["group"]
    assert (group["primary"], group["locations"]) == ("eu-west-1", ["aws-eu-west-1"])
    filled.admin("POST", "switches", {"primary_prefix": True})
    assert call("GET", ORG + "/groups/eu")["group"]["primary"] == "aws-eu-west-1"


def test_ids_change_when_a_name_is_used_again(filled, call):
    before = call("GET", ORG + "/databases/d-0")["database"]["DbId"]
    call("DELETE", ORG + "/databases/d-0")
    after = call("POST", ORG + "/databases", {"name": "d-0", "group": "eu"})["database"]["DbId"]
    assert before != after


def test_use_tursodb_marks_the_id(filled, call):
    made = call("POST", ORG + "/databases", {"name": "t", "group": "eu", "use_tursodb": True})
    assert made["database"]["DbId"].replace("-", "")[10:12] == "10"
    assert call("GET", ORG + "/databases/t")["database"]["database_type"] == "tursodb"


def test_usage_instances_and_stats(filled, call):
    instances = call("GET", ORG + "/databases/d-0/instances")["instances"]
    assert [i["type"] for i in instances] == ["primary"]
    one = call("GET", ORG + "/databases/d-0/instances/aws-eu-west-1")["instance"]
    assert one == instances[0]
    call("GET", ORG + "/databases/d-0/instances/nowhere", expect=404)
    usage = call("GET", ORG + "/databases/d-0/usage?from=2026-01-01T00:00:00Z")["database"]
    assert usage["total"] == usage["usage"] and usage["instances"][0]["uuid"] == one["uuid"]
    assert "from" in error_of(filled.client, "GET",
                              ORG + "/databases/d-0/usage?from=2026-01-01T00:00:00")
    assert call("GET", ORG + "/databases/d-0/stats") == {"top_queries": None}
    assert call("GET", ORG + "/usage")["organization"]["usage"]["databases"] == 10
    assert call("GET", ORG + "/subscription")["subscription"]["plan"] == "scaler"
    assert {p["name"] for p in call("GET", ORG + "/plans")["plans"]} >= {"starter", "scaler"}
    assert call("GET", ORG + "/invoices?type=issued") == {"invoices": []}
    (upcoming,) = call("GET", ORG + "/invoices")["invoices"]
    assert upcoming["amount_due"] == "29" and upcoming["due_date"][8:11] == "01T"
    assert call("GET", "/v1/plans") == call("GET", ORG + "/plans")
    call("GET", ORG + "/invoices?type=lost", expect=400)


def test_organization_settings(call):
    assert call("PATCH", ORG, {"overages": True})["organization"]["overages"] is True
    call("PATCH", ORG, {"overages": "yes"}, expect=400)
    call("PATCH", ORG, {"require_mfa": True}, expect=400)


def test_what_has_no_route_is_answered_without_json(emu):
    for method, path, status in (("GET", "/v1/nothing", 404), ("PUT", "/v1/user", 405),
                                 ("GET", "/v1/auth/api-tokens/validate", 404),
                                 ("POST", ORG + "/groups/eu/update", 404)):
        got, headers, body = emu.client.raw(method, path)
        assert (got, headers["Content-Type"]) == (status, "text/plain")
        with pytest.raises(ValueError):
            json.loads(body)


# --- Bad input ----------------------------------------------------------------------------------


BAD_BODIES = [
    b"", b"{", b"[]", b"null", b'"x"', b"\x00\xff", b'{"name":', b'{"name":"a"} x',
    b'{"name":1,"group":"eu"}', b'{"name":"a\\u0000b","group":"eu"}', b"[" * 5000,
    b'{"name":"a","group":"nope"}', b'{"name":"","group":"eu"}', b'{"name":"A","group":"eu"}',
    b'{"name":"-a","group":"eu"}', b'{"name":"a.b","group":"eu"}', b'{"group":"eu"}',
    b'{"name":"' + b"x" * 60 + b'","group":"eu"}', b'{"name":"a","group":"eu","seed":[]}',
    b'{"name":"a","group":"eu","seed":{"type":"dump"}}',
    b'{"name":"a","group":"eu","seed":{"type":"database"}}',
    b'{"name":"a","group":"eu","seed":{"type":"database","name":"nope"}}',
    b'{"name":"a","group":"eu","size_limit":"huge"}',
    b'{"name":"a","group":"eu","size_limit":5}',
    b'{"name":"a","group":"eu","remote_encryption":{"encryption_cipher":"rot13"}}',
]


@pytest.mark.parametrize("body", BAD_BODIES, ids=range(len(BAD_BODIES)))
def test_bad_bodies_are_answered_with_400_and_change_nothing(filled, body):
    assert error_of(filled.client, "POST", ORG + "/databases", body)
    assert filled.state()["organizations"][0]["databases_created"] == 10


def test_a_body_without_bound_is_refused(emu):
    status, _, _ = emu.client.raw("POST", ORG + "/groups", b"x" * (2 << 20))
    assert status == 413


def test_paths_are_split_before_they_are_decoded(filled, call):
    for path in ("/databases/..", "/databases/%2e%2e", "/databases/d-0%2f..", "/databases/%00",
                 "/databases/d-0%", "/databases/%ff", "/databases/" + "x" * 5000):
        status, _, body = filled.client.raw("DELETE", ORG + path)
        assert status == 404 and body, path
    assert len(names(call("GET", ORG + "/databases"))) == 10
    assert call("GET", ORG + "/databases/%64-0")["database"]["Name"] == "d-0"


def test_garbage_on_the_socket_does_no_harm(emu, call):
    at = urllib.parse.urlsplit(emu.url)
    for data in (b"\r\n\r\n",
                 b"\x16\x03\x01" + b"\x00" * 300, b"GET " + b"/" * 70000,
                 b"GET / HTTP/1.1\r\nHost", 
                 b"POST /v1/user HTTP/1.1\r\nContent-Length: 99\r\n\r\nx",
                 b"GET /v1/user?%%%& HTTP/1.0\r\n\r\n"):
        with socket.create_connection((at.hostname, at.port), timeout=5) as s:
            with contextlib.suppress(OSError):  # it may have hung up, even by a reset: ENOTCONN
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
    assert call("GET", "/v1/organizations")


# --- Listing ------------------------------------------------------------------------------------


def test_without_paging_the_list_is_cut_and_does_not_say_so():
    with running("--fill", "1203") as emu:
        cut = emu.client.call("GET", ORG + "/databases")
        assert len(cut["databases"]) == 1000 and "pagination" not in cut
        for limit in (100, 401, 1000, 5000):
            found, _ = all_pages(emu.client.call, limit)
            assert sorted(found) == [f"db-{i:07}" for i in range(1, 1204)]
        emu.admin("POST", "switches", {"page_cut": 10})
        found, n = all_pages(emu.client.call, 1000)
        assert len(set(found)) == 1203 and n == 121


def test_pages_stay_whole_while_databases_come_and_go(filled, call):
    first = call("GET", ORG + "/databases?limit=4")
    for name in ("d-3", "d-5", "d-0"):
        call("DELETE", f"{ORG}/databases/{name}")
    call("POST", ORG + "/databases", {"name": "late", "group": "eu"})
    rest = call("GET", f"{ORG}/databases?limit=100&cursor={first['pagination']['next']}")
    assert names(rest) == ["d-4", "d-6", "d-7", "d-8", "d-9", "late"]
    assert rest["pagination"]["next"] is None


def test_bad_paging_is_refused(filled):
    for query in ("limit=0", "limit=x", "limit=-1", "cursor=x", "cursor=AAAAAAAAAAAAAAAA"):
        assert error_of(filled.client, "GET", f"{ORG}/databases?{query}")


def test_filters_by_group_and_parent(filled, call):
    call("POST", ORG + "/groups", {"name": "us", "location": "aws-us-east-1"})
    call("POST", ORG + "/databases", {"name": "there", "group": "us"})
    call("POST", ORG + "/databases", {"name": "copy", "group": "us",
                                      "seed": {"type": "database", "name": "d-1"}})
    parent = call("GET", ORG + "/databases/d-1")["database"]["DbId"]
    assert names(call("GET", ORG + "/databases?group=us")) == ["there", "copy"]
    assert names(call("GET", ORG + "/databases?group=none")) == []
    assert names(call("GET", f"{ORG}/databases?parent={parent}")) == ["copy"]
    assert names(call("GET", ORG + "/databases?parent=d-1")) == []
    assert names(call("GET", ORG + "/databases?type=schema")) == []
    assert all_pages(call, 3, "&group=eu")[0] == [f"d-{i}" for i in range(10)]


@pytest.mark.skipif(bool(os.environ.get("TENANTD_SANITIZE")) or
                    "memcheck" in os.environ.get("TENANTD_BIN_DIR", ""),
                    reason="sanitizers and memcheck have memory of their own")
def test_a_million_databases_fit_in_a_gibibyte():
    with running("--fill", "1000000", timeout=60) as emu:
        status = pathlib.Path(f"/proc/{emu.process.pid}/status").read_text()
        peak_kb = int(status.split("VmHWM:")[1].split()[0])
        assert peak_kb < 1 << 20
        first = emu.client.call("GET", ORG + "/databases?limit=1000")
        assert first["pagination"]["next"]
        last = emu.client.call("GET", ORG + "/databases/db-1000000")["database"]
        assert last["group"] == "default"


# --- Creating -----------------------------------------------------------------------------------


@pytest.mark.parametrize("status, text", [(400, "database with same name already exists"),
                                          (409, "database with name d-0 already exists"),
                                          (422, "database name d-0 is not available")])
def test_a_taken_name_is_refused_as_switched(filled, status, text):
    filled.admin("POST", "switches", {"duplicate_status": status})
    assert error_of(filled.client, "POST", ORG + "/databases", {"name": "d-0", "group": "eu"},
                    status) == text


def test_a_taken_group_name_is_409(filled):
    body = {"name": "eu", "location": "aws-us-east-1"}
    assert error_of(filled.client, "POST", ORG + "/groups", body, 409) == "group already exists"


def test_groups_want_a_known_location_and_extensions(emu, call):
    for body in ({"name": "g"}, {"name": "g", "location": "lhr"}, {"name": "g", "location": 1},
                 {"name": "g", "location": "aws-eu-west-1", "extensions": ["nope"]},
                 {"name": "g", "location": "aws-eu-west-1", "extensions": "some"},
                 {"name": "g_", "location": "aws-eu-west-1"}):
        assert error_of(emu.client, "POST", ORG + "/groups", body)
    call("POST", ORG + "/groups", {"name": "g", "location": "aws-eu-west-1", "extensions": "all"})
    call("POST", ORG + "/groups", {"name": "h", "location": "aws-eu-west-1",
                                   "extensions": ["vector", "uuid"]})


def test_names_share_a_label_with_the_organization():
    with running(organization="o" * 61) as emu:
        path = f"/v1/organizations/{'o' * 61}/groups"
        emu.client.call("POST", path, {"name": "g", "location": "aws-eu-west-1"})
        assert "between 1 and 1 characters" in error_of(
            emu.client, "POST", path, {"name": "gg", "location": "aws-eu-west-1"})


def test_a_seed_makes_a_branch_and_takes_name_or_value(filled, call):
    now = email.utils.parsedate_to_datetime(
        filled.client.raw("GET", "/v1/user")[1]["Date"]).isoformat().replace("+00:00", "Z")
    call("POST", ORG + "/databases", {"name": "b1", "group": "eu",
                                      "seed": {"type": "database", "name": "d-0"}})
    call("POST", ORG + "/databases", {"name": "b2", "group": "eu", "seed": {
        "type": "database", "value": "d-0", "timestamp": now}})
    source = call("GET", ORG + "/databases/d-0")["database"]["DbId"]
    for name in ("b1", "b2"):
        parent = call("GET", f"{ORG}/databases/{name}")["database"]["parent"]
        assert (parent["id"], parent["name"]) == (source, "d-0")
    for timestamp in ("2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "yesterday"):
        assert error_of(filled.client, "POST", ORG + "/databases", {
            "name": "b3", "group": "eu",
            "seed": {"type": "database", "name": "d-0", "timestamp": timestamp}})


def test_encryption_is_checked_and_only_the_cipher_reads_back(filled, call):
    key = base64.b64encode(bytes(range(32))).decode()
    body = {"name": "secret", "group": "eu", "remote_encryption": {
        "encryption_key": key, "encryption_cipher": "aegis256"}}
    call("POST", ORG + "/databases", body)
    db = call("GET", ORG + "/databases/secret")["database"]
    assert db["encryption_cipher"] == "aegis256" and key not in json.dumps(db)
    short = {"encryption_key": base64.b64encode(b"short").decode(), "encryption_cipher": "aegis256"}
    assert "32 bytes" in error_of(filled.client, "POST", ORG + "/databases",
                                  {"name": "s2", "group": "eu", "remote_encryption": short})
    seed = {"type": "database", "name": "secret"}
    assert "encryption_key is required" in error_of(
        filled.client, "POST", ORG + "/databases", {"name": "s3", "group": "eu", "seed": seed})
    call("POST", ORG + "/databases", {"name": "s3", "group": "eu", "seed": seed,
                                      "remote_encryption": {"encryption_key": key}})


def test_a_group_that_is_not_ready_takes_no_databases():
    with running("--switch", "group_ready_delay=300ms") as emu:
        emu.client.call("POST", ORG + "/groups", {"name": "eu", "location": "aws-eu-west-1"})
        early = {"name": "early", "group": "eu"}
        assert "not ready" in error_of(emu.client, "POST", ORG + "/databases", early)
        before = time.monotonic()
        assert emu.client.call("GET", ORG + "/groups/eu/locations/aws-eu-west-1/wait") == {}
        assert time.monotonic() - before < 10
        emu.client.call("POST", ORG + "/databases", early)


# --- Configuration ------------------------------------------------------------------------------


def test_configuration_changes_what_it_names_and_nothing_else(filled, call):
    path = ORG + "/databases/d-0/configuration"
    empty = call("GET", path)
    assert empty == {"size_limit": "", "allow_attach": False, "block_reads": False,
                     "block_writes": False, "delete_protection": False, "allowed_ips": [],
                     "allowed_aws_vpc_ids": []}
    now = call("PATCH", path, {"block_reads": True, "size_limit": "256mb",
                               "allowed_ips": [" 10.0.0.0/8", "10.0.0.0/8", "2001:db8::/32"],
                               "allowed_aws_vpc_ids": ["vpce-0fe6c8807461bba49"]})
    assert now == {**empty, "block_reads": True, "size_limit": "268435456",
                   "allowed_ips": ["10.0.0.0/8", "2001:db8::/32"],
                   "allowed_aws_vpc_ids": ["vpce-0fe6c8807461bba49"]}
    assert call("PATCH", path, {"block_reads": None, "size_limit": None}) == now
    assert call("PATCH", path, {"allowed_ips": None})["allowed_ips"] == []
    assert call("PATCH", path, {"allowed_aws_vpc_ids": []})["allowed_aws_vpc_ids"] == []
    assert call("GET", ORG + "/databases/d-0")["database"]["block_reads"] is True


def test_a_configuration_with_one_wrong_field_changes_none(filled, call):
    path = ORG + "/databases/d-0/configuration"
    before = call("GET", path)
    for wrong in ({"allowed_ips": ["10.0.0.0/33"]}, {"allowed_ips": "10.0.0.1"},
                  {"allowed_ips": [1]}, {"allowed_aws_vpc_ids": ["vpc-1"]},
                  {"delete_protection": "true"}, {"size_limit": "1parsec"},
                  {"allow_attach": True}):
        assert error_of(filled.client, "PATCH", path, {"block_writes": True, **wrong})
    assert call("GET", path) == before


def test_size_limits_read_back_as_switched(filled, call):
    path = ORG + "/databases/d-0/configuration"
    filled.admin("POST", "switches", {"size_limit_readback": "as-sent"})
    assert call("PATCH", path, {"size_limit": "1gb"})["size_limit"] == "1gb"
    filled.admin("POST", "switches", {"size_limit_readback": "bytes"})
    assert call("PATCH", path, {"size_limit": "1gb"})["size_limit"] == str(1 << 30)


def test_the_new_engine_refuses_size_limits_and_permissions(filled):
    filled.admin("POST", "switches", {"new_engine": True})
    text = "size_limit is not supported for db-api controlled databases"
    for method, path in (("PATCH", "/databases/d-0/configuration"), ("POST", "/databases")):
        body = {"size_limit": "1gb", "name": "x", "group": "eu"}
        assert error_of(filled.client, method, ORG + path, body) == text
    assert "Permissions are not supported" in error_of(
        filled.client, "POST", ORG + "/databases/d-0/auth/tokens", {"permissions": {}})


def test_the_present_platform_refuses_replicas_and_the_older_one_does_not(filled, call):
    assert "replication is not supported" in error_of(
        filled.client, "POST", ORG + "/groups/eu/locations/aws-us-east-1")
    assert error_of(filled.client, "POST", ORG + "/groups/eu/locations/amss") == \
        "invalid location: amss"
    with running("--legacy") as old:
        old_call = old.client.call
        old_call("POST", ORG + "/groups", {"name": "old", "location": "lhr"})
        group = old_call("POST", ORG + "/groups/old/locations/ams")["group"]
        assert group["locations"] == ["lhr", "ams"] and group["primary"] == "lhr"
        old_call("POST", ORG + "/databases", {"name": "a", "group": "old"})
        instances = old_call("GET", ORG + "/databases/a/instances")["instances"]
        assert [i["type"] for i in instances] == ["primary", "replica"]
        path = ORG + "/databases/a/configuration"
        assert old_call("PATCH", path, {"allow_attach": True})["allow_attach"] is True
        old_call("DELETE", ORG + "/groups/old/locations/lhr", expect=400)
        group = old_call("DELETE", ORG + "/groups/old/locations/ams")["group"]
        assert group["locations"] == ["lhr"]


# --- Removing -----------------------------------------------------------------------------------


def test_removing_a_group_takes_its_databases_along(filled, call):
    before = filled.admin("GET", "keys")["keys"]
    assert call("DELETE", ORG + "/groups/eu")["group"]["name"] == "eu"
    assert names(call("GET", ORG + "/databases")) == []
    call("GET", ORG + "/groups/eu", expect=404)
    call("POST", ORG + "/groups", {"name": "eu", "location": "aws-eu-west-1"})
    after = filled.admin("GET", "keys")["keys"]
    assert len(before) == len(after) == 1 and before[0]["x"] != after[0]["x"]


def test_protection_stops_removals(filled, call):
    call("PATCH", ORG + "/databases/d-0/configuration", {"delete_protection": True})
    for path in ("/databases/d-0", "/groups/eu"):
        status, headers, body = filled.client.raw("DELETE", ORG + path)
        assert (status, headers["X-Emulator-Reason"]) == (400, "delete-protection")
        assert "protected" in json.loads(body)["error"]
    call("PATCH", ORG + "/databases/d-0/configuration", {"delete_protection": False})
    path = ORG + "/groups/eu/configuration"
    assert call("PATCH", path, {"delete_protection": True}) == {"delete_protection": True}
    assert call("GET", path) == {"delete_protection": True}
    call("DELETE", ORG + "/databases/d-1", expect=400)
    call("PATCH", path, {"delete_protection": False})
    call("DELETE", ORG + "/groups/eu")


def test_rename_and_transfer_keep_ids_and_databases():
    with running("--organization", "other") as emu:
        call = emu.client.call
        for org in ("acme", "other"):
            call("POST", f"/v1/organizations/{org}/groups",
                 {"name": "eu", "location": "aws-eu-west-1"})
        for name in ("a", "b"):
            call("POST", ORG + "/databases", {"name": name, "group": "eu"})
        before = call("GET", ORG + "/groups/eu")["group"]["uuid"]
        call("POST", ORG + "/groups/eu/transfer", {"organization": "other"}, expect=409)
        call("POST", ORG + "/groups/eu/rename", {"Name": "west"})
        assert call("GET", ORG + "/databases/a")["database"]["group"] == "west"
        moved = call("POST", ORG + "/groups/west/transfer", {"organization": "other"})
        assert (moved["uuid"], moved["name"]) == (before, "west")
        assert names(call("GET", ORG + "/databases")) == []
        there = call("GET", "/v1/organizations/other/databases")["databases"]
        assert [db["Hostname"] for db in there] == [
            f"{name}-other.aws-eu-west-1.turso.io" for name in ("a", "b")]
        call("POST", "/v1/organizations/other/groups/west/transfer",
             {"organization": "nobody"}, expect=404)


def test_an_archived_group_sleeps_until_it_is_woken(filled, call):
    filled.admin("POST", "switches", {"unarchive_delay": "1h"})
    filled.admin("POST", "archive", {"group": "eu"})
    assert call("GET", ORG + "/groups/eu")["group"]["archived"] is True
    assert call("GET", ORG + "/databases/d-0")["database"]["archived"] is True
    assert "unarchive the group" in error_of(filled.client, "POST", ORG + "/databases/d-0/wakeup")
    assert call("POST", ORG + "/groups/eu/unarchive")["group"]["archived"] is True
    filled.admin("POST", "clock", {"advance": "2h"})
    assert call("GET", ORG + "/groups/eu")["group"]["archived"] is False
