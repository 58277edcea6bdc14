"""test_control_flood: what many, slow, broken and hostile clients of the control socket can do to a daemon.

In:    the real tenantd, strict_api; raw sockets.
Out:   each time: it stays small, answers an operator meanwhile, and everybody afterwards.
Never: a client that reads more than the test says.
"""

import contextlib
import json
import os
import select
import socket

import harness
import pytest
from strict_api import TOKEN

N = 2000  # databases: a list of them is about a megabyte
LIMIT = 256  # clients, of which the last eighth is kept for operators
MIB = 1 << 20
NOBODY = 65534
# What a sanitizer keeps for itself of what was freed is none of the daemon's.
SPARE = (64 if not os.environ.get("TENANTD_SANITIZE") else 640) * MIB


@pytest.fixture
def daemon(strict, make_daemon):
    """Has read a large manifest, and writes nothing."""
    made = make_daemon(strict.url, TOKEN, config={"policy": {"writes": "off"}})
    made.write_manifest("m.yaml", "groups: {eu: {location: aws-eu-west-1}}\ndatabases:\n" +
                        "".join(f"  t-{i}: {{group: eu, size_limit: 256mb}}\n" for i in range(N)))
    made.start()
    harness.wait_until(lambda: made.status()["state"] == "settled", 30, "it is settled")
    with contextlib.ExitStack() as stack:
        made.stack = stack
        yield made
    assert made.ctl("status").code == 0
    assert made.stop() == 0, made.tail()


def call(method, **rest):
    return json.dumps({"method": "org.tenantd.Control." + method, **rest}).encode() + b"\0"


def connect(daemon):
    """A client; None where the queue of those who wait to be accepted is full."""
    client = daemon.stack.enter_context(socket.socket(socket.AF_UNIX))
    client.setblocking(False)
    try:
        client.connect(str(daemon.socket_path))
    except BlockingIOError:
        client.close()
        return None
    return client


def connect_many(daemon, n):
    return [harness.wait_until(lambda: connect(daemon), 30, "it accepts", 0.001) for _ in range(n)]


@contextlib.contextmanager
def nobody(daemon):
    """Whoever connects meanwhile is a reader, and no operator."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to be somebody else")
    daemon.root.chmod(0o755)
    daemon.socket_path.chmod(0o666)
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def send(client, data):
    """As much of it as it takes; False: it was closed on us."""
    at, data = 0, memoryview(data)
    while at < len(data):
        if not select.select([], [client], [], 2)[1]:
            return True  # it reads no more
        try:
            at += client.send(data[at:at + MIB])
        except (BrokenPipeError, ConnectionResetError):
            return False
    return True


def is_refused(client):
    """By an error that says so, if it was there in time to be told."""
    try:
        said = client.recv(4096, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
    return said == b"" or b"org.tenantd.Control.NotReady" in said


def n_open(clients):
    return sum(not is_refused(client) for client in clients)


def n_descriptors(daemon):
    return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))


def test_a_thousand_readers_leave_room_for_operators(daemon):
    before = n_descriptors(daemon)
    with nobody(daemon):
        clients = connect_many(daemon, 1000)
    harness.wait_until(lambda: n_open(clients) <= LIMIT - LIMIT // 8, 30, "the rest is refused", 0.05)

    assert n_open(clients) == LIMIT - LIMIT // 8
    assert n_descriptors(daemon) - before <= LIMIT
    assert daemon.ctl("sync").code == 0
    more = connect_many(daemon, 2 * LIMIT)  # operators themselves
    harness.wait_until(lambda: n_open(clients) + n_open(more) <= LIMIT, 30, "the rest is refused", 0.05)
    answer = daemon.ctl("status")
    assert (answer.code, answer.err) == (
        1, "tenantctl: as many clients as may be are connected already; try again\n")
    for client in clients + more:
        client.close()
    harness.wait_until(lambda: daemon.ctl("status").code == 0, 30, "they are forgotten", 0.05)


def test_who_never_reads_costs_little_and_stalls_nobody(daemon):
    before = daemon.resident_bytes()
    clients = connect_many(daemon, 30)
    for client in clients:
        assert send(client, call("List", more=True) * 100 + call("Watch", more=True, parameters={"since": 0}))
        assert send(client, call("GetStatus") * 1000)

    for _ in range(3):
        assert daemon.ctl("status").code == 0
    assert len(daemon.list("database")) == N
    assert daemon.resident_bytes() - before < SPARE
    first = clients[0]
    got = b""
    while got.count(b"\0") < 3:  # and whoever does read after all, gets it
        assert select.select([first], [], [], 30)[0]
        got += first.recv(MIB)
    assert json.loads(got[:got.index(b"\0")])["parameters"]["resources"]


def test_messages_without_end_are_cut_off(daemon):
    before = daemon.resident_bytes()
    for start in (b'{"method":"', b'{"method":"a.b","parameters":{"x":"', b"[" * 100, b"\xff"):
        (client,) = connect_many(daemon, 1)
        assert not send(client, start + b"a" * (100 * MIB)), "it takes 100 MiB of one message"
    halves = connect_many(daemon, 100)
    for client in halves:
        assert send(client, call("GetStatus")[:-20])

    assert daemon.ctl("status").code == 0
    assert daemon.resident_bytes() - before < SPARE


GARBAGE = [b"\0", b"\0" * 70000, b"null\0", b"[]\0", b"{}\0", b"\xff\xfe\0", b'{"method":1}\0',
           b"GET / HTTP/1.1\r\n\r\n\0", b"[" * 70000 + b"\0", b'{"a":' * 70000 + b"\0",
           b'{"method":"' + b"a." * 20000 + b'"}\0', call("GetStatus", parameters={"k" * 9: [[]] * 1000}),
           call("Describe", parameters={"kind": "database", "name": "t-1/../../x" * 1000}),
           call("List", parameters={"kind": "\ud800", "phase": "\u0000"}), call("Nothing") * 3000,
           bytes(range(1, 256)) * 300 + b"\0"]


def test_garbage_harms_only_who_sends_it(daemon):
    for _ in range(4):
        clients = connect_many(daemon, len(GARBAGE))
        for client, words in zip(clients, GARBAGE):
            send(client, words)
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_WR)
        assert daemon.ctl("status").code == 0
        for client in clients[::2]:
            client.close()  # without a look at what it was told
    assert daemon.is_running()
