"""test_emulator_sql: the hosts of turso-emulator's databases hold real databases.

In:    turso-emulator, started for each test.
Out:   statements, batches, tokens' limits, copies, uploads, over HTTP.
Never: the platform's own routes, but to set the scene.
"""

import base64
import json
import os
import sqlite3
import subprocess

import harness
import pytest
from emulator_client import ORG, call, emu, filled, running  # noqa: F401 (fixtures)

KEY_32 = base64.b64encode(bytes(range(32))).decode()
KEY_OTHER = base64.b64encode(bytes(32)).decode()


class Sql:
    """SQL on one database's host."""

    def __init__(self, emu, name, token=None, path="/v2/pipeline"):
        self.emu, self.path = emu, path
        self.host = emu.client.call("GET", f"{ORG}/databases/{name}")["database"]["Hostname"]
        self.token = token or mint(emu, f"databases/{name}")

    def raw(self, body):
        status, _, data = self.emu.client.raw("POST", self.path, body, Host=self.host,
                                              Authorization="Bearer " + self.token)
        return status, data

    def requests(self, *requests):
        status, data = self.raw({"requests": list(requests)})
        assert status == 200, data
        answer = json.loads(data)
        assert answer["baton"] is None and answer["base_url"] is None
        return answer["results"]

    def execute(self, sql, **stmt):
        (result,) = self.requests({"type": "execute", "stmt": {"sql": sql, **stmt}})
        if result["type"] == "error":
            return result["error"]
        return result["response"]["result"]

    def rows(self, sql, **stmt):
        return [[v.get("value", v.get("base64")) for v in row]
                for row in self.execute(sql, **stmt)["rows"]]

    def upload(self, data, **headers):
        status, _, body = self.emu.client.raw("POST", "/v1/upload", data, Host=self.host,
                                              Authorization="Bearer " + self.token, **headers)
        return status, body


def mint(emu, path, query="", body=None):
    return emu.client.call("POST", f"{ORG}/{path}/auth/tokens{query}", body)["jwt"]


@pytest.fixture
def ready(filled):
    filled.admin("POST", "switches", {"data_plane_delay": "0s"})
    return filled


@pytest.fixture
def sql(ready):
    return Sql(ready, "d-0")


# --- Statements ---------------------------------------------------------------------------------


def test_what_is_written_is_there_to_be_read(sql, ready):
    assert sql.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, x REAL, b BLOB)")
    made = sql.execute("INSERT INTO t (name, x, b) VALUES (?, ?, ?)", args=[
        {"type": "text", "value": "ä\u0000b"}, {"type": "float", "value": 1.5},
        {"type": "blob", "base64": "+/8"}])
    assert (made["affected_row_count"], made["last_insert_rowid"]) == (1, "1")
    found = sql.execute("SELECT * FROM t")
    assert [c["name"] for c in found["cols"]] == ["id", "name", "x", "b"]
    assert found["cols"][0]["decltype"] == "INTEGER"
    assert found["rows"] == [[{"type": "integer", "value": "1"},
                              {"type": "text", "value": "ä\u0000b"},
                              {"type": "float", "value": 1.5}, {"type": "blob", "base64": "+/8"}]]
    assert sql.rows("SELECT :a + $b, @c", named_args=[
        {"name": "a", "value": {"type": "integer", "value": "40"}},
        {"name": "$b", "value": {"type": "integer", "value": "2"}},
        {"name": "c", "value": {"type": "null"}}]) == [["42", None]]
    assert Sql(ready, "d-1").rows("SELECT count(*) FROM sqlite_master") == [["0"]]
    assert Sql(ready, "d-0", path="/v3/pipeline").rows("SELECT count(*) FROM t") == [["1"]]


