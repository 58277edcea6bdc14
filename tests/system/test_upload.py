"""A database from a file: looked at, sent, asked after, and never mistaken for what it is not.

In:    the real programs, turso-emulator and strict_api.
Out:   each case as a person would see it.
Never: a look inside the daemon, but for how much memory it takes.
"""

import base64
import json
import os
import re
import secrets
import signal
import sqlite3

import emulator_client
import harness
import held_file
import pytest
from strict_api import TOKEN

MANIFEST = """
groups: {eu: {location: aws-eu-west-1}}
databases:
  imported:
    group: eu
    seed: {upload: SEED}
    tokens: {app: {authorization: read-only, expiration: 7d}}
"""
REFERENCE = "database/imported"


def seed_file(path, rows=2000, pragmas=(), wal=True, size=0):
    """A database as the platform wants it, unless told otherwise."""
    path.parent.mkdir(exist_ok=True)
    connection = sqlite3.connect(path)
    for pragma in pragmas:
        connection.execute("PRAGMA " + pragma)
    if wal:
        connection.execute("PRAGMA journal_mode = wal")
    connection.execute("CREATE TABLE t (a)")
    connection.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(rows)])
    connection.execute("CREATE TABLE large AS SELECT zeroblob(?) AS a", (size,))
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path


def corrupt(path):
    """Its header is fine, and no page behind it."""
    data = path.read_bytes()
    harness.write_atomically(path, data[:4096] + b"\xff" * (len(data) - 4096))


@pytest.fixture
def platform():
    with emulator_client.running(token=TOKEN) as emulator:
        emulator.client.token = TOKEN
        emulator.client.call("POST", "/_emulator/switches", {"data_plane_delay": "0ms"})
        yield emulator


def daemon_of(make_daemon, url, seed="base.db"):
    daemon = make_daemon(url, TOKEN)
    daemon.write_manifest("m.yaml", MANIFEST.replace("SEED", seed))
    return daemon


def fault(platform, **rule):
    platform.client.call("POST", "/_emulator/faults", [rule])


def requests(platform, method, path):
    log = platform.client.call("GET", "/_emulator/requests?since=0")["requests"]
    return [r for r in log if r["method"] == method and re.fullmatch(path, r["path"])]


def ask(platform, token, sql):
    """What its own host says: its status, and the rows of a 200."""
    database = platform.client.call("GET", "/v1/organizations/acme/databases/imported")["database"]
    status, _, body = platform.client.raw(
        "POST", "/v2/pipeline", {"requests": [{"type": "execute", "stmt": {"sql": sql}}]},
        Host=database["Hostname"], Authorization="Bearer " + token)
    if status != 200:
        return status, body
    return status, [[value["value"] for value in row] for row in
                    json.loads(body)["results"][0]["response"]["result"]["rows"]]


def rows(platform, daemon, sql):
    """The same, with the token that was handed out."""
    status, found = ask(platform, daemon.token_file("imported/app.jwt").strip(), sql)
    assert status == 200, found
    return found


def events(daemon):
    return [json.loads(line)["what"] for line in daemon.ctl("events", "-o", "ndjson").out.splitlines()]


def test_a_file_becomes_a_database(platform, make_daemon):
    daemon = daemon_of(make_daemon, platform.url, "acme/base.db")
    seed_file(daemon.seeds_dir / "acme" / "base.db")
    daemon.start()
    assert daemon.sync().code == 0, daemon.tail()
    assert daemon.resource(REFERENCE)["phase"] == "Ready"
    assert rows(platform, daemon, "SELECT count(*), max(a) FROM t") == [["2000", "1999"]]
    assert "Uploaded" in events(daemon) and daemon.status()["possibly_leaked"] == 0

    seed_file(daemon.seeds_dir / "acme" / "base.db.new", rows=1)  # it counts at creation only
    os.replace(daemon.seeds_dir / "acme" / "base.db.new", daemon.seeds_dir / "acme" / "base.db")
    daemon.restart()
    assert daemon.sync().code == 0
    assert len(requests(platform, "POST", "/v1/upload")) == 1
    assert len(requests(platform, "POST", "/v1/organizations/acme/databases")) == 1


def test_the_request_is_as_the_documents_ask(strict, make_daemon):
    daemon = daemon_of(make_daemon, strict.url)
    data = seed_file(daemon.seeds_dir / "base.db").read_bytes()
    daemon.start()
    assert daemon.sync().code == 0, daemon.tail()
    assert strict.state.databases["imported"]["file"] == data
    (sent,) = strict.calls("POST", "^/v1/upload$")
    assert sent["headers"]["content-length"] == str(len(data))
    daemon.assert_no_secrets([t["jwt"] for t in strict.state.minted])
    (key,) = [t for t in strict.state.minted if t["claims"].get("a") != "ro"]
    assert key["claims"]["exp"] - key["claims"]["iat"] <= 3600
    daemon.assert_wiped([t["jwt"] for t in strict.state.minted])


