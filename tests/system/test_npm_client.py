"""test_npm_client: the official npm client of the platform works against turso-emulator.

In:    npm and node; the registry, or npm's cache, for the client and what it needs.
Out:   groups and databases created, read, listed, given tokens and removed by that client.
Never: a package in the source tree; a failure for want of npm or of a network.
"""

import json
import pathlib
import shutil
import subprocess

import harness
import pytest

HERE = pathlib.Path(__file__).parent / "npm-client"
pytestmark = pytest.mark.skipif(not harness.has_npm(), reason="there is no npm here")


def is_installed(directory):
    lock = directory / "package-lock.json"
    return ((directory / "node_modules" / "@tursodatabase" / "api" / "package.json").is_file()
            and lock.is_file() and lock.read_bytes() == (HERE / lock.name).read_bytes())


@pytest.fixture(scope="module")
def client_directory():
    """The client, installed beside the built programs, once for every run of the tests."""
    directory = harness.npm_directory("npm-client")
    if not is_installed(directory):
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, directory / name)
        unreachable = harness.npm_install(directory, "ci")
        if unreachable:
            pytest.skip(unreachable)
    shutil.copy(HERE / "client.mjs", directory / "client.mjs")
    return directory


def test_the_lock_names_no_host_and_pins_what_the_package_asks_for():
    lock = json.loads((HERE / "package-lock.json").read_text())
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]
    assert lock["packages"][""]["dependencies"] == wanted
    for name, package in lock["packages"].items():
        assert not name or (package["integrity"].startswith("sha512-") and
                            package.get("resolved", "https://registry.npmjs.org/").startswith(
                                "https://registry.npmjs.org/"))


def run_client(directory, emulator):
    environment = harness.clean_environment(TURSO_URL=emulator.url, TURSO_TOKEN=emulator.token,
                                            TURSO_ORG=emulator.organization)
    return subprocess.run(["node", "client.mjs"], cwd=directory, capture_output=True, text=True,
                          env=environment, timeout=60, check=False)


def test_the_official_client_works(client_directory):
    with harness.Emulator() as emulator:
        done = run_client(client_directory, emulator)
        assert done.returncode == 0, done.stderr + done.stdout
        assert json.loads(done.stdout.splitlines()[-1]) == {"step": "done", "value": True}
        assert emulator.counters()["unknown_keys"] == 0
        assert "unmatched" not in emulator.counters()["routes"]
        state = emulator.state()["organizations"][0]
        assert (state["databases_created"], state["databases_deleted"]) == (2, 2)


def test_the_official_client_would_notice(client_directory):
    """Not a test that cannot fail: with one wrong answer the same script ends in error."""
    with harness.Emulator() as emulator:
        emulator.set_faults([{"route": "/v1/organizations/{org}/databases", "method": "GET",
                              "list": "empty"}])
        done = run_client(client_directory, emulator)
        assert done.returncode != 0 and "AssertionError" in done.stderr
