"""measure: programs as whole processes, by the system's own accounting.

In:    commands; the release build.
Out:   wall and CPU seconds, peak memory, medians; a running emulator or daemon.
Never: a process that outlives its measurement.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import threading
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = ROOT / "build" / "release" / "bin"
WORK = ROOT / "build" / "bench"
TOKEN = "bench-token-0123456789"


class Figures:
    def __init__(self, wall, usage, peak, status):
        self.wall, self.status = wall, status
        self.cpu = usage.ru_utime + usage.ru_stime
        self.rss_mb = peak.kb / 1024


class Peak(threading.Thread):
    """The most memory of a process so far. What wait4 says of that is at least what this very program has, of which
    the process was forked."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.kb, self.over = pid, 0, threading.Event()

    def run(self):
        while not self.over.wait(0.005):
            with contextlib.suppress(OSError, KeyError):
                self.kb = status_of(self.pid, "VmHWM")

    def end(self):
        self.over.set()
        self.join()


def status_of(pid, key):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    raise KeyError(key)


def run(command, environment=None):
    """One command to its end."""
    begun = time.monotonic()
    child = subprocess.Popen([str(c) for c in command], stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, env=environment)
    peak = Peak(child.pid)
    peak.start()
    complaint = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - begun
    peak.end()
    child.stderr.close()
    figures = Figures(wall, usage, peak, child.returncode)
    if figures.status:
        raise RuntimeError(f"{command[0]} ended with {figures.status}: {complaint[-2000:]!r}")
    return figures


def median(values):
    return statistics.median(values)


class Emulator:
    def __init__(self, *arguments):
        command = [BIN / "turso-emulator", "--listen", "127.0.0.1:0", "--organization", "acme",
                   "--token", TOKEN, *arguments]
        self.process = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]

    def admin(self, method, path, body=None):
        request = urllib.request.Request(f"{self.url}/_emulator/{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def call(self, method, path, body=None):
        request = urllib.request.Request(
            self.url + path, method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def has(self, path):
        """Is there such a thing?"""
        try:
            self.call("GET", path)
        except urllib.error.HTTPError:
            return False
        return True

    def cpu(self):
        """Seconds so far."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Daemon:
    """A tenantd with a directory of its own below build/bench, on whatever file system that is."""

    def __init__(self, url, name="daemon", concurrency=64, rate=0, extra=""):
        self.dir = WORK / name
        shutil.rmtree(self.dir, ignore_errors=True)
        (self.dir / "manifest.d").mkdir(parents=True)
        (self.dir / "state").mkdir(mode=0o700)
        self.write("token", TOKEN + "\n", 0o600)
        self.socket = pathlib.Path(f"/tmp/tenantd-bench-{os.getpid()}.sock")
        self.write("tenantd.yaml", f"""organization: acme
api: {{url: "{url}", token: {{file: {self.dir}/token}}, concurrency: {concurrency}, rate: {rate}}}
manifest: {self.dir}/manifest.d
state_dir: {self.dir}/state
tokens_dir: {self.dir}/tokens
socket: {self.socket}
{extra}""", 0o600)
        self.process = None

    def write(self, name, text, mode=0o644):
        path = self.dir / name
        path.write_text(text)
        path.chmod(mode)

    def command(self, *arguments):
        return [BIN / "tenantd", "--config", self.dir / "tenantd.yaml", "--log-level", "error",
                *arguments]

    def once(self):
        return run(self.command("--once"))

    def start(self):
        """Until its socket is there; it is not yet asked anything."""
        self.process = subprocess.Popen([str(c) for c in self.command()])
        connect(self.socket, 60).close()
        return self

    def ctl(self, *arguments):
        return subprocess.run([BIN / "tenantctl", "--socket", self.socket, *arguments],
                              capture_output=True, text=True, timeout=600, check=False)

    def ask(self, timeout=60):
        """One GetStatus over the socket; seconds that it took."""
        begun = time.monotonic()
        with contextlib.closing(connect(self.socket, timeout)) as control:
            control.sendall(b'{"method":"org.tenantd.Control.GetStatus"}\0')
            read_message(control)
        return time.monotonic() - begun

    def api(self):
        """What its status says of calls."""
        with contextlib.closing(connect(self.socket, 60)) as control:
            control.sendall(b'{"method":"org.tenantd.Control.GetStatus"}\0')
            return read_message(control)["parameters"]["status"]["api"]

    def rss_mb(self):
        return status_of(self.process.pid, "VmRSS") / 1024

    def wakeups(self):
        return status_of(self.process.pid, "voluntary_ctxt_switches")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()
        self.socket.unlink(missing_ok=True)


def connect(path, timeout):
    """To a socket that may not be there yet."""
    deadline = time.monotonic() + timeout
    while True:
        control = socket.socket(socket.AF_UNIX)
        control.settimeout(timeout)
        try:
            control.connect(str(path))
            return control
        except OSError:
            control.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.001)


def read_message(control, buffer=None):
    """The next NUL-ended message, decoded; `buffer` keeps what came beyond it."""
    buffer = bytearray() if buffer is None else buffer
    while (end := buffer.find(0)) < 0:
        data = control.recv(1 << 16)
        if not data:
            raise ConnectionError("the daemon hung up")
        buffer += data
    message = json.loads(buffer[:end])
    del buffer[:end + 1]
    return message
