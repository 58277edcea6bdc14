"""A real service: units, credential, socket, watchdog and journal under a systemd that was booted for the test.

In:    the build that is tested (TENANTD_BIN_DIR), tests/system/systemd-sandbox, root.
Out:   what an administrator relies on: READY, reload, restart after a crash or a hang, socket activation, fields.
Never: the host's systemd; where no sandbox can be made the tests are skipped, saying why.
"""

import os
import pathlib
import re
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
says_settled() { systemctl show tenantd -p StatusText | grep -q =settled; }
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
until_true 20 says_settled
systemctl show tenantd -p StatusText
journalctl -u tenantd -o json | grep -o '"TENANTD_RESOURCE":"database/a"' | head -n 1
journalctl -u tenantd -o json | grep -o '"TENANTD_HTTP_STATUS":"200"' | head -n 1
! journalctl -u tenantd | grep T0ken-of-the-test
systemctl stop tenantd
journalctl -u tenantd | grep -c 'Deactivated successfully'
""")
    assert "TENANTD_RESOURCE" in out and "TENANTD_HTTP_STATUS" in out
    assert re.search("^StatusText=settled: 2 databases ready, 1 tokens,", out, re.M), out


def test_who_may_ask_and_who_may_tell(sandbox):
    """The hardening must leave peers and groups as they are."""
    sandbox(r"""
useradd --system --no-create-home reader -G tenantd
useradd --system --no-create-home teller -G tenantd,tenantd-admin
useradd --system --no-create-home stranger
systemctl start tenantd.service
tenantctl wait database/a
as() { setpriv --reuid "$1" --regid "$1" --init-groups -- "${@:2}"; }
status_of() { local status=0; "$@" >/dev/null 2>&1 || status=$?; echo $status; }
as reader tenantctl -o json status | grep '"state"'
test "$(status_of as reader tenantctl reload)" = 6
as teller tenantctl reload
test "$(status_of as stranger tenantctl status)" = 6
""")


def test_token_files_are_given_to_their_group(sandbox):
    sandbox(r"""
groupadd shop
useradd --system --no-create-home -g shop shop
printf '[Service]\nSupplementaryGroups=shop\n' >/etc/systemd/system/tenantd.service.d/group.conf
systemctl daemon-reload
echo 'tokens_group: shop' >>/etc/tenantd/tenantd.yaml
systemctl start tenantd.service
tenantctl wait database/a
cd /var/lib/tenantd
test "$(stat -c '%A %U %G' tokens/a/app.jwt)" = '-rw-r----- tenantd shop'
setpriv --reuid shop --regid shop --clear-groups -- cat tokens/a/app.jwt >/dev/null
test "$(stat -c %a ledger.db)" = 600
! setpriv --reuid shop --regid shop --clear-groups -- cat ledger.db
! setpriv --reuid shop --regid shop --clear-groups -- ls tokens
""")


def test_what_cannot_start_says_why_and_is_not_tried_for_ever(sandbox):
    out = sandbox(r"""
sed -i 's/^organization:.*/organisation: acme/' /etc/tenantd/tenantd.yaml
! systemctl start tenantd.service
systemctl show tenantd -p ExecMainStatus -p NRestarts -p Result
journalctl -u tenantd -o cat
systemctl reset-failed tenantd
sed -i 's/^organisation:.*/organization: acme/' /etc/tenantd/tenantd.yaml
systemctl start tenantd.service
""")
    assert "ExecMainStatus=4\n" in out and "NRestarts=0\n" in out
    assert re.search(r"tenantd\.yaml:1:1: .*organisation", out), out


def test_two_organizations_side_by_side(sandbox):
    out = sandbox(r"""
