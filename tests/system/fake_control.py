"""fake_control: a daemon's control socket with scripted answers, for tests of tenantctl.

In:    for each method what to answer: a dict, a Fault, a list of replies of a stream, or a function.
Out:   a varlink server on a Unix socket, and the calls that it got.
Never: more of a daemon than that; the real one is tested elsewhere.
"""

import json
import shutil
import socket
import threading

import harness

INTERFACE = "org.tenantd.Control."
HANG_UP = object()  # as an answer: close the connection


class Fault(Exception):
    """An error of the interface, or of varlink if its name has dots."""

    def __init__(self, name, message=None, **parameters):
        super().__init__(name)
        self.name = name if "." in name else INTERFACE + name
        self.parameters = {"message": message} if message is not None else parameters


def status(state="settled", **changes):
    """A whole status; changes are laid over it, deeply."""
    base = {
        "organization": "acme", "state": state, "counts": {"database": {"Ready": 3}},
        "unmanaged": 0, "left_behind": 0, "problems": [],
        "manifest": {"generation": 2, "loaded": "2026-11-22T23:00:00Z", "files": 1, "errors": [],
                     "warnings": []},
        "observation": {"cycle": 7, "completed": "2026-11-22T23:30:00Z", "age_ms": 10,
                        "complete": True},
        "api": {"rate": 10, "in_flight": 0, "calls": 12, "errors": 0, "throttled": 0, "queued": 0},
        "plan": {"id": "0123456789abcdef", "held": 0,
                 "total": {"create": 0, "update": 0, "delete": 0, "blocked": 0}},
        "possibly_leaked": 0, "version": "9.9", "pid": 4242, "since": "2026-11-22T22:00:00Z"}
    return harness.merge(base, changes)


def resource(reference, phase="Ready", reason="InSync", **more):
    kind, name = reference.split("/", 1)
    return {"kind": kind, "name": name, "phase": phase, "reason": reason,
            "message": more.pop("message", "as the manifest says"),
            "since": "2026-11-22T23:00:00Z", **more}


class FakeControl:
    """with FakeControl(GetStatus={...}) as fake: fake.path, fake.calls, fake.answers."""

    def __init__(self, **answers):
        self.answers = {"Watch": [], **answers}
        self.calls = []
        self.root = harness.make_root()
        self.path = self.root / "sock"
        self._ended = threading.Event()
        self._connections = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen(16)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self):
        self._threads[0].start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        for connection in self._connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # closed already
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive(), "a connection of the fake daemon does not end"
        self._listener.close()
        shutil.rmtree(self.root)

    def ctl(self, *arguments, timeout=30, **environment):
        command = [harness.program("tenantctl"), "--socket", str(self.path), *arguments]
        return harness.run(command, timeout, harness.clean_environment(**environment))

    def parameters(self, method):
        """Of the only call of this method."""
        found = [p for m, p, _ in self.calls if m == method]
        assert len(found) == 1, self.calls
        return found[0]

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection):
        with connection:
            received = b""
            while True:
                try:
                    chunk = connection.recv(65536)
                except OSError:
                    return
                if not chunk:
                    return
                received += chunk
                while b"\0" in received:
                    message, received = received.split(b"\0", 1)
                    if not self._answer(connection, json.loads(message)):
                        return

    def _answer(self, connection, request):
        """False: the connection is to be closed."""
        assert request["method"].startswith(INTERFACE), request
        method = request["method"].removeprefix(INTERFACE)
        parameters = request.get("parameters", {})
        self.calls.append((method, parameters, request.get("more", False)))
        answer = self.answers.get(method, Fault("org.varlink.service.MethodNotFound",
                                                method=request["method"]))
        try:
            answer = answer(parameters) if callable(answer) else answer
            if answer is HANG_UP:
                return False
            if isinstance(answer, Fault):
                raise answer
            if isinstance(answer, bytes):
                connection.sendall(answer)
            elif isinstance(answer, dict):
                self._send(connection, {"parameters": answer})
            else:
                self._stream(connection, parameters, answer)
        except Fault as fault:
            self._send(connection, {"error": fault.name, "parameters": fault.parameters})
        except OSError:
            return False
        return True

    def _stream(self, connection, parameters, replies):
        """A list: the last one ends it, unless it is to be followed; then only its end does."""
        is_followed = parameters.get("follow", False)
        replies = list(replies)
        for at, reply in enumerate(replies):
            is_last = at + 1 == len(replies) and not is_followed
            self._send(connection, {"parameters": reply} if is_last
                       else {"parameters": reply, "continues": True})
        if is_followed:
            self._ended.wait(60)
        elif not replies:
            self._send(connection, {})

    def _send(self, connection, message):
        connection.sendall(json.dumps(message).encode() + b"\0")
