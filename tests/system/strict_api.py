"""strict_api: the platform's API as its documents describe it, forgiving nothing.

In:    HTTP requests on a loopback port; faults and outside edits from a test.
Out:   documented answers; every request, and every departure from the documents, recorded.
Never: anything learnt from the daemon or from the emulator: a mistake that those two share
       must show here. Reads (standard library only) no file and calls no other host.

A violation is a request that the documents do not allow. A refusal (404, 409, 400 for an
unknown group) is an ordinary answer and no violation.
"""

import argparse
import asyncio
import base64
import collections
import contextlib
import dataclasses
import datetime
import email.utils
import http.client
import json
import re
import secrets
import signal
import sqlite3
import threading
import time
import urllib.parse
import uuid

TOKEN = "strict-api-token-" + "x" * 16  # what conftest's knows
MAX_BODY = 1 << 20
MAX_FILE = 64 << 20
UNPAGED_ROWS = 1000  # a listing without `limit` is cut here, silently
DEFAULT_PAGE = 100
LOCATIONS = {
    "aws-ap-northeast-1": "AWS AP NorthEast (Tokyo)",
    "aws-ap-south-1": "AWS AP South (Mumbai)",
    "aws-eu-west-1": "AWS EU West (Ireland)",
    "aws-us-east-1": "AWS US East (Virginia)",
    "aws-us-east-2": "AWS US East (Ohio)",
    "aws-us-west-2": "AWS US West (Oregon)",
}


class Refused(Exception):
    """An answer that is not a success; with `kind`, also a violation."""

    def __init__(self, status, text, kind=None):
        super().__init__(text)
        self.status, self.text, self.kind = status, text, kind


def violate(kind, text, status=400):
    raise Refused(status, text, kind)


@dataclasses.dataclass
class Knobs:
    """Where the documents disagree, or leave a choice: what this server does."""

    duplicate_status: int = 400  # a taken database name: 400 (newer) or 409 (older)
    protected_status: int = 400  # deleting what is protected; the status is not documented
    primary_prefix: bool = False  # a group's `primary` with its provider prefix
    refuse_size_limit: bool = False  # as databases of the new platform do
    refuse_allow_attach: bool = True  # as groups on AWS do
    refuse_invites: str = ""  # the words with which the plan refuses invites
    refuse_permissions: bool = False  # as databases of the new engine do
    recovery: bool = True  # what was deleted is listed and can be restored, as on paid plans
    rotate_whole_group: bool = True  # rotating a database also ends its siblings' tokens
    token_exp: int = -1  # what GET /v1/auth/validate says
    audit_refused: int = 0  # the status that refuses the audit log, as a small plan does
    usage_by_database: bool = True  # the organization's usage tells of each database
    quotas: dict = dataclasses.field(default_factory=dict)  # laid over those of the plan in use
    date_offset_s: int = 0  # how far this server's clock is from ours


# --- The shape of what may be sent -------------------------------------------------------------
# A shape is str, bool, a set of allowed values, [shape] for a list, {"key": shape} for an object
# ("key!" when it is required), or a function that returns what is wrong with the value.

NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
SIZE = re.compile(r"([1-9][0-9]*)(b|kb|mb|gb|tb)?")
UNIT = {None: 0, "b": 0, "kb": 10, "mb": 20, "gb": 30, "tb": 40}
EXPIRATION = re.compile(
    r"(?=[0-9])(?:([1-9][0-9]*)w)?(?:([1-9][0-9]*)d)?(?:([1-9][0-9]*)h)?"
    r"(?:([1-9][0-9]*)m)?(?:([1-9][0-9]*)s)?"
)
UNIT_S = (604800, 86400, 3600, 60, 1)


def check_name(value):
    ok = isinstance(value, str) and len(value) <= 64 and NAME.fullmatch(value)
    return None if ok else "a name of at most 64 lower-case letters, digits and dashes is wanted"


def check_size(value):
    ok = isinstance(value, str) and SIZE.fullmatch(value)
    return None if ok else "a size such as 1048576, 256mb or 1gb is wanted"


def parse_instant(text):
    """RFC 3339 with a zone, as a datetime; ValueError otherwise."""
    shape = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
    if not isinstance(text, str) or not re.fullmatch(shape, text):
        raise ValueError(f"cannot parse {text!r} as an RFC 3339 instant with a zone")
    whole = re.sub(r"\.\d+", "", text)
    return datetime.datetime.fromisoformat(whole.replace("Z", "+00:00"))


def rfc3339_now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def check_instant(value):
    try:
        parse_instant(value)
    except ValueError as fault:
        return str(fault)
    return None


def check_expiration(value):
    ok = value == "never" or EXPIRATION.fullmatch(value)
    return None if ok else "Invalid expiration format"


def check_limit(value):
    ok = re.fullmatch(r"[1-9][0-9]{0,3}", value) and int(value) <= 1000
    return None if ok else "limit must be 1 to 1000"


def check_extensions(value):
    known = set("vector crypto fuzzy math stats text unicode uuid regexp vec".split())
    if value == "all" or (isinstance(value, list) and value and all(v in known for v in value)):
        return None
    return "extensions are \"all\" or a list of known names"


def check_tables(value):
    ok = value is None or (isinstance(value, list) and all(isinstance(v, str) for v in value))
    return None if ok else "a list of table names or null is wanted"


CIPHERS = set("aes256gcm aes128gcm chacha20poly1305 aegis128l aegis128x2 aegis128x4 aegis256 "
              "aegis256x2 aegis256x4".split())
ACTIONS = set("data_read data_add data_update data_delete "
              "schema_add schema_update schema_delete".split())
AUTHORIZATION = {"full-access", "read-only"}
NEW_GROUP = {"name!": check_name, "location!": str, "extensions": check_extensions}
PROTECTION = {"delete_protection": bool}
SCOPES = set("read db:create db:delete db:configure db:mint-token db:rotate-creds "
             "group:configure group:mint-token group:rotate-creds".split())
PRESETS = {"read-only": {"read"}, "full-access": SCOPES}
# The documents take one without a body, too; an unrestricted token is what nobody here may make.
NEW_API_TOKEN = {"organization!": check_name, "group": check_name,
                 "scopes": [SCOPES | set(PRESETS)]}
ROLES = {"admin", "member", "viewer"}  # "owner" is a role that nobody can give


def check_email(value):
    ok = isinstance(value, str) and re.fullmatch(r"[^@\s/]+@[^@\s/]+\.[^@\s/.]+", value)
    return None if ok else "an e-mail address is wanted"


NEW_INVITE = {"email": check_email, "username": str, "role": ROLES}
NEW_DATABASE = {
    "name!": check_name,
    "group!": check_name,
    "seed": {"type!": {"database", "database_upload"}, "name": check_name,
             "timestamp": check_instant},
    "size_limit": check_size,
    "remote_encryption": {"encryption_key": str, "encryption_cipher": CIPHERS},
    "use_tursodb": bool,
}
CONFIGURATION = {
    "size_limit": check_size,
    "allow_attach": bool,
    "block_reads": bool,
    "block_writes": bool,
    "delete_protection": bool,
    "allowed_ips": [str],
    "allowed_aws_vpc_ids": [str],
}
TOKEN_BODY = {
    "permissions": {"read_attach": {"databases": [check_name]}},
    "fine_grained_permissions": [{"t!": check_tables, "a!": [ACTIONS]}],
}
TOKEN_QUERY = {"expiration": check_expiration, "authorization": AUTHORIZATION}
LIST_QUERY = {"group": check_name, "parent": str, "schema": str, "limit": check_limit,
              "cursor": str}
PAGE_QUERY = {"limit": check_limit, "cursor": str}
DELETED_QUERY = dict(PAGE_QUERY, deleted={"true"}, search=str)
RESTORE = {"name": check_name}
DATA_PLANE = "/v2/pipeline"  # of a database's own host
UPLOAD = "/v1/upload"        # likewise
ASKED = {"SELECT 1": "probes", "SELECT count(*) FROM sqlite_master": "asks"}
RESERVED = {"aes": 28, "cha": 28, "aegis128": 32, "aegis256": 48}  # bytes of a page, by cipher
FILE = "application/octet-stream"
PIPELINE = {"baton": str, "requests!": [{"type!": {"execute", "close"}, "stmt": {"sql!": str}}]}
USAGE_QUERY = {"from": check_instant, "to": check_instant}