@pytest.mark.parametrize("stmt, code", [
    ({"sql": "SELEC 1"}, "SQLITE_ERROR"), ({"sql": "SELECT * FROM nowhere"}, "SQLITE_ERROR"),
    ({"sql": "SELECT 1; SELECT 2"}, "SQL_MANY_STATEMENTS"), ({}, "HRANA_PROTO_ERROR"),
    ({"sql": "SELECT ?", "args": [{"type": "integer", "value": 1}]}, "ARGS_INVALID"),
    ({"sql": "SELECT 1", "args": [{"type": "null"}]}, "ARGS_INVALID"),
    ({"sql": "SELECT 1", "named_args": [{"name": "x", "value": {"type": "null"}}]},
     "ARGS_INVALID"),
    ({"sql_id": 7}, "HRANA_PROTO_ERROR"),
    ({"sql": "ATTACH '/tmp/tenantd-emulator-test.db' AS x"}, "SQLITE_AUTH"),
    ({"sql": "ATTACH ? AS x", "args": [{"type": "text", "value": "/tmp/x"}]}, "SQLITE_AUTH"),
    ({"sql": "VACUUM INTO '/tmp/tenantd-emulator-test.db'"}, "SQLITE_AUTH"),
    ({"sql": "PRAGMA temp_store_directory = '/tmp'"}, "SQLITE_AUTH"),
    ({"sql": "SELECT load_extension('x')"}, "SQLITE_ERROR"),
])
def test_a_statement_that_cannot_be_is_an_error_of_its_own(sql, stmt, code):
    bad, good = sql.requests({"type": "execute", "stmt": stmt},
                             {"type": "execute", "stmt": {"sql": "SELECT 1"}})
    assert bad["type"] == "error" and bad["error"]["code"] == code and bad["error"]["message"]
    assert good["type"] == "ok"
    assert not os.path.exists("/tmp/tenantd-emulator-test.db")


def test_a_statement_without_end_is_cut_off(sql):
    endless = "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT max(i) FROM r"
    assert sql.execute(endless)["code"] == "SQLITE_INTERRUPT"
    huge = "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) " \
           "SELECT randomblob(100000) FROM r"
    assert sql.execute(huge)["code"] == "RESPONSE_TOO_LARGE"
    assert sql.rows("SELECT 1") == [["1"]]


def test_an_open_transaction_is_rolled_back_at_the_end_of_its_pipeline(sql):
    sql.execute("CREATE TABLE t (a)")
    sql.requests({"type": "execute", "stmt": {"sql": "BEGIN"}},
                 {"type": "execute", "stmt": {"sql": "INSERT INTO t VALUES (1)"}})
    assert sql.rows("SELECT count(*) FROM t") == [["0"]]
    sql.requests({"type": "sequence", "sql": "BEGIN; INSERT INTO t VALUES (1); COMMIT"})
    assert sql.rows("SELECT count(*) FROM t") == [["1"]]
    assert sql.raw({"baton": "b", "requests": []})[0] == 400


def test_a_batch_runs_on_conditions(sql):
    steps = [{"stmt": {"sql": "CREATE TABLE t (a UNIQUE)"}},
             {"stmt": {"sql": "INSERT INTO t VALUES (1), (1)"},
              "condition": {"type": "ok", "step": 0}},
             {"stmt": {"sql": "INSERT INTO t VALUES (2)"},
              "condition": {"type": "error", "step": 1}},
             {"stmt": {"sql": "INSERT INTO t VALUES (3)"},
              "condition": {"type": "not", "cond": {"type": "or", "conds": [
                  {"type": "error", "step": 1}, {"type": "ok", "step": 1}]}}},
             {"stmt": {"sql": "SELECT a FROM t"},
              "condition": {"type": "and", "conds": [{"type": "is_autocommit"},
                                                     {"type": "ok", "step": 2}]}}]
    (answer,) = sql.requests({"type": "batch", "batch": {"steps": steps}})
    result = answer["response"]["result"]
    assert [r is not None for r in result["step_results"]] == [True, False, True, False, True]
    assert [e and e["code"] for e in result["step_errors"]] == [
        None, "SQLITE_CONSTRAINT", None, None, None]
    assert result["step_results"][4]["rows"] == [[{"type": "integer", "value": "2"}]]


def test_the_smaller_requests(sql):
    results = sql.requests({"type": "store_sql", "sql_id": 1, "sql": "SELECT 7 AS x WHERE :a"},
                           {"type": "execute", "stmt": {"sql_id": 1, "args": [
                               {"type": "integer", "value": "1"}]}},
                           {"type": "describe", "sql_id": 1},
                           {"type": "close_sql", "sql_id": 1},
                           {"type": "execute", "stmt": {"sql_id": 1}},
                           {"type": "get_autocommit"}, {"type": "dance"}, {"type": "close"})
    assert [r["type"] for r in results] == ["ok", "ok", "ok", "ok", "error", "ok", "error", "ok"]
    assert results[1]["response"]["result"]["rows"] == [[{"type": "integer", "value": "7"}]]
    assert results[2]["response"]["result"] == {
        "params": [{"name": ":a"}], "cols": [{"name": "x", "decltype": None}],
        "is_explain": False, "is_readonly": True}
    assert results[5]["response"]["is_autocommit"] is True
    assert results[7]["response"] == {"type": "close"}


