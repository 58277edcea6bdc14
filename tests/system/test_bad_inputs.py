"""test_bad_inputs: what a person gets wrong around a daemon, and what it says: an exit code and lines to act on.

In:    the real tenantd, strict_api; a table, a row a mistake.
Out:   the exit code, and all that was said, word for word.
Never: a line that leaves the reader to guess what to do.
"""

import os
import re
import shutil

import harness
import pytest
from strict_api import TOKEN

MANIFEST = "groups: {eu: {location: aws-eu-west-1}}\n"
START = "error cannot start: "
CONFIGURED = "set {} in the configuration"
LOADED = "notice manifest: generation 1: 1 groups, 0 databases in 1 files  event=Loaded"
FAILED = "warning the platform was not observed completely: reading the organization: "
NO_PLACE = "there is no directory above it: make that, or "


def configure(**changes):
    """Values may name ROOT, the daemon's own directory."""
    def placed(value, root):
        if isinstance(value, dict):
            return {k: placed(v, root) for k, v in value.items()}
        return value.replace("ROOT", str(root)) if isinstance(value, str) else value
    return lambda d: d.write_config(**placed(changes, d.root))


def manifest(text):
    return lambda d: d.write_manifest("m.yaml", text)


def mode(path, bits):
    return lambda d: os.chmod(d.root / path, bits)


def as_directory(path):
    def change(d):
        (d.root / path).unlink(missing_ok=True)
        (d.root / path).mkdir()
    return change


def as_file(path, text=""):
    def change(d):
        shutil.rmtree(d.root / path, ignore_errors=True)
        (d.root / path).write_text(text)
    return change


def dangling(d):
    d.state_dir.rmdir()
    d.state_dir.symlink_to(d.root / "gone")


