// client: the life of a group and its databases, through the official client.
// In:    TURSO_URL, TURSO_TOKEN, TURSO_ORG in the environment.
// Out:   one line of JSON per step on stdout; exit status 0 when every step held.
// Never: a request that the client does not make itself.

import assert from "node:assert/strict";
import { createClient } from "@tursodatabase/api";

const { TURSO_URL, TURSO_TOKEN, TURSO_ORG } = process.env;
const turso = createClient({ org: TURSO_ORG, token: TURSO_TOKEN, baseUrl: `${TURSO_URL}/v1/` });

function step(name, value) {
  console.log(JSON.stringify({ step: name, value }));
  return value;
}

async function refused(promise, status) {
  await assert.rejects(promise, (error) => error.name === "TursoClientError" && error.status === status);
}

function claims(jwt) {
  return JSON.parse(Buffer.from(jwt.split(".")[1], "base64url"));
}

const locations = step("locations", await turso.locations.list());
assert.ok(locations.some((l) => l.code === "aws-eu-west-1"));

const group = step("group create", await turso.groups.create("eu", "aws-eu-west-1"));
assert.equal(group.name, "eu");
await refused(turso.groups.create("eu", "aws-eu-west-1"), 409);
await refused(turso.groups.create("fly", "lhr"), 400);
assert.deepEqual((await turso.groups.list()).map((g) => g.name), ["eu"]);
assert.equal((await turso.groups.get("eu")).uuid, group.uuid);
await refused(turso.groups.addLocation("eu", "aws-us-east-1"), 400);

const made = step("database create", await turso.databases.create("core", { group: "eu" }));
assert.match(made.id, /^[0-9a-f-]{36}$/);
await turso.databases.create("branch", { group: "eu", seed: { type: "database", name: "core" } });
await refused(turso.databases.create("core", { group: "eu" }), 400);

const got = step("database get", await turso.databases.get("core"));
assert.equal(got.id, made.id);
assert.equal(got.hostname, made.hostname);
assert.equal(got.group, "eu");
assert.deepEqual((await turso.databases.list()).map((d) => d.name).sort(), ["branch", "core"]);
assert.deepEqual(await turso.databases.list({ group: "none" }), []);
assert.equal((await turso.databases.listInstances("core")).length, 1);
assert.equal((await turso.databases.getInstance("core", "aws-eu-west-1")).type, "primary");
assert.equal((await turso.databases.usage("core", { from: new Date(0) })).uuid, made.id);

const options = { expiration: "2w1d30m", authorization: "read-only" };
const token = claims((await turso.databases.createToken("core", options)).jwt);
assert.equal(token.id, made.id);
assert.equal(token.a, "ro");
assert.equal(token.exp - token.iat, 15 * 86400 + 1800);
const groupToken = claims((await turso.groups.createToken("eu")).jwt);
assert.equal(groupToken.gid, group.uuid);
assert.equal(groupToken.exp, undefined);
step("tokens", [token.a, groupToken.a]);

await turso.databases.rotateTokens("core");
await turso.groups.rotateTokens("eu");

assert.equal((await turso.organizations.update({ overages: true })).overages, true);
assert.deepEqual((await turso.organizations.invoices()).map((i) => i.paid_at), [null]);

await turso.databases.delete("branch");
await refused(turso.databases.get("branch"), 404);
step("group delete", await turso.groups.delete("eu"));
assert.deepEqual(await turso.groups.list(), []);
assert.deepEqual(await turso.databases.list(), []);

const stranger = createClient({ org: TURSO_ORG, token: "wrong", baseUrl: `${TURSO_URL}/v1/` });
await refused(stranger.groups.list(), 401);
step("done", true);
