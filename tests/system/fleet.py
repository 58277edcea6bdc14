"""fleet: a small fleet that never stands still, and the servers it is tried against.

In:    a seed; the emulator or the strict API behind one face.
Out:   Fleet: the manifest as it should come true, edited at random; EmulatorSide, StrictSide: what
       a platform saw, and what is live; checks of the one against the other.
Never: a look inside the daemon, but for the ledger's history of mints.
"""

import collections
import json
import re
import sqlite3

import emulator_client
import harness
import jwt_check
import strict_api

TOKEN = "api-token-of-the-fleet-" + "x" * 16
SIZES = ("256mb", "512mb", "1gb", "2gb")
LIVES = ("7d", "8d", "9d", "10d")
RENEWING = {"authorization": "read-only", "expiration": "1m", "renew_before": "54s"}
FEWEST, MOST = 4, 9
# Nothing that is wanted waits for somebody or for long.
CONFIG = {
    "reconcile": {"debounce": "0s", "interval": "100ms", "config_sweep": "1s",
                  "backoff": {"initial": "10ms", "max": "50ms"}},
    "policy": {"prune": "on", "deletion_grace": "0s", "guard": {
        "max_deletes": None, "max_delete_percent": None, "max_update_percent": None}},
}
MIB = 1 << 20
BYTES = {"256mb": 256 * MIB, "512mb": 512 * MIB, "1gb": 1024 * MIB, "2gb": 2048 * MIB}


# --- What is wanted -----------------------------------------------------------------------------


class Fleet:
    """databases: name to its entry, without those that are wanted gone. A name is used once."""

    def __init__(self, rng):
        self.rng, self.databases, self.absent, self._next = rng, {}, set(), 0
        for _ in range(FEWEST):
            self.add()

    def add(self):
        name, self._next = f"t-{self._next:04d}", self._next + 1
        entry = {"group": self.rng.choice(("eu", "us")), "size_limit": self.rng.choice(SIZES),
                 "tokens": {"app": self._token()}}
        if self.rng.random() < 0.3:
            entry["tokens"]["brief"] = RENEWING
        self.databases[name] = entry

    def _token(self):
        return {"authorization": self.rng.choice(("full-access", "read-only")),
                "expiration": self.rng.choice(LIVES)}

    def edit(self):
        """One to three changes, of any kind."""
        for _ in range(self.rng.randint(1, 3)):
            name = self.rng.choice(sorted(self.databases))
            change = self.rng.choice(("add", "remove", "size", "token", "drop"))
            if change == "add" and len(self.databases) < MOST:
                self.add()
            elif change == "remove" and len(self.databases) > FEWEST:
                del self.databases[name]
                if self.rng.random() < 0.5:
                    self.absent.add(name)
            elif change == "drop":
                self.databases[name]["tokens"].pop("app", None)
            elif change == "token":
                self.databases[name]["tokens"]["app"] = self._token()
            else:
                self.databases[name]["size_limit"] = self.rng.choice(SIZES)

    def manifest(self):
        absent = {name: {"state": "absent"} for name in sorted(self.absent)}
        return {"groups": {"eu": {"location": "aws-eu-west-1"}, "us": {"location": "aws-us-east-1"}},
                "databases": {**self.databases, **absent}}

    def token_files(self):
        return {f"{name}/{token}.jwt": name
                for name, entry in self.databases.items() for token in entry["tokens"]}


# --- What a platform saw ------------------------------------------------------------------------


class EmulatorSide:
    """The emulator: fast, but it says only how many tokens it made, not which."""

    def __init__(self):
        self._server = harness.Emulator(token=TOKEN)
        self.url = self._server.url
        self._client = emulator_client.Client(self.url, token=None)

    def close(self):
        self._client.close()
        self._server.close()

    def _ask(self, path):
        return self._client.call("GET", "/_emulator/" + path)

    def slow_down(self, milliseconds):
        self._client.call("POST", "/_emulator/switches", {"latency": f"{milliseconds}ms"})

    def n_requests(self):
        return self._ask("counters")["requests"]

    def creates(self):
        return collections.Counter(
            json.loads(r["body"])["name"] for r in self._ask("requests")["requests"]
            if r["method"] == "POST" and r["status"] == 200
            and re.search("/(databases|groups)$", r["path"]))

    def mints(self):
        """Answered mints by database."""
        return collections.Counter(
            r["path"].split("/")[-3] for r in self._ask("requests")["requests"]
            if r["path"].endswith("/auth/tokens") and r["status"] == 200)

    def n_rotates(self):
        return sum("/auth/rotate" in r["path"] for r in self._ask("requests")["requests"])

    def databases(self):
        """Name to (id, configuration)."""
        (organization,) = self._ask("state")["organizations"]
        assert organization["databases_created"] == len(
            [n for n in self.creates() if n.startswith("t-")]), "a create that the log does not show"
        return {d["name"]: (d["id"], d["configuration"]) for d in organization["databases"]}

    def is_token_of(self, jwt, database_id):
        message, signature = jwt.rsplit(".", 1)
        assert jwt_check.claims(jwt)["id"] == database_id
        return any(jwt_check.is_signed_by(jwt_check.unbase64(key["x"]), message.encode(),
                                          jwt_check.unbase64(signature))
                   for key in self._ask("keys")["keys"])