def check_page(value):
    return None if re.fullmatch(r"[1-9][0-9]{0,5}", value) else "page counts from 1"


AUDIT_QUERY = {"page": check_page, "page_size": check_limit}
AUDIT_CODES = set("user-signup db-create db-delete db-protect db-unprotect db-token-create "
                  "group-token-create user-token-create instance-create instance-delete org-create "
                  "org-delete org-member-add org-member-rm org-member-leave org-plan-update "
                  "org-set-overages group-create group-delete group-unarchive group-protect "
                  "group-unprotect db-aunrchive user-delete".split())
PLANS = [{"name": name, "price": price, "prices": [{"value": price, "timeline": "monthly"}],
          "quotas": {"rowsRead": 10 ** 9, "rowsWritten": 25 * 10 ** 6, "databases": databases,
                     "locations": 3, "storage": 9 * 10 ** 9, "groups": groups,
                     "bytesSynced": 3 * 10 ** 9}}
         for name, price, databases, groups in (("starter", "0", 500, 1), ("scaler", "29", None, 1000))]


def check_shape(shape, value, where):
    if isinstance(shape, dict):
        check_object(shape, value, where)
    elif isinstance(shape, list):
        if not isinstance(value, list):
            violate("type", f"{where}: a list is wanted")
        for i, item in enumerate(value):
            check_shape(shape[0], item, f"{where}[{i}]")
    elif isinstance(shape, set):
        if not isinstance(value, str) or value not in shape:
            violate("value", f"{where}: one of {sorted(shape)} is wanted")
    elif isinstance(shape, type):
        if type(value) is not shape:
            violate("type", f"{where}: {shape.__name__} is wanted")
    else:
        wrong = shape(value)
        if wrong:
            violate("value", f"{where}: {wrong}")


def check_key(encryption):
    """A new database's: both are there, and the key is of the cipher's length."""
    cipher = encryption.get("encryption_cipher")
    if cipher is None:
        violate("missing", "body.remote_encryption: encryption_cipher is required")
    try:
        size = len(base64.b64decode(encryption["encryption_key"], validate=True))
    except (ValueError, KeyError):
        violate("value", "body.remote_encryption: encryption_key is not base64")
    if size != (16 if "128" in cipher else 32):
        violate("value", f"body.remote_encryption: a key of {size} bytes for {cipher}")


def check_object(shape, value, where):
    if not isinstance(value, dict):
        violate("type", f"{where}: an object is wanted")
    fields = {key.rstrip("!"): inner for key, inner in shape.items()}
    for key, inner in value.items():
        if key not in fields:
            violate("key", f"{where}: unknown key {key!r}")
        check_shape(fields[key], inner, f"{where}.{key}")
    for key in shape:
        if key.endswith("!") and key[:-1] not in value:
            violate("missing", f"{where}: {key[:-1]} is required")


# --- The organization, its groups and its databases --------------------------------------------


def new_jwt(claims):
    """Three parts with the documented header and claims; the signature is random bytes."""
    parts = (json.dumps({"alg": "EdDSA", "typ": "JWT"}).encode(),
             json.dumps(claims).encode(), secrets.token_bytes(64))
    return ".".join(base64.urlsafe_b64encode(p).rstrip(b"=").decode() for p in parts)


def size_in_bytes(text):
    number, unit = SIZE.fullmatch(text).groups()
    return str(int(number) << UNIT[unit])


