"""harness: runs the real programs for system tests, and asks them questions.

In:    TENANTD_BIN_DIR, the directory with tenantd, tenantctl and turso-emulator.
Out:   Daemon, Emulator, wait_until, secrets_nowhere; every process is in a context manager.
Never: a fixed pause, a fixed port, a process left behind, a failure without the log's end.
"""

import collections
import contextlib
import ctypes
import http.client
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse

SANITIZER_MARKS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error: ",
                   "WARNING: ThreadSanitizer", "WARNING: MemorySanitizer")
# What would make a daemon under test believe in another journal, platform or proxy.
FOREIGN_VARIABLES = re.compile(
    r"NOTIFY_SOCKET|JOURNAL_STREAM|INVOCATION_ID|CREDENTIALS_DIRECTORY|WATCHDOG_.*|LISTEN_.*|"
    r"TURSO_.*|(?i:.*_proxy)")
JWT = re.compile(rb"ey[\w-]+\.[\w-]+\.[\w-]{20,}")
GROUP = "groups: {eu: {location: aws-eu-west-1}}\n"  # what most manifests begin with
ALLOWED_SOCKET_PATH = 107  # bytes in sockaddr_un, without the final NUL


def program(name):
    """Path of a built program; says what to set when there is none."""
    directory = os.environ.get("TENANTD_BIN_DIR")
    if not directory:
        raise RuntimeError("set TENANTD_BIN_DIR to the directory with the built programs")
    path = pathlib.Path(directory, name).resolve()
    if not os.access(path, os.X_OK):
        raise RuntimeError(f"{path} is not there, or no program: build it first")
    return str(path)


def clean_environment(**extra):
    kept = {k: v for k, v in os.environ.items() if not FOREIGN_VARIABLES.fullmatch(k)}
    return {**kept, "LC_ALL": "C.UTF-8", "NO_COLOR": "1", **extra}


def wait_until(predicate, timeout=10.0, what=None, interval=0.02):
    """Ask until the answer is true, and return it. AssertionError from predicate counts as "not
    yet". The one place that lets time pass: everything else waits on a descriptor."""
    deadline, last, never = time.monotonic() + timeout, None, threading.Event()
    while True:
        try:
            last = predicate()
            if last:
                return last
        except AssertionError as not_yet:
            last = f"AssertionError: {not_yet}"
        left = deadline - time.monotonic()
        if left <= 0:
            name = what or getattr(predicate, "__name__", "the condition")
            raise AssertionError(f"{name}: not so after {timeout:g} s; last answer: {last!r:.2000}")
        never.wait(min(interval, left))


def make_root():
    """A new directory whose path leaves room for a socket's name."""
    return pathlib.Path(tempfile.mkdtemp(prefix="td", dir="/tmp"))


def merge(base, changes):
    """A deep copy of base with changes laid over it; None in changes is a value (null)."""
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def to_yaml(value, depth=0):
    """Block YAML for nested dicts; lists and scalars in flow form, strings always quoted."""
    if not isinstance(value, dict) or not value:
        return json.dumps(value)
    lines = []
    for key, inner in value.items():
        gap = "\n" if isinstance(inner, dict) and inner else " "
        lines.append(f"{'  ' * depth}{json.dumps(str(key))}:{gap}{to_yaml(inner, depth + 1)}")
    return "\n".join(lines)


def write_atomically(path, text, mode=0o644):
    """As an editor would: a new file, renamed over the old."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.tmp")  # a name that the daemon ignores
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with open(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(text if isinstance(text, bytes) else text.encode())
    fresh.rename(path)


def reserve_bytes(path, n):
    """Keep n bytes of every page of a SQLite file free, as a cipher wants it, and leave it in WAL mode."""
    library, handle, wanted = ctypes.CDLL("libsqlite3.so.0"), ctypes.c_void_p(), ctypes.c_int(n)
    assert library.sqlite3_open(os.fsencode(path), ctypes.byref(handle)) == 0
    run_sql = lambda sql: library.sqlite3_exec(handle, sql, None, None, None)
    assert run_sql(b"PRAGMA journal_mode = delete") == 0
    assert library.sqlite3_file_control(handle, b"main", 38, ctypes.byref(wanted)) == 0
    assert run_sql(b"VACUUM; PRAGMA journal_mode = wal; PRAGMA wal_checkpoint(TRUNCATE)") == 0
    assert library.sqlite3_close(handle) == 0
    assert path.read_bytes()[20] == n


def is_connectable(path):
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


# --- Secrets ------------------------------------------------------------------------------------


def needles_of(secrets):
    """What to look for: each secret, and a JWT's signature alone."""
    found = set()
    for secret in secrets:
        text = secret if isinstance(secret, str) else secret.decode()
        found.add(text.encode())
        if text.count(".") == 2:
            found.add(text.rsplit(".", 1)[1].encode())
    if not found or any(len(needle) < 8 for needle in found):
        raise ValueError("nothing to look for, or too short to be told from chance")
    return found


