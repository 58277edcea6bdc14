"""test_emulator_audit: turso-emulator writes down what is done, as the real platform does.

In:    turso-emulator, started for each test.
Out:   codes, authors, origins, pages.
Never: what tenantd shows of it.
"""

import pytest
from emulator_client import ORG, Client, call, emu, error_of, filled, running  # noqa: F401

CODES = """user-signup user-delete db-create db-delete db-protect db-unprotect db-token-create
group-token-create user-token-create instance-create instance-delete org-create org-delete
org-member-add org-member-rm org-member-leave org-plan-update org-set-overages group-create
group-delete group-unarchive group-protect group-unprotect db-aunrchive""".split()


def log(call, query="page_size=1000"):
    return call("GET", f"{ORG}/audit-logs?{query}")


def codes(call):
    return [entry["code"] for entry in log(call)["audit_logs"]]


def test_each_change_is_written_down_newest_first(emu, call):
    steps = [
        ("group-create", "POST", "/groups", {"name": "eu", "location": "aws-eu-west-1"}),
        ("db-create", "POST", "/databases", {"name": "a", "group": "eu"}),
        ("db-protect", "PATCH", "/databases/a/configuration", {"delete_protection": True}),
        (None, "PATCH", "/databases/a/configuration", {"delete_protection": True}),
        ("db-unprotect", "PATCH", "/databases/a/configuration", {"delete_protection": False}),
        ("group-protect", "PATCH", "/groups/eu/configuration", {"delete_protection": True}),
        ("group-unprotect", "PATCH", "/groups/eu/configuration", {"delete_protection": False}),
        ("db-token-create", "POST", "/databases/a/auth/tokens", None),
        ("group-token-create", "POST", "/groups/eu/auth/tokens", None),
        (None, "POST", "/groups/eu/auth/rotate", None),
        ("org-set-overages", "PATCH", "", {"overages": True}),
        (None, "GET", "/databases", None),
        ("db-delete", "DELETE", "/databases/a", None),
        ("group-delete", "DELETE", "/groups/eu", None),
    ]
    for _, method, path, body in steps:
        call(method, ORG + path, body)
    call("POST", "/v1/auth/api-tokens/ci", {"organization": "acme"})
    wanted = [code for code, *_ in steps if code] + ["user-token-create"]
    assert codes(call) == wanted[::-1]
    newest, oldest = log(call)["audit_logs"][0], log(call)["audit_logs"][-1]
    assert newest["data"] == {"token": "ci"} and oldest["data"] == {"group": "eu"}
    assert {"code", "message", "origin", "author", "created_at", "data"} == set(newest)
    assert newest["author"] == "owner" and newest["origin"] == "web"
    error_of(emu.client, "POST", ORG + "/databases", {"name": "a", "group": "none"})
    assert len(codes(call)) == len(wanted)


def test_people_come_and_go_in_the_log(emu, call):
    emu.admin("POST", "users", {"username": "jo", "token": "J"})
    emu.admin("POST", "users", {"username": "eve"})
    for name in ("jo", "eve"):
        call("POST", ORG + "/members", {"username": name})
    jo = Client(emu.url, "J")
    jo.call("DELETE", ORG + "/members/jo")
    call("DELETE", ORG + "/members/eve")
    call("POST", "/v2/organizations/acme/invites", {"email": "mo@example.com"})
    emu.admin("POST", "accept", {"email": "mo@example.com"})
    found = [(e["code"], e["author"], e["data"]["username"]) for e in log(call)["audit_logs"]]
    assert found == [("org-member-add", "mo", "mo"), ("org-member-rm", "owner", "eve"),
                     ("org-member-leave", "jo", "jo"), ("org-member-add", "owner", "eve"),
                     ("org-member-add", "owner", "jo")]
    jo.close()


def test_replicas_and_woken_groups_are_written_down():
    with running("--legacy") as emu:
        call = emu.client.call
        call("POST", ORG + "/groups", {"name": "eu", "location": "ams"})
        call("POST", ORG + "/groups/eu/locations/fra")
        call("DELETE", ORG + "/groups/eu/locations/fra")
        emu.admin("POST", "archive", {"group": "eu"})
        call("POST", ORG + "/groups/eu/unarchive")
        assert codes(call) == ["group-unarchive", "instance-delete", "instance-create",
                               "group-create"]


def test_pages(emu, call):
    for i in range(7):
        call("POST", ORG + "/groups", {"name": f"g-{i}", "location": "aws-eu-west-1"})
    pages = [log(call, f"page={page}&page_size=3") for page in (1, 2, 3, 4)]
    assert [[e["data"]["group"] for e in p["audit_logs"]] for p in pages] == [
        ["g-6", "g-5", "g-4"], ["g-3", "g-2", "g-1"], ["g-0"], []]
    assert pages[0]["pagination"] == {"page": 1, "page_size": 3, "total_pages": 3,
                                      "total_rows": 7}
    assert log(call, "")["pagination"]["page_size"] == 100
    for query in ("page=0", "page_size=0", "page_size=1001", "page=x"):
        error_of(emu.client, "GET", f"{ORG}/audit-logs?{query}")


def test_the_origin_follows_from_the_user_agent(emu, call):
    emu.client.raw("POST", ORG + "/groups", {"name": "eu", "location": "aws-eu-west-1"},
                   **{"User-Agent": "turso-cli/v1.0"})
    assert log(call)["audit_logs"][0]["origin"] == "cli"


@pytest.mark.parametrize("code", CODES)
def test_every_code_can_be_had(emu, call, code):
    emu.admin("POST", "audit", {"code": code, "author": "jo"})
    (entry,) = log(call)["audit_logs"]
    assert (entry["code"], entry["author"]) == (code, "jo")


def test_the_starter_plan_has_no_log():
    with running("--profile", "starter") as emu:
        answer = emu.client.call("GET", ORG + "/audit-logs", expect=403)
        assert answer["code"] == "feature_not_available_for_starter_plan" and answer["error"]