class Platform:
    """What is live. A test may call any method, and edit `groups` and `databases`, to play
    somebody else's hand; hold StrictApi.lock for edits of more than one step.

    groups, databases: name to record; a database's settings are under its "config".
    minted: every token ever handed out, newest last.
    counts: creates, deletes, updates, rotates, mints, restores, probes, uploads, asks, each a Counter keyed "database/NAME" or
            "group/NAME"; only what came over the API counts."""

    def __init__(self, organization, knobs):
        self.organization, self.knobs = organization, knobs
        self.organization_id = str(uuid.uuid4())
        self.groups, self.databases = {}, {}
        self.deleted, self.deleted_groups = [], []  # newest last, as long as they can be restored
        self.minted, self.cascaded, self.cursors = [], [], {}
        self.audit = []  # oldest first
        self.api_tokens = []  # live ones, oldest first
        self.members, self.invites = {}, {}  # by username, by e-mail in small letters
        self.mails = collections.Counter()  # invites sent, by e-mail in small letters
        self.add_member(organization, role="owner")
        kinds = ("creates", "deletes", "updates", "rotates", "mints", "restores", "probes",
                 "uploads", "asks")
        self.counts = {kind: collections.Counter() for kind in kinds}

    def note(self, code, author="owner", at=None, **data):
        """An entry of the audit log, as somebody's doing leaves one."""
        assert code in AUDIT_CODES, code
        now = datetime.datetime.now(datetime.timezone.utc) if at is None else at
        self.audit.append({"code": code, "message": "", "origin": "cli", "author": author,
                           "created_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"), "data": data})

    def group(self, name):
        if name not in self.groups:
            raise Refused(404, "group not found")
        return self.groups[name]

    def database(self, name):
        if name not in self.databases:
            raise Refused(404, f"could not find database with name {name}: record not found")
        return self.databases[name]

    def add_group(self, name, location="aws-eu-west-1", extensions=None, legacy=False):
        """legacy: a group of the older platform, which still takes further locations."""
        if name in self.groups:
            raise Refused(409, "group already exists")
        if location not in LOCATIONS and not legacy:
            raise Refused(400, f"invalid location: {location}")
        self.groups[name] = {
            "name": name, "uuid": str(uuid.uuid4()), "location": location, "archived": False,
            "locations": [location], "delete_protection": False, "legacy": legacy,
            "extensions": extensions,
        }
        return self.groups[name]

    def remove_group(self, name):
        """Takes every database of the group with it, as the platform does."""
        group = self.group(name)
        members = [d for d in self.databases.values() if d["group"] == name]
        if group["delete_protection"] or any(d["config"]["delete_protection"] for d in members):
            raise Refused(self.knobs.protected_status, f"group {name} is protected from deletion")
        for database in members:
            self.cascaded.append(database["DbId"])
            self._forget(database)
        self._revoke("gid", group["uuid"])
        self.api_tokens = [t for t in self.api_tokens if t.get("group_uuid") != group["uuid"]]
        del self.groups[name]
        for database in self.deleted[len(self.deleted) - len(members):]:
            database["group_deleted_at"] = rfc3339_now()
        self.deleted_groups.append(dict(group, deleted_at=rfc3339_now(),
                                        cascade_databases=len(members)))
        return group

    def add_database(self, name, group, seed=None, size_limit="", use_tursodb=False,
                     encryption=None):
        self._check_new_database(name, group, size_limit)
        source = self.databases.get((seed or {}).get("name"))
        if source and source["encryption"]:
            encryption = self._copied_encryption(source["encryption"], encryption)
        elif encryption:
            check_key(encryption)
        parent = self._branch_of(seed) if seed and seed["type"] == "database" else None
        location = self.groups[group]["location"]
        self.databases[name] = {
            "Name": name, "DbId": str(uuid.uuid4()), "group": group, "parent": parent,
            "Hostname": f"{name}-{self.organization}.{location}.turso.io",
            "engine": "tursodb" if use_tursodb else "libsql", "encryption": encryption,
            "draft": bool(seed) and seed["type"] == "database_upload", "file": None,
            "config": {
                "size_limit": size_in_bytes(size_limit) if size_limit else "",
                "allow_attach": False, "block_reads": False, "block_writes": False,
                "delete_protection": False, "allowed_ips": [], "allowed_aws_vpc_ids": [],
            },
        }
        return self.databases[name]

    def _copied_encryption(self, of_source, sent):
        """A copy of what is encrypted needs its key, and keeps its cipher."""
        if not sent or sent["encryption_key"] != of_source["encryption_key"]:
            raise Refused(400, "the encryption key of the source is needed")
        if sent.get("encryption_cipher", of_source["encryption_cipher"]) != \
                of_source["encryption_cipher"]:
            raise Refused(400, "a copy keeps the cipher of its source")
        return of_source

    def _check_new_database(self, name, group, size_limit):
        if group not in self.groups:
            raise Refused(400, "group not found")
        if name in self.databases:
            older = self.knobs.duplicate_status == 409
            text = (f"database with name {name} already exists" if older
                    else "database with same name already exists")
            raise Refused(self.knobs.duplicate_status, text)
        if len(f"{name}-{self.organization}") > 63:  # both share one DNS label
            most = 62 - len(self.organization)
            raise Refused(400, f"invalid database name: must be between 1 and {most} characters")
        if size_limit and self.knobs.refuse_size_limit:
            raise Refused(400, "size_limit is not supported for db-api controlled databases")

    def _branch_of(self, seed):
        if seed["name"] not in self.databases:
            raise Refused(400, f"could not find database with name {seed['name']}: "
                               "record not found")
        now = datetime.datetime.now(datetime.timezone.utc)
        at = parse_instant(seed["timestamp"]) if "timestamp" in seed else now
        if not now - datetime.timedelta(days=30) <= at <= now:
            raise Refused(400, "timestamp is outside of the recovery window")
        source = self.databases[seed["name"]]
        return {"id": source["DbId"], "name": seed["name"],
                "branched_at": at.strftime("%Y-%m-%dT%H:%M:%S.000000000Z")}

    def remove_database(self, name):
        database = self.database(name)
        group = self.groups[database["group"]]
        if database["config"]["delete_protection"] or group["delete_protection"]:
            raise Refused(self.knobs.protected_status,
                          f"database {name} is protected from deletion")
        self._forget(database)
        return database

    def _forget(self, database):
        self._revoke("id", database["DbId"])
        del self.databases[database["Name"]]
        self.deleted.append(dict(database, deleted_at=rfc3339_now(), group_deleted_at=None))

    def restore_database(self, database_id):
        """Under its old name and id, with its group where that went too."""
        self.check_recovery()
        found = next((d for d in self.deleted if d["DbId"] == database_id), None)
        if found is None:
            raise Refused(404, "no deleted database of this id")
        if found["Name"] in self.databases:
            raise Refused(400, "database with same name already exists")
        if found["group"] not in self.groups:
            self._restore_group_itself(found["group"])
        self.deleted.remove(found)
        back = {k: v for k, v in found.items() if k not in ("deleted_at", "group_deleted_at")}
        self.databases[back["Name"]] = back
        return back

    def restore_group(self, group_id):
        self.check_recovery()
        found = next((g for g in self.deleted_groups if g["uuid"] == group_id), None)
        if found is None:
            raise Refused(404, "no deleted group of this id")
        if found["name"] in self.groups:
            raise Refused(400, "group already exists")
        self._restore_group_itself(found["name"])
        members = [d["DbId"] for d in self.deleted
                   if d["group"] == found["name"] and d["group_deleted_at"]]
        return self.groups[found["name"]], [self.restore_database(i) for i in members]

    def _restore_group_itself(self, name):
        found = next((g for g in reversed(self.deleted_groups) if g["name"] == name), None)
        if found is None:
            raise Refused(400, "its group cannot be restored")
        self.deleted_groups.remove(found)
        self.groups[name] = {k: v for k, v in found.items()
                             if k not in ("deleted_at", "cascade_databases")}

    def check_recovery(self):
        if not self.knobs.recovery:
            raise Refused(403, "recovery is not available on this plan")

    def _revoke(self, claim, value):
        for token in self.minted:
            if token["claims"].get(claim) == value:
                token["revoked"] = True

    def add_api_token(self, name, group=None, scopes=(), owner=None):
        owner = owner or self.organization
        if any(t["name"] == name and t["owner"]["username"] == owner for t in self.api_tokens):
            raise Refused(409, "token name already exists")
        wide = set().union(*(PRESETS.get(s, {s}) for s in scopes))
        token = {"name": name, "id": base64.urlsafe_b64encode(secrets.token_bytes(16))
                 .rstrip(b"=").decode(), "organization": self.organization,
                 "owner": {"username": owner, "email": f"{owner}@example.com"},
                 "created_at": datetime.date.today().isoformat()}
        if group:
            token.update(group=group, scopes=sorted(wide))
            token["group_uuid"] = self.group(group)["uuid"]
        token["jwt"] = new_jwt({"jti": token["id"]})
        self.api_tokens.append(token)
        return token

    def add_member(self, username, role="member", email=None):
        self.members[username] = {"username": username, "role": role,
                                  "email": email or f"{username}@example.com"}
        return self.members[username]

    def member(self, username):
        if username not in self.members:
            raise Refused(404, "could not find member")
        return self.members[username]

    def invite(self, email, role="member"):
        """Every one of these is a mail; a pending invite of that address is replaced."""
        if self.knobs.refuse_invites:
            raise Refused(400, self.knobs.refuse_invites)
        if any(m["email"].lower() == email.lower() for m in self.members.values()):
            raise Refused(409, f"{email} is already a member")
        self.mails[email.lower()] += 1
        self.invites[email.lower()] = {"id": sum(self.mails.values()), "email": email,
                                       "role": role, "created_at": rfc3339_now()}
        return self.invites[email.lower()]

    def accept(self, email, username):
        """As the person who was mailed would."""
        invite = self.invites.pop(email.lower())
        return self.add_member(username, invite["role"], invite["email"])

    def configure(self, name, changes):
        config = self.database(name)["config"]
        legacy = self.groups[self.databases[name]["group"]]["legacy"]
        if "size_limit" in changes and self.knobs.refuse_size_limit:
            raise Refused(400, "size_limit is not supported for db-api controlled databases")
        if "allow_attach" in changes and self.knobs.refuse_allow_attach and not legacy:
            raise Refused(400, "allow_attach is not supported for this database")
        config.update(changes)
        if "size_limit" in changes:
            config["size_limit"] = size_in_bytes(changes["size_limit"])
        return config

    def mint(self, kind, name, query, body):
        """kind: group or database. The options count only where they are documented to be."""
        target = self.group(name) if kind == "group" else self.database(name)
        if body.get("permissions") and self.knobs.refuse_permissions:
            raise Refused(400, "Permissions are not supported for db-api controlled databases")
        read_only = query.get("authorization") == "read-only"
        claims = {"a": "ro" if read_only else "rw", "iat": int(time.time()),
                  "jti": secrets.token_hex(16)}
        claims["gid" if kind == "group" else "id"] = target.get("DbId") or target["uuid"]
        lifetime = query.get("expiration", "never")
        if lifetime != "never":
            amounts = EXPIRATION.fullmatch(lifetime).groups()
            claims["exp"] = claims["iat"] + sum(
                int(n or 0) * unit for n, unit in zip(amounts, UNIT_S))
        token = {"target": f"{kind}/{name}", "jwt": new_jwt(claims), "claims": claims,
                 "expiration": lifetime, "body": body, "revoked": False}
        self.minted.append(token)
        return token["jwt"]

    def rotate(self, kind, name):
        if kind == "database" and not self.knobs.rotate_whole_group:
            return self._revoke("id", self.database(name)["DbId"])
        group = self.group(name if kind == "group" else self.database(name)["group"])
        self._revoke("gid", group["uuid"])
        for database in self.databases.values():
            if database["group"] == group["name"]:
                self._revoke("id", database["DbId"])

    def is_token_alive(self, jwt):
        """Would a database still take this token?"""
        for token in self.minted:
            if token["jwt"] == jwt:
                return not token["revoked"] and token["claims"].get("exp", 1 << 62) > time.time()
        return False

    def cursor_for(self, last, filters):
        """An opaque word that must be percent-encoded to survive a query string."""
        word = base64.b64encode(b"\xfb\xff\xbf" + secrets.token_bytes(13)).decode()
        self.cursors[word] = (last, filters)
        return word

    def snapshot(self):
        return {"organization": self.organization, "organization_id": self.organization_id,
                "groups": list(self.groups.values()), "databases": list(self.databases.values()),
                "minted": self.minted, "cascaded": self.cascaded, "counts": self.counts}


