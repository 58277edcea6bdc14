"""test_torture: killed at any moment, again and again, it ends as the manifest says.

In:    the real tenantd, four at once, each with a platform of its own; TENANTD_TORTURE_SEED,
       TENANTD_TORTURE_KILLS (against the emulator; a twentieth of it against the strict API).
Out:   after each kill no token file is half written; after each few the platform is the manifest,
       nothing was made twice, and every mint is in a file or accounted for as lost.
Never: a pause to let something happen: a kill comes with the n-th request, event or file.
"""

import concurrent.futures
import contextlib
import json
import os
import random
import signal
import socket

import fleet
import harness
import pytest

SEED = int(os.environ.get("TENANTD_TORTURE_SEED", "1"))
KILLS = int(os.environ.get("TENANTD_TORTURE_KILLS", "500"))
AT_ONCE = 4
KILLS_A_CHECK = 10
SOON = 0.0005  # between two looks at what is waited for
ENOUGH_REQUESTS = 6  # where no event or file comes: it has settled


class Events:
    """How many events the daemon has said since; 0 until it listens."""

    def __init__(self, daemon):
        self.n, self._path, self._socket = 0, str(daemon.socket_path), None

    def count(self):
        if not self._socket and not self._connect():
            return 0
        with contextlib.suppress(BlockingIOError, ConnectionError):
            self.n += self._socket.recv(1 << 16).count(b"\0")
        return self.n

    def _connect(self):
        fresh = socket.socket(socket.AF_UNIX)
        try:
            fresh.connect(self._path)
            call = {"method": "org.tenantd.Control.Watch", "more": True}
            fresh.sendall(json.dumps(call).encode() + b"\0")
        except OSError:
            fresh.close()
            return False
        fresh.setblocking(False)
        self._socket = fresh
        return True

    def close(self):
        if self._socket:
            self._socket.close()


class Torture:
    def __init__(self, platform, make_daemon, seed):
        self.seed, self.rng, self.platform = seed, random.Random(seed), platform
        self.fleet = fleet.Fleet(self.rng)
        self.daemon = make_daemon(platform.url, fleet.TOKEN, config=fleet.CONFIG)

    def edit(self):
        self.fleet.edit()
        self.daemon.write_manifest("fleet.yaml", self.fleet.manifest())

    def reload(self):
        self.daemon.write_config(api={"concurrency": self.rng.randint(1, 8)})
        harness.wait_until(lambda: harness.is_connectable(self.daemon.socket_path), 30,
                           "it takes signals", SOON)
        self.daemon.hup()

    def files(self):
        """A number that changes with each file that comes or goes."""
        return hash(frozenset((p, p.stat().st_ino) for p in self.daemon.tokens_dir.rglob("*.jwt")
                              if os.path.exists(p)))

    def wait_for_a_moment(self):
        """Until the n-th request, event or change of a token file from now."""
        what, n = self.rng.choice(("request", "request", "event", "file")), self.rng.randint(1, 6)
        first, seen, events = self.platform.n_requests(), {None}, Events(self.daemon)

        def is_now():
            if not self.daemon.is_running():
                raise RuntimeError(self.why())
            requests = self.platform.n_requests() - first
            if what == "request":
                return requests >= n
            if what == "file":
                with contextlib.suppress(FileNotFoundError):
                    seen.add(self.files())
                return len(seen) > n // 2 + 1 or requests >= ENOUGH_REQUESTS
            return events.count() >= n or requests >= ENOUGH_REQUESTS

        try:
            harness.wait_until(is_now, 30, f"{what} {n}", SOON)
        except AssertionError as never:
            raise AssertionError(f"{never}\n{self.why()}") from never
        finally:
            events.close()

    def why(self):
        if not self.daemon.is_running():
            return f"the daemon ended: {self.daemon.wait(1)}\n{self.daemon.tail()}"
        return f"{self.daemon.status()}\n{self.daemon.tail()}"

    def kill_once(self):
        self.platform.slow_down(self.rng.choice((0, 0, 1, 3)))
        self.edit()
        self.daemon.start(by=None)
        self.wait_for_a_moment()
        if self.rng.random() < 0.5:
            self.rng.choice((self.edit, self.edit, self.reload))()
            self.wait_for_a_moment()
        assert self.daemon.process.end(10, signal.SIGKILL) == -signal.SIGKILL, self.daemon.tail()
        fleet.assert_whole(fleet.published_files(self.daemon))

    def is_at_rest(self):
        """All that is wanted is so. What was being made or deleted at a kill, and is not wanted
        any more, may come or go for minutes: that is not waited for each time."""
        restless = [r for r in self.daemon.list()
                    if r["phase"] not in ("Ready", "Orphaned") and not (
                        r["kind"] != "group" and r["name"].split("/")[0] not in self.fleet.databases
                        and (r["phase"] in ("Unknown", "Deleting") or r["reason"] == "NoAnswer")
                        and r["reason"] != "Held")]
        assert not restless, [(r["kind"], r["name"], r["phase"], r["reason"], r["message"])
                              for r in restless]
        return True

    def check(self, is_patient=False):
        """Let it come to rest, and end in peace: what is under way counts as lost otherwise."""
        self.platform.slow_down(0)
        self.daemon.start()
        if is_patient:
            assert self.daemon.ctl("sync", "--wait", "--timeout", "100s", timeout=110).code == 0
            assert self.daemon.status()["problems"] == []
        else:
            cycle = self.daemon.ctl_json("sync")["cycle"]
            harness.wait_until(lambda: self.daemon.status()["observation"]["cycle"] >= cycle, 30)
            harness.wait_until(self.is_at_rest, 30, "rest")
            harness.wait_until(lambda: sorted(self.platform.databases()) ==
                               sorted(self.fleet.databases), 30, "the manifest")
        assert self.daemon.stop() == 0, self.daemon.tail()
        fleet.assert_true(self.fleet, self.platform, self.daemon)
        if is_patient:
            assert sorted(fleet.published_files(self.daemon)) == sorted(self.fleet.token_files())
        self.daemon.log_path.write_text("")

    def run(self, kills, is_patient):
        for n in range(kills):
            try:
                self.kill_once()
                is_last = n == kills - 1
                if is_last or n % KILLS_A_CHECK == KILLS_A_CHECK - 1:
                    self.check(is_last and is_patient)
            except AssertionError as wrong:
                raise AssertionError(f"seed {self.seed}, kill {n}: {wrong}") from wrong


@pytest.fixture(params=(fleet.EmulatorSide, fleet.StrictSide), ids=("emulator", "strict"))
def platforms(request):
    with contextlib.ExitStack() as running:
        yield [running.enter_context(contextlib.closing(request.param())) for _ in range(AT_ONCE)]


@pytest.mark.bound(120 + 4 * KILLS)
def test_killed_at_any_moment_nothing_is_lost_or_made_twice(platforms, make_daemon):
    is_strict = isinstance(platforms[0], fleet.StrictSide)
    kills = max((KILLS // 20 if is_strict else KILLS) // AT_ONCE, 1)
    tortures = [Torture(p, make_daemon, SEED + n) for n, p in enumerate(platforms)]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        runs = [pool.submit(t.run, kills, is_patient=is_strict) for t in tortures]
        for run in concurrent.futures.as_completed(runs):
            run.result()
