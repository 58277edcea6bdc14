"""The tokens that the daemon itself runs with: the everyday one, and another for deletes.

In:    the real programs, strict_api.
Out:   each case as a person would see it.
Never: a look inside the daemon.
"""

import time

import harness
import pytest
from harness import GROUP
from strict_api import TOKEN

DELETER = "strict-api-deleter-" + "y" * 16
QUICK = {"reconcile": {"debounce": "10ms", "interval": "1s",
                       "backoff": {"initial": "20ms", "max": "200ms"}},
         "policy": {"deletion_grace": "0s", "guard": {"max_delete_percent": None}}}
BOTH = GROUP + """
databases: {a: {group: eu}, b: {group: eu}}
api_tokens: {ci: {group: eu, scopes: [read]}}
"""
GONE = GROUP + """
databases: {a: {state: absent}, b: {group: eu}}
api_tokens: {ci: {state: absent}}
"""


@pytest.fixture
def apart(strict, make_daemon):
    """A daemon that runs with two tokens, on a platform where the everyday one cannot delete."""
    strict.delete_tokens.add(DELETER)
    daemon = make_daemon(strict.url, TOKEN, config=QUICK)
    daemon.write_delete_token(DELETER)
    daemon.write_config(api={"delete_token": {"file": str(daemon.root / "delete-token")}})
    daemon.write_manifest("m.yaml", BOTH)
    return daemon


def test_deletes_go_by_a_token_of_their_own(strict, apart):
    apart.start()
    apart.settle()
    apart.write_manifest("m.yaml", GONE)
    apart.settle()
    assert list(strict.state.databases) == ["b"] and strict.state.api_tokens == []
    assert len(strict.calls("DELETE")) == 2
    apart.assert_no_secrets([])


def test_the_end_of_each_is_said(strict, apart):
    strict.knobs.token_exp = int(time.time()) + 6 * 86400
    apart.start()
    harness.wait_until(lambda: apart.problems() == ["TokenExpires", "TokenExpires"], 20)
    said = " ".join(p["message"] for p in apart.status()["problems"])
    assert "the API token that tenantd runs with expires" in said and "the token that tenantd deletes with expires" in said


@pytest.mark.allow_violations
def test_a_refused_one_stops_deletes_alone_until_it_is_replaced(strict, apart):
    refused = "of-another-day-" + "z" * 16
    apart.write_delete_token(refused)
    apart.start()
    harness.wait_until(lambda: apart.problems() == ["DeleteUnauthorized"], 20)
    harness.wait_until(lambda: len(strict.state.databases) == 2 and strict.state.api_tokens, 20, "all is made")
    apart.write_manifest("m.yaml", GONE.replace("b: {group: eu}", "b: {group: eu, size_limit: 1gb}, c: {group: eu}"))
    apart.sync()
    assert sorted(strict.state.databases) == ["a", "b", "c"]
    one = apart.resource("database/a")
    assert (one["phase"], one["reason"]) == ("Pending", "DeleteUnauthorized")
    assert apart.problems() == ["DeleteUnauthorized"]
    apart.write_delete_token(DELETER)  # it is read by itself
    harness.wait_until(lambda: sorted(strict.state.databases) == ["b", "c"], 30, "it is deleted")
    harness.wait_until(lambda: apart.problems() == [], 30)
    assert not [c for c in strict.calls("DELETE") if c["status"] not in (200, 401)]
    apart.assert_wiped([refused])
    apart.write_config(api={"delete_token": None})
    assert apart.ctl("reload").code == 0
    apart.assert_wiped([DELETER])