def view_group(platform, group):
    primary = group["location"]
    if not platform.knobs.primary_prefix:
        primary = primary.removeprefix("aws-")
    return {"name": group["name"], "uuid": group["uuid"], "primary": primary,
            "locations": group["locations"], "version": "v0.24.32",
            "delete_protection": group["delete_protection"], "archived": group["archived"]}


def view_database(platform, database):
    config, group = database["config"], platform.groups[database["group"]]
    return {
        "Name": database["Name"], "DbId": database["DbId"], "Hostname": database["Hostname"],
        "block_reads": config["block_reads"], "block_writes": config["block_writes"],
        "allow_attach": config["allow_attach"], "regions": group["locations"],
        "primaryRegion": group["location"], "group": database["group"],
        "delete_protection": config["delete_protection"], "parent": database["parent"],
        "type": "logical", "database_type": database["engine"], "version": "v0.24.32",
        "sleeping": False, "archived": group["archived"], "is_schema": False,
    }


def view_organization(platform):
    return {"id": platform.organization_id, "name": platform.organization,
            "slug": platform.organization, "type": "team", "overages": False,
            "require_mfa": False, "blocked_reads": False, "blocked_writes": False,
            "plan_id": "scaler", "plan_timeline": "monthly", "platform": ""}


def view_usage(database):
    usage = {"rows_read": 0, "rows_written": 0, "storage_bytes": 4096, "bytes_synced": 0}
    return {"uuid": database["DbId"], "total": usage, "usage": usage,
            "instances": [{"uuid": instance_uuid(database), "usage": usage}]}


def instance_uuid(database):
    return str(uuid.uuid5(uuid.UUID(database["DbId"]), "instance"))


# --- One function a route: (platform, request) to the answer's JSON, or None for no body --------


def get_user(p, _):
    name = p.organization
    return {"user": {"username": name, "name": name, "email": f"{name}@example.com",
                     "avatarUrl": "", "plan": "scaler", "mfa": False,
                     "has_pending_invites": False}}


def list_api_tokens(p, _):
    hidden = ("jwt", "group_uuid")
    return {"tokens": [{k: v for k, v in t.items() if k not in hidden} for t in p.api_tokens]}


def list_own_api_tokens(p, _):
    hidden = ("jwt", "group_uuid", "owner")
    return {"tokens": [{k: v for k, v in t.items() if k not in hidden} | {"organization": p.organization}
                       for t in p.api_tokens if t["owner"]["username"] == p.organization]}


def create_api_token(p, r):
    group, scopes = r.json.get("group"), r.json.get("scopes")
    if bool(group) != bool(scopes):
        violate("scopes", "group and scopes go together")
    if r.json["organization"] != p.organization:
        violate("scopes", "a token of another organization")
    token = p.add_api_token(r.name, group, scopes or ())
    p.counts["creates"][f"api-token/{r.name}"] += 1
    return {"name": token["name"], "id": token["id"], "token": token["jwt"]}


def revoke_api_token(p, r):
    for token in p.api_tokens:
        if token["id"] == r.args["id"]:
            p.api_tokens.remove(token)
            p.counts["deletes"][f"api-token/{token['name']}"] += 1
            return {"token": token["id"]}
    raise Refused(404, "token not found")


def send_invite(p, r):
    email, username = r.json.get("email"), r.json.get("username")
    if (email is None) == (username is None):
        violate("invite", "exactly one of email and username is wanted")
    invite = p.invite(email or p.member(username)["email"], r.json.get("role", "member"))
    p.counts["creates"][f"member/{invite['email']}"] += 1
    return {"invited": {"email": invite["email"], "role": invite["role"],
                        "organization": p.organization}}


def withdraw_invite(p, r):
    if p.invites.pop(r.args["email"].lower(), None) is None:
        raise Refused(404, "invite not found")
    p.counts["deletes"][f"member/{r.args['email']}"] += 1


def patch_member(p, r):
    member = p.member(r.args["username"])
    if member["role"] == "owner":
        violate("owner", "the owner's role is changed")
    member["role"] = r.json["role"]
    p.counts["updates"][f"member/{member['username']}"] += 1
    return {"member": member}


def remove_member(p, r):
    member = p.member(r.args["username"])
    if member["role"] == "owner" or member["username"] == p.organization:
        violate("owner", "the owner, or the one who asks, is removed")
    del p.members[member["username"]]
    p.counts["deletes"][f"member/{member['username']}"] += 1
    return {"member": member["username"]}


def list_databases(p, r):
    filters = (r.query.get("group"), r.query.get("parent"), r.query.get("schema"))
    last = ""
    if "cursor" in r.query:
        last, issued_for = p.cursors.get(r.query["cursor"], (None, None))
        if issued_for != filters:
            violate("cursor", "a cursor that was not handed out for this listing")
    group, parent, schema = filters
    rows = sorted((d for d in p.databases.values()
                   if d["DbId"] > last and schema is None and group in (None, d["group"])
                   and parent in (None, (d["parent"] or {}).get("id"))),
                  key=lambda d: d["DbId"])
    if "limit" not in r.query and "cursor" not in r.query:
        return {"databases": [view_database(p, d) for d in rows[:UNPAGED_ROWS]]}
    r.page_start = (last, filters)
    limit = int(r.query.get("limit", DEFAULT_PAGE))
    more = len(rows) > limit
    following = p.cursor_for(rows[limit - 1]["DbId"], filters) if more else None
    return {"databases": [view_database(p, d) for d in rows[:limit]],
            "pagination": {"next": following}}


def view_deleted(p, database):
    return {"Name": database["Name"], "DbId": database["DbId"], "Hostname": database["Hostname"],
            "group": database["group"], "organization_id": p.organization_id,
            "delete_protection": database["config"]["delete_protection"],
            "deleted_at": database["deleted_at"],
            "group_deleted_at": database["group_deleted_at"]}


def check_organization_id(p, r):
    if r.args["oid"] != p.organization_id:
        raise Refused(404, "organization not found")
    p.check_recovery()


def page_of(p, r, rows, key):
    """One page of `rows`, sorted by `key`; the next one's cursor."""
    last = ""
    filters = (r.path, r.query.get("search"))
    if "cursor" in r.query:
        last, issued_for = p.cursors.get(r.query["cursor"], (None, None))
        if issued_for != filters:
            violate("cursor", "a cursor that was not handed out for this listing")
    rows = sorted((row for row in rows if row[key] > last), key=lambda row: row[key])
    limit = int(r.query.get("limit", DEFAULT_PAGE))
    following = p.cursor_for(rows[limit - 1][key], filters) if len(rows) > limit else None
    return rows[:limit], {"next": following}


def list_deleted_databases(p, r):
    check_organization_id(p, r)
    if r.query.get("deleted") != "true":
        violate("query", "only the deleted ones are wanted here")
    rows = [d for d in p.deleted if r.query.get("search", "") in d["Name"]]
    rows, pagination = page_of(p, r, rows, "DbId")
    return {"databases": [view_deleted(p, d) for d in rows], "pagination": pagination}


def list_deleted_groups(p, r):
    check_organization_id(p, r)
    rows, pagination = page_of(p, r, p.deleted_groups, "uuid")
    return {"groups": [{k: g[k] for k in ("uuid", "name", "deleted_at", "cascade_databases")}
                       for g in rows], "pagination": pagination}


def restore_database(p, r):
    check_organization_id(p, r)
    if "name" in r.json:
        violate("key", "restoring under another name is not wanted here")
    database = p.restore_database(r.args["id"])
    p.counts["restores"]["database/" + database["Name"]] += 1
    return {"database": view_database(p, database)}


def restore_group(p, r):
    check_organization_id(p, r)
    group, databases = p.restore_group(r.args["id"])
    p.counts["restores"]["group/" + group["name"]] += 1
    return {"group": view_group(p, group), "databases": [view_database(p, d) for d in databases],
            "failures": {}}


