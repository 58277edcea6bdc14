"""test_openapi: what the daemon and the emulator say to each other, held against the platform's published OpenAPI.

In:    TENANTD_OPENAPI, the path of that document; npm, for a proxy that validates (prism).
Out:   a tenant's whole life through the proxy, and no violation.
Never: a failure for want of the document, of npm or of a network.
"""

import os
import re
import socket

import harness
import pytest

PRISM = "@stoplight/prism-cli@5.14.2"
DOCUMENT = os.environ.get("TENANTD_OPENAPI")
pytestmark = [pytest.mark.skipif(not DOCUMENT, reason="TENANTD_OPENAPI names no document"),
              pytest.mark.skipif(not harness.has_npm(), reason="there is no npm here")]

MANIFEST = """
groups:
  eu:
    location: aws-eu-west-1
    delete_protection: true
    tokens: {all: {authorization: read-only, expiration: 30d}}
  us: {location: aws-us-east-1}
databases:
  core:
    group: eu
    delete_protection: true
    allowed_ips: [203.0.113.0/24]
    tokens: {app: {authorization: full-access, expiration: 7d}}
  branch: {group: eu, seed: {database: core}}
  going: {group: us}
"""


class Proxy:
    """prism between a client and `upstream`."""

    def __init__(self, directory, upstream):
        with socket.socket() as probe:  # prism cannot choose a port and tell it
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.process = harness.Process(
            ["node", "node_modules/@stoplight/prism-cli/dist/index.js", "proxy", "-h", "127.0.0.1",
             "-p", str(port), DOCUMENT, upstream],
            directory / f"log-{port}", harness.clean_environment(NO_COLOR="1"), directory)
        harness.wait_until(lambda: "Prism is listening" in self.process.log(), 60, "prism listens")

    def violations(self):
        """(request, violation) each; with one call at a time they come in the order of requests."""
        request, found = None, []
        for line in self.process.log().splitlines():
            if match := re.search(r"\[HTTP SERVER\] (\w+) (\S+) .*Request received", line):
                request = f"{match[1].upper()} {match[2]}"
            elif match := re.search(r"Violation: (.*)", line):
                found.append((request, match[1]))
        return found

    def requests(self):
        return re.findall(r"\[HTTP SERVER\] (\w+ \S+) .*Request received", self.process.log())


@pytest.fixture(scope="module")
def prism_directory():
    directory = harness.npm_directory("prism")
    if not (directory / "node_modules" / "@stoplight" / "prism-cli").is_dir():
        (directory / "package.json").write_text('{"private": true}\n')
        unreachable = harness.npm_install(directory, "install", PRISM)
        if unreachable:
            pytest.skip(unreachable)
    return directory


@pytest.fixture
def proxy(prism_directory, emulator):
    proxy = Proxy(prism_directory, emulator.url)
    yield proxy
    proxy.process.destroy()


def test_a_life_without_violations(proxy, emulator, make_daemon):
    daemon = make_daemon(proxy.url, emulator.token, config={
        "api": {"concurrency": 1}, "policy": {"deletion_grace": "1s"},
        "reconcile": {"debounce": "10ms"}})
    daemon.write_manifest("root.yaml", MANIFEST)
    daemon.start()
    daemon.settle()

    daemon.write_manifest("root.yaml", MANIFEST.replace("203.0.113", "198.51.100")
                          .replace("going: {group: us}", "going: {state: absent}"))
    daemon.settle()
    path = "/v1/organizations/acme/databases/going"
    harness.wait_until(lambda: emulator.request("GET", path)[0] == 404, 30, "the database is deleted")
    daemon.settle()

    assert len(set(proxy.requests())) >= 12
    assert proxy.violations() == []


def test_a_violation_would_be_seen(proxy, emulator):
    status, _ = harness.http_json(proxy.url, "POST", "/v1/organizations/acme/groups", {"name": "eu"},
                                  emulator.token)
    assert status == 400
    assert any("location" in violation for _, violation in proxy.violations())