def test_without_the_one_that_is_named_nothing_starts_and_nothing_is_reloaded(strict, apart):
    (apart.root / "delete-token").unlink()
    apart.start(by=None)
    assert apart.wait() == 1
    assert "delete token" in apart.log()
    apart.write_config(api={"delete_token": None})
    apart.start()
    apart.write_config(api={"delete_token": {"file": str(apart.root / "delete-token")}},
                       policy={"writes": "off"})
    assert apart.ctl("reload").code == 4
    assert apart.problems() == ["ConfigurationRefused"]
    assert apart.sync().code == 8  # by the configuration before: writes are on
    assert sorted(strict.state.databases) == ["a", "b"]
    apart.write_delete_token(DELETER)
    assert apart.ctl("reload").code == 0
    assert apart.problems() == []


def own_token(emulator, name, body=None, token=None):
    body = {"organization": "acme"} if body is None else body
    status, made = harness.http_json(emulator.url, "POST", f"/v1/auth/api-tokens/{name}", body,
                                     token=token or emulator.token)
    assert status == 200
    return made["token"]


def revoke(emulator, name):
    assert harness.http_json(emulator.url, "DELETE", f"/v1/auth/api-tokens/{name}", token=emulator.token)[0] == 200


def test_a_revoked_token_is_read_anew_without_being_told(emulator, make_daemon):
    daemon = make_daemon(emulator.url, own_token(emulator, "first"), config=QUICK)
    daemon.write_manifest("m.yaml", GROUP)
    daemon.start()
    daemon.settle()
    revoke(emulator, "first")
    harness.wait_until(lambda: daemon.problems() == ["Unauthorized"], 20)
    first, _ = daemon.token, daemon.write_token(own_token(emulator, "second"))
    harness.wait_until(lambda: daemon.problems() == [], 20)
    daemon.write_manifest("m.yaml", GROUP + "databases: {a: {group: eu}}\n")
    daemon.settle()
    daemon.assert_no_secrets([first])


def test_one_that_was_replaced_before_it_was_revoked_costs_no_more_than_a_second_try(emulator, make_daemon):
    daemon = make_daemon(emulator.url, own_token(emulator, "first"),
                         config=harness.merge(QUICK, {"reconcile": {"interval": "1h", "backoff": {"initial": "10m", "max": "10m"}}}))
    daemon.write_manifest("m.yaml", GROUP)
    daemon.start()
    daemon.settle()
    daemon.write_token(own_token(emulator, "second"))
    revoke(emulator, "first")
    daemon.write_manifest("m.yaml", GROUP + "databases: {a: {group: eu}}\n")
    harness.wait_until(lambda: any(d["name"] == "a" and d["phase"] == "Ready" for d in daemon.list("database")), 20)
    assert daemon.log().count("another one is in its place") == 1


def test_one_for_every_organization_is_warned_of(emulator, make_daemon):
    daemon = make_daemon(emulator.url, own_token(emulator, "wide", {}), config=QUICK)
    daemon.write_manifest("m.yaml", GROUP)
    daemon.start()
    daemon.settle()
    harness.wait_until(lambda: "TokenUnrestricted" in daemon.ctl("events").out, 20)
    assert daemon.status()["state"] == "settled"


def test_what_the_manifest_asks_for_and_it_may_not_do_is_said(make_daemon):
    with harness.Emulator("--user", "max:member:member-token-" + "z" * 16, token="owner-token-" + "z" * 16) as emulator:
        daemon = make_daemon(emulator.url, own_token(emulator, "mine", token="member-token-" + "z" * 16), config=QUICK)
        daemon.write_manifest("m.yaml", GROUP)
        daemon.start()
        daemon.settle()
        assert daemon.problems() == []
        daemon.write_config(policy={"writes": "off"})
        daemon.hup()
        daemon.write_manifest("m.yaml", BOTH)
        daemon.sync()
        assert daemon.problems() == []
        daemon.write_config(policy={"writes": "on"})
        daemon.hup()
        harness.wait_until(lambda: "TokenTooNarrow" in daemon.problems(), 20)
        said = next(p for p in daemon.status()["problems"] if p["reason"] == "TokenTooNarrow")
        assert "max is no admin" in said["message"]
