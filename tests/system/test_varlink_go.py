"""test_varlink_go: the control socket answers a varlink library that nobody here wrote.

In:    Go, and Debian's golang-github-varlink-go-dev with its code generator; a running tenantd.
Out:   typed answers, each as the daemon's own interface description says.
Never: generated code in the source tree; a module fetched from anywhere.
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess

import harness
import pytest

HERE = pathlib.Path(__file__).parent / "varlink-client"
GOCODE = pathlib.Path("/usr/share/gocode")
GENERATOR = "github.com/varlink/go/cmd/varlink-go-interface-generator"
INTERFACE = "org.tenantd.Control"

pytestmark = pytest.mark.skipif(not shutil.which("go") or not (GOCODE / "src" / GENERATOR).is_dir(),
                                reason="no Go, or no golang-github-varlink-go-dev, here")

MANIFEST = """
groups:
  eu: {location: aws-eu-west-1, tokens: {all: {authorization: full-access, expiration: 7d}}}
classes:
  free: {size_limit: 256mb, tokens: {app: {authorization: full-access, expiration: 7d}}}
databases:
""" + "".join(f"  t-{i}: {{class: free, group: eu}}\n" for i in range(40))


def call(path, method, **parameters):
    """One call by hand; the reply's parameters."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(str(path))
        s.sendall(json.dumps({"method": method, "parameters": parameters}).encode() + b"\0")
        received = b""
        while not received.endswith(b"\0"):
            chunk = s.recv(65536)
            assert chunk, f"closed after {received!r}"
            received += chunk
    return json.loads(received[:-1])["parameters"]


def go(workspace, *arguments):
    environment = {**os.environ, "GO111MODULE": "off", "GOFLAGS": "", "GOPROXY": "off",
                   "GOPATH": f"{workspace}:{GOCODE}", "GOCACHE": str(workspace / "cache"),
                   "CGO_ENABLED": "0"}
    done = subprocess.run(["go", *arguments], cwd=workspace, env=environment, capture_output=True,
                          text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr


def build_client(workspace, description):
    """The client, over code generated from this description."""
    package = workspace / "src" / "orgtenantdcontrol"
    package.mkdir(parents=True)
    # The generator knows lower-case interface names alone; the protocol has no such rule.
    lower = description.replace(f"interface {INTERFACE}", f"interface {INTERFACE.lower()}")
    (package / "interface.varlink").write_text(lower)
    go(workspace, "build", "-o", "generate", GENERATOR)
    subprocess.run([workspace / "generate", package / "interface.varlink"], check=True, timeout=60)
    generated = package / "orgtenantdcontrol.go"
    generated.write_text(generated.read_text().replace(INTERFACE.lower(), INTERFACE))
    (workspace / "client").mkdir()
    shutil.copy(HERE / "main.go", workspace / "client")
    go(workspace, "build", "-o", "varlink-client", "./client")
    return workspace / "varlink-client"


@pytest.fixture
def workspace():
    root = harness.make_root()
    yield root
    subprocess.run(["chmod", "-R", "u+w", str(root)], check=True, timeout=60)
    shutil.rmtree(root)


def test_every_answer_is_as_the_interface_says(daemon, workspace):
    harness.write_atomically(daemon.manifest_dir / "eu.yaml", MANIFEST)
    daemon.start()
    daemon.settle()
    description = call(daemon.socket_path, "org.varlink.service.GetInterfaceDescription",
                       interface=INTERFACE)["description"]
    client = build_client(workspace, description)

    result = harness.run([str(client), str(daemon.socket_path)], 90)

    assert result.code == 0, result.err
    answer = result.json()
    assert answer["product"] == "tenantd" and INTERFACE in answer["interfaces"]
    assert answer["status"]["organization"] == daemon.config["organization"]
    assert answer["status"]["counts"]["database"] == {"Ready": 40}
    assert answer["plan"]["steps"] == [] and "0 to create" in answer["text"]
    references = {f"{r['kind']}/{r['name']}" for r in answer["resources"]}
    assert {"group/eu", "group-token/eu/all", "database/t-39", "token/t-0/app"} <= references
    assert len(references) == len(answer["resources"]) == 82
    assert len(answer["databases"]) == 40
    assert answer["events"] and answer["rest"] == answer["events"][1:]
    assert answer["cycle"] > 0


def test_the_generator_takes_the_interface_file_of_the_tree(workspace):
    source = pathlib.Path(os.environ["TENANTD_SOURCE_DIR"], "daemon/io/org.tenantd.Control.varlink")
    assert build_client(workspace, source.read_text()).is_file()