def create_database(p, r):
    body = r.json
    seed = body.get("seed")
    if seed and seed["type"] == "database" and "name" not in seed:
        violate("missing", "body.seed: name is required with type database")
    database = p.add_database(body["name"], body["group"], seed, body.get("size_limit", ""),
                              body.get("use_tursodb", False), body.get("remote_encryption"))
    p.counts["creates"]["database/" + body["name"]] += 1
    p.note("db-create", database=body["name"])
    return {"database": {key: database[key] for key in ("DbId", "Hostname", "Name")}}


def delete_database(p, r):
    p.remove_database(r.name)
    p.counts["deletes"]["database/" + r.name] += 1
    p.note("db-delete", database=r.name)
    return {"database": r.name}


def patch_database(p, r):
    before = p.database(r.name)["config"]["delete_protection"]
    config = p.configure(r.name, r.json)
    p.counts["updates"]["database/" + r.name] += 1
    if config["delete_protection"] != before:
        p.note("db-protect" if config["delete_protection"] else "db-unprotect", database=r.name)
    return config


def list_instances(p, r):
    database = p.database(r.name)
    region = p.groups[database["group"]]["location"]
    return {"instances": [{"uuid": instance_uuid(database), "name": region, "type": "primary",
                           "region": region, "hostname": database["Hostname"]}]}


def get_instance(p, r):
    for instance in list_instances(p, r)["instances"]:
        if instance["name"] == r.args["instance"]:
            return {"instance": instance}
    raise Refused(404, "instance not found")


def create_group(p, r):
    group = p.add_group(r.json["name"], r.json["location"], r.json.get("extensions"))
    p.counts["creates"]["group/" + r.json["name"]] += 1
    return {"group": view_group(p, group)}


def delete_group(p, r):
    group = p.remove_group(r.name)
    p.counts["deletes"]["group/" + r.name] += 1
    return {"group": view_group(p, group)}


def patch_group(p, r):
    group = p.group(r.name)
    group["delete_protection"] = r.json.get("delete_protection", group["delete_protection"])
    p.counts["updates"]["group/" + r.name] += 1
    return {"delete_protection": group["delete_protection"]}


def unarchive_group(p, r):
    p.group(r.name)["archived"] = False
    p.counts["updates"]["group/" + r.name] += 1
    return {"group": view_group(p, p.group(r.name))}


def change_locations(p, r):
    group, location = p.group(r.name), r.args["location"]
    if not group["legacy"]:
        raise Refused(400, "replication is not supported for groups on AWS")
    if r.method == "POST" and location not in group["locations"]:
        group["locations"].append(location)
    elif r.method == "DELETE":
        if location == group["location"] or location not in group["locations"]:
            raise Refused(400, f"invalid location: {location}")
        group["locations"].remove(location)
    p.counts["updates"]["group/" + r.name] += 1
    return {"group": view_group(p, group)}


def wait_for_location(p, r):
    if r.args["location"] not in p.group(r.name)["locations"]:
        raise Refused(404, f"invalid location: {r.args['location']}")


def mint(kind):
    def handler(p, r):
        jwt = p.mint(kind, r.name, r.query, r.json or {})
        p.counts["mints"][f"{kind}/{r.name}"] += 1
        p.note({"database": "db-token-create", "group": "group-token-create"}[kind],
               **{kind: r.name})
        return {"jwt": jwt}
    return handler


def rotate(kind):
    def handler(p, r):
        p.rotate(kind, r.name)
        p.counts["rotates"][f"{kind}/{r.name}"] += 1
    return handler


def organization_usage(p, _):
    rows = [view_usage(d) for d in p.databases.values()]
    total = {"rows_read": 0, "rows_written": 0, "databases": len(rows), "groups": len(p.groups),
             "locations": len({g["location"] for g in p.groups.values()}),
             "storage_bytes": 4096 * len(rows), "bytes_synced": 0}
    return {"organization": {"uuid": p.organization_id, "usage": total,
                             "databases": rows if p.knobs.usage_by_database else None}}


def list_audit(p, r):
    """Newest first, as the documents do not say but everybody sees."""
    if p.knobs.audit_refused:
        raise Refused(p.knobs.audit_refused, "audit logs are not available on your plan")
    page, size = int(r.query.get("page", 1)), int(r.query.get("page_size", DEFAULT_PAGE))
    rows = p.audit[::-1]
    return {"audit_logs": rows[(page - 1) * size:page * size],
            "pagination": {"page": page, "page_size": size, "total_rows": len(rows),
                           "total_pages": -(-len(rows) // size)}}


def list_plans(p, _):
    changed = {"scaler": p.knobs.quotas}
    return {"plans": [{**plan, "quotas": {**plan["quotas"], **changed.get(plan["name"], {})}}
                      for plan in PLANS]}


def enter(p, r):
    """The database whose own host it is, to a token that opens it, and its key where it has one."""
    database = next((d for d in p.databases.values() if d["Hostname"] == r.header("host")), None)
    if database is None:
        raise Refused(404, "no such database")
    _, _, token = (r.header("authorization") or "").partition(" ")
    opens = [t for t in p.minted if t["jwt"] == token and not t["revoked"]
             and t["claims"].get("id") == database["DbId"]]
    sealed = database["encryption"]
    if sealed and r.header("x-turso-encryption-key") != sealed["encryption_key"]:
        raise Refused(400, "the encryption key is needed")
    if not opens:
        raise Refused(401, "the token does not open this database")
    return database, opens[0]


def count_tables(file):
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        if file:
            connection.deserialize(file[:18] + b"\1\1" + file[20:])  # WAL needs a file of its own
        return connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]


def pipeline(p, r):
    """The database's own host, as far as a probe, or the question after an upload, needs it."""
    database, _ = enter(p, r)
    if database["draft"]:
        raise Refused(404, "no such database")
    sql = r.json["requests"][0].get("stmt", {}).get("sql")
    if sql not in ASKED or r.json["requests"] != [{"type": "execute", "stmt": {"sql": sql}},
                                                  {"type": "close"}]:
        violate("value", "a probe asks one thing and closes")
    p.counts[ASKED[sql]]["database/" + database["Name"]] += 1
    value = "1" if sql == "SELECT 1" else str(count_tables(database["file"]))
    return {"baton": None, "base_url": None, "results": [
        {"type": "ok", "response": {"type": "execute", "result": {
            "cols": [{"name": "1", "decltype": None}],
            "rows": [[{"type": "integer", "value": value}]], "affected_row_count": 0,
            "last_insert_rowid": None}}},
        {"type": "ok", "response": {"type": "close"}}]}


def check_file(data, encryption):
    """As the documents ask: WAL, pages of 4096 bytes, UTF-8, no auto-vacuum; a cipher's room."""
    if data[:16] != b"SQLite format 3\0" or len(data) % 4096 or \
            int.from_bytes(data[16:18], "big") != 4096 or data[18:20] != b"\2\2" or \
            data[52:56] != bytes(4) or int.from_bytes(data[56:60], "big") != 1:
        raise Refused(400, "invalid database file: wrong settings")
    cipher = (encryption or {}).get("encryption_cipher", "")
    if any(cipher.startswith(name) and data[20] != room for name, room in RESERVED.items()):
        raise Refused(400, "invalid database file: wrong reserved bytes")
    try:
        count_tables(data)
    except sqlite3.DatabaseError:
        raise Refused(400, "invalid database file: corrupt") from None


def upload(p, r):
    database, token = enter(p, r)
    p.counts["uploads"]["database/" + database["Name"]] += 1
    if token["claims"].get("a") == "ro":
        violate("authorization", "an upload with a token that may not write", 403)
    if not database["draft"]:
        violate("conflict", "an upload to a database that does not wait for one")
    sealed = database["encryption"] or {}
    if r.header("x-turso-encryption-cipher") not in (None, sealed.get("encryption_cipher")):
        violate("header", "the cipher is another one")
    check_file(r.body, database["encryption"])
    database["draft"], database["file"] = False, r.body
    return None


@dataclasses.dataclass
class Route:
    """body: "no" (a body is a violation), "may", or "must"; then its shape."""

    method: str
    pattern: object
    handler: object
    query: dict
    body: str
    shape: dict


def route(method, path, handler, query=None, may=None, must=None):
    for short, full in (("O/", "/v1/organizations/{org}/"), ("G/", "groups/{name}/"),
                        ("D/", "databases/{name}/")):
        path = path.replace(short, full)
    pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))
    body = "must" if must else "may" if may else "no"
    return Route(method, pattern, handler, query or {}, body, must or may)