class StrictSide:
    """The strict API: it knows each token that it made."""

    def __init__(self):
        self._server = strict_api.StrictApi("acme", TOKEN).start()
        self.url = self._server.url

    def close(self):
        self._server.stop()
        self._server.assert_clean()

    def slow_down(self, milliseconds):
        self._server.clear_faults()
        if milliseconds:
            self._server.fault(count=None, delay=milliseconds / 1000)

    def n_requests(self):
        return len(self._server.requests)

    def creates(self):
        counts = self._server.state.counts["creates"]
        return collections.Counter({name.split("/")[1]: n for name, n in counts.items()})

    def mints(self):
        return collections.Counter(t["target"].split("/")[1] for t in self._server.state.minted)

    def n_rotates(self):
        return sum(self._server.state.counts["rotates"].values())

    def databases(self):
        return {name: (d["DbId"], d["config"]) for name, d in self._server.state.databases.items()}

    def is_token_of(self, jwt, database_id):
        return any(t["jwt"] == jwt and t["claims"]["id"] == database_id
                   for t in self._server.state.minted) and self._server.state.is_token_alive(jwt)


# --- The one against the other ------------------------------------------------------------------


def published_files(daemon):
    """Path under tokens_dir to text, of all that an application may find there."""
    return {str(path.relative_to(daemon.tokens_dir)): path.read_text()
            for path in daemon.tokens_dir.rglob("*")
            if path.is_file() and not path.name.startswith(".")}


def assert_whole(files):
    for path, text in files.items():
        assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]{86}\n", text), f"{path} is not a whole token"
        assert set(jwt_check.claims(text.strip())) >= {"id", "exp"}


def history_of_mints(daemon):
    """By database: tokens that reached their files, and mints that were lost."""
    ledger = sqlite3.connect(f"file:{daemon.state_dir}/ledger.db?mode=ro", uri=True)
    try:
        assert ledger.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = ledger.execute("SELECT name FROM event WHERE kind = 'token' AND "
                              "what IN ('Minted', 'Renewed', 'MintLost')")
        return collections.Counter(name.split("/")[0] for (name,) in rows)
    finally:
        ledger.close()


def history_of(daemon, token):
    """What the ledger knows of a token."""
    ledger = sqlite3.connect(f"file:{daemon.state_dir}/ledger.db?mode=ro", uri=True)
    try:
        events = ledger.execute("SELECT at, what, message FROM event WHERE kind = 'token' AND "
                                "name = ? ORDER BY seq", (token,)).fetchall()
        row = ledger.execute("SELECT * FROM held_token WHERE target || '/' || name = ?", (token,))
        return events, row.fetchall()
    finally:
        ledger.close()


def assert_true(fleet, platform, daemon):
    """What is live is what is wanted, nothing was made twice, and no mint is unaccounted for."""
    live, files = platform.databases(), published_files(daemon)
    assert sorted(live) == sorted(fleet.databases)
    for name, (_, configuration) in live.items():
        entry = fleet.databases[name]
        assert int(configuration["size_limit"]) == BYTES[entry["size_limit"]], name
        assert not configuration["block_reads"] and not configuration["block_writes"], name
    assert_whole(files)
    files = {path: text for path, text in files.items() if path.split("/")[0] in live}
    for path in set(files) ^ set(fleet.token_files()):
        raise AssertionError(f"{'unwanted' if path in files else 'missing'}: {path}: "
                             f"{history_of(daemon, path.removesuffix('.jwt'))}")
    for path, text in files.items():
        assert platform.is_token_of(text.strip(), live[path.split("/")[0]][0]), path
    assert set(platform.creates().values()) == {1}, platform.creates()
    assert platform.n_rotates() == 0
    unknown = platform.mints() - history_of_mints(daemon)
    assert not unknown, f"mints that nobody accounts for: {unknown}"