def files_under(place, skipped):
    place = pathlib.Path(place)
    for path in [place] if place.is_file() else place.rglob("*"):
        if path.is_file() and not any(path.is_relative_to(s) for s in skipped):
            yield path


def secrets_nowhere(places, secrets, skip=()):
    """No secret is in any place: a directory (searched whole, the ledger's raw pages and its WAL
    too), a file, or a (name, text) pair such as a program's output. `skip`: paths under which
    secrets belong, such as tokens_dir. Fails too when there was nothing to search."""
    needles, searched = needles_of(secrets), 0
    skipped = [pathlib.Path(path) for path in skip]
    for place in places:
        if isinstance(place, tuple):
            name, text = place
            contents = [(name, text if isinstance(text, bytes) else text.encode())]
        else:
            contents = ((path, path.read_bytes()) for path in files_under(place, skipped))
        for name, data in contents:
            searched += 1
            for needle in needles:
                at = data.find(needle)
                assert at < 0, f"a secret of {len(needle)} bytes is in {name} at offset {at}"
    assert searched, f"nothing to search in {places}"


# --- Processes ----------------------------------------------------------------------------------


class Process:
    """One child with its output in a file, watched through a pidfd."""

    def __init__(self, command, log_path, environment, directory=None):
        self.command, self.log_path = command, pathlib.Path(log_path)
        with open(self.log_path, "ab") as log:
            self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                           env=environment, cwd=directory, start_new_session=True)
        self.pid, self.pidfd = self._child.pid, os.pidfd_open(self._child.pid)

    def is_running(self):
        return self._child.poll() is None

    def send(self, number):
        """A signal to this process, never to another that has taken its number."""
        if self.is_running():
            signal.pidfd_send_signal(self.pidfd, number)

    def wait(self, timeout):
        """Exit status, negative for a signal; AssertionError when it does not end in time."""
        readable, _, _ = select.select([self.pidfd], [], [], timeout)
        if not readable:
            raise AssertionError(f"{self.command[0]} did not end in {timeout:g} s\n{self.tail()}")
        return self._child.wait()

    def end(self, timeout=30, number=signal.SIGTERM):
        """Signal, wait, and kill if that did not help; the exit status."""
        try:
            self.send(number)
            return self.wait(timeout)
        finally:
            self.destroy()

    def destroy(self):
        if self.is_running():
            self._child.kill()
            self._child.wait()
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def tail(self, lines=40):
        return "\n".join(self.log().splitlines()[-lines:])


def assert_no_sanitizer_report(log):
    for mark in SANITIZER_MARKS:
        at = log.find(mark)
        assert at < 0, "a sanitizer complains:\n" + log[at:at + 4000]


class NotifySocket:
    """The service manager's end of sd_notify: collects the states that a daemon says."""

    def __init__(self, path):
        self.path, self.messages = pathlib.Path(path), []
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.bind(str(self.path))
        self._socket.setblocking(False)

    def fileno(self):
        return self._socket.fileno()

    def collect(self):
        """Take what has come; all assignments so far, in order, such as READY=1."""
        with contextlib.suppress(BlockingIOError):
            while True:
                text = self._socket.recv(65536).decode(errors="replace")
                self.messages += text.splitlines()
        return self.messages

    def wait_for(self, wanted, process, timeout):
        """Until `wanted` is among the messages; the process ending first is a failure."""
        deadline = time.monotonic() + timeout
        while wanted not in self.collect():
            left = deadline - time.monotonic()
            watched = [self, process.pidfd]
            readable = select.select(watched, [], [], max(0, left))[0]
            if not readable:
                raise AssertionError(f"no {wanted} in {timeout:g} s\n{process.tail()}")
            if process.pidfd in readable and wanted not in self.collect():
                raise AssertionError(f"it ended before {wanted}, status {process.wait(1)}\n"
                                     f"{process.tail()}")

    def close(self):
        self._socket.close()


class CtlResult(collections.namedtuple("CtlResult", "code out err")):
    """What a program answered; unpacks as (exit code, stdout, stderr)."""

    def json(self):
        try:
            return json.loads(self.out)
        except ValueError as wrong:
            raise AssertionError(f"no JSON on stdout ({wrong}): {self!r}") from wrong

    def ndjson(self):
        return [json.loads(line) for line in self.out.splitlines()]


