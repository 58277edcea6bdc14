"""New tokens on an operator's word: one by one without a cut, and all at once with one.

In:    the real programs, strict_api.
Out:   each case as a person would see it.
Never: a look inside the daemon.
"""

import json

import harness
import pytest
from strict_api import TOKEN

MANIFEST = """
groups:
  eu: {location: aws-eu-west-1, tokens: {all: {authorization: read-only, expiration: 30d}}}
  us: {location: aws-us-east-1}
databases:
  a: {group: eu, tokens: {app: {authorization: full-access, expiration: 7d}}}
  b: {group: eu, tokens: {app: {authorization: full-access, expiration: never}}}
  c: {group: us, tokens: {app: {authorization: full-access, expiration: 7d}}}
"""
IN_EU = ["_group/eu/all.jwt", "a/app.jwt", "b/app.jwt"]


@pytest.fixture
def daemon(strict, make_daemon):
    return make_daemon(strict.url, TOKEN).settled(MANIFEST)


def files(daemon, names):
    return {name: daemon.token_file(name) for name in names}


def test_one_token_is_new_and_the_old_one_works_on(strict, daemon):
    before = files(daemon, [*IN_EU, "c/app.jwt"])
    result = daemon.ctl("rotate", "token/a/app")
    assert result.code == 0 and "the present one works until" in result.err
    harness.wait_until(lambda: daemon.token_file("a/app.jwt") != before["a/app.jwt"], 20)
    daemon.settle()
    after = files(daemon, before)
    assert [name for name in before if before[name] != after[name]] == ["a/app.jwt"]
    assert strict.calls("POST", "auth/rotate") == []
    assert daemon.ctl("rotate", "database/a").code == 1
    assert daemon.ctl("rotate", "token/a/nobody").code == 1


def test_without_yes_it_only_lists(strict, daemon):
    result = daemon.ctl("rotate", "--invalidate", "database/a")
    assert result.code == 64 and "say --yes" in result.err
    assert result.out.split() == ["group-token/eu/all", "token/a/app", "token/b/app"]
    daemon.settle()
    assert strict.calls("POST", "auth/rotate") == []
    assert daemon.ctl("rotate", "--yes", "token/a/app").code == 64


@pytest.mark.rotates
@pytest.mark.parametrize("reference", ["database/a", "token/b/app", "group/eu", "group-token/eu/all"])
def test_all_of_a_group_are_cut_off_and_made_anew(strict, daemon, reference):
    before = files(daemon, [*IN_EU, "c/app.jwt"])
    result = daemon.ctl("rotate", "--invalidate", "--yes", "--reason", "leaked", reference)
    assert result.code == 0 and result.out.split() == ["group-token/eu/all", "token/a/app", "token/b/app"]
    harness.wait_until(lambda: all(daemon.token_file(n) != before[n] for n in IN_EU), 20)
    daemon.settle()
    assert daemon.token_file("c/app.jwt") == before["c/app.jwt"]
    assert len(strict.calls("POST", "auth/rotate")) == 1
    for name in IN_EU:
        assert strict.state.is_token_alive(daemon.token_file(name).strip()), name
        assert not strict.state.is_token_alive(before[name].strip()), name
    target = strict.calls("POST", "auth/rotate")[0]["path"].removesuffix("/auth/rotate").split("/")[-2:]
    kind, name = target[0][:-1], target[1]
    asked = daemon.ctl_json("why", reference)["events"]
    assert [e["message"].endswith(": leaked") for e in asked if e["what"] == "RotateAsked"] == [True]
    done = [e for e in daemon.ctl_json("why", f"{kind}/{name}")["events"] if e["what"] == "Rotated"]
    assert len(done) == 1 and done[0]["request"].endswith("/auth/rotate") and done[0]["http_status"] == 200
    daemon.assert_no_secrets([*before.values(), *files(daemon, IN_EU).values()])


@pytest.mark.rotates
def test_an_answer_that_is_lost_is_not_asked_for_again(strict, daemon):
    before = files(daemon, IN_EU)
    strict.fault(method="POST", path=".*/auth/rotate$", count=1, drop="after")
    assert daemon.ctl("rotate", "--invalidate", "--yes", "group/eu").code == 0
    harness.wait_until(lambda: all(daemon.token_file(n) != before[n] for n in IN_EU), 30)
    daemon.settle()
    assert len(strict.calls("POST", "auth/rotate")) == 1
    assert all(strict.state.is_token_alive(daemon.token_file(n).strip()) for n in IN_EU)
    assert "RotateUnknown" in json.dumps(daemon.ctl_json("why", "group/eu"))


@pytest.mark.rotates
def test_a_kill_in_between_mints_all_anew_and_asks_no_more(strict, daemon):
    before = files(daemon, IN_EU)
    strict.fault(method="POST", path=".*/auth/rotate$", count=1, hang=True)
    assert daemon.ctl("rotate", "--invalidate", "--yes", "group/eu").code == 0
    harness.wait_until(lambda: strict.calls("POST", "auth/rotate"), 20)
    daemon.kill9()
    strict.clear_faults()
    daemon.start()
    harness.wait_until(lambda: all(daemon.token_file(n) != before[n] for n in IN_EU), 30)
    daemon.settle()
    assert len(strict.calls("POST", "auth/rotate")) == 1
    assert "RotateUnknown" in json.dumps(daemon.ctl_json("why", "group/eu"))