def test_a_sealed_one_gets_its_file_with_its_key(strict, make_daemon, tmp_path):
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    harness.write_atomically(tmp_path / "key", key, 0o600)
    daemon = make_daemon(strict.url, TOKEN, config={"encryption_keys": {"k": {"file": str(tmp_path / "key")}}})
    daemon.write_manifest("m.yaml", """
groups: {eu: {location: aws-eu-west-1}}
databases:
  imported: {group: eu, seed: {upload: base.db}, encryption: {cipher: aegis256, key: k}}
""")
    path = seed_file(daemon.seeds_dir / "base.db")
    daemon.start()
    assert daemon.sync().code == 8 and "reserve_bytes 48" in daemon.resource(REFERENCE)["message"]
    harness.reserve_bytes(path, 48)
    assert daemon.sync().code == 0, daemon.tail()
    assert strict.state.databases["imported"]["file"] == path.read_bytes()
    daemon.assert_no_secrets([key])  # that it was the right one the platform has seen


@pytest.mark.parametrize("make, word", [
    (lambda path: None, "No such file"),
    (lambda path: seed_file(path, wal=False), "journal_mode = wal"),
    (lambda path: seed_file(path, pragmas=["page_size = 8192"]), "page_size = 4096"),
    (lambda path: (seed_file(path), os.truncate(path, 4096 * 3 + 100)), "middle of a page"),
    (lambda path: path.symlink_to(seed_file(path.parent.parent / "elsewhere.db")), "symbolic link"),
    (lambda path: (seed_file(path), path.with_name("base.db-wal").write_bytes(b"x" * 32)),
     "wal_checkpoint"),
])
def test_a_file_that_is_not_fit_costs_no_call(platform, make_daemon, make, word):
    daemon = daemon_of(make_daemon, platform.url)
    make(daemon.seeds_dir / "base.db")
    daemon.start()
    assert daemon.sync().code == 8
    found = daemon.resource(REFERENCE)
    assert (found["phase"], found["reason"]) == ("Blocked", "SeedFile") and word in found["message"]
    assert not requests(platform, "POST", "/v1/organizations/acme/databases")

    for path in daemon.seeds_dir.iterdir():
        path.unlink()
    seed_file(daemon.seeds_dir / "base.db")
    assert daemon.sync().code == 0, daemon.tail()
    assert rows(platform, daemon, "SELECT count(*) FROM t") == [["2000"]]


def test_a_refused_file_is_said_and_a_better_one_taken(platform, make_daemon):
    daemon = daemon_of(make_daemon, platform.url)
    corrupt(seed_file(daemon.seeds_dir / "base.db"))
    daemon.start()
    harness.wait_until(lambda: "UploadRefused" in events(daemon), 30, "the upload is refused")
    assert "invalid database file" in daemon.ctl("why", REFERENCE).out
    assert not (daemon.tokens_dir / "imported" / "app.jwt").exists()
    os.unlink(daemon.seeds_dir / "base.db")
    seed_file(daemon.seeds_dir / "base.db")
    assert daemon.ctl("sync", REFERENCE, "--wait").code == 0, daemon.tail()
    assert rows(platform, daemon, "SELECT count(*) FROM t") == [["2000"]]
    assert not requests(platform, "DELETE", ".*")


@pytest.mark.parametrize("how", [{"drop": "after"}, {"status": 502, "commit": True}])
def test_an_answer_that_was_lost_is_asked_after(platform, make_daemon, how):
    daemon = daemon_of(make_daemon, platform.url)
    seed_file(daemon.seeds_dir / "base.db")
    fault(platform, method="POST", route="/v1/upload", **how)
    daemon.start()
    assert daemon.sync().code == 0, daemon.tail()
    assert rows(platform, daemon, "SELECT count(*) FROM t") == [["2000"]]
    assert len(requests(platform, "POST", "/v1/upload")) == 1
    assert "UploadLost" in events(daemon)


def test_what_its_host_refuses_says_nothing_of_our_own_token(platform, make_daemon):
    daemon = daemon_of(make_daemon, platform.url)
    seed_file(daemon.seeds_dir / "base.db")
    fault(platform, method="POST", route="/v1/upload", status=401)
    daemon.start()
    daemon.write_token("not-in-use-" + "x" * 16)
    assert daemon.sync().code == 0, daemon.tail()
    assert "another one is in its place" not in daemon.log()
    assert len(requests(platform, "POST", "/v1/upload")) == 2
    daemon.write_token(TOKEN)