turso-emulator --listen 127.0.0.1:8081 --organization globex --token An0ther-token >/tmp/globex.out &
echo 'api: {token: {credential: turso-api-token}}' >/etc/tenantd/tenantd.yaml
drop_in=/etc/systemd/system/tenantd@.service.d
cp -r /etc/systemd/system/tenantd.service.d $drop_in
systemctl daemon-reload
rm /etc/tenantd/manifest.d/m.yaml
prepare() { # ORG PORT TOKEN
  printf 'api: {url: "http://127.0.0.1:%s"}\n' "$2" >"/etc/tenantd/$1.yaml"
  echo "$3" >"/etc/tenantd/$1.api-token"
  chmod 600 "/etc/tenantd/$1.api-token"
  mkdir "/etc/tenantd/manifest.d/$1"
  cat >"/etc/tenantd/manifest.d/$1/m.yaml" <<Y
groups: {eu: {location: aws-eu-west-1}}
databases: {only-$1: {group: eu, tokens: {app: {authorization: read-only, expiration: 7d}}}}
Y
}
prepare acme 8080 T0ken-of-the-test
prepare globex 8081 An0ther-token
systemctl start tenantd@acme.service
systemctl start tenantd@globex.socket
! systemctl is-active -q tenantd@globex.service
for org in acme globex; do
  TENANTD_SOCKET=/run/tenantd/$org/tenantd.sock tenantctl wait
  TENANTD_SOCKET=/run/tenantd/$org/tenantd.sock tenantctl -o ndjson list database
  stat -c '%n %U %a' /var/lib/tenantd/$org/ledger.db /var/lib/tenantd/tokens/$org/only-$org/app.jwt
done
systemctl stop tenantd@acme.service
TENANTD_SOCKET=/run/tenantd/globex/tenantd.sock tenantctl sync --wait
""")
    for org in "acme", "globex":
        assert out.count(f'"only-{org}"') == 1, out
        assert f"/var/lib/tenantd/{org}/ledger.db tenantd 600" in out
        assert f"/var/lib/tenantd/tokens/{org}/only-{org}/app.jwt tenantd 600" in out


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
systemd-analyze security tenantd@acme.service | tail -n 1
cd /usr/lib/systemd/system
systemd-analyze verify tenantd.service tenantd.socket tenantd@acme.service tenantd@acme.socket \
  /usr/share/doc/tenantd/examples/shop-token.path 2>&1 | tee /tmp/verify
test ! -s /tmp/verify
""")
    for unit in "tenantd.service:", "tenantd@acme.service:":
        assert float(out.split(unit)[1].split()[0]) <= 1.5, out


def test_seeds_and_the_token_for_deletes_are_within_the_walls(sandbox):
    """As docs/install.md and examples/override.conf say: nothing else is needed."""
    out = sandbox(r"""
cat >>/etc/systemd/system/tenantd.service.d/test.conf <<C
[Service]
LoadCredential=turso-delete-token:/etc/tenantd/delete-token
C
systemctl daemon-reload
install -m 600 /etc/tenantd/api-token /etc/tenantd/delete-token
sed -i 's/turso-api-token}/&, delete_token: {credential: turso-delete-token}/' /etc/tenantd/tenantd.yaml
echo 'policy: {deletion_grace: 0s}' >>/etc/tenantd/tenantd.yaml
python3 - <<P
import sqlite3
c = sqlite3.connect("/var/lib/tenantd/seeds/base.db")
c.execute("PRAGMA journal_mode = wal")
c.execute("CREATE TABLE t (a)")
c.close()
P
chmod 644 /var/lib/tenantd/seeds/base.db
echo 'databases: {s: {group: eu, seed: {upload: base.db}}}' >/etc/tenantd/manifest.d/s.yaml
curl -sf http://127.0.0.1:8080/_emulator/switches -d '{"data_plane_delay": "0ms"}'
systemctl start tenantd.service
tenantctl sync --wait
tenantctl why database/s | grep Uploaded
nsenter -t "$(systemctl show tenantd -p MainPID --value)" -m touch /var/lib/tenantd/seeds/x 2>&1 | grep 'Read-only file system'
echo 'databases: {s: {state: absent}}' >/etc/tenantd/manifest.d/s.yaml
tenantctl sync --wait
curl -sf -H 'Authorization: Bearer T0ken-of-the-test' http://127.0.0.1:8080/v1/organizations/acme/databases
""")
    assert '"Name":"a"' in out and '"Name":"s"' not in out
