"""test_emulator_trash: what turso-emulator deletes can be restored as on the real platform.

In:    turso-emulator, started for each test.
Out:   lists of the deleted, restored databases and groups, refusals.
Never: what tenantd does after a deletion.
"""

import pytest
from emulator_client import ORG, Client, call, emu, error_of, filled, names, running  # noqa: F401

NOWHERE = "/00000000-0000-0000-0000-000000000000/restore"


@pytest.fixture
def v3(call):
    return "/v3/organizations/" + call("GET", ORG)["organization"]["id"]


def database(call, name="d-0"):
    return call("GET", f"{ORG}/databases/{name}")["database"]


def deleted(call, v3, query=""):
    return call("GET", f"{v3}/databases?deleted=true{query}")["databases"]


def restore(call, v3, db, body=None, expect=200):
    return call("POST", f"{v3}/databases/{db['DbId']}/restore", body, expect)


def test_a_deleted_database_comes_back_as_it_was(filled, call, v3):
    call("PATCH", ORG + "/databases/d-0/configuration", {"size_limit": "1mb"})
    before, config = database(call), call("GET", ORG + "/databases/d-0/configuration")
    call("DELETE", ORG + "/databases/d-0")
    call("GET", ORG + "/databases/d-0", expect=404)
    (row,) = deleted(call, v3)
    group = call("GET", ORG + "/groups/eu")["group"]
    assert (row["DbId"], row["Name"], row["Hostname"]) == (before["DbId"], "d-0",
                                                           before["Hostname"])
    assert (row["group"], row["group_id"]) == ("eu", group["uuid"])
    assert row["organization_id"] == v3.rsplit("/", 1)[1]
    assert row["deleted_at"].endswith("Z") and row["group_deleted_at"] is None
    assert restore(call, v3, row)["database"] == before
    assert call("GET", ORG + "/databases/d-0/configuration") == config
    assert deleted(call, v3) == [] and len(call("GET", ORG + "/databases")["databases"]) == 10


def test_a_name_that_is_taken_needs_another(filled, call, v3):
    old = database(call)
    call("DELETE", ORG + "/databases/d-0")
    call("POST", ORG + "/databases", {"name": "d-0", "group": "eu"})
    assert error_of(filled.client, "POST", f"{v3}/databases/{old['DbId']}/restore") == \
        "database with same name already exists"
    assert len(deleted(call, v3)) == 1
    back = restore(call, v3, old, {"name": "d-0-old"})["database"]
    assert (back["Name"], back["DbId"]) == ("d-0-old", old["DbId"])
    assert database(call, "d-0-old")["DbId"] == old["DbId"] != database(call)["DbId"]


def test_after_five_days_it_is_gone(filled, call, v3):
    old = database(call)
    call("DELETE", ORG + "/databases/d-0")
    filled.admin("POST", "clock", {"advance": "4d23h"})
    assert len(deleted(call, v3)) == 1
    call("DELETE", ORG + "/databases/d-1")
    filled.admin("POST", "clock", {"advance": "2h"})
    assert [d["Name"] for d in deleted(call, v3)] == ["d-1"]
    restore(call, v3, old, expect=404)


def test_a_group_comes_back_with_what_went_with_it(filled, call, v3):
    group = call("GET", ORG + "/groups/eu")["group"]
    call("DELETE", ORG + "/databases/d-9")
    call("DELETE", ORG + "/groups/eu")
    (row,) = call("GET", v3 + "/deleted-groups")["groups"]
    assert (row["uuid"], row["name"], row["cascade_databases"]) == (group["uuid"], "eu", 9)
    assert all((d["group_deleted_at"] is not None) for d in deleted(call, v3))
    call("POST", ORG + "/groups", {"name": "us", "location": "aws-us-east-1"})
    call("POST", ORG + "/databases", {"name": "d-3", "group": "us"})
    taken = next(d for d in deleted(call, v3) if d["Name"] == "d-3")
    answer = call("POST", f"{v3}/groups/{group['uuid']}/restore")
    assert answer["group"]["uuid"] == group["uuid"]
    assert {d["Name"] for d in answer["databases"]} == {f"d-{i}" for i in (0, 1, 2, 4, 5, 6, 7, 8)}
    assert list(answer["failures"]) == [taken["DbId"]]
    assert {d["Name"] for d in deleted(call, v3)} == {"d-3", "d-9"}
    assert call("GET", v3 + "/deleted-groups")["groups"] == []
    restore(call, v3, taken, {"name": "d-3-old"})