# What is wrong: (options, how to get there, exit code, what it says).
ROWS = {
    # Configuration.
    "no configuration": ("--check", lambda d: d.config_path.unlink(), 4,
                         ["error cannot open ROOT/tenantd.yaml: No such file or directory"]),
    "configuration is a directory": ("--check", as_directory("tenantd.yaml"), 4,
                                     ["error ROOT/tenantd.yaml is a directory, and must be a file"]),
    "configuration that all may write": (
        "--check", mode("tenantd.yaml", 0o666), 4,
        ["error ROOT/tenantd.yaml may be written by everybody: chmod go-w ROOT/tenantd.yaml"]),
    "token in the clear": (
        "--check", configure(api={"url": "http://example.com"}), 4,
        ['error ROOT/tenantd.yaml:3:3: api.url is "http://example.com", where the API token would travel in the '
         "clear; expected https, a loopback address, or api.insecure: true beside it",
         "error the configuration ROOT/tenantd.yaml has 1 error"]),
    "another instance's configuration": ("--check --instance other", lambda d: None, 4,
                                         ["error cannot open ROOT/other.yaml: No such file or directory"]),
    # The API token, and what it is for.
    "no token file": ("--once", lambda d: d.token_path.unlink(), 1,
                      [START + "API token: ROOT/token is not there: put the API token into it, with mode 0600"]),
    "empty token file": ("--once", lambda d: d.token_path.write_text(""), 1,
                         [START + "API token: ROOT/token is empty: put the API token there"]),
    "token file that others may read": ("--once", mode("token", 0o644), 1,
                                        [START + "API token: ROOT/token may be read by everybody: "
                                                 "chmod 600 ROOT/token"]),
    "token of two words": ("--once", lambda d: d.token_path.write_text("two words\n"), 1,
                           [START + "API token: ROOT/token must hold the API token and nothing else: byte 4 of it "
                                    "is a blank, a control character or not ASCII"]),
    "token file is a directory": ("--once", as_directory("token"), 1,
                                  [START + "API token: ROOT/token is a directory, and must be a file"]),
    "token nowhere": ("--once", configure(api={"token": harness.REMOVED}), 1,
                      [START + "no API token: set api.token in the configuration to {credential: NAME} or "
                               "{file: PATH}, or TURSO_API_TOKEN in the environment"]),
    "credential that was not passed": (
        "--once", configure(api={"token": {"credential": "tok", "file": harness.REMOVED}}), 1,
        [START + "credential tok: none were passed; the unit needs LoadCredential=tok:PATH"]),
    "no delete token": ("--once", configure(api={"delete_token": {"file": "ROOT/deletes"}}), 1,
                        [START + "delete token: ROOT/deletes is not there: put the delete token into it, with mode "
                                 "0600"]),
    "delete token that is the token": (
        "--check", configure(api={"delete_token": {"file": "ROOT/token"}}), 4,
        ["error ROOT/tenantd.yaml:7:3: api.delete_token is where api.token is; expected another token, for deletes "
         "alone",
         "error the configuration ROOT/tenantd.yaml has 1 error"]),
    "token that the platform refuses": (
        "--once", lambda d: d.write_token("another-token-" + "y" * 20), 1,
        ["error the platform refuses the API token for organization acme: API token refused (HTTP 401): "
         "unauthorized; it stands in ROOT/token; nothing is written until it accepts it  event=Unauthorized",
         FAILED + "API token refused: unauthorized  event=ObservationFailed", LOADED]),
    "another organization": (
        "--once", configure(organization="other"), 1,
        [FAILED + "not found: organization not found; is organization in the configuration its slug, and the API "
                  "token its own?  event=ObservationFailed", LOADED]),
    "no platform": ("--once", configure(api={"url": "http://127.0.0.1:1"}), 1,
                    [FAILED + "not sent: Failed to connect to 127.0.0.1 port 1 after N ms: Couldn't connect to "
                              "server  event=ObservationFailed", LOADED]),
    "no key": ("--once", configure(encryption_keys={"k": {"file": "ROOT/key"}}), 1,
               [START + "encryption_keys: k: encryption key: ROOT/key is not there: put the encryption key into "
                        "it, with mode 0600"]),
    # The socket.
    "socket in no directory": ("", configure(socket="ROOT/no/sock"), 1,
                               [START + "cannot listen at ROOT/no/sock: there is no such directory: make it, or " +
                                CONFIGURED.format("socket")]),
    "socket in a file": ("", configure(socket="ROOT/token/sock"), 1,
                         [START + "cannot listen at ROOT/token/sock: there is no such directory: make it, or " +
                          CONFIGURED.format("socket")]),
    "file in place of the socket": ("", as_file("sock"), 1,
                                    [START + "socket ROOT/sock: something that is no socket is in the way; remove "
                                             "it, or give another path"]),
    # Its directories.
    "state directory is a file": ("--once", as_file("state"), 1,
                                  [START + "state directory ROOT/state is no directory: move it away, or " +
                                   CONFIGURED.format("state_dir")]),
    "plan with a file for a state directory": (
        "--plan", as_file("state"), 1,
        [START + "state directory ROOT/state is no directory: move it away, or " + CONFIGURED.format("state_dir")]),
    "state directory in nothing": ("--once", configure(state_dir="ROOT/no/state"), 1,
                                   [START + "cannot make state directory ROOT/no/state: " + NO_PLACE +
                                    CONFIGURED.format("state_dir")]),
    "state directory in a file": ("--once", configure(state_dir="ROOT/token/state"), 1,
                                  [START + "cannot make state directory ROOT/token/state: " + NO_PLACE +
                                   CONFIGURED.format("state_dir")]),
    "state directory is a link to nothing": (
        "--once", dangling, 1,
        [START + "state directory ROOT/state is a link to nothing: move it away, or " +
         CONFIGURED.format("state_dir")]),
    "state directory that others may write": (
        "--once", mode("state", 0o777), 1,
        [START + "state directory ROOT/state may be written by others: chmod go-w ROOT/state"]),
    "ledger is none": (
        "--once", lambda d: (d.state_dir / "ledger.db").write_text("hello " * 1000), 1,
        [START + "ROOT/state/ledger.db: file is not a database. A damaged ledger is never replaced by itself: put a "
                 "backup in its place, or move ledger.db, ledger.db-wal and ledger.db-shm away to start with an "
                 "empty one, which owns nothing and so deletes nothing"]),
    "tokens_dir is a file": ("--once", as_file("tokens"), 1,
                             [START + "tokens_dir ROOT/tokens is no directory: move it away, or name another in the "
                                      "configuration"]),
    "tokens_dir in nothing": ("--once", configure(tokens_dir="ROOT/no/tokens"), 1,
                              [START + "cannot make tokens_dir ROOT/no/tokens: " + NO_PLACE +
                               "name another in the configuration"]),
    "tokens_group that is none": (
        "--once", configure(tokens_group="no-such-group"), 1,
        [START + 'tokens_group: there is no group "no-such-group" on this host: make it (groupadd), or name '
                 "another"]),
    # The manifest.
    "no manifest": ("--check", lambda d: shutil.rmtree(d.manifest_dir), 4,
                    ["ROOT/manifest.d: cannot be read: cannot open it: No such file or directory"]),
    "no manifest to work on": (
        "--once", lambda d: shutil.rmtree(d.manifest_dir), 4,
        ["error manifest: ROOT/manifest.d: cannot be read: cannot open it: No such file or directory"]),
    "empty manifest": (
        "--check", lambda d: d.remove_manifest("m.yaml"), 4,
        ["ROOT/manifest.d: cannot be read: no manifest files (*.yaml, *.yml, *.json) in this directory; where none "
         "is wanted yet, put one there that says `databases: {}`"]),
    "manifest with a mistake": (
        "--check", manifest("databases: {a: {gropu: eu}}\n"), 4,
        ['ROOT/manifest.d/m.yaml:1:17: unknown key "gropu" in a database (did you mean "group"?); expected one of …']),
    "work on a manifest with a mistake": (
        "--once", manifest("databases: [\n"), 4,
        ["error manifest: ROOT/manifest.d/m.yaml:1:12: databases is a list; expected a mapping of names to databases",
         "error manifest: ROOT/manifest.d/m.yaml:2:1: not YAML: did not find expected node content"]),
    "plan of a manifest with a mistake": (
        "--plan", manifest("databases: 1\n"), 4,
        ['error manifest: ROOT/manifest.d/m.yaml:1:12: databases is "1"; expected a mapping of names to databases']),
    "manifest that all may write": ("--check", mode("manifest.d/m.yaml", 0o666), 4,
                                    ["ROOT/manifest.d/m.yaml: cannot be read: it may be written by everybody: chmod "
                                     "go-w it"]),
    "manifest of another organization": (
        "--check", manifest("organization: other\n" + MANIFEST), 4,
        ['ROOT/manifest.d/m.yaml:1:15: organization "other" is not the one that this daemon keeps, "acme"']),
    "manifest of bytes": ("--check", manifest(b"\0\1\2"), 4,
                          ["ROOT/manifest.d/m.yaml:1:1: a NUL byte, so this is no text file; expected YAML in UTF-8"]),
}


