-- The ledger as version 1 of its schema made it, with a row of each kind. Never changes.
PRAGMA application_id = 1953394276;
PRAGMA user_version = 1;
CREATE TABLE "owned" (
  "kind" TEXT NOT NULL,
  "name" TEXT NOT NULL,
  "state" TEXT,
  "id" TEXT,
  "origin" TEXT,
  "since" INTEGER NOT NULL DEFAULT 0,
  "wanted_since" INTEGER NOT NULL DEFAULT 0,
  "expires_since" INTEGER NOT NULL DEFAULT 0,
  "expires_spec" TEXT,
  "expired" INTEGER NOT NULL DEFAULT 0,
  "group_name" TEXT,
  "hostname" TEXT,
  "protect" INTEGER NOT NULL DEFAULT 0,
  "is_branch" INTEGER NOT NULL DEFAULT 0,
  "create_digest" TEXT,
  "applied" TEXT,
  "fence" TEXT,
  "fence_reads" INTEGER NOT NULL DEFAULT 0,
  "fence_writes" INTEGER NOT NULL DEFAULT 0,
  "removal_since" INTEGER NOT NULL DEFAULT 0,
  "fenced_since" INTEGER NOT NULL DEFAULT 0,
  "grace_spent" INTEGER NOT NULL DEFAULT 0,
  "empty_since" INTEGER NOT NULL DEFAULT 0,
  "missing_since" INTEGER NOT NULL DEFAULT 0,
  "held" INTEGER NOT NULL DEFAULT 0,
  "config_read" INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY ("kind", "name")
) STRICT, WITHOUT ROWID;
CREATE TABLE "held_token" (
  "kind" TEXT NOT NULL,
  "target" TEXT NOT NULL,
  "name" TEXT NOT NULL,
  "state" TEXT,
  "target_id" TEXT,
  "hash" TEXT,
  "params" TEXT,
  "issued" INTEGER NOT NULL DEFAULT 0,
  "expires" INTEGER NOT NULL DEFAULT 0,
  "renews" INTEGER NOT NULL DEFAULT 0,
  "file" TEXT,
  "format" INTEGER NOT NULL DEFAULT 0,
  "mode" INTEGER NOT NULL DEFAULT 0,
  "stale_file" TEXT,
  "stale_hash" TEXT,
  "stale_format" INTEGER NOT NULL DEFAULT 0,
  "hook" TEXT,
  "notify" TEXT,
  "cause" TEXT,
  PRIMARY KEY ("kind", "target", "name")
) STRICT, WITHOUT ROWID;
CREATE TABLE "leak" (
  "kind" TEXT NOT NULL,
  "target" TEXT NOT NULL,
  "name" TEXT NOT NULL,
  "at" INTEGER NOT NULL,
  "until" INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY ("kind", "target", "name", "at")
) STRICT, WITHOUT ROWID;
CREATE TABLE "count" (
  "what" TEXT NOT NULL,
  "kind" TEXT NOT NULL,
  "name" TEXT NOT NULL,
  "at" INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY ("what", "kind", "name")
) STRICT, WITHOUT ROWID;
CREATE TABLE "approval" (
  "action" TEXT NOT NULL,
  "kind" TEXT NOT NULL,
  "name" TEXT NOT NULL,
  "id" TEXT,
  "plan" TEXT,
  "approved" INTEGER NOT NULL DEFAULT 0,
  "at" INTEGER NOT NULL DEFAULT 0,
  "uid" INTEGER NOT NULL DEFAULT 0,
  "reason" TEXT,
  "digest" INTEGER NOT NULL DEFAULT 0,
  "begun" INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY ("action", "kind", "name")
) STRICT, WITHOUT ROWID;
CREATE TABLE "event" (
  "seq" INTEGER PRIMARY KEY,
  "at" INTEGER NOT NULL DEFAULT 0,
  "kind" TEXT,
  "name" TEXT,
  "what" TEXT,
  "level" INTEGER NOT NULL DEFAULT 0,
  "message" TEXT,
  "source" TEXT,
  "generation" INTEGER NOT NULL DEFAULT 0,
  "http_status" INTEGER NOT NULL DEFAULT 0,
  "attempt" INTEGER NOT NULL DEFAULT 0,
  "duration_ms" INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE "meta" (
  "key" TEXT NOT NULL,
  "value" TEXT,
  PRIMARY KEY ("key")
) STRICT, WITHOUT ROWID;
CREATE INDEX event_resource ON event (kind, name);
INSERT INTO owned (kind, name, state, id) VALUES ('database', 'x', 'owned', 'id-x');
INSERT INTO held_token (kind, target, name, state) VALUES ('token', 'x', 'app', 'published');
INSERT INTO leak (kind, target, name, at) VALUES ('token', 'x', 'app', 1);
INSERT INTO "count" (what, kind, name, at) VALUES ('delete', 'database', 'y', 1);
INSERT INTO approval (action, kind, name) VALUES ('delete', 'database', 'y');
INSERT INTO event (at, kind, name, what) VALUES (1, 'database', 'x', 'Created');
INSERT INTO meta (key, value) VALUES ('generation', '1 0');