def test_usage_counts_what_was_read_and_written(sql, call):
    sql.execute("CREATE TABLE t (a)")
    sql.execute("INSERT INTO t SELECT value FROM json_each('[1,2,3]')")
    assert len(sql.rows("SELECT a FROM t")) == 3
    usage = call("GET", ORG + "/databases/d-0/usage")["database"]["total"]
    assert usage["rows_written"] == 3 and usage["rows_read"] == 3
    assert usage["storage_bytes"] == 8192
    top = [{"query": "SELECT a FROM t", "rows_read": 3, "rows_written": 0},
           {"query": "INSERT INTO t SELECT value FROM json_each('[1,2,3]')", "rows_read": 0,
            "rows_written": 3}]
    found = call("GET", ORG + "/databases/d-0/stats")["top_queries"]
    assert sorted(found, key=lambda q: q["query"], reverse=True) == top
    whole = call("GET", ORG + "/usage")["organization"]
    assert whole["usage"]["rows_written"] == 3
    assert whole["usage"]["storage_bytes"] == 8192 + 9 * 4096
    assert whole["databases"][0]["total"] == usage


def test_the_dearest_queries_are_remembered(sql, call):
    series = "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r LIMIT %d) " \
             "SELECT i FROM r"
    for n in range(1, 16):
        sql.execute(series % n)
    sql.execute(series % 12)
    found = call("GET", ORG + "/databases/d-0/usage/queries?from=2026-01-01T00:00:00Z")
    assert [q["rows_read"] for q in found] == [24, 15, 14, 13, 11, 10, 9, 8, 7, 6]
    assert call("GET", ORG + "/databases/d-0/stats")["top_queries"] == found


# --- Tokens -------------------------------------------------------------------------------------


def test_a_read_only_token_and_blocked_writes(ready, sql, call):
    sql.execute("CREATE TABLE t (a)")
    reader = Sql(ready, "d-0", mint(ready, "databases/d-0", "?authorization=read-only"))
    assert reader.rows("SELECT count(*) FROM t") == [["0"]]
    for write in ("INSERT INTO t VALUES (1)", "DROP TABLE t", "PRAGMA user_version = 3", "VACUUM"):
        assert reader.execute(write)["code"] == "BLOCKED"
    call("PATCH", ORG + "/databases/d-0/configuration", {"block_writes": True})
    assert sql.execute("INSERT INTO t VALUES (1)") == {
        "message": "Operation was blocked: SQL write operations are forbidden", "code": "BLOCKED"}
    assert sql.rows("SELECT count(*) FROM t") == [["0"]]
    call("PATCH", ORG + "/databases/d-0/configuration", {"block_writes": False})
    assert sql.execute("INSERT INTO t VALUES (1)")["affected_row_count"] == 1
    assert "rows" in sql.execute("VACUUM")


def test_fine_grained_permissions_are_enforced(ready, sql):
    sql.requests({"type": "sequence", "sql": "CREATE TABLE t (a); CREATE TABLE u (a)"})
    fine = [{"t": ["t"], "a": ["data_read", "data_add"]}, {"t": None, "a": ["schema_add"]}]
    some = Sql(ready, "d-0", mint(ready, "databases/d-0", body={"fine_grained_permissions": fine}))
    assert some.execute("INSERT INTO t VALUES (1)")["affected_row_count"] == 1
    assert some.rows("SELECT a FROM t") == [["1"]]
    assert "rows" in some.execute("CREATE TABLE v (a)")
    for refused in ("SELECT a FROM u", "INSERT INTO u VALUES (1)", "UPDATE t SET a = 2",
                    "DELETE FROM t", "DROP TABLE t"):
        assert some.execute(refused)["code"] == "SQLITE_AUTH", refused


def test_a_token_opens_what_it_names(ready, sql, call):
    attach = {"permissions": {"read_attach": {"databases": ["d-1"]}}}
    token = mint(ready, "databases/d-0", body=attach)
    assert Sql(ready, "d-0", token).rows("SELECT 1") == [["1"]]
    assert Sql(ready, "d-1", token).raw({"requests": []})[0] == 401
    group = mint(ready, "groups/eu")
    assert Sql(ready, "d-1", group).rows("SELECT 1") == [["1"]]
    call("DELETE", ORG + "/databases/d-0")
    call("POST", ORG + "/databases", {"name": "d-0", "group": "eu"})
    assert Sql(ready, "d-0", sql.token).raw({"requests": []})[0] == 401
    assert Sql(ready, "d-0", group).rows("SELECT 1") == [["1"]]


