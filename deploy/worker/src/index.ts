// The edge bridge: D1, Queues, KV and Analytics Engine bindings behind one signed endpoint. No dependencies; only
// TypeScript that a type stripper can erase.
import { ae } from "./ae.ts";
import { admit } from "./auth.ts";
import { frames, inflate, readAll } from "./body.ts";
import { d1 } from "./d1.ts";
import { Fail, answer, json } from "./fail.ts";
import { kv } from "./kv.ts";
import { LIMITS } from "./limits.ts";
import { queue } from "./queue.ts";

export interface Env {
  [binding: string]: unknown;
  SLUICE_KEYS: string; // {"key id": "64 hex digits"}; two while a key is rotated
  SLUICE_ACCESS?: string; // {"aud","iss","jwks": keys or URL, "client_ids": [...]}
}

async function route(req: Request, env: Env): Promise<Response> {
  const url = new URL(req.url), [, version, kind, name] = url.pathname.split("/");
  if (url.pathname === "/v1/health") return json({ ok: true });
  const raw = await readAll(req.body as ReadableStream<Uint8Array> | null);
  await admit(req, env, url, raw);
  if (version !== "v1") throw new Fail(404, "not_found", "no such route");
  if (kind === "limits") return json({ ok: true, limits: LIMITS });
  if (req.method !== "POST") throw new Fail(405, "method", "POST it");
  const body = frames(req.headers.get("content-type"), await inflate(raw));
  switch (kind) {
    case "d1": return d1(env[name] as D1Database | undefined, name, body);
    case "queue": return queue(env[name] as Queue | undefined, name, body);
    case "kv": return kv(env[name] as KVNamespace | undefined, name, body);
    case "ae": return ae(env[name] as AnalyticsEngineDataset | undefined, name, body);
  }
  throw new Fail(404, "not_found", "no such route");
}

export default {
  async fetch(req: Request, env: Env): Promise<Response> {
    try {
      return await route(req, env);
    } catch (e) {
      return answer(e);
    }
  },
} satisfies ExportedHandler<Env>;
