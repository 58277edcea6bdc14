"""Members and invites: mailed once, whatever happens; roles put right; removed by policy alone.

In:    the real programs; strict_api, and turso-emulator.
Out:   each case as a person would see it, and how often each was mailed.
Never: a look inside the daemon.
"""

import harness
import pytest
from strict_api import TOKEN

JO = "  jo@example.com: {role: admin}\n"
AL = "  Al@Example.com: {role: viewer}\n"
QUICK = {"reconcile": {"debounce": "10ms", "backoff": {"initial": "20ms", "max": "200ms"}}}
PRUNE = harness.merge(QUICK, {"policy": {
    "prune_members": "on", "deletion_grace": "0s", "guard": {"max_delete_percent": 100}}})


@pytest.fixture
def make(strict, make_daemon):
    """make(members, config): a daemon, not started, whose manifest names them."""

    def make_one(members, config=QUICK):
        daemon = make_daemon(strict.url, TOKEN, config=config)
        write(daemon, members)
        return daemon

    yield make_one


def write(daemon, members):
    daemon.write_manifest("m.yaml", "members:\n" + members if members else "members: {}\n")


def settled(daemon):
    daemon.start()
    daemon.settle()
    return daemon


def test_two_are_mailed_once_and_the_accepted_one_is_a_member(strict, make):
    daemon = settled(make(JO + AL))
    assert strict.state.mails == {"jo@example.com": 1, "al@example.com": 1}
    one = daemon.resource("member/jo@example.com")
    assert (one["phase"], one["reason"], one["role"]) == ("Ready", "Invited", "admin")
    assert one["origin"] == "invited" and "invited" in one and "id" not in one
    assert daemon.resource("member/JO@Example.com") == one
    assert "is not for member/jo@example.com" in daemon.ctl("rotate", "member/jo@example.com").err
    strict.state.accept("jo@example.com", "jo-1")
    daemon.settle()
    one = daemon.resource("member/jo@example.com")
    assert (one["phase"], one["reason"], one["id"]) == ("Ready", "InSync", "jo-1")
    daemon.restart()
    daemon.settle()
    assert sum(strict.state.mails.values()) == 2
    assert [m["name"] for m in daemon.list("member")] == ["al@example.com", "jo@example.com"]
    assert daemon.status()["counts"]["member"] == {"Ready": 2}
    assert "Joined" in daemon.ctl("why", "member/jo@example.com").out


@pytest.mark.parametrize("how", ({"drop": "after"}, {"status": 503, "commit": True},
                                 {"truncate": "json"}, {"html": True, "commit": True}))
def test_a_lost_answer_mails_nobody_twice(strict, make, how):
    fault = strict.fault(method="POST", path="/invites$", **how)
    daemon = settled(make(JO))
    daemon.restart()
    daemon.settle()
    assert fault.hits and strict.state.mails == {"jo@example.com": 1}
    assert daemon.resource("member/jo@example.com")["reason"] == "Invited"


def test_killed_while_it_mails_it_mails_nobody_twice(strict, make):
    hung = strict.fault(method="POST", path="/invites$", hang=True, commit=True)
    daemon = make(JO)
    daemon.start()
    harness.wait_until(lambda: hung.hits, what="the invite is sent")
    daemon.kill9()
    strict.clear_faults()
    settled(daemon)
    assert strict.state.mails == {"jo@example.com": 1}


def test_an_invite_that_is_gone_is_sent_again_on_a_word_alone(strict, make):
    daemon = settled(make(JO))
    del strict.state.invites["jo@example.com"]  # expired, or declined
    mark = strict.mark()
    for look in ("sync", "restart"):
        daemon.ctl("sync") if look == "sync" else daemon.restart()
        harness.wait_until(lambda: daemon.resource("member/jo@example.com")["reason"] == "Vanishing",
                           what="it is seen to be gone; a minute later it is Missing")
    assert strict.writes(mark) == [] and strict.state.mails == {"jo@example.com": 1}
    refused = daemon.ctl("recreate", "member/jo@example.com", "--reason", "asked for it", "--yes")
    assert refused.code == 1 and "not Missing" in refused.err


def test_a_member_is_adopted_and_its_role_follows(strict, make):
    strict.state.add_member("boss", "admin")
    strict.state.add_member("jo", "viewer", "Jo@Example.com")
    daemon = make(JO)
    shown = daemon.run("--plan")
    assert "~ update member/jo@example.com role viewer -> admin" in shown.out
    settled(daemon)
    assert strict.state.members["jo"]["role"] == "admin" and not strict.state.mails
    assert daemon.resource("member/jo@example.com")["origin"] == "adopted"
    listed = daemon.list("member", "--phase", "Unmanaged")
    assert [(m["name"], m["role"]) for m in listed] == [("acme@example.com", "owner"),
                                                        ("boss@example.com", "admin")]
    strict.state.members["jo"]["role"] = "member"
    daemon.settle()
    assert strict.state.members["jo"]["role"] == "admin"