# --- Copies and restored databases --------------------------------------------------------------


def test_a_branch_begins_with_what_its_parent_has(ready, sql, call):
    sql.requests({"type": "sequence", "sql": "CREATE TABLE t (a); INSERT INTO t VALUES (1)"})
    call("POST", ORG + "/databases", {"name": "copy", "group": "eu",
                                      "seed": {"type": "database", "name": "d-0"}})
    sql.execute("INSERT INTO t VALUES (2)")
    copy = Sql(ready, "copy")
    assert Sql(ready, "copy", sql.token).raw({"requests": []})[0] == 401
    assert copy.rows("SELECT a FROM t") == [["1"]]
    copy.execute("DELETE FROM t")
    assert sql.rows("SELECT a FROM t") == [["1"], ["2"]]


def test_a_restored_database_has_its_rows_and_takes_its_tokens(ready, sql, call):
    sql.requests({"type": "sequence", "sql": "CREATE TABLE t (a); INSERT INTO t VALUES (1)"})
    v3 = "/v3/organizations/" + call("GET", ORG)["organization"]["id"]
    db = call("GET", ORG + "/databases/d-0")["database"]["DbId"]
    call("DELETE", ORG + "/databases/d-0")
    assert sql.raw({"requests": []})[0] == 404
    call("POST", f"{v3}/databases/{db}/restore")
    assert sql.rows("SELECT a FROM t") == [["1"]]


def test_more_databases_than_connections_keep_their_rows():
    with running("--fill", "200", "--switch", "data_plane_delay=0s") as emu:
        token = mint(emu, "groups/default")
        names = [f"db-{i:07d}" for i in range(1, 201)]
        for name in names:
            Sql(emu, name, token).requests({"type": "sequence", "sql":
                                            f"CREATE TABLE t (a); INSERT INTO t VALUES ('{name}')"})
        for name in names:
            assert Sql(emu, name, token).rows("SELECT a FROM t") == [[name]]


def test_files_are_kept_where_data_says(tmp_path):
    with running("--fill", "80", "--data", str(tmp_path / "d"), "--switch",
                 "data_plane_delay=0s") as emu:
        token = mint(emu, "groups/default")
        for i in range(1, 81):
            Sql(emu, f"db-{i:07d}", token).requests(
                {"type": "sequence", "sql": f"CREATE TABLE t (a); INSERT INTO t VALUES ({i})"})
        ids = [d["DbId"] for d in emu.client.call("GET", ORG + "/databases")["databases"]]
        emu.client.call("PATCH", ORG, {"restore_enabled": False})
        emu.client.call("POST", ORG + "/databases", {"name": "copy", "group": "default", "seed": {
            "type": "database", "name": "db-0000001"}})
        assert Sql(emu, "copy", token).rows("SELECT a FROM t") == [["1"]]
        emu.client.call("DELETE", ORG + "/databases/db-0000080")
    files = sorted(p.stem for p in (tmp_path / "d").iterdir())
    assert set(ids[:79]) < set(files) and len(files) == 80 and ids[79] not in files
    connection = sqlite3.connect(tmp_path / "d" / (ids[6] + ".db"))
    assert connection.execute("SELECT a FROM t").fetchall() == [(7,)]
    connection.close()


# --- Uploads ------------------------------------------------------------------------------------


def sqlite_file(path, *pragmas, wal=True):
    connection = sqlite3.connect(path)
    for pragma in pragmas:
        connection.execute("PRAGMA " + pragma)
    if wal:
        connection.execute("PRAGMA journal_mode = wal")
    connection.execute("CREATE TABLE t (a)")
    connection.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(2000)])
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path.read_bytes()


def draft(emu, name="up", **body):
    emu.client.call("POST", ORG + "/databases", {"name": name, "group": "eu", **body,
                                                 "seed": {"type": "database_upload"}})
    return Sql(emu, name)


def test_an_uploaded_file_is_the_database(ready, tmp_path):
    up = draft(ready)
    assert up.raw({"requests": []})[0] == 404
    data = sqlite_file(tmp_path / "base.db")
    assert up.upload(data) == (200, b"")
    assert up.rows("SELECT count(*), max(a) FROM t") == [["2000", "1999"]]
    up.execute("INSERT INTO t VALUES (5000)")
    assert up.rows("SELECT max(a) FROM t") == [["5000"]]
    assert up.upload(data)[0] == 400
    assert Sql(ready, "d-0").upload(data)[0] == 400


