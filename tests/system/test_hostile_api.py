"""test_hostile_api: a platform, or who poses as one, whose answers are meant to do harm.

In:    the real tenantd; strict_api behind a relay that answers a request of our choice by bytes of its own.
Out:   each time: it says what is wrong in one line, stays small, writes nothing, and settles when that is over.
Never: a wait that the daemon does not bound.
"""

import contextlib
import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import zlib

import harness
import pytest
from strict_api import TOKEN

QUICK = {"api": {"timeout": "500ms"}, "reconcile": {"backoff": {"initial": "20ms", "max": "200ms"}}}
MIB = 1 << 20
# What a sanitizer keeps for itself of what was freed is none of the daemon's.
SPARE = (64 if not os.environ.get("TENANTD_SANITIZE") else 640) * MIB
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class Relay:
    """Passes requests on to `upstream`; one whose head matches `pattern` goes to `misbehave(send)` instead."""

    def __init__(self, upstream, context=None):
        self._upstream, self._context, self._over = upstream, context, threading.Event()
        self.pattern = self.misbehave = None
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection = self._listener.accept()[0]
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError, ValueError), connection:
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
            file = connection.makefile("rb")
            while not self._over.is_set():
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    line = file.readline(65536)
                    if not line:
                        return
                    head += line
                length = re.search(rb"(?i)^content-length: *(\d+)", head, re.M)
                body = file.read(int(length[1])) if length else b""
                if self.misbehave and re.search(self.pattern, head):
                    self.misbehave(connection.sendall, self._over)
                    return
                connection.sendall(self._pass_on(head + body))

    def _pass_on(self, request):
        with socket.create_connection(self._upstream, timeout=30) as server:
            server.sendall(request)
            answer = http.client.HTTPResponse(server)
            answer.begin()
            body = answer.read()
            head = "".join(f"{k}: {v}\r\n" for k, v in answer.getheaders() if k.lower() != "connection")
            return f"HTTP/1.1 {answer.status} {answer.reason}\r\n{head}\r\n".encode() + body


def upstream_of(strict):
    host, port = strict.url.removeprefix("http://").split(":")
    return host, int(port)


