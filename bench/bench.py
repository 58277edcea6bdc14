"""bench: what tenantd costs, against its targets and against other clients in the same run.

In:    [--quick] [--runs N] [--write] [ROW]...
Out:   a row a figure; docs/performance.md with --write; exit status 1 when a row misses its target.
Never: a comparison of figures from different runs.
"""

import argparse
import datetime
import os
import pathlib
import subprocess
import sys
import threading
import time

import measure
from measure import TOKEN, WORK, Daemon, Emulator, median

LATENCY_S, IN_FLIGHT = 0.05, 64
DOCUMENT = measure.ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- figures -->\n", "<!-- /figures -->\n"


class Table:
    """Rows of (what, figure, target, more); a target of None is a figure beside the others."""

    def __init__(self):
        self.rows = []

    def add(self, what, value, target=None, unit="", note=""):
        verdict = "" if target is None else "yes" if value <= target else "**no**"
        limit = "" if target is None else f"≤ {target:g}{unit}"
        self.rows.append((what, f"{value:.3g}{unit}", limit, verdict, note))
        print(f"{what:<64} {value:>9.3g}{unit:<5} {limit:<12} {verdict:<7} {note}", flush=True)

    def misses(self):
        return sum("no" in row[3] for row in self.rows)

    def markdown(self):
        head = ["| what | figure | target | met | |", "|---|---|---|---|---|"]
        return "\n".join(head + ["| " + " | ".join(row) + " |" for row in self.rows]) + "\n"


# --- Manifests ----------------------------------------------------------------------------------


def manifest(n, location, prefix="t-", fields="", first=1):
    head = f"groups:\n  default: {{location: {location}}}\ndatabases:\n"
    return head + "".join(f"  {prefix}{i:07d}: {{group: default{fields}}}\n"
                          for i in range(first, first + n))


def filled_location(emulator):
    return emulator.call("GET", "/v1/organizations/acme/groups")["groups"][0]["locations"][0]


def ready_group(emulator):
    emulator.admin("POST", "reset")
    emulator.call("POST", "/v1/organizations/acme/groups",
                  {"name": "default", "location": "aws-eu-west-1"})


# --- Rows ---------------------------------------------------------------------------------------


def curl_config(path, url, n):
    block = (f'url = "{url}/v1/organizations/acme/databases"\nrequest = "POST"\n'
             f'header = "Authorization: Bearer {TOKEN}"\nheader = "Content-Type: application/json"\n'
             'output = "/dev/null"\nsilent\nfail\ndata = "{\\"name\\":\\"t-%07d\\",\\"group\\":\\"default\\"}"\n')
    path.write_text("next\n".join(block % i for i in range(1, n + 1)))


def creates(table, options):
    """10,000 creates with a durable ledger, in turn with the other clients."""
    n = 1000 if options.quick else 10000
    ideal = n / IN_FLIGHT * LATENCY_S
    text = manifest(n, "aws-eu-west-1")
    WORK.mkdir(parents=True, exist_ok=True)
    (WORK / "manifest.yaml").write_text(text)
    ours, theirs, curls = [], [], []
    with Emulator("--latency", f"{LATENCY_S * 1000:.0f}ms") as emulator:
        environment = dict(os.environ, MANIFEST=str(WORK / "manifest.yaml"), URL=emulator.url,
                           TOKEN=TOKEN, ORGANIZATION="acme", CONCURRENCY=str(IN_FLIGHT))
        curl_config(WORK / "curl.config", emulator.url, n)
        for _ in range(options.runs):
            ready_group(emulator)
            with Daemon(emulator.url) as daemon:
                daemon.write("manifest.d/root.yaml", text)
                ours.append(daemon.once())
            ready_group(emulator)
            theirs.append(measure.run(["node", WORK / "client" / "client.mjs"], environment))
            ready_group(emulator)
            curls.append(measure.run(["curl", "--parallel", "--parallel-max", str(IN_FLIGHT), "-K",
                                      WORK / "curl.config"]))
    wall = median([r.wall for r in ours])
    table.add(f"{n} creates: wall / ideal", wall / ideal, 1.06, "", f"{wall:.2f} s")
    table.add("  the same by the official client", median([r.wall for r in theirs]) / ideal)
    table.add("  the same by curl --parallel", median([r.wall for r in curls]) / ideal)
    table.add("  CPU against the official client", median([a.cpu / b.cpu for a, b in zip(ours, theirs)]),
              0.12, "", f"{median([r.cpu for r in ours]):.2f} s")
    table.add("  CPU against curl --parallel", median([a.cpu / b.cpu for a, b in zip(ours, curls)]), 0.25)
    table.add("  peak memory", median([r.rss_mb for r in ours]), 25, " MB")


