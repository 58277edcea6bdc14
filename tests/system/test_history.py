"""The history: what `why` and `events` tell of every change, from the manifest's line to the platform's answer.

In:    the real programs, strict_api.
Out:   each case as a person would see it.
Never: a look inside the daemon.
"""

import re

import pytest
from harness import GROUP
from strict_api import TOKEN

KEPT = GROUP + """databases:
  b: {group: eu}
"""
BOTH = KEPT + """  a:
    group: eu
    size_limit: %s
    tokens: {app: {authorization: read-only, expiration: 7d}}
"""


@pytest.fixture
def daemon(strict, make_daemon):
    config = {"policy": {"prune": "plan", "deletion_grace": "0s"}}
    return make_daemon(strict.url, TOKEN, config=config).settled(BOTH % "1gb")


def why(daemon, reference):
    answer = daemon.ctl_json("why", reference)
    return answer.get("resource"), answer["events"]


def one(events, what):
    found = [e for e in events if e["what"] == what]
    assert len(found) == 1, f"{what} is there {len(found)} times in {events}"
    return found[0]


def test_every_change_from_its_line_to_its_answer(strict, daemon):
    strict.fault(method="PATCH", path=".*/a/configuration$", count=2, status=503)
    daemon.write_manifest("m.yaml", BOTH % "2gb")
    daemon.settle()
    resource, events = why(daemon, "database/a")
    assert resource["phase"] == "Ready" and resource["source"].endswith("m.yaml:4")
    created, updated = one(events, "Created"), events[-1]
    assert created["request"] == "POST /v1/organizations/acme/databases"
    assert created["http_status"] == 200 and created["attempt"] == 1
    assert created["generation"] == 1 and created["source"].endswith("m.yaml:4")
    updated = [e for e in events if e["what"] == "Updated" and e["generation"] == 2][-1]
    assert updated["request"] == "PATCH /v1/organizations/acme/databases/a/configuration"
    assert updated["http_status"] == 200 and updated["attempt"] == 3
    assert "size_limit" in updated["message"]
    assert "Loaded" in [e["what"] for e in daemon.ctl("-o", "ndjson", "events").ndjson()]


def test_a_token_tells_how_it_was_minted(daemon):
    minted = one(why(daemon, "token/a/app")[1], "Minted")
    assert minted["request"] == \
        "POST /v1/organizations/acme/databases/a/auth/tokens?expiration=7d&authorization=read-only"
    assert minted["http_status"] == 200


def test_a_removal_tells_who_approved_it_and_outlives_it(daemon):
    daemon.write_manifest("m.yaml", KEPT)
    assert daemon.sync().code == 3
    plan = daemon.status()["plan"]["id"]
    assert daemon.ctl("approve", plan, "--reason", "the customer left").code == 0
    daemon.settle()
    daemon.restart()
    daemon.settle()
    _, events = why(daemon, "database/a")
    whats = [e["what"] for e in events if e["what"] in ("Approved", "Fenced", "Removed")]
    assert whats == ["Approved", "Fenced", "Removed"]
    approved = one(events, "Approved")
    assert "by uid" in approved["message"] and plan in approved["message"]
    assert approved["message"].endswith("the customer left")
    assert one(events, "Fenced")["request"].startswith("PATCH ")
    removed = one(events, "Removed")
    assert removed["request"] == "DELETE /v1/organizations/acme/databases/a"
    assert removed["http_status"] == 200 and removed["generation"] == 2


def test_people_read_it(daemon):
    result = daemon.ctl("why", "database/a")
    assert result.code == 0
    assert result.out.splitlines()[0].startswith(("✔ database/a: Ready InSync", "+ database/a: Ready InSync"))
    assert re.search(r"Created: created in eu, id \S+\n +\S*m\.yaml:4, generation 1\n"
                     r" +POST /v1/organizations/acme/databases: 200, attempt 1, \d+ ms", result.out)


def test_what_never_was_is_not_found(daemon):
    result = daemon.ctl("why", "database/nobody")
    assert result.code == 1 and "there is no database/nobody" in result.err
    assert daemon.ctl("why", "database").code == 64


def test_events_go_on_from_a_number(daemon):
    events = daemon.ctl("-o", "ndjson", "events").ndjson()
    assert [e["seq"] for e in events] == sorted({e["seq"] for e in events})
    assert daemon.ctl("-o", "ndjson", "events", "--since", "1h").ndjson() == events