def endless(head, piece):
    """Sends `piece` until nobody takes it any more."""

    def send_it(send, over):
        send(head)
        while not over.is_set():
            send(piece * (65536 // len(piece)))

    return send_it


def dripping(head, piece):
    """A byte every now and then: too slow to be of use, too fast to be silence."""

    def send_it(send, over):
        send(head)
        while not over.wait(0.05):
            send(piece)

    return send_it


def whole(text):
    return lambda send, _over: send(text)


def bomb():
    """200 MiB of one string, in 200 KiB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(b'{"databases":["')] + [packer.compress(b"a" * MIB) for _ in range(200)]
    return OK + b"Content-Encoding: gzip\r\n\r\n" + b"".join(parts) + packer.flush()


LIST = rb"^GET \S*/databases[? ]"
ORGANIZATION = rb"^GET /v1/organizations/acme "
HOSTILE = {
    "endless element": (LIST, endless(OK + b'\r\n{"databases":["', b"a"), "over 65536 bytes"),
    "endless answer": (ORGANIZATION, endless(OK + b'\r\n{"organization":', b" "), "over 1048576 bytes"),
    "endless head": (LIST, endless(OK, b"X-Filler: yes\r\n"), "head is over 65536 bytes"),
    "endless line of a head": (LIST, endless(OK + b"X: ", b"a"), "a line of the answer's head is too long"),
    "endless interim answers": (LIST, endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "head is over 65536 bytes"),
    "deep": (ORGANIZATION, whole(OK + b"\r\n" + b"[" * 500000), "nesting too deep"),
    "deep in a list": (LIST, whole(OK + b'\r\n{"databases":' + b"[" * 500000), "nested too deep"),
    "a byte now and then": (LIST, dripping(OK + b'\r\n{"databases":[', b" "), "timed out"),
    "a head, a byte now and then": (ORGANIZATION, dripping(b"HTTP/1.1 200 OK\r\nX: ", b"x"), "timed out"),
    "silence": (ORGANIZATION, lambda _send, over: over.wait(30), "timed out"),
    "bomb": (LIST, whole(bomb()), "over 65536 bytes"),
    "bomb in a small answer": (ORGANIZATION, whole(bomb()), "over 1048576 bytes"),
    "no gzip after all": (ORGANIZATION, whole(OK + b"Content-Encoding: gzip\r\n\r\n{}"), "content"),
    "no HTTP": (ORGANIZATION, whole(b"SSH-2.0-OpenSSH_9.2\r\n"), "HTTP/0.9"),
    "less than nothing": (ORGANIZATION, whole(OK + b"Content-Length: -1\r\n\r\n{}"), "Content-Length"),
    "more than there is": (ORGANIZATION, whole(OK + b"Content-Length: 99999999999\r\n\r\n{}"), "it was cut"),
    "two lengths": (ORGANIZATION, whole(OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} "), "no object"),
    "a NUL in a name": (LIST, whole(OK + b'\r\n{"databases":[{"Name":"a\\u0000","DbId":"1"}]}'), "Name"),
}


def assert_settles(daemon):
    assert daemon.ctl("sync").code == 0
    harness.wait_until(lambda: daemon.status()["observation"].get("error") is None, 30, "it is read whole", 0.05)
    assert daemon.status()["state"] == "settled"


def test_answers_that_are_meant_to_harm(strict, make_daemon):
    with Relay(upstream_of(strict)) as relay:
        daemon = make_daemon(f"http://127.0.0.1:{relay.port}", TOKEN, config=QUICK)
        daemon.write_manifest("m.yaml", "groups: {eu: {location: aws-eu-west-1}}\ndatabases: {a: {group: eu}}\n")
        daemon.start()
        daemon.settle()
        before, mark = daemon.resident_bytes(), strict.mark()
        for name, (pattern, misbehave, said) in HOSTILE.items():
            relay.pattern, relay.misbehave = pattern, misbehave
            assert daemon.ctl("sync").code == 0
            error = harness.wait_until(lambda: daemon.status()["observation"].get("error"), 30, name)
            assert said in error and "\n" not in error and len(error) < 300, (name, error)
            assert daemon.resident_bytes() - before < SPARE, name
            relay.misbehave = None
            assert_settles(daemon)
        assert strict.writes(mark) == []


def certificate(directory, name, days="1"):
    """(certificate, key) for `name`, signed by itself."""
    paths = directory / f"{name}.pem", directory / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", days, "-subj", "/CN=fake", "-addext", f"subjectAltName=IP:{name}",
                    "-out", paths[0], "-keyout", paths[1]], check=True, capture_output=True)
    return paths


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl, for certificates")
@pytest.mark.parametrize("name, is_known, said", [
    ("127.0.0.1", False, "self-signed certificate); authorities are read from /"),
    ("127.0.0.2", True, "target host name '127.0.0.1'"),
    ("127.0.0.1", True, None),
])
def test_a_certificate_that_is_not_the_platforms(strict, make_daemon, tmp_path, name, is_known, said):
    pem, key = certificate(tmp_path, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    with Relay(upstream_of(strict), context) as relay:
        daemon = make_daemon(f"https://127.0.0.1:{relay.port}", TOKEN,
                             config=harness.merge(QUICK, {"api": {"ca_file": str(pem) if is_known else None}}))
        daemon.write_manifest("m.yaml", "groups: {eu: {location: aws-eu-west-1}}\n")
        daemon.start()
        if not said:
            daemon.settle()
            return
        error = harness.wait_until(lambda: daemon.status()["observation"].get("error"), 30, "it says so")
        assert "certificate is not trusted" in error and said in error and "\n" not in error
        assert strict.requests == []