def load(table, options):
    """The emulator by itself: what it could answer in the time that a create takes here."""
    with Emulator() as emulator:
        ready_group(emulator)
        out = subprocess.run(["wrk", "-t1", f"-c{IN_FLIGHT}", "-d2s" if options.quick else "-d5s", "-H",
                              f"Authorization: Bearer {TOKEN}",
                              f"{emulator.url}/v1/organizations/acme/groups/default"],
                             capture_output=True, text=True, timeout=60, check=True).stdout
    rate = next(float(line.split()[1]) for line in out.splitlines() if "Requests/sec" in line)
    table.add("the emulator alone, asked by wrk: requests a second", rate, None, "",
              f"{IN_FLIGHT / LATENCY_S:.0f} are asked of it above")


def whole(table, options):
    """create + configure + mint + write, each tenant."""
    n = 500 if options.quick else 10000
    ideal = 3 * n / IN_FLIGHT * LATENCY_S
    fields = ", size_limit: 256mb, tokens: {app: {authorization: full-access, expiration: 7d}}"
    runs = []
    with Emulator("--latency", f"{LATENCY_S * 1000:.0f}ms") as emulator:
        for _ in range(options.runs):
            ready_group(emulator)
            with Daemon(emulator.url) as daemon:
                daemon.write("manifest.d/root.yaml", manifest(n, "aws-eu-west-1", fields=fields))
                runs.append(daemon.once())
    wall = median([r.wall for r in runs])
    table.add(f"{n} tenants, whole: wall / ideal", wall / ideal, 1.08, "",
              f"{wall:.2f} s, CPU {median([r.cpu for r in runs]):.2f} s")


def settled(emulator, n, name="noop"):
    """A daemon whose ledger owns all n databases of a filled emulator."""
    daemon = Daemon(emulator.url, name)
    daemon.write("manifest.d/root.yaml", manifest(n, filled_location(emulator), "db-"))
    daemon.once()
    return daemon


def noop_of(n, runs):
    with Emulator("--fill", str(n)) as emulator, settled(emulator, n) as daemon:
        return [daemon.once() for _ in range(runs)]


def noop(table, options, sizes=()):
    """Nothing to do: read the manifest, list all, compare."""
    sizes = sizes or ((1000, 10000) if options.quick else (10000, 100000))
    targets = {100000: (0.4, 25), 1000000: (4, 150)}
    idle = median([r.rss_mb for r in noop_of(1, options.runs)])
    each = {}
    for n in sizes:
        runs = noop_of(n, min(options.runs, 3) if n > 100000 else options.runs)
        cpu, rss = targets.get(n, (None, None))
        each[n] = median([r.cpu for r in runs])
        table.add(f"nothing to do, {n} databases: CPU", each[n], cpu, " s")
        memory = median([r.rss_mb for r in runs])
        if n == 100000:
            table.add("  memory beyond idle", memory - idle, rss, " MB")
        else:
            table.add("  memory in all", memory, rss, " MB")
    first, last = sizes[0], sizes[-1]
    table.add(f"CPU a database, {last} against {first}", each[last] / last / (each[first] / first), 1.3)


def rates(table, options):
    """A limit of calls a second is kept, and used."""
    for rate in (50, 500) if options.quick else (50, 500, 5000):
        n = rate * (8 if options.quick else 20)
        walls = []
        with Emulator() as emulator:
            for _ in range(1 if rate < 500 else options.runs):
                ready_group(emulator)
                with Daemon(emulator.url, rate=rate) as daemon:
                    daemon.write("manifest.d/root.yaml", manifest(n, "aws-eu-west-1"))
                    walls.append(daemon.once().wall)
                made = emulator.admin("GET", "counters")["requests"]
        table.add(f"a limit of {rate} a second: wall / ideal", median(walls) / (made / rate), 1.01, "",
                  f"{made} calls")


class Watcher(threading.Thread):
    """Asks for status again and again; how long each answer took."""

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.target, self.took, self.over = daemon, [], threading.Event()

    def run(self):
        while not self.over.is_set():
            self.took.append(self.target.ask())
            self.over.wait(0.005)

    def end(self):
        self.over.set()
        self.join()
        return sorted(self.took)