def run(command, timeout, environment=None, stdin=None):
    """Run a program to its end; AssertionError if that takes longer."""
    try:
        done = subprocess.run(command, input=stdin, capture_output=True, timeout=timeout,
                              env=environment or clean_environment(),
                              **({"stdin": subprocess.DEVNULL} if stdin is None else {}))
    except subprocess.TimeoutExpired as late:
        raise AssertionError(f"{command}: not done in {timeout} s; so far {late.stdout!r} "
                             f"{late.stderr!r:.4000}") from late
    result = CtlResult(done.returncode, done.stdout.decode(errors="replace"),
                       done.stderr.decode(errors="replace"))
    assert_no_sanitizer_report(result.err)
    return result


# --- Packages of npm ----------------------------------------------------------------------------

# npm says so when it cannot reach a registry; anything else is a failure.
UNREACHABLE = ("ENOTFOUND", "ECONNREFUSED", "EAI_AGAIN", "ETIMEDOUT", "ECONNRESET", "ENETUNREACH",
               "ENOTCACHED", "ERR_SOCKET_TIMEOUT", "E403", "E502", "E503")


def has_npm():
    return bool(shutil.which("npm") and shutil.which("node"))


def npm_directory(name):
    """Where a test's packages go: beside the built programs, kept for every run of the tests."""
    directory = pathlib.Path(os.environ["TENANTD_BIN_DIR"]).resolve().parent / name
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def npm_install(directory, *arguments, timeout=300):
    """Run npm there, without any package's own scripts; the reason, where no registry answers."""
    done = subprocess.run(["npm", *arguments, "--ignore-scripts", "--no-audit", "--no-fund",
                           "--prefer-offline", "--fetch-retries=1", "--fetch-timeout=20000"],
                          cwd=directory, capture_output=True, text=True, timeout=timeout,
                          check=False)
    if done.returncode and any(word in done.stderr for word in UNREACHABLE):
        return "npm reaches no registry: " + done.stderr.strip().splitlines()[0]
    assert done.returncode == 0, done.stderr
    return None


# --- The daemon ---------------------------------------------------------------------------------