ROUTES = [
    route("GET", "/v1/user", get_user),
    route("GET", "/v1/auth/api-tokens", list_own_api_tokens),
    route("GET", "/v1/auth/validate", lambda p, r: {"exp": p.knobs.token_exp}),
    route("POST", "/v1/auth/api-tokens/{name}", create_api_token, must=NEW_API_TOKEN),
    route("GET", "O/api-tokens", list_api_tokens),
    route("DELETE", "O/api-tokens/{id}", revoke_api_token),
    route("GET", "O/members", lambda p, r: {"members": list(p.members.values())}),
    route("GET", "O/members/{username}", lambda p, r: {"member": p.member(r.args["username"])}),
    route("PATCH", "O/members/{username}", patch_member, must={"role!": ROLES}),
    route("DELETE", "O/members/{username}", remove_member),
    route("GET", "/v2/organizations/{org}/invites",
          lambda p, r: {"invites": list(p.invites.values())}),
    route("POST", "/v2/organizations/{org}/invites", send_invite, must=NEW_INVITE),
    route("DELETE", "/v2/organizations/{org}/invites/{email}", withdraw_invite),
    route("GET", "/v1/locations", lambda p, r: {"locations": LOCATIONS}),
    route("GET", "/v1/organizations", lambda p, r: [view_organization(p)]),
    route("GET", "/v2/organizations", lambda p, r: {"organizations": [view_organization(p)]}),
    route("GET", "/v1/organizations/{org}", lambda p, r: {"organization": view_organization(p)}),
    route("GET", "O/usage", organization_usage),
    route("GET", "O/plans", list_plans),
    route("GET", "O/subscription",
          lambda p, r: {"subscription": {"name": "scaler", "plan": "scaler",
                                         "timeline": "monthly", "overages": False}}),
    route("GET", "O/audit-logs", list_audit, AUDIT_QUERY),
    route("GET", "O/groups",
          lambda p, r: {"groups": [view_group(p, g) for g in p.groups.values()]}),
    route("POST", "O/groups", create_group, must=NEW_GROUP),
    route("GET", "O/groups/{name}", lambda p, r: {"group": view_group(p, p.group(r.name))}),
    route("DELETE", "O/groups/{name}", delete_group),
    route("GET", "O/G/configuration",
          lambda p, r: {"delete_protection": p.group(r.name)["delete_protection"]}),
    route("PATCH", "O/G/configuration", patch_group, must=PROTECTION),
    route("POST", "O/G/unarchive", unarchive_group),
    route("POST", "O/G/locations/{location}", change_locations),
    route("DELETE", "O/G/locations/{location}", change_locations),
    route("GET", "O/G/locations/{location}/wait", wait_for_location),
    route("POST", "O/G/auth/tokens", mint("group"), TOKEN_QUERY, may=TOKEN_BODY),
    route("POST", "O/G/auth/rotate", rotate("group")),
    route("GET", "O/databases", list_databases, LIST_QUERY),
    route("POST", "O/databases", create_database, must=NEW_DATABASE),
    route("GET", "O/databases/{name}",
          lambda p, r: {"database": view_database(p, p.database(r.name))}),
    route("DELETE", "O/databases/{name}", delete_database),
    route("GET", "O/D/configuration", lambda p, r: p.database(r.name)["config"]),
    route("PATCH", "O/D/configuration", patch_database, must=CONFIGURATION),
    route("GET", "O/D/instances", list_instances),
    route("GET", "O/D/instances/{instance}", get_instance),
    route("GET", "O/D/usage", lambda p, r: {"database": view_usage(p.database(r.name))},
          USAGE_QUERY),
    route("POST", "O/D/auth/tokens", mint("database"), TOKEN_QUERY, may=TOKEN_BODY),
    route("POST", "O/D/auth/rotate", rotate("database")),
    route("POST", DATA_PLANE, pipeline, must=PIPELINE),
    route("POST", UPLOAD, upload, must=FILE),
    route("GET", "/v3/organizations/{oid}/databases", list_deleted_databases, DELETED_QUERY),
    route("GET", "/v3/organizations/{oid}/deleted-groups", list_deleted_groups, PAGE_QUERY),
    route("POST", "/v3/organizations/{oid}/databases/{id}/restore", restore_database,
          must=RESTORE),
    route("POST", "/v3/organizations/{oid}/groups/{id}/restore", restore_group, must=RESTORE),
]


# --- One request: what came over the wire, checked to the letter -------------------------------

TARGET_PATH = re.compile(r"/[A-Za-z0-9\-._~!$&'()*+,;=:@%/]*")
TARGET_QUERY = re.compile(r"[A-Za-z0-9\-._~!$&'()*,;=:@%/?]+")  # '+' would mean a space to some
ESCAPE = re.compile(r"%(..?)?")
PLAIN = re.compile(rb"[A-Za-z0-9\-._~]")
SINGLE_HEADERS = ("host", "authorization", "content-length", "content-type")


def check_escapes(text, also_forbidden=b""):
    for match in ESCAPE.finditer(text):
        digits = match.group(1) or ""
        if not re.fullmatch(r"[0-9A-Fa-f]{2}", digits):
            violate("path", f"broken percent-encoding {match.group()!r}")
        byte = bytes.fromhex(digits)
        if PLAIN.fullmatch(byte) or byte < b" " or byte == b"\x7f" or byte in also_forbidden:
            violate("path", f"odd percent-encoding {match.group()!r}")


def decode(text):
    try:
        return urllib.parse.unquote(text, errors="strict")
    except UnicodeDecodeError:
        violate("path", "percent-encoding that is not UTF-8")


def check_path(path):
    if not TARGET_PATH.fullmatch(path):
        violate("path", "a character that must be percent-encoded", 404)
    check_escapes(path, (b"/", b"\\"))
    if path != "/" and "" in path[1:].split("/"):
        violate("path", "an empty segment", 404)
    if {".", ".."} & {decode(s) for s in path.split("/")}:
        violate("path", "a dot segment", 404)


def parse_query(text):
    if not TARGET_QUERY.fullmatch(text):
        violate("query", "empty, or a character that must be percent-encoded")
    check_escapes(text)
    query = {}
    for piece in text.split("&"):
        key, equals, value = piece.partition("=")
        if not key or not equals:
            violate("query", f"{piece!r} is not NAME=VALUE")
        if decode(key) in query:
            violate("query", f"{key} is given twice")
        query[decode(key)] = decode(value)
    return query


def unique_pairs(pairs):
    value = dict(pairs)
    if len(value) != len(pairs):
        violate("key", "a key is given twice")
    return value


def no_constant(word):
    violate("json", f"{word} is not JSON")