def lines_of(daemon, result):
    """What was said, without times, how often, and what else differs from run to run."""
    text = (result.out + result.err).replace(str(daemon.root), "ROOT")
    text = re.sub(r"^\d{4}-\S+Z ", "", text, flags=re.M)
    text = re.sub(r"after \d+ ms", "after N ms", text)
    return without_looks(re.sub(r"expected one of .*", "expected one of …", text).splitlines())


def without_looks(lines):
    """Whether the platform was looked at before the end is a matter of time."""
    return sorted({line for line in lines if not line.startswith("notice observed ")})


@pytest.mark.allow_violations
@pytest.mark.parametrize("mistake", ROWS)
def test_a_mistake(strict, make_daemon, mistake):
    options, make_it, code, said = ROWS[mistake]
    daemon = make_daemon(strict.url, TOKEN, config={"reconcile": {"backoff": {"initial": "10ms", "max": "20ms"}}})
    daemon.write_manifest("m.yaml", MANIFEST)
    make_it(daemon)

    result = daemon.run(*options.split())

    assert (result.code, lines_of(daemon, result)) == (code, without_looks(said))
    assert strict.writes() == []


@pytest.mark.parametrize("options, said", [
    (["--frobnicate"], "unrecognized option '--frobnicate'"),
    (["--config"], "option '--config' requires an argument"),
    (["manifest.yaml"], "tenantd: no arguments are taken"),
    (["--log-level", "loud"], "tenantd: --log-level takes error, warning, notice, info or debug"),
    (["--instance", "../acme"], "tenantd: --instance takes a name: no path, and nothing that begins with a dot"),
    (["--instance", ""], "tenantd: --instance takes a name: no path, and nothing that begins with a dot"),
    (["--check", "--once"], "tenantd: --check, --plan and --once exclude each other"),
])
def test_a_wrong_command_line(options, said):
    result = harness.run([harness.program("tenantd"), *options], 30)
    first, usage = result.err.splitlines()[:2]
    assert (result.code, result.out, usage) == (64, "", "usage: tenantd [OPTION]...")
    assert first.endswith(said)