def large(table, options, n=0):
    """One daemon with very many: starting, being asked, listing."""
    n = n or (20000 if options.quick else 100000)
    with Emulator("--fill", str(n)) as emulator, settled(emulator, n, "large") as daemon:
        begun = time.monotonic()
        daemon.start()
        daemon.ask()
        table.add(f"start with {n} owned rows: until status is answered", time.monotonic() - begun, 2, " s")
        watcher = Watcher(daemon)
        watcher.start()
        daemon.ctl("sync", "--wait")
        took = watcher.end()
        table.add("status while all are worked on, p99", took[len(took) * 99 // 100] * 1000, 20, " ms",
                  f"longest {took[-1] * 1000:.0f} ms of {len(took)}")
        before = daemon.rss_mb()
        watcher = Watcher(daemon)
        watcher.start()
        most = stream_list(daemon)
        took = watcher.end()
        table.add("list of all: more memory", max(0, most - before), 4, " MB")
        table.add("list of all: longest wait for a status beside it", took[-1] * 1000, 10, " ms")


def million(table, options):
    """What takes some minutes and gigabytes."""
    noop(table, options, (10000, 1000000))
    large(table, options, 1000000)


def stream_list(daemon):
    """Peak memory while everything is streamed."""
    most, buffer = 0, bytearray()
    with measure.connect(daemon.socket, 60) as control:
        control.sendall(b'{"method":"org.tenantd.Control.List","parameters":{},"more":true}\0')
        while measure.read_message(control, buffer).get("continues"):
            most = max(most, daemon.rss_mb())
    return most


def idle(table, options):
    """10,000 databases, settled: memory and wake-ups."""
    n = 1000 if options.quick else 10000
    seconds = 5 if options.quick else 30
    with Emulator("--fill", str(n)) as emulator, settled(emulator, n, "idle") as daemon:
        daemon.start()
        daemon.ctl("sync", "--wait")
        time.sleep(10)  # its ledger is tidied up
        before = daemon.wakeups()
        time.sleep(seconds)
        table.add(f"idle, {n} settled: wake-ups a second", (daemon.wakeups() - before) / seconds, 1)
        table.add(f"idle, {n} settled: memory", daemon.rss_mb(), 20, " MB")


def one_file(table, options):
    """One changed file of very many: from the rename to the first call, debounce apart."""
    n = 2000 if options.quick else 100000
    with Emulator() as emulator:
        ready_group(emulator)
        emulator.admin("POST", "reset")
        with Daemon(emulator.url, "files", extra="reconcile: {debounce: 10ms}\npolicy: {writes: off}\n") as daemon:
            daemon.write("manifest.d/root.yaml", "groups:\n  default: {location: aws-eu-west-1}\n")
            for i in range(n):
                directory = daemon.dir / "manifest.d" / f"{i // 1000:03d}"
                directory.mkdir(exist_ok=True)
                (directory / f"{i}.yaml").write_text(f"databases:\n  t-{i:07d}: {{group: default}}\n")
            daemon.start()
            daemon.ctl("sync", "--wait")
            waits = []
            for i in range(options.runs):
                old = daemon.dir / "manifest.d" / "000" / "0.yaml"
                fresh = old.with_name(".fresh")
                fresh.write_text(f"databases:\n  t-0000000: {{group: default, size_limit: {i + 1}gb}}\n")
                generation = generation_of(daemon)
                begun = time.monotonic()
                fresh.rename(old)
                while generation_of(daemon) == generation:
                    if time.monotonic() - begun > 60:
                        raise RuntimeError("the change was not seen")
                waits.append(time.monotonic() - begun - 0.01)
            table.add(f"one of {n} files: from its change to a new generation", median(waits) * 1000, 100, " ms")


def generation_of(daemon):
    with measure.connect(daemon.socket, 60) as control:
        control.sendall(b'{"method":"org.tenantd.Control.GetStatus"}\0')
        return measure.read_message(control)["parameters"]["status"]["manifest"]["generation"]


def passed(emulator):
    """Calls that were let through, and that were refused for coming too soon."""
    ok = refused = 0
    for route in emulator.admin("GET", "counters")["routes"].values():
        for status, n in route["by_status"].items():
            refused += n if status == "429" else 0
            ok += n if status != "429" else 0
    return ok, refused


def under_limit(table, emulator, what, limit, seconds):
    """From a minute after the limit has become that: how much of it is used, how much is refused."""
    emulator.admin("POST", "switches", {"rate": limit})
    time.sleep(60)
    ok, refused = passed(emulator)
    begun = time.monotonic()
    time.sleep(seconds)
    ok_then, refused_then = passed(emulator)
    ok, refused = ok_then - ok, refused_then - refused
    table.add(f"{what}: limit / calls let through", limit * (time.monotonic() - begun) / ok, 1 / 0.9, "",
              f"of {limit} a second")
    table.add(f"{what}: calls refused", 100 * refused / (ok + refused), 1, " %")


def pace(table, options):
    """A limit that nobody told us: it drops to a quarter, and returns; 10 at once, Retry-After 1."""
    limit, seconds = (80, 30) if options.quick else (200, 60)
    with Emulator("--latency", f"{LATENCY_S * 1000:.0f}ms") as emulator:
        ready_group(emulator)
        with Daemon(emulator.url, "pace") as daemon:
            emulator.admin("POST", "switches", {"rate": limit})
            daemon.write("manifest.d/root.yaml", manifest(limit * (4 * 60 + 3 * seconds), "aws-eu-west-1"))
            daemon.start()
            time.sleep(20)
            under_limit(table, emulator, "a hidden limit drops to a quarter", limit // 4, seconds)
            under_limit(table, emulator, "it returns", limit, seconds)


def lanes(table, options):
    """New tenants while every database is being corrected: how long until each is live."""
    n, drops, rate = (2000, 30, 50) if options.quick else (100000, 100, 200)
    policy = "reconcile: {debounce: 10ms}\npolicy: {guard: {max_update_percent: 100}}\n"
    with Emulator("--fill", str(n)) as emulator:
        with Daemon(emulator.url, "lanes", rate=rate, extra=policy) as daemon:
            location = filled_location(emulator)
            daemon.write("manifest.d/root.yaml", manifest(n, location, "db-"))
            daemon.once()
            daemon.write("manifest.d/root.yaml", manifest(n, location, "db-", ", delete_protection: true"))
            daemon.start()
            deadline = time.monotonic() + 120
            while daemon.api()["queued"] < n / 2 and time.monotonic() < deadline:
                time.sleep(0.05)
            took = sorted(drop_one(emulator, daemon, i) for i in range(drops))
            left = daemon.api()["queued"]
    table.add(f"a new tenant among {n} corrections: until it is live, p50", took[drops // 2], 1, " s",
              f"{left} of them still wait in the end")
    table.add("  p99", took[drops * 99 // 100], 3, " s")


def drop_one(emulator, daemon, i):
    """Seconds from a file that appears until the platform has its database."""
    fresh = daemon.dir / "manifest.d" / f".new-{i}"
    fresh.write_text(f"databases:\n  new-{i}: {{group: default}}\n")
    begun = time.monotonic()
    fresh.rename(daemon.dir / "manifest.d" / f"new-{i}.yaml")
    while time.monotonic() - begun < 60:
        if emulator.has(f"/v1/organizations/acme/databases/new-{i}"):
            return time.monotonic() - begun
        time.sleep(0.01)
    raise RuntimeError(f"new-{i} does not come")


ROWS = {"load": load, "creates": creates, "whole": whole, "noop": noop, "rates": rates, "large": large,
        "idle": idle, "one-file": one_file, "pace": pace, "lanes": lanes}
BY_NAME = {"million": million}


def machine():
    cpu = next(line.split(":", 1)[1].strip()
               for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
               if line.startswith("model name"))
    memory = int(pathlib.Path("/proc/meminfo").read_text().split()[1]) / 2**20
    return f"{os.cpu_count()} × {cpu}, {memory:.0f} GiB, Linux {os.uname().release}"


def write(table, options):
    text = DOCUMENT.read_text()
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    note = (f"\n{datetime.date.today()}, {machine()}; medians of {options.runs} runs, "
            f"`bench/run{' --quick' if options.quick else ''}`.\n\n")
    DOCUMENT.write_text(before + BEGIN + note + table.markdown() + END + after)


def main():
    parser = argparse.ArgumentParser(prog="bench/run")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of: {' '.join(ROWS)}; by name alone: {' '.join(BY_NAME)}")
    parser.add_argument("--quick", action="store_true", help="smaller: to see that it works")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="the table into docs/performance.md")
    options = parser.parse_args()
    unknown = set(options.rows) - set(ROWS) - set(BY_NAME)
    if unknown:
        parser.error(f"no such row: {' '.join(sorted(unknown))}")
    table = Table()
    for name in options.rows or ROWS:
        {**ROWS, **BY_NAME}[name](table, options)
    if options.write:
        write(table, options)
    return 1 if table.misses() else 0


if __name__ == "__main__":
    sys.exit(main())