class Request:
    """Parsed but not yet judged: `check` judges, so that even a bad request is in the log."""

    def __init__(self, head):
        line, *fields = head.split("\r\n")
        parts = line.split(" ")
        if len(parts) != 3 or parts[2] != "HTTP/1.1" or not parts[1].startswith("/"):
            violate("request-line", f"{line[:80]!r}")
        self.method, self.target, _ = parts
        self.path, self.has_query, self.raw_query = self.target.partition("?")
        self.headers = collections.defaultdict(list)
        for field in fields:
            name, colon, value = field.partition(":")
            if not colon or not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
                violate("header", f"{field[:80]!r}")
            self.headers[name.lower()].append(value.strip())
        self.query, self.json, self.args, self.body = {}, None, {}, b""
        self.page_start = None

    @property
    def name(self):
        return self.args["name"]

    def header(self, name):
        return self.headers[name][0] if name in self.headers else None

    def body_length(self):
        if "transfer-encoding" in self.headers:
            violate("header", "a chunked body where its length is known")
        length = self.header("content-length") or "0"
        most = MAX_FILE if self.path == UPLOAD else MAX_BODY
        if not re.fullmatch(r"[0-9]{1,9}", length) or int(length) > most:
            violate("header", f"Content-Length {length[:20]!r}")
        return int(length)

    def check(self, organization, tokens):
        """Judge all but the meaning; returns the route. The order is a real server's."""
        for name in SINGLE_HEADERS:
            if len(self.headers.get(name, ())) > 1:
                violate("header", f"{name} is given twice")
        if not self.header("host"):
            violate("header", "Host is missing")
        check_path(self.path)
        self._check_token(tokens)
        found = self._find_route()
        if self.has_query:
            self.query = parse_query(self.raw_query)
        self._check_query(found)
        self._check_body(found)
        if self.args.get("org", organization) != organization:
            raise Refused(404, "organization not found")
        return found

    def _check_token(self, tokens):
        if self.path in (DATA_PLANE, UPLOAD):
            if (self.header("authorization") or "").partition(" ")[2] in tokens:
                violate("authorization", "the platform's token at a database's own host", 401)
            return
        scheme, _, token = (self.header("authorization") or "").partition(" ")
        if scheme != "Bearer" or token not in tokens:
            violate("authorization", "could not parse jwt id" if token.count(".") == 2
                    else "unauthorized", 401)

    def _find_route(self):
        for candidate in ROUTES:
            match = candidate.pattern.fullmatch(self.path)
            if match and candidate.method == self.method:
                self.args = {key: decode(value) for key, value in match.groupdict().items()}
                return candidate
        violate("route", f"no such route: {self.method} {self.path}", 404)

    def _check_query(self, found):
        for key, value in self.query.items():
            if key not in found.query:
                violate("query", f"unknown query parameter {key!r}")
            try:
                check_shape(found.query[key], value, key)
            except Refused as wrong:
                text = wrong.text if key != "expiration" else "Invalid expiration format"
                violate("query", text)

    def _check_body(self, found):
        if found.body == "no" and self.body:
            violate("body", "a body where none is expected")
        if found.body == "must" and not self.body:
            violate("body", "a body is required")
        if not self.body:
            return
        kind = (self.header("content-type") or "").lower().replace(" ", "")
        if found.shape == FILE:
            if kind != FILE:
                violate("content-type", f"Content-Type {kind!r}")
            return
        if kind not in ("application/json", "application/json;charset=utf-8"):
            violate("content-type", f"Content-Type {kind!r}")
        try:
            self.json = json.loads(self.body.decode("utf-8"), object_pairs_hook=unique_pairs,
                                   parse_constant=no_constant)
        except (ValueError, RecursionError):
            violate("json", "invalid JSON in the body")
        if isinstance(self.json, dict) and {"expiration", "authorization"} & set(self.json):
            violate("token-options", "token options belong in the query, not in the body")
        check_shape(found.shape, self.json, "body")


# --- Faults ------------------------------------------------------------------------------------


@dataclasses.dataclass
class Fault:
    """One scripted misbehaviour. The first fault that matches and is not used up is taken.

    method, path: exact method or "*"; a regular expression searched in the path without query.
    skip, count: let so many matching requests through first; then strike so often (None: on).
    delay: seconds before the request is handled at all.
    commit: with status, body or hang, do the request's work nevertheless (its answer is lost).
    hang: keep the answer back until release(), or until the client has gone.
    drop: "before" or "after" the work is done, close the connection without an answer.
    status, error: answer so; error is the text of the body.
    retry_after, retry_after_date: a Retry-After header: as given, or so many seconds from now
        as an HTTP date.
    headers: further headers, a name to value map.
    html: a web page with status 200 (or `status`) instead of JSON; the work is not done.
    truncate: "json" cuts the JSON, well framed; "wire" closes the connection half way through.
    list: "empty", "short" (the last `short_by` rows are missing) or "repeat-cursor".
    hits: how often it has struck."""

    method: str = "*"
    path: str = ""
    skip: int = 0
    count: int = 1
    delay: float = 0
    commit: bool = False
    hang: bool = False
    drop: str = None
    status: int = None
    error: str = "injected fault"
    retry_after: object = None
    retry_after_date: float = None
    headers: dict = dataclasses.field(default_factory=dict)
    html: bool = False
    truncate: str = None
    list: str = None
    short_by: int = 1
    hits: int = dataclasses.field(default=0, init=False)

    def __post_init__(self):
        allowed = {"drop": (None, "before", "after"), "truncate": (None, "json", "wire"),
                   "list": (None, "empty", "short", "repeat-cursor")}
        for name, values in allowed.items():
            if getattr(self, name) not in values:
                raise ValueError(f"fault: {name} must be one of {values}")
        if self.status is not None and not 200 <= self.status <= 599:
            raise ValueError("fault: status must be 200 to 599")
        if not (self.delay or self.hang or self.drop or self.status or self.html
                or self.truncate or self.list):
            raise ValueError("fault: nothing that it would do")
        self.pattern = re.compile(self.path)

    def takes(self, method, path):
        if self.method not in ("*", method) or not self.pattern.search(path):
            return False
        if self.count is not None and self.hits >= self.count:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.hits += 1
        return True

    def is_replacing(self):
        """Does something else go out in place of the true answer?"""
        return self.status is not None or self.html

    def shown(self):
        keys = [f.name for f in dataclasses.fields(self)]
        return {key: getattr(self, key) for key in keys}


def spoil_list(fault, platform, request, answer):
    """Make a listing lie; other answers stay as they are."""
    key = next((k for k in ("databases", "groups", "members", "invites") if isinstance(answer.get(k), list)), None)
    if key is None:
        return answer
    spoilt = dict(answer)
    if fault.list == "repeat-cursor":
        if request.page_start:
            again = request.query.get("cursor") or platform.cursor_for(*request.page_start)
            spoilt["pagination"] = {"next": again}
        return spoilt
    keep = 0 if fault.list == "empty" else max(0, len(answer[key]) - fault.short_by)
    spoilt[key] = answer[key][:keep]
    if fault.list == "empty" and "pagination" in answer:
        spoilt["pagination"] = {"next": None}
    return spoilt


# --- The server --------------------------------------------------------------------------------