class Daemon:
    """One tenantd with a directory of its own.

    root: everything is under it: tenantd.yaml, token, delete-token, manifest.d, state, tokens, sock,
        log.
    Attributes of the same kind: config_path, token_path, manifest_dir, state_dir, tokens_dir,
    seeds_dir, socket_path, log_path; notify (a NotifySocket, from start() on); process (a Process or None).
    """

    def __init__(self, api_url, token="T", organization="acme", config=None, root=None):
        """config: laid over the defaults below, deeply; a key set to REMOVED is left out."""
        self.root = pathlib.Path(root) if root else make_root()
        self._owns_root = root is None
        self.config_path, self.token_path = self.root / "tenantd.yaml", self.root / "token"
        self.manifest_dir, self.state_dir = self.root / "manifest.d", self.root / "state"
        self.tokens_dir, self.socket_path = self.root / "tokens", self.root / "sock"
        self.log_path, self.seeds_dir = self.root / "log", self.root / "seeds"
        self.process = self.notify = None
        self.token, self.delete_token = token, None
        if len(os.fsencode(self.root / "notify")) > ALLOWED_SOCKET_PATH:
            raise ValueError(f"{self.root} is too long for a Unix socket")
        self.manifest_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
        self.state_dir.mkdir(mode=0o700, exist_ok=True)
        self.seeds_dir.mkdir(mode=0o755, exist_ok=True)
        self.config = merge(self._defaults(api_url, organization), config or {})
        self.write_token(token)
        self.write_config()

    def _defaults(self, api_url, organization):
        return {
            "organization": organization,
            "api": {"url": api_url, "token": {"file": str(self.token_path)}, "rate": 0},
            "manifest": str(self.manifest_dir),
            "state_dir": str(self.state_dir),
            "tokens_dir": str(self.tokens_dir),
            "seeds_dir": str(self.seeds_dir),
            "socket": str(self.socket_path),
        }

    # Its files.

    def write_config(self, **changes):
        """Lay changes over the configuration and write it; SIGHUP or a restart makes them count."""
        self.config = merge(self.config, changes)
        write_atomically(self.config_path, to_yaml(without_removed(self.config)) + "\n", 0o600)

    def write_token(self, token, mode=0o600):
        self.token = token
        write_atomically(self.token_path, token + "\n", mode)

    def write_delete_token(self, token):
        """It counts once the configuration names the file: api.delete_token."""
        self.delete_token = token
        write_atomically(self.root / "delete-token", token + "\n", 0o600)

    def write_manifest(self, name, content):
        """content: YAML text, bytes, or a dict that becomes YAML."""
        text = content if isinstance(content, (str, bytes)) else to_yaml(content) + "\n"
        write_atomically(self.manifest_dir / name, text)

    def remove_manifest(self, name):
        (self.manifest_dir / name).unlink()

    def token_file(self, name):
        """Text of a published token file, by its path under tokens_dir."""
        return (self.tokens_dir / name).read_text()

    # Its life.

    def start(self, *arguments, by="notify", timeout=30, **environment):
        """by: "notify" waits for READY=1; "socket" sets no NOTIFY_SOCKET and waits until the
        control socket takes a connection; None does not wait."""
        assert not self.is_running(), "it runs already"
        self._forget_last_run()
        self.notify = NotifySocket(self.root / "notify") if by == "notify" else None
        if self.notify:
            environment["NOTIFY_SOCKET"] = str(self.notify.path)
        self.process = Process([program("tenantd"), "--config", str(self.config_path), *arguments],
                               self.log_path, clean_environment(**environment))
        if by == "notify":
            self.notify.wait_for("READY=1", self.process, timeout)
        elif by == "socket":
            wait_until(self._is_listening, timeout, "the control socket takes connections")
        return self

    def _is_listening(self):
        if not self.is_running():
            raise RuntimeError(f"it ended early, status {self.process.wait(1)}\n{self.tail()}")
        return is_connectable(self.socket_path)

    def _forget_last_run(self):
        if self.process:
            self.process.destroy()
        if self.notify:
            self.notify.close()
        self.process = self.notify = None

    def is_running(self):
        return bool(self.process) and self.process.is_running()

    def stop(self, timeout=30):
        """SIGTERM; the exit status. A sanitizer's report in the log is a failure."""
        status = self.process.end(timeout)
        assert_no_sanitizer_report(self.log())
        return status

    def kill9(self):
        status = self.process.end(10, signal.SIGKILL)
        assert_no_sanitizer_report(self.log())
        return status

    def restart(self, *arguments, **options):
        if self.is_running():
            assert self.stop() == 0, self.tail()
        return self.start(*arguments, **options)

    def hup(self):
        self.process.send(signal.SIGHUP)

    def wait(self, timeout=30):
        """Until it ends by itself; the exit status."""
        return self.process.wait(timeout)

    def run(self, *arguments, timeout=60):
        """tenantd --check, --plan or --once, to its end: (code, out, err)."""
        command = [program("tenantd"), "--config", str(self.config_path), *arguments]
        return run(command, timeout)

    def close(self):
        """End it however it is, and remove its directory if it made that itself."""
        try:
            if self.is_running():
                self.process.end(30)
        finally:
            self._forget_last_run()
            if self._owns_root:
                shutil.rmtree(self.root, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # Its log.

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def tail(self, lines=40):
        return "\n".join(self.log().splitlines()[-lines:])

    # Questions over the control socket.

    def ctl(self, *arguments, timeout=60, stdin=None):
        command = [program("tenantctl"), "--socket", str(self.socket_path)]
        return run(command + [str(a) for a in arguments], timeout, stdin=stdin)

    def ctl_json(self, *arguments, expect=0, **options):
        """The decoded answer of `tenantctl -o json`; the exit code must be the expected one."""
        result = self.ctl("-o", "json", *arguments, **options)
        assert result.code == expect, f"exit code {result.code}, not {expect}: {result!r}"
        return result.json()

    def status(self):
        return self.ctl_json("status")

    def list(self, *arguments):
        """One dict a resource; arguments such as "database", "--phase", "Ready"."""
        result = self.ctl("-o", "ndjson", "list", *arguments)
        assert result.code == 0, repr(result)
        return result.ndjson()

    def resource(self, reference):
        """`describe` of a reference such as database/t-acme."""
        return self.ctl_json("describe", reference)

    def sync(self, timeout=60):
        """`sync --wait`: (code, out, err)."""
        return self.ctl("sync", "--wait", timeout=timeout)

    def settle(self, timeout=60):
        """Sync, and be settled at the end of it; the status."""
        result = self.sync(timeout)
        assert result.code == 0, f"{result!r}\n{self.tail()}"
        status = self.status()
        assert status["state"] == "settled", f"{status}\n{self.tail()}"
        return status

    def settled(self, manifest):
        """Itself, started with that manifest, and settled."""
        self.write_manifest("m.yaml", manifest)
        self.start()
        self.settle()
        return self

    def problems(self):
        """The reasons of what stands in the way."""
        return [p["reason"] for p in self.status()["problems"]]

    def resident_bytes(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(text.split("VmRSS:")[1].split()[0]) << 10

    def assert_files_hold_no_secrets(self, secrets):
        """Searches log, configuration and state directory for the API token, what the token files hold,
        and `secrets`."""
        published = [jwt for path in files_under(self.tokens_dir, []) for jwt in JWT.findall(path.read_bytes())] \
            if self.tokens_dir.is_dir() else []
        long_enough = [s for s in [self.token, self.delete_token, *secrets, *published] if s and len(s) >= 8]
        places = [self.state_dir, *[p for p in (self.log_path, self.config_path) if p.exists()]]
        if long_enough and self.process:
            secrets_nowhere(places, long_enough, skip=[self.tokens_dir])

    def assert_no_secrets(self, secrets):
        """Searches log, configuration, ledger and all else in the state directory, the answers of
        tenantctl, and the command line. The API token itself is always looked for."""
        answers = [("tenantctl " + " ".join(a), "\n".join(self.ctl(*a)[1:]))
                   for a in (("-o", "json", "status"), ("-o", "json", "list"), ("events",))]
        command_line = pathlib.Path(f"/proc/{self.process.pid}/cmdline").read_bytes()
        places = [self.state_dir, self.log_path, self.config_path, *answers,
                  ("command line", command_line)]
        own = [s for s in (self.token, self.delete_token) if s]
        secrets_nowhere(places, [*own, *secrets], skip=[self.tokens_dir])


    def assert_wiped(self, secrets):
        """None is in the daemon's memory any more. A sanitizer keeps what was freed: nothing to see there."""
        if os.environ.get("TENANTD_SANITIZE", "") not in ("", "OFF"):
            return
        needles = [s.rsplit(".", 1)[-1].encode() for s in secrets]  # of a JWT its signature
        found = [i for part in memory_of(self.process.pid) for i, needle in enumerate(needles) if needle in part]
        assert found == [], f"secrets number {found} are still in memory"


def memory_of(pid):
    """What the process could read of its own, a mapping at a time."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            place = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if place:
                begin, end = (int(n, 16) for n in place.groups())
                mem.seek(begin)
                try:
                    yield mem.read(end - begin)
                except OSError:
                    continue


REMOVED = object()  # as a configuration value: leave this key out


def without_removed(config):
    return {key: without_removed(value) if isinstance(value, dict) else value
            for key, value in config.items() if value is not REMOVED}


# --- The emulator -------------------------------------------------------------------------------


class Emulator:
    """turso-emulator on a free port. url, token, organization: what a Daemon needs."""

    def __init__(self, *arguments, organization="acme", token="T", timeout=30):
        self.organization, self.token = organization, token
        self.root = make_root()
        command = [program("turso-emulator"), "--listen", "127.0.0.1:0", "--organization",
                   organization, "--token", token, *arguments]
        self.process = Process(command, self.root / "log", clean_environment())
        try:
            self.url = wait_until(self._announced, timeout, "the emulator listens")
        except BaseException:
            self.close()
            raise

    def _announced(self):
        match = re.search(r"listening on (https?://\S+)", self.process.log())
        if not match and not self.process.is_running():
            raise RuntimeError(f"the emulator ended early\n{self.process.tail()}")
        return match and match.group(1)

    def close(self):
        """End it; a sanitizer's report is a failure."""
        try:
            if self.process.is_running():
                self.process.end(30)
            assert_no_sanitizer_report(self.process.log())
        finally:
            self.process.destroy()
            shutil.rmtree(self.root, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def request(self, method, path, body=None):
        """Any request with our token: (status, decoded body). For outside edits."""
        return http_json(self.url, method, path, body, self.token)

    def admin(self, method, path, body=None):
        """/_emulator/PATH; the decoded answer, which must be a success."""
        status, answer = http_json(self.url, method, "/_emulator/" + path, body)
        assert 200 <= status < 300, f"{method} /_emulator/{path}: {status} {answer!r}"
        return answer

    def set_faults(self, script):
        return self.admin("POST", "faults", script)

    def clear_faults(self):
        return self.admin("DELETE", "faults")

    def counters(self):
        return self.admin("GET", "counters")

    def requests(self, since=0):
        return self.admin("GET", f"requests?since={since}")

    def state(self):
        return self.admin("GET", "state")


def http_json(url, method, path, body=None, token=None, timeout=30):
    """(status, decoded JSON or None) of one request to http://HOST:PORT."""
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if token:
        headers["Authorization"] = "Bearer " + token
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=timeout)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        data = response.read()
        return response.status, json.loads(data) if data else None
    finally:
        connection.close()
