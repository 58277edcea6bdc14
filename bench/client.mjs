// client: the databases of a manifest, created by the official client with a pool of promises.
// In: MANIFEST, URL, TOKEN, ORGANIZATION, CONCURRENCY in the environment. Out: exit status.
import { readFileSync } from "node:fs";
import { createClient } from "@tursodatabase/api";
import yaml from "js-yaml";

const { MANIFEST, URL, TOKEN, ORGANIZATION, CONCURRENCY } = process.env;
const manifest = yaml.load(readFileSync(MANIFEST, "utf8"));
const client = createClient({ org: ORGANIZATION, token: TOKEN, baseUrl: `${URL}/v1/` });
const wanted = Object.entries(manifest.databases)[Symbol.iterator]();

async function worker() {
  for (const [name, { group }] of wanted) await client.databases.create(name, { group });
}

await Promise.all(Array.from({ length: Number(CONCURRENCY) }, worker));