@dataclasses.dataclass
class Answer:
    status: int
    body: bytes
    content_type: str = "application/json"
    headers: dict = dataclasses.field(default_factory=dict)
    cut_wire: bool = False

    @staticmethod
    def of(status, value):
        return Answer(status, b"" if value is None else json.dumps(value).encode())

    def encode(self, date_offset_s):
        lines = [f"HTTP/1.1 {self.status} {http.client.responses.get(self.status, 'Odd')}",
                 "Date: " + email.utils.formatdate(time.time() + date_offset_s, usegmt=True),
                 f"Content-Length: {len(self.body)}"]
        if self.body:
            lines.append(f"Content-Type: {self.content_type}")
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        body = self.body[:len(self.body) // 2] if self.cut_wire else self.body
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class StrictApi:
    """The server, on a thread of its own.

    url: where it listens, after start().       state: a Platform.      knobs: a Knobs.
    tokens: the bearer tokens that are taken.   lock: held while a request is worked on.
    delete_tokens: where there are any, deletes go by these alone, and nothing else does but asking
        how long one is good for.
    requests: one dict a request, in order of arrival: n, at (monotonic seconds), method, target,
        path, query, headers, json, status (None: none was sent), fault (whether one struck).
    violations: one dict a departure from the documents: n, kind, method, target, detail, status.
    in_flight, peak_in_flight: requests being worked on, now and at most."""

    def __init__(self, organization="acme", token="T", port=0, **knobs):
        self.knobs = Knobs(**knobs)
        self.state = Platform(organization, self.knobs)
        self.tokens, self.lock = {token}, threading.RLock()
        self.delete_tokens = set()
        self.requests, self.violations, self.faults = [], [], []
        self.in_flight = self.peak_in_flight = 0
        self.url, self._port = None, port
        self._loop = self._thread = self._released = None
        self._writers = set()

    # What a test uses.

    def start(self):
        ready, failure = threading.Event(), []

        def run():
            try:
                asyncio.run(self._serve(ready))
            except OSError as fault:
                failure.append(fault)
                ready.set()

        self._thread = threading.Thread(target=run, name="strict-api", daemon=True)
        self._thread.start()
        if not ready.wait(10) or failure:
            raise RuntimeError(f"strict API did not start: {failure}")
        return self

    def stop(self):
        if self._thread and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(10)
        self._thread = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    @property
    def creates_by_name(self):
        return dict(self.state.counts["creates"])

    def fault(self, **script):
        """Add a fault (see Fault); the returned object's `hits` tells whether it struck."""
        fault = Fault(**script)
        with self.lock:
            self.faults.append(fault)
        return fault

    def clear_faults(self):
        with self.lock:
            self.faults.clear()
        self.release()

    def release(self):
        """Let every hanging or delayed request go on."""
        if not self._thread:
            return

        def swap():
            self._released.set()
            self._released = asyncio.Event()
        self._loop.call_soon_threadsafe(swap)

    def mark(self):
        """A place in the request log, for `since`."""
        return len(self.requests)

    def calls(self, method=None, path="", since=0):
        return [r for r in self.requests[since:]
                if method in (None, r["method"]) and re.search(path, r["path"])]

    def writes(self, since=0):
        return [r for r in self.requests[since:] if r["method"] != "GET"]

    def assert_clean(self):
        assert not self.violations, "the API's documents were violated:\n" + "\n".join(
            f"  {v['method']} {v['target']}: {v['kind']}: {v['detail']}" for v in self.violations)

    # The server's own side.

    async def _serve(self, ready):
        self._loop = asyncio.get_running_loop()
        self._stopping, self._released = asyncio.Event(), asyncio.Event()
        server = await asyncio.start_server(self._connection, "127.0.0.1", self._port,
                                            backlog=512)
        self.url = "http://127.0.0.1:%d" % server.sockets[0].getsockname()[1]
        ready.set()
        await self._stopping.wait()
        server.close()
        self._released.set()
        for writer in list(self._writers):
            writer.transport.abort()

    async def _connection(self, reader, writer):
        self._writers.add(writer)
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client went away, or the server is being stopped
        except asyncio.LimitOverrunError:
            self._violation(None, Refused(431, "the request's head is too long", "header"))
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _exchange(self, reader, writer):
        """One request and its answer; false when the connection is to be closed."""
        head = (await reader.readuntil(b"\r\n\r\n"))[:-4].decode("latin-1")
        try:
            request = Request(head)
            length = request.body_length()
        except Refused as wrong:  # where the next request would begin is not known
            self._violation(None, wrong)
            writer.write(Answer.of(wrong.status, {"error": wrong.text}).encode(0))
            return False
        if length and (request.header("expect") or "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.body = await reader.readexactly(length)
        if request.path.startswith("/_strict/"):
            answer, entry = self._control(request), {}
        else:
            answer, entry = await self._counted(reader, request)
        if answer is None:
            return False
        entry["status"] = answer.status
        writer.write(answer.encode(self.knobs.date_offset_s))
        await writer.drain()
        return not answer.cut_wire and (request.header("connection") or "").lower() != "close"

    async def _counted(self, reader, request):
        entry = {"n": len(self.requests), "at": time.monotonic(), "method": request.method,
                 "target": request.target, "path": request.path, "query": {}, "json": None,
                 "headers": {k: v[0] for k, v in request.headers.items() if k not in
                             ("authorization", "x-turso-encryption-key")},
                 "status": None, "fault": False}
        self.requests.append(entry)
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)
        try:
            return await self._answer(reader, request, entry), entry
        finally:
            self.in_flight -= 1

    def _tokens_for(self, request):
        if request.path == "/v1/auth/validate":
            return self.tokens | self.delete_tokens
        return self.delete_tokens if self.delete_tokens and request.method == "DELETE" else self.tokens

    async def _answer(self, reader, request, entry):
        try:
            found = request.check(self.state.organization, self._tokens_for(request))
        except Refused as wrong:
            return self._refusal(request, entry, wrong)
        finally:
            entry.update(query=request.query, json=request.json)
        with self.lock:
            fault = next((f for f in self.faults if f.takes(request.method, request.path)), None)
        if fault is None:
            return Answer.of(*self._work(found, request, entry))
        entry["fault"] = True
        return await self._misbehave(reader, fault, found, request, entry)

    def _work(self, found, request, entry):
        """Do what was asked; (status, JSON value)."""
        with self.lock:
            try:
                return 200, found.handler(self.state, request)
            except Refused as wrong:
                if wrong.kind:
                    self._violation(request, wrong, entry)
                return wrong.status, {"error": wrong.text}
            except Exception as mistake:  # ours: must not pass for an answer of the platform
                self._violation(request, Refused(500, repr(mistake), "server"), entry)
                return 500, {"error": repr(mistake)}

    async def _misbehave(self, reader, fault, found, request, entry):
        if fault.delay and await self._client_left(reader, fault.delay):
            return None
        done = None
        if fault.commit or fault.drop == "after":
            done = self._work(found, request, entry)
        if fault.hang and await self._client_left(reader, None):
            return None
        if fault.drop:
            return None
        if fault.is_replacing():
            return self._false_answer(fault)
        status, value = done or self._work(found, request, entry)
        if fault.list and status == 200:
            value = spoil_list(fault, self.state, request, value)
        answer = Answer.of(status, value)
        answer.headers.update(fault.headers)
        answer.cut_wire = fault.truncate == "wire"
        if fault.truncate == "json":
            answer.body = answer.body[:len(answer.body) // 2]
        return answer

    def _false_answer(self, fault):
        status, headers = fault.status or 200, dict(fault.headers)
        if fault.retry_after is not None:
            headers["Retry-After"] = fault.retry_after
        elif fault.retry_after_date is not None:
            at = time.time() + self.knobs.date_offset_s + fault.retry_after_date
            headers["Retry-After"] = email.utils.formatdate(at, usegmt=True)
        if fault.html:
            page = b"<!DOCTYPE html>\n<html><body><h1>Service page</h1></body></html>\n"
            return Answer(status, page, "text/html; charset=utf-8", headers)
        answer = Answer.of(status, {"error": fault.error})
        answer.headers = headers
        return answer

    async def _client_left(self, reader, seconds):
        """Wait for release() or for the time to pass; true if the client hung up first."""
        going = [asyncio.ensure_future(self._released.wait()),
                 asyncio.ensure_future(reader.read(1))]
        done, pending = await asyncio.wait(going, timeout=seconds,
                                           return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        return going[1] in done or self._stopping.is_set()

    def _refusal(self, request, entry, wrong):
        if wrong.kind:
            self._violation(request, wrong, entry)
        return Answer.of(wrong.status, {"error": wrong.text})

    def _violation(self, request, wrong, entry=None):
        self.violations.append({
            "n": entry["n"] if entry else None, "kind": wrong.kind, "status": wrong.status,
            "method": request.method if request else "?",
            "target": request.target if request else "?", "detail": wrong.text})

    def _control(self, request):
        """/_strict/: the same hooks for a test in another process."""
        what = (request.method, request.path.removeprefix("/_strict/"))
        if what == ("GET", "state"):
            with self.lock:
                return Answer.of(200, self.state.snapshot())
        if what == ("GET", "violations"):
            return Answer.of(200, self.violations)
        if what == ("GET", "requests"):
            return Answer.of(200, self.requests)
        if what == ("GET", "faults"):
            return Answer.of(200, [f.shown() for f in self.faults])
        if what == ("DELETE", "faults"):
            self.clear_faults()
            return Answer.of(200, {})
        if what == ("POST", "release"):
            self.release()
            return Answer.of(200, {})
        if what == ("POST", "faults"):
            return self._add_faults(request.body)
        return Answer.of(404, {"error": "no such hook"})

    def _add_faults(self, body):
        try:
            wanted = json.loads(body)
            scripts = wanted if isinstance(wanted, list) else [wanted]
            added = [Fault(**script) for script in scripts]
        except (ValueError, TypeError, re.error) as wrong:
            return Answer.of(400, {"error": str(wrong)})
        with self.lock:
            self.faults.extend(added)
        return Answer.of(200, {"added": len(added)})


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--organization", required=True)
    parser.add_argument("--token", required=True)
    options = parser.parse_args()
    ends = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # before the thread, so that it inherits it
    with StrictApi(options.organization, options.token, options.port) as api:
        print(f"listening on {api.url}", flush=True)
        signal.sigwait(ends)


if __name__ == "__main__":
    main()
