"""test_emulator_people: users, roles and platform tokens of turso-emulator.

In:    turso-emulator, started for each test.
Out:   who may do what, with which token, and what it is told otherwise.
Never: what tenantd makes of it.
"""

import json
import re

import pytest
from emulator_client import ORG, Client, call, emu, error_of, filled, running  # noqa: F401
from jwt_check import claims

OWN = "/v1/auth/api-tokens"
ALL_SCOPES = ["read", "db:create", "db:delete", "db:configure", "db:mint-token", "db:rotate-creds",
              "group:configure", "group:mint-token", "group:rotate-creds"]


@pytest.fixture
def clients(emu):
    """clients(token): a client with that token; closed with the test."""
    made = []

    def make(token):
        made.append(Client(emu.url, token))
        return made[-1]

    yield make
    for client in made:
        client.close()


def with_role(emu, clients, role, name=None):
    name = name or role
    emu.admin("POST", "users", {"username": name, "role": role, "token": "token-of-" + name})
    return clients("token-of-" + name)


def scoped(call, name, *scopes, group="eu"):
    return call("POST", f"{OWN}/{name}",
                {"organization": "acme", "group": group, "scopes": list(scopes)})


# --- Tokens -------------------------------------------------------------------------------------


def test_a_minted_token_is_shown_once_and_works_until_it_is_revoked(call, clients):
    made = call("POST", OWN + "/ci")
    assert set(made) == {"name", "id", "token"} and made["name"] == "ci"
    assert claims(made["token"]) == {"jti": made["id"]}
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", made["id"])
    client = clients(made["token"])
    assert client.call("GET", "/v1/auth/validate") == {"exp": -1}
    listed = {t["name"]: t for t in call("GET", OWN)["tokens"]}
    assert set(listed["ci"]) == {"name", "id", "created_at"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", listed["ci"]["created_at"])
    assert made["token"] not in json.dumps(listed)
    assert call("DELETE", OWN + "/ci") == {"token": "ci"}
    client.call("GET", "/v1/auth/validate", expect=401)
    error_of(client, "DELETE", OWN + "/ci", expect=401)
    call("DELETE", OWN + "/ci", expect=404)


def test_v2_nests_the_token(call, clients):
    made = call("POST", "/v2/auth/api-tokens/ci", {"organization": "acme"})["token"]
    assert set(made) == {"name", "id", "value"}
    assert clients(made["value"]).call("GET", ORG)["organization"]["slug"] == "acme"


def test_names_are_unique_for_each_user_not_for_each_organization(emu, call, clients):
    other = with_role(emu, clients, "admin")
    body = {"organization": "acme"}
    call("POST", OWN + "/ci", body)
    error_of(emu.client, "POST", OWN + "/ci", body, 409)
    other.call("POST", OWN + "/ci", body)
    found = [(t["name"], t["owner"]) for t in call("GET", ORG + "/api-tokens")["tokens"]]
    assert found == [("ci", {"username": u, "email": u + "@example.com"})
                     for u in ("owner", "admin")]


def test_presets_are_stored_expanded(filled, call):
    scoped(call, "all", "full-access")
    scoped(call, "some", "read-only", "db:create", "db:create")
    tokens = {t["name"]: t for t in call("GET", ORG + "/api-tokens")["tokens"]}
    assert tokens["all"]["scopes"] == ALL_SCOPES
    assert tokens["some"]["scopes"] == ["read", "db:create"]
    assert tokens["some"]["group"] == "eu" and tokens["some"]["organization"] == "acme"


@pytest.mark.parametrize("body, status", [
    ({"organization": "nope"}, 404),
    ({"organization": "acme", "group": "nope", "scopes": ["read"]}, 404),
    ({"organization": "acme", "group": "eu", "scopes": []}, 400),
    ({"organization": "acme", "group": "eu"}, 400),
    ({"organization": "acme", "group": "eu", "scopes": ["db:fly"]}, 400),
    ({"organization": "acme", "group": "eu", "scopes": "read"}, 400),
    ({"organization": "acme", "scopes": ["read"]}, 400),
    ({"group": "eu", "scopes": ["read"]}, 400),
    ({"organization": 1}, 400),
])
def test_a_token_that_cannot_be_is_refused(filled, call, body, status):
    before = call("GET", OWN)
    error_of(filled.client, "POST", OWN + "/ci", body, status)
    assert call("GET", OWN) == before


def test_the_organization_lists_and_revokes_by_id(filled, call, clients):
    member = with_role(filled, clients, "member")
    free = call("POST", OWN + "/free")
    mine = call("POST", OWN + "/mine", {"organization": "acme"})
    theirs = member.call("POST", OWN + "/theirs", {"organization": "acme"})
    assert [t["id"] for t in call("GET", ORG + "/api-tokens")["tokens"]] == \
        [mine["id"], theirs["id"]]
    assert [t["id"] for t in member.call("GET", ORG + "/api-tokens")["tokens"]] == [theirs["id"]]
    error_of(member, "DELETE", f"{ORG}/api-tokens/{mine['id']}", expect=404)
    error_of(filled.client, "DELETE", f"{ORG}/api-tokens/{free['id']}", expect=404)
    assert call("DELETE", f"{ORG}/api-tokens/{theirs['id']}") == {"token": theirs["id"]}
    error_of(clients(theirs["token"]), "GET", ORG, expect=401)


def test_a_token_of_one_organization_is_none_of_another():
    with running("--organization", "globex") as emu:
        made = emu.client.call("POST", OWN + "/ci", {"organization": "globex"})
        client = Client(emu.url, made["token"])
        assert [o["slug"] for o in client.call("GET", "/v1/organizations")] == ["globex"]
        error_of(client, "GET", ORG, expect=403)
        error_of(client, "POST", OWN + "/wider", expect=403)
        error_of(client, "POST", OWN + "/other", {"organization": "acme"}, 403)
        error_of(client, "DELETE", OWN + "/token-1", expect=403)
        error_of(emu.client, "DELETE", f"{ORG}/api-tokens/{made['id']}", expect=404)
        client.close()


# --- Tokens for one group -----------------------------------------------------------------------


@pytest.fixture
def two_groups(filled, call):
    call("POST", ORG + "/groups", {"name": "us", "location": "aws-us-east-1"})
    call("POST", ORG + "/databases", {"name": "far", "group": "us"})
    return filled


def test_a_groups_token_sees_its_group_alone(two_groups, call, clients):
    client = clients(scoped(call, "ci", "full-access")["token"])
    assert client.call("GET", "/v1/auth/validate") == {"exp": -1}
    assert [g["name"] for g in client.call("GET", ORG + "/groups")["groups"]] == ["eu"]
    listed = client.call("GET", ORG + "/databases?limit=100")["databases"]
    assert len(listed) == 10 and {d["group"] for d in listed} == {"eu"}
    assert client.call("GET", ORG + "/databases?group=us")["databases"] == []
    error_of(client, "GET", ORG + "/databases/far", expect=403)
    error_of(client, "GET", ORG + "/databases/nope", expect=404)
    error_of(client, "POST", ORG + "/databases", {"name": "x", "group": "us"}, 403)
    error_of(client, "POST", ORG + "/databases",
             {"name": "x", "group": "eu", "seed": {"type": "database", "name": "far"}}, 403)
    two_groups.admin("POST", "switches", {"out_of_reach_status": 404})
    error_of(client, "GET", ORG + "/groups/us", expect=404)


def test_some_things_no_groups_token_can_do(two_groups, call, clients):
    client = clients(scoped(call, "ci", "full-access")["token"])
    for method, path, body in (
            ("POST", ORG + "/groups", {"name": "ap", "location": "aws-ap-south-1"}),
            ("DELETE", ORG + "/groups/eu", None),
            ("POST", ORG + "/groups/eu/transfer", {"organization": "acme"}),
            ("GET", ORG + "/api-tokens", None), ("GET", OWN, None), ("POST", OWN + "/x", None),
            ("PATCH", ORG, {"overages": True}), ("GET", ORG + "/usage", None)):
        error_of(client, method, path, body, 403)


@pytest.mark.parametrize("scope, method, path, body", [
    ("read", "GET", "/databases/d-0", None),
    ("db:create", "POST", "/databases", {"name": "new", "group": "eu"}),
    ("db:delete", "DELETE", "/databases/d-0", None),
    ("db:configure", "PATCH", "/databases/d-0/configuration", {"block_reads": True}),
    ("db:mint-token", "POST", "/databases/d-0/auth/tokens", None),
    ("db:rotate-creds", "POST", "/databases/d-0/auth/rotate", None),
    ("group:configure", "PATCH", "/groups/eu/configuration", {"delete_protection": True}),
    ("group:mint-token", "POST", "/groups/eu/auth/tokens", None),
    ("group:rotate-creds", "POST", "/groups/eu/auth/rotate", None),
])
def test_each_scope_opens_what_it_names_and_no_more(filled, call, clients, scope, method, path,
                                                    body):
    others = clients(scoped(call, "others", *(s for s in ALL_SCOPES if s != scope))["token"])
    assert scope in error_of(others, method, ORG + path, body, 403)
    clients(scoped(call, "one", scope)["token"]).call(method, ORG + path, body)


def test_a_groups_tokens_go_with_it(two_groups, call, clients):
    client = clients(scoped(call, "ci", "read")["token"])
    call("DELETE", ORG + "/groups/eu")
    client.call("GET", "/v1/auth/validate", expect=401)
    call("POST", ORG + "/groups", {"name": "eu", "location": "aws-eu-west-1"})
    client.call("GET", "/v1/auth/validate", expect=401)
    assert call("GET", ORG + "/api-tokens") == {"tokens": []}
    scoped(call, "ci", "read")


def test_a_transfer_revokes_a_groups_tokens():
    with running("--organization", "globex") as emu:
        call = emu.client.call
        call("POST", ORG + "/groups", {"name": "eu", "location": "aws-eu-west-1"})
        client = Client(emu.url, scoped(call, "ci", "read")["token"])
        call("POST", ORG + "/groups/eu/transfer", {"organization": "globex"})
        client.call("GET", "/v1/auth/validate", expect=401)
        client.close()


# --- Roles --------------------------------------------------------------------------------------


def test_a_viewer_reads_and_a_member_works(filled, call, clients):
    viewer, member = (with_role(filled, clients, r) for r in ("viewer", "member"))
    assert len(viewer.call("GET", ORG + "/databases")["databases"]) == 10
    for method, path, body in (("POST", "/databases", {"name": "x", "group": "eu"}),
                               ("DELETE", "/groups/eu", None),
                               ("POST", "/databases/d-0/auth/tokens", None)):
        error_of(viewer, method, ORG + path, body, 403)
        member.call(method, ORG + path, body) if path != "/groups/eu" else None
    error_of(member, "PATCH", ORG, {"overages": True}, 403)
    error_of(member, "POST", OWN + "/ci", {"organization": "acme", "group": "eu",
                                           "scopes": ["read"]}, 403)
    assert member.call("GET", "/v1/user")["user"]["username"] == "member"


def test_who_is_no_member_is_told_so_and_who_was_one_too(emu, clients):
    stranger = with_role(emu, clients, "none")
    assert "not a member" in error_of(stranger, "GET", ORG, expect=403)
    assert stranger.call("GET", "/v1/organizations") == []
    error_of(stranger, "POST", OWN + "/ci", {"organization": "acme"}, 403)
    emu.admin("POST", "users", {"username": "none", "role": "admin"})
    stranger.call("GET", ORG)
    emu.admin("POST", "users", {"username": "none", "role": "none"})
    error_of(stranger, "GET", ORG, expect=403)


def test_users_come_from_the_command_line_too():
    with running("--user", "jo:viewer:J:1", "--user", "eve:none:E") as emu:
        jo, eve = Client(emu.url, "J:1"), Client(emu.url, "E")
        assert jo.call("GET", "/v1/user")["user"]["email"] == "jo@example.com"
        jo.call("GET", ORG)
        error_of(eve, "GET", ORG, expect=403)
        members = emu.state()["organizations"][0]["members"]
        assert [(m["username"], m["role"]) for m in members] == [("owner", "owner"),
                                                                 ("jo", "viewer")]
        jo.close()
        eve.close()


# --- Members ------------------------------------------------------------------------------------

INVITES = "/v2/organizations/acme/invites"


def test_members_are_added_changed_and_removed(emu, call, clients):
    with_role(emu, clients, "none", "jo")
    assert call("POST", ORG + "/members", {"username": "jo"}) == {"member": "jo", "role": "member"}
    jo = {"username": "jo", "role": "member", "email": "jo@example.com"}
    assert call("GET", ORG + "/members/jo") == {"member": jo}
    assert call("PATCH", ORG + "/members/jo", {"role": "viewer"})["member"]["role"] == "viewer"
    listed = call("GET", ORG + "/members")["members"]
    assert [(m["username"], m["role"]) for m in listed] == [("owner", "owner"), ("jo", "viewer")]
    assert call("DELETE", ORG + "/members/jo") == {"member": "jo"}
    assert len(call("GET", ORG + "/members")["members"]) == 1


@pytest.mark.parametrize("method, path, body, status, text", [
    ("GET", "/members/nobody", None, 404, "could not find member"),
    ("POST", "/members", {"username": "nobody"}, 404, "could not find user nobody"),
    ("POST", "/members", {"username": "owner"}, 409,
     "user owner is already a member of organization acme"),
    ("POST", "/members", {"username": "none", "role": "owner"}, 400, "invalid role"),
    ("POST", "/members", {"role": "admin"}, 400, "username is required"),
    ("PATCH", "/members/member", {"role": "boss"}, 400, "invalid role"),
    ("PATCH", "/members/member", {"role": "owner"}, 400, "invalid role"),
    ("PATCH", "/members/member", {}, 400, "role is required"),
    ("PATCH", "/members/nobody", {"role": "admin"}, 404, "could not find user nobody"),
    ("PATCH", "/members/owner", {"role": "member"}, 400,
     "the role of the owner cannot be changed"),
    ("DELETE", "/members/nobody", None, 404, "user nobody is not a member of org acme"),
    ("DELETE", "/members/owner", None, 400, "the owner cannot be removed"),
])
def test_what_cannot_be_done_to_a_member(emu, clients, method, path, body, status, text):
    with_role(emu, clients, "member")
    with_role(emu, clients, "none")
    assert error_of(emu.client, method, ORG + path, body, status) == text


def test_only_admins_look_after_members_but_anybody_may_leave(emu, clients):
    member, admin = (with_role(emu, clients, r) for r in ("member", "admin"))
    for method, path, body in (("GET", ORG + "/members", None),
                               ("POST", ORG + "/members", {"username": "member"}),
                               ("DELETE", ORG + "/members/admin", None),
                               ("GET", INVITES, None),
                               ("POST", INVITES, {"email": "x@example.com"})):
        error_of(member, method, path, body, 403)
    assert error_of(member, "PATCH", ORG + "/members/admin", {"role": "viewer"}, 403) == \
        "updating member roles is only allowed for admin or owner"
    admin.call("PATCH", ORG + "/members/member", {"role": "viewer"})
    member.call("DELETE", ORG + "/members/member")
    error_of(member, "GET", ORG, expect=403)


def test_an_invitation_is_mailed_again_when_posted_again(emu, call):
    invited = call("POST", INVITES, {"email": "Jo+x@example.com", "role": "admin"})["invited"]
    assert invited == {"email": "Jo+x@example.com", "role": "admin", "organization": "acme"}
    first = call("GET", INVITES)["invites"]
    call("POST", INVITES, {"email": "jo+x@EXAMPLE.com"})
    (again,) = call("GET", INVITES)["invites"]
    assert again["id"] != first[0]["id"] and again["role"] == "member"
    state = emu.state()["organizations"][0]
    assert state["mails_sent"] == 2 and [i["mails"] for i in state["invites"]] == [2]
    call("DELETE", INVITES + "/jo%2Bx%40example.com")
    assert call("GET", INVITES) == {"invites": []}
    assert error_of(emu.client, "DELETE", INVITES + "/jo%2Bx@example.com", expect=404) == \
        "invite not found"


def test_an_accepted_invitation_becomes_a_member(emu, call):
    call("POST", INVITES, {"email": "jo@example.com", "role": "viewer"})
    emu.admin("POST", "accept", {"email": "JO@example.com", "username": "joanna"})
    assert call("GET", INVITES) == {"invites": []}
    assert call("GET", ORG + "/members/joanna")["member"] == {
        "username": "joanna", "role": "viewer", "email": "JO@example.com"}
    (old,) = call("GET", ORG + "/invites")["invites"]
    assert old["Accepted"] is True and old["Email"] == "jo@example.com" and old["Token"]
    error_of(emu.client, "POST", INVITES, {"email": "jo@example.com"}, 409)


@pytest.mark.parametrize("body, status", [
    ({}, 400), ({"email": "jo@example.com", "username": "jo"}, 400), ({"email": "jo"}, 400),
    ({"username": "nobody"}, 404), ({"email": "jo@example.com", "role": "owner"}, 400),
    ({"username": "owner"}, 409),
])
def test_an_invitation_that_cannot_be_is_not_mailed(emu, body, status):
    error_of(emu.client, "POST", INVITES, body, status)
    assert emu.state()["organizations"][0]["mails_sent"] == 0


def test_a_user_can_be_invited_by_name_and_hears_of_it(emu, call, clients):
    jo = with_role(emu, clients, "none", "jo")
    assert call("POST", ORG + "/invite", {"username": "jo"})["invited"]["email"] == \
        "jo@example.com"
    assert jo.call("GET", "/v1/user")["user"]["has_pending_invites"] is True


def test_the_starter_plan_has_no_team(clients):
    with running("--profile", "starter", "--user", "jo:none:J") as emu:
        assert error_of(emu.client, "POST", INVITES, {"email": "jo@example.com"}) == \
            "organization acme can't invite users because plan starter doesn't support it"
        assert "plan starter" in error_of(emu.client, "POST", ORG + "/members",
                                          {"username": "jo"})


def test_a_plan_has_room_for_so_many_members(emu, call):
    call("POST", INVITES, {"email": "jo@example.com"})
    emu.admin("POST", "accept", {"email": "jo@example.com"})
    emu.admin("POST", "switches", {"max_members": 2})
    assert "plan scaler" in error_of(emu.client, "POST", INVITES, {"email": "eve@example.com"})
    emu.admin("POST", "users", {"username": "eve"})
    assert "plan scaler" in error_of(emu.client, "POST", ORG + "/members", {"username": "eve"})
    call("DELETE", ORG + "/members/jo")
    call("POST", ORG + "/members", {"username": "eve"})