def test_taken_out_they_stay_unless_policy_says_otherwise(strict, make):
    strict.state.add_member("boss", "admin")
    daemon = settled(make(JO + AL))
    strict.state.accept("jo@example.com", "jo")
    daemon.settle()
    write(daemon, "")
    daemon.settle()
    assert {m["phase"] for m in daemon.list("member")} == {"Orphaned"}
    assert "jo" in strict.state.members and "al@example.com" in strict.state.invites
    daemon.write_config(**PRUNE)
    daemon.hup()
    harness.wait_until(lambda: "jo" not in strict.state.members and not strict.state.invites,
                       what="both are gone")
    daemon.settle()
    assert sorted(strict.state.members) == ["acme", "boss"]
    assert daemon.list("member") == []


def test_owner_own_user_and_last_admin_stay(strict, make):
    strict.state.add_member("jo", "admin")
    daemon = make(JO + "  acme@example.com: {role: viewer}\n", config=PRUNE)
    daemon.start()
    assert daemon.sync().code == 8
    assert daemon.resource("member/acme@example.com")["reason"] == "Owner"
    write(daemon, "  acme@example.com: {role: viewer}\n")
    assert daemon.sync().code == 8
    assert daemon.resource("member/jo@example.com")["reason"] == "LastAdmin"
    assert strict.writes() == []


def test_what_the_plan_refuses_is_said_in_its_words(strict, make):
    strict.state.knobs.refuse_invites = ("organization acme can't invite users because plan "
                                         "starter doesn't support it")
    daemon = make(JO)
    daemon.start()
    assert daemon.sync().code == 8
    one = daemon.resource("member/jo@example.com")
    assert (one["phase"], one["reason"]) == ("Blocked", "PlanRefused")
    assert "plan starter doesn't support it" in one["message"]
    strict.state.knobs.refuse_invites = ""
    assert daemon.ctl("sync", "member/jo@example.com", "--wait").code == 0
    assert strict.state.mails == {"jo@example.com": 1}


def test_a_list_that_does_not_show_ourselves_leads_to_no_mail(strict, make):
    fault = strict.fault(method="GET", path="/members$", count=None, list="empty")
    daemon = make(JO)
    daemon.start()
    harness.wait_until(lambda: fault.hits > 1, what="it looks again")
    assert strict.state.mails == {}
    strict.clear_faults()
    daemon.settle()
    assert strict.state.mails == {"jo@example.com": 1}


def test_export_names_members_and_invites_but_the_owner(strict, make):
    strict.state.add_member("jo", "admin", "Jo@Example.com")
    strict.state.invite("al@example.com", "viewer")
    daemon = make("  jo@example.com: {role: admin}\n", config={"policy": {"writes": "off"}})
    daemon.start()
    daemon.sync()
    text = daemon.ctl("export").out
    assert '"Jo@Example.com": {role: admin}' in text and "acme@example.com" not in text
    daemon.write_manifest("m.yaml", text)
    assert daemon.ctl("validate", str(daemon.manifest_dir)).code == 0
    daemon.sync()
    assert daemon.ctl("plan").code == 0  # nothing to do


def test_with_the_emulator_a_whole_life(emulator, make_daemon):
    org = "/v1/organizations/acme"
    daemon = make_daemon(emulator.url, emulator.token, config=PRUNE)
    emulator.admin("POST", "users", {"username": "boss", "role": "admin"})
    write(daemon, JO + AL)
    settled(daemon)
    emulator.admin("POST", "accept", {"email": "jo@example.com", "username": "jo"})
    daemon.settle()
    members = {m["email"]: m["role"] for m in emulator.request("GET", org + "/members")[1]["members"]}
    assert members["jo@example.com"] == "admin"
    write(daemon, "  jo@example.com: {role: viewer}\n")
    daemon.settle()
    members = {m["email"]: m["role"] for m in emulator.request("GET", org + "/members")[1]["members"]}
    assert members["jo@example.com"] == "viewer"
    assert emulator.request("GET", "/v2/organizations/acme/invites")[1]["invites"] == []
    sent = [r for r in emulator.requests()["requests"] if r["method"] == "POST" and "/invites" in r["path"]
            and not r["path"].startswith("/_emulator")]
    assert len(sent) == 2
