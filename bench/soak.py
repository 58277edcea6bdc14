"""soak: a daemon among people who drop, edit and remove tenants, on a platform that drifts and fails.

In:    [MINUTES], 30 by default; SOAK_SEED.
Out:   every ten seconds: memory, descriptors, ledger, what there is and was; in the end what grew.
       Exit status 1 when memory, descriptors or ledger grew beyond what is kept on purpose (a row for each
       event and for each name that was removed), or when a token file ever held a token that had expired.
Never: a change that nobody could make; more than one at a time.
"""

import argparse
import base64
import contextlib
import json
import os
import random
import signal
import sqlite3
import sys
import time
import urllib.error

from measure import Daemon, Emulator, median

TENANTS = 150  # about as many at any time
STEP_S, SAMPLE_S = 0.1, 10
EXPIRES_S, RENEW_BEFORE_S = 60, 30
EXTRA = """reconcile: {interval: 5s, debounce: 20ms, backoff: {initial: 50ms, max: 2s}}
policy:
  prune: on
  deletion_grace: 0s
  guard: {max_deletes: 1000000, max_delete_percent: 100, max_update_percent: 100}
"""
FAULTS = (
    {"status": 503, "probability": 0.05},
    {"status": 429, "retry_after": 1, "probability": 0.02},
    {"drop": "before", "probability": 0.05},
    {"drop": "after", "method": "PATCH", "probability": 0.2},
    {"status": 500, "commit": True, "method": "PATCH", "probability": 0.2},
    {"delay": "300ms", "probability": 0.2},
    {"list": "short", "probability": 0.5},
    {"cut": 20, "method": "GET", "probability": 0.1},
)
EVENT_BYTES, NAME_BYTES = 900, 1500  # in the ledger, with its indices
NAME_MEMORY = 4096
SLACK_MB, SLACK_FDS, SLACK_LEDGER = 6, 6, 1 << 20