def test_an_upload_needs_a_token_that_may_write(ready, tmp_path):
    up = draft(ready)
    data = sqlite_file(tmp_path / "base.db")
    up.token = mint(ready, "databases/up", "?authorization=read-only")
    assert up.upload(data)[0] == 403
    up.token = mint(ready, "databases/d-0")
    assert up.upload(data)[0] == 401


@pytest.mark.parametrize("pragmas, wal, word", [
    (["page_size = 8192"], True, b"page size"), (["auto_vacuum = full"], True, b"auto-vacuum"),
    (["encoding = 'UTF-16'"], True, b"UTF-8"), ([], False, b"WAL"),
])
def test_a_file_of_the_wrong_kind_is_refused(ready, tmp_path, pragmas, wal, word):
    up = draft(ready)
    status, body = up.upload(sqlite_file(tmp_path / "base.db", *pragmas, wal=wal))
    assert status == 400 and word in body
    assert up.upload(sqlite_file(tmp_path / "good.db"))[0] == 200


def test_a_damaged_file_is_refused(ready, tmp_path):
    up = draft(ready)
    data = sqlite_file(tmp_path / "base.db")
    for bad in (b"", b"x" * 8192, data[:-1], data[:4096] + b"\xff" * (len(data) - 4096)):
        assert up.upload(bad)[0] == 400


def test_a_file_of_many_megabytes_is_taken(ready, tmp_path):
    path = tmp_path / "large.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = wal")
    connection.execute("CREATE TABLE t AS SELECT zeroblob(20000000) AS a")
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    up = draft(ready)
    assert up.upload(path.read_bytes()) == (200, b"")
    assert up.rows("SELECT length(a) FROM t") == [["20000000"]]


# --- Encryption ---------------------------------------------------------------------------------


def test_an_encrypted_database_knows_its_key_again(ready, tmp_path, call):
    encryption = {"encryption_key": KEY_32, "encryption_cipher": "aegis256"}
    up = draft(ready, remote_encryption=encryption)
    assert call("GET", ORG + "/databases/up")["database"]["encryption_cipher"] == "aegis256"
    sqlite_file(tmp_path / "base.db")
    full = (tmp_path / "base.db").read_bytes()
    harness.reserve_bytes(tmp_path / "base.db", 48)
    data = (tmp_path / "base.db").read_bytes()
    for headers in ({}, {"x-turso-encryption-key": KEY_OTHER},
                    {"x-turso-encryption-key": "short"},
                    {"x-turso-encryption-key": KEY_32, "x-turso-encryption-cipher": "aes256gcm"}):
        assert up.upload(data, **headers)[0] == 400
    headers = {"x-turso-encryption-key": KEY_32, "x-turso-encryption-cipher": "aegis256"}
    assert up.upload(full, **headers)[0] == 400
    assert up.upload(data, **headers)[0] == 200
    seed = {"type": "database", "name": "up"}
    for wrong in ({}, {"remote_encryption": {"encryption_key": KEY_OTHER}}):
        call("POST", ORG + "/databases", {"name": "fork", "group": "eu", "seed": seed, **wrong},
             expect=400)
    call("POST", ORG + "/databases", {"name": "fork", "group": "eu", "seed": seed,
                                      "remote_encryption": {"encryption_key": KEY_32}})
    assert call("GET", ORG + "/databases/fork")["database"]["encryption_cipher"] == "aegis256"
    assert Sql(ready, "fork").rows("SELECT count(*) FROM t") == [["2000"]]
    plain = draft(ready, "plain")
    assert plain.upload(data, **headers)[0] == 400


# --- The host -----------------------------------------------------------------------------------


def test_a_database_host_of_ones_own_can_be_reached():
    with running("--fill", "1", "--database-host", "localhost", "--switch",
                 "data_plane_delay=0s") as emu:
        for _ in range(2):
            db = emu.client.call("GET", ORG + "/databases/db-0000001")["database"]
            port = emu.url.rsplit(":", 1)[1]
            assert db["Hostname"] == "db-0000001-acme.localhost:" + port
            token = mint(emu, "databases/db-0000001")
            done = subprocess.run(
                ["curl", "-sS", "--fail", "-H", "Authorization: Bearer " + token, "-d",
                 '{"requests": [{"type": "execute", "stmt": {"sql": "SELECT 42"}}]}',
                 f"http://{db['Hostname']}/v2/pipeline"], capture_output=True, text=True,
                timeout=30, check=True)
            assert '"value":"42"' in done.stdout
            emu.admin("POST", "reset")