def test_a_crash_while_it_is_sent_is_asked_after(platform, make_daemon):
    daemon = daemon_of(make_daemon, platform.url)
    seed_file(daemon.seeds_dir / "base.db")
    fault(platform, method="POST", route="/v1/upload", commit=True, hang=True)
    daemon.start()
    harness.wait_until(lambda: requests(platform, "POST", "/v1/upload"), 30, "it is being sent")
    ours = platform.client.call("POST", "/v1/organizations/acme/databases/imported/auth/tokens")["jwt"]
    harness.wait_until(lambda: ask(platform, ours, "SELECT 1")[0] == 200, 30, "it has arrived")
    assert daemon.resource(REFERENCE)["reason"] == "Uploading"
    daemon.kill9()
    daemon.start()
    assert daemon.sync().code == 0, daemon.tail()
    assert rows(platform, daemon, "SELECT count(*) FROM t") == [["2000"]]
    assert len(requests(platform, "POST", "/v1/upload")) == 1


def test_an_upload_that_is_cut_is_not_taken_for_done(platform, make_daemon):
    daemon = daemon_of(make_daemon, platform.url)
    seed_file(daemon.seeds_dir / "base.db")
    fault(platform, method="POST", route="/v1/upload", drop="before")
    daemon.start()
    harness.wait_until(lambda: "UploadLost" in events(daemon), 30, "the upload is lost")
    harness.wait_until(lambda: daemon.resource(REFERENCE)["reason"] == "WaitingForHost", 30,
                       "its host is asked")
    assert not (daemon.tokens_dir / "imported" / "app.jwt").exists()
    assert not requests(platform, "DELETE", ".*")
    assert daemon.resource("token/imported/app")["reason"] == "WaitingForTarget"


def test_a_file_that_does_not_answer_holds_up_nothing_else(platform, make_daemon):
    daemon = daemon_of(make_daemon, platform.url)
    daemon.write_config(api={"concurrency": 2})
    copies = "".join(f"  more-{n}: {{group: eu, seed: {{upload: base.db}}}}\n" for n in range(8))
    manifest = MANIFEST.replace("SEED", "base.db") + copies
    daemon.write_manifest("m.yaml", manifest)
    with held_file.Holder(seed_file(daemon.seeds_dir / "base.db")) as held:
        daemon.start()
        looked_at = held.wait()
        daemon.write_manifest("m.yaml", manifest + """
  other:
    group: eu
    tokens: {app: {authorization: read-only, expiration: 7d}}
""")
        harness.wait_until((daemon.tokens_dir / "other" / "app.jwt").exists, 30, "the other is made")
        assert daemon.resource("database/other")["phase"] == "Ready"
        held.let_go(looked_at)
        for _ in range(17):  # those who waited, and each once more when it is sent
            held.let_go(held.wait())
    assert daemon.sync().code == 0, daemon.tail()
    assert daemon.resource("database/more-7")["phase"] == "Ready"


def test_a_file_that_does_not_answer_while_it_is_sent_holds_up_nothing_else(platform, make_daemon):
    daemon = daemon_of(make_daemon, platform.url)
    path = seed_file(daemon.seeds_dir / "base.db", size=1_000_000)
    with held_file.Holder(path, held_file.READS) as held:
        daemon.start()
        for _ in range(2):  # its header, when it is looked at, and once more before it is sent
            held.let_go(held.wait())
        held.wait()
        assert daemon.resource(REFERENCE)["reason"] == "Uploading"
        daemon.write_manifest("m.yaml", MANIFEST.replace("SEED", "base.db") + """
  other:
    group: eu
    tokens: {app: {authorization: read-only, expiration: 7d}}
""")
        harness.wait_until((daemon.tokens_dir / "other" / "app.jwt").exists, 30, "the other is made")
        assert daemon.resource("database/other")["phase"] == "Ready"
    assert daemon.sync().code == 0, daemon.tail()
    assert rows(platform, daemon, "SELECT length(a) FROM large") == [["1000000"]]
    assert len(requests(platform, "POST", "/v1/upload")) == 1


def test_a_stop_does_not_wait_for_a_file_that_does_not_answer(platform, make_daemon):
    daemon = daemon_of(make_daemon, platform.url)
    with held_file.Holder(seed_file(daemon.seeds_dir / "base.db"), held_file.READS) as held:
        daemon.start()
        for _ in range(2):
            held.let_go(held.wait())
        held.wait()
        daemon.process.send(signal.SIGTERM)
        harness.wait_until(lambda: "notice stopping" in daemon.log(), 30, "it stops")
        daemon.process.send(signal.SIGTERM)
        assert daemon.process.wait(15) == 0, daemon.tail()
    assert "a file that is being looked at does not answer" in daemon.log()


def peak_kb(daemon):
    with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1))


def test_a_large_file_takes_no_memory(platform, make_daemon):
    daemon = daemon_of(make_daemon, platform.url)
    daemon.start()
    assert daemon.sync().code == 8  # it is at work, but for the file
    before = peak_kb(daemon)
    seed_file(daemon.seeds_dir / "base.db", size=50_000_000)
    assert daemon.sync().code == 0, daemon.tail()
    assert rows(platform, daemon, "SELECT length(a) FROM large") == [["50000000"]]
    assert peak_kb(daemon) - before < 20_000
