"""emulator_client: a client and fixtures for tests of turso-emulator.

In:    the harness.
Out:   Client, running, the fixtures emu, call and filled, small questions about listings.
Never: a test.
"""

import contextlib
import http.client
import json
import urllib.parse

import harness
import pytest

ORG = "/v1/organizations/acme"


class Client:
    """One kept-alive connection; answers as (status, headers, body bytes)."""

    def __init__(self, url, token="T", context=None, timeout=20):
        at = urllib.parse.urlsplit(url)
        if at.scheme == "https":
            self.connection = http.client.HTTPSConnection(at.netloc, context=context,
                                                          timeout=timeout)
        else:
            self.connection = http.client.HTTPConnection(at.netloc, timeout=timeout)
        self.token = token

    def raw(self, method, path, body=None, **headers):
        if self.token:
            headers.setdefault("Authorization", "Bearer " + self.token)
        data = body if body is None or isinstance(body, (bytes, str)) else json.dumps(body)
        self.connection.request(method, path, data, headers)
        response = self.connection.getresponse()
        return response.status, response.headers, response.read()

    def call(self, method, path, body=None, expect=200):
        status, _, data = self.raw(method, path, body)
        assert status == expect, f"{method} {path}: {status} {data[:300]!r}"
        return json.loads(data)

    def close(self):
        self.connection.close()


@contextlib.contextmanager
def running(*arguments, **options):
    with harness.Emulator(*arguments, **options) as emulator:
        emulator.client = Client(emulator.url)
        try:
            yield emulator
        finally:
            emulator.client.close()


@pytest.fixture
def emu():
    with running() as emulator:
        yield emulator


@pytest.fixture
def call(emu):
    return emu.client.call


@pytest.fixture
def filled(emu, call):
    """Group eu with databases d-0 .. d-9."""
    call("POST", ORG + "/groups", {"name": "eu", "location": "aws-eu-west-1"})
    for i in range(10):
        call("POST", ORG + "/databases", {"name": f"d-{i}", "group": "eu"})
    return emu


def error_of(client, method, path, body=None, expect=400):
    return client.call(method, path, body, expect)["error"]


def names(listing):
    return [row["Name"] for row in listing["databases"]]


def all_pages(call, limit, query=""):
    found, cursor, n = [], None, 0
    while cursor or not n:
        page = call("GET", f"{ORG}/databases?limit={limit}{query}" +
                    (f"&cursor={cursor}" if cursor else ""))
        found += names(page)
        cursor = page["pagination"]["next"]
        n += 1
        assert n < 10000
    return found, n
