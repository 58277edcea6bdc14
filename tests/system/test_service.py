"""A real service: units, credential, socket, watchdog and journal under a systemd that was booted for the test.

In:    the build that is tested (TENANTD_BIN_DIR), tests/system/systemd-sandbox, root.
Out:   what an administrator relies on: READY, reload, restart after a crash or a hang, socket activation, fields.
Never: the host's systemd; where no sandbox can be made the tests are skipped, saying why.
"""

import os
import pathlib
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
SANDBOX = HERE / "systemd-sandbox"
SOURCE = HERE.parent.parent
SANITIZED = bool(os.environ.get("TENANTD_SANITIZE"))

SETUP = r"""
set -eu
cmake --install "$BUILD" --prefix /usr >/dev/null
systemd-sysusers
systemd-tmpfiles --create /usr/lib/tmpfiles.d/tenantd.conf
turso-emulator --listen 127.0.0.1:8080 --organization acme --token T0ken-of-the-test >/tmp/emulator.out &
echo T0ken-of-the-test >/etc/tenantd/api-token
chmod 600 /etc/tenantd/api-token
cat >/etc/tenantd/tenantd.yaml <<Y
organization: acme
api: {url: "http://127.0.0.1:8080", token: {credential: turso-api-token}}
Y
cat >/etc/tenantd/manifest.d/m.yaml <<Y
groups: {eu: {location: aws-eu-west-1}}
databases: {a: {group: eu, tokens: {app: {authorization: read-only, expiration: 7d}}}}
Y
mkdir -p /etc/systemd/system/tenantd.service.d
printf '[Service]\nRestartSec=100ms\nWatchdogSec=3s\n' >/etc/systemd/system/tenantd.service.d/test.conf
if [ -n "$SANITIZED" ]; then # the sanitizer's own needs; the unit as it is, is checked by systemd-analyze
  printf 'MemoryDenyWriteExecute=no\nSystemCallFilter=\nEnvironment=ASAN_OPTIONS=detect_leaks=0\n' \
    >>/etc/systemd/system/tenantd.service.d/test.conf
fi
systemctl daemon-reload
until_true() { # SECONDS COMMAND...: try until it succeeds
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || { echo "too late: $*"; journalctl -u tenantd --no-pager -n 20; exit 1; }
    read -rt 0.1 <> <(:) || :
  done
}
restarts() { systemctl show tenantd -p NRestarts --value; }
is_restarted() { [ "$(restarts)" -ge "$1" ] && systemctl is-active -q tenantd; }
"""


@pytest.fixture(scope="session")
def sandbox():
    if os.getuid() != 0:
        pytest.skip("a sandbox of systemd needs root")
    probe = subprocess.run([SANDBOX, "--timeout", "60", "--", "true"], capture_output=True, text=True)
    if probe.returncode == 125:
        pytest.skip(f"no sandbox of systemd here: {probe.stderr.strip()}")

    def run(script):
        environment = dict(os.environ, SANITIZED="1" if SANITIZED else "",
                           BUILD=str(pathlib.Path(os.environ["TENANTD_BIN_DIR"]).parent))
        done = subprocess.run([SANDBOX, "--timeout", "120", "--", "bash", "-c", SETUP + script],
                              capture_output=True, text=True, env=environment, timeout=150)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_it_starts_reloads_and_says_what_it_does(sandbox):
    out = sandbox(r"""
systemctl start tenantd.service
tenantctl sync --wait
tenantctl -o json status | grep '"state": "settled"'
test -s /var/lib/tenantd/tokens/a/app.jwt
sed -i 's/databases: {/databases: {b: {group: eu}, /' /etc/tenantd/manifest.d/m.yaml
systemctl reload tenantd
tenantctl wait database/b
systemctl show tenantd -p StatusText
journalctl -u tenantd -o json | grep -o '"TENANTD_RESOURCE":"database/a"' | head -n 1
journalctl -u tenantd -o json | grep -o '"TENANTD_HTTP_STATUS":"200"' | head -n 1
! journalctl -u tenantd | grep T0ken-of-the-test
systemctl stop tenantd
journalctl -u tenantd | grep -c 'Deactivated successfully'
""")
    assert "TENANTD_RESOURCE" in out and "TENANTD_HTTP_STATUS" in out


def test_a_crash_and_a_hang_are_mended(sandbox):
    sandbox(r"""
systemctl start tenantd.service
systemctl kill -s KILL tenantd
until_true 20 is_restarted 1
systemctl kill -s STOP tenantd
until_true 40 is_restarted 2
tenantctl sync --wait
""")


def test_the_first_client_starts_it(sandbox):
    sandbox(r"""
systemctl start tenantd.socket
! systemctl is-active -q tenantd.service
tenantctl sync --wait
systemctl is-active tenantd.service
""")


def test_the_unit_is_tight(sandbox):
    out = sandbox(r"""
rm -r /etc/systemd/system/tenantd.service.d
systemctl daemon-reload
systemd-analyze security tenantd.service | tail -n 1
systemd-analyze verify /usr/lib/systemd/system/tenantd.service /usr/lib/systemd/system/tenantd.socket
""")
    exposure = float(out.split("tenantd.service:")[1].split()[0])
    assert exposure <= 1.5, out