class Soak:
    def __init__(self, emulator, daemon, chance):
        self.emulator, self.daemon, self.chance = emulator, daemon, chance
        self.names, self.next, self.removed, self.samples, self.expired = [], 0, 0, [], 0
        self.done = dict.fromkeys(("drop", "edit", "remove", "drift", "faults", "calm", "reload"), 0)

    # --- what people do -----------------------------------------------------------------------------

    def write(self, name):
        limit = self.chance.choice(("", ", size_limit: 256mb", ", size_limit: 1gb"))
        text = (f"databases:\n  {name}:\n    {{group: eu{limit}, tokens: {{app: {{authorization: full-access, "
                f"expiration: {EXPIRES_S}s, renew_before: {RENEW_BEFORE_S}s}}}}}}\n")
        path = self.daemon.dir / "manifest.d" / f"{name}.yaml"
        fresh = path.with_name(f".{name}")
        fresh.write_text(text)
        fresh.rename(path)

    def drop(self):
        name = f"t-{self.next}"
        self.next += 1
        self.names.append(name)
        self.write(name)

    def edit(self):
        self.write(self.chance.choice(self.names))

    def remove(self):
        name = self.names.pop(self.chance.randrange(len(self.names)))
        (self.daemon.dir / "manifest.d" / f"{name}.yaml").unlink()
        self.removed += 1

    def drift(self):
        with contextlib.suppress(urllib.error.HTTPError, ConnectionError):
            self.emulator.call("PATCH", f"/v1/organizations/acme/databases/{self.chance.choice(self.names)}"
                                        "/configuration", {"size_limit": "2gb"})

    def faults(self):
        self.emulator.admin("POST", "faults", [{"times": 30, "seed": self.chance.randrange(1000),
                                                **self.chance.choice(FAULTS)}])

    def calm(self):
        self.emulator.admin("DELETE", "faults")

    def reload(self):
        self.daemon.process.send_signal(signal.SIGHUP)

    def something(self):
        more = len(self.names) < TENANTS
        what = self.chance.choices(("drop", "edit", "remove", "drift", "faults", "calm", "reload"),
                                   (12 if more else 4, 4, 0 if len(self.names) < 20 else 4 if more else 8,
                                    4, 1, 2, 0.3))[0]
        if what in ("edit", "drift") and not self.names:
            return
        getattr(self, what)()
        self.done[what] += 1

    # --- what comes of it ---------------------------------------------------------------------------

    def look_at_tokens(self):
        """How many files hold a token that has expired."""
        n = 0
        for name in self.names:
            path = self.daemon.dir / "tokens" / name / "app.jwt"
            with contextlib.suppress(FileNotFoundError):
                body = path.read_text().split(".")[1]
                claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
                late = time.time() - claims["exp"]
                if late > 0:
                    n += 1
                    print(f"{name}: its token expired {late:.1f} s ago", flush=True)
        self.expired += n

    def sample(self, begun):
        pid = self.daemon.process.pid
        state = self.daemon.dir / "state"
        ledger = state / "ledger.db"
        with contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as db:
            events = db.execute("SELECT count(*) FROM event").fetchone()[0]
        s = {"at": time.monotonic() - begun, "rss": self.daemon.rss_mb(),
             "fds": len(os.listdir(f"/proc/{pid}/fd")), "events": events, "removed": self.removed,
             "ledger": ledger.stat().st_size}
        self.samples.append(s)
        print(f"{s['at']:6.0f} s  {s['rss']:6.1f} MB  {s['fds']:3} descriptors  ledger {s['ledger'] >> 10:6} KiB  "
              f"{events} events  {len(self.names)} tenants, {self.removed} removed  {self.expired} expired",
              flush=True)

    def run(self, minutes):
        begun = time.monotonic()
        next_sample = 0
        while (now := time.monotonic() - begun) < minutes * 60:
            self.something()
            if now >= next_sample:
                self.look_at_tokens()
                self.sample(begun)
                next_sample = now + SAMPLE_S
            time.sleep(STEP_S)
            if self.daemon.process.poll() is not None:
                raise RuntimeError(f"the daemon ended with {self.daemon.process.returncode}")

    def verdict(self):
        """What grew from the first third to the last beyond what is kept on purpose."""
        third = max(1, len(self.samples) // 3)
        first, last = self.samples[third // 2:third + 1], self.samples[-third:]

        def of(part, key):
            return median([s[key] for s in part])

        kept = {key: of(last, key) - of(first, key) for key in ("events", "removed")}
        limits = {"rss": of(first, "rss") + SLACK_MB + kept["removed"] * NAME_MEMORY / 2**20,
                  "fds": of(first, "fds") + SLACK_FDS,
                  "ledger": of(first, "ledger") + SLACK_LEDGER + kept["events"] * EVENT_BYTES +
                  kept["removed"] * NAME_BYTES}
        bad = [f"{key} grew from {of(first, key):.0f} to {of(last, key):.0f}, at most {limits[key]:.0f} is kept "
               "on purpose" for key in limits if of(last, key) > limits[key]]
        if self.expired:
            bad.append(f"{self.expired} times a token file held a token that had expired")
        return bad


def main():
    parser = argparse.ArgumentParser(prog="bench/soak")
    parser.add_argument("minutes", type=float, nargs="?", default=30, metavar="MINUTES")
    minutes = parser.parse_args().minutes
    if minutes <= 0:
        parser.error("less than a moment shows nothing")
    seed = int(os.environ.get("SOAK_SEED", "1"))
    with Emulator("--latency", "5ms") as emulator:
        emulator.admin("POST", "reset")
        with Daemon(emulator.url, "soak", extra=EXTRA) as daemon:
            daemon.write("manifest.d/root.yaml", "groups:\n  eu: {location: aws-eu-west-1}\n")
            daemon.start()
            daemon.ctl("sync", "--wait")
            soak = Soak(emulator, daemon, random.Random(seed))
            soak.run(minutes)
    print(", ".join(f"{n} {what}" for what, n in soak.done.items()))
    bad = soak.verdict()
    print("\n".join(bad) if bad else "nothing grew, and no token file held an expired token")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