def test_a_database_brings_its_group_back(filled, call, v3):
    group, db = call("GET", ORG + "/groups/eu")["group"], database(call)
    call("DELETE", ORG + "/groups/eu")
    call("POST", ORG + "/groups", {"name": "eu", "location": "aws-eu-west-1"})
    restore(call, v3, db, expect=400)
    call("DELETE", ORG + "/groups/eu")
    restore(call, v3, db)
    assert call("GET", ORG + "/groups/eu")["group"]["uuid"] == group["uuid"]
    assert names(call("GET", ORG + "/databases")) == ["d-0"]


def test_a_rename_and_a_transfer_take_the_deleted_along():
    with running("--organization", "globex") as emu:
        call = emu.client.call
        call("POST", ORG + "/groups", {"name": "eu", "location": "aws-eu-west-1"})
        call("POST", ORG + "/databases", {"name": "a", "group": "eu"})
        call("DELETE", ORG + "/databases/a")
        call("POST", ORG + "/groups/eu/rename", {"name": "west"})
        call("POST", ORG + "/groups/west/transfer", {"organization": "globex"})
        v3 = "/v3/organizations/" + call("GET", "/v1/organizations/globex")["organization"]["id"]
        (row,) = deleted(call, v3)
        back = restore(call, v3, row)["database"]
        assert back["group"] == "west" and "a-globex." in back["Hostname"]


def test_pages_and_search(filled, call, v3):
    for i in range(10):
        call("DELETE", f"{ORG}/databases/d-{i}")
    found, cursor = [], ""
    for _ in range(10):
        page = call("GET", f"{v3}/databases?deleted=true&limit=4&cursor={cursor}")
        found += names(page)
        cursor = page["pagination"]["next"]
        if not cursor:
            break
    assert found == [f"d-{i}" for i in range(10)]
    assert [d["Name"] for d in deleted(call, v3, "&search=-7")] == ["d-7"]
    for query in ("limit=0", "limit=1001", "cursor=x"):
        error_of(filled.client, "GET", f"{v3}/databases?deleted=true&{query}")
    for name in ("g-1", "g-2", "g-3"):
        call("POST", ORG + "/groups", {"name": name, "location": "aws-eu-west-1"})
        call("DELETE", ORG + "/groups/" + name)
    first = call("GET", v3 + "/deleted-groups?limit=2")
    rest = call("GET", v3 + "/deleted-groups?limit=2&cursor=" + first["pagination"]["next"])
    assert [g["name"] for g in first["groups"] + rest["groups"]] == ["g-1", "g-2", "g-3"]
    assert rest["pagination"]["next"] is None


def test_restoring_can_be_switched_off(filled, call, v3):
    db = database(call)
    call("DELETE", ORG + "/databases/d-0")
    error_of(filled.client, "PATCH", ORG, {"restore_enabled": False, "overages": True})
    assert call("PATCH", ORG, {"restore_enabled": False})["organization"]["restore_enabled"] is \
        False
    restore(call, v3, db, expect=400)
    call("DELETE", ORG + "/databases/d-1")
    call("PATCH", ORG, {"restore_enabled": True})
    assert [d["Name"] for d in deleted(call, v3)] == ["d-0"]
    assert "restore_enabled" not in call("GET", "/v1/organizations")[0]


def test_the_starter_plan_restores_nothing():
    with running("--profile", "starter", "--fill", "1") as emu:
        call = emu.client.call
        v3 = "/v3/organizations/" + call("GET", ORG)["organization"]["id"]
        call("DELETE", ORG + "/databases/db-0000001")
        for method, path in (("GET", "/databases?deleted=true"), ("GET", "/deleted-groups"),
                             ("POST", "/databases" + NOWHERE), ("POST", "/groups" + NOWHERE)):
            assert "plan" in error_of(emu.client, method, v3 + path, expect=403)
        error_of(emu.client, "PATCH", ORG, {"restore_enabled": True}, 403)
        emu.admin("POST", "switches", {"profile": "scaler"})
        assert deleted(call, v3) == []


def test_only_admins_restore_and_only_what_was_deleted(filled, call, v3):
    db = database(call)
    filled.admin("POST", "users", {"username": "jo", "role": "member", "token": "J"})
    call("DELETE", ORG + "/databases/d-0")
    jo = Client(filled.url, "J")
    restore(jo.call, v3, db, expect=403)
    jo.close()
    for path in ("/databases/x/restore", "/databases" + NOWHERE, "/groups" + NOWHERE,
                 f"/databases/{database(call, 'd-1')['DbId']}/restore"):
        error_of(filled.client, "POST", v3 + path, expect=404)
    error_of(filled.client, "GET", "/v3/organizations/acme/databases", expect=404)
    assert len(call("GET", v3 + "/databases")["databases"]) == 9
