import { Fail, json } from "./fail.ts";
import { LIMITS, over } from "./limits.ts";

type Op = { key: string; value?: string; ttl_s?: number; metadata?: unknown; delete?: boolean };

/** POST {"ops":[...]} puts and deletes, or {"get":[keys]} reads texts. Each pair is stored alone. */
export async function kv(ns: KVNamespace | undefined, name: string, q: { ops?: Op[]; get?: string[] }): Promise<Response> {
  if (typeof ns?.put !== "function") throw new Fail(404, "no_binding", `no KV binding ${name}`);
  const L = LIMITS.kv;
  if (q.get) {
    if (q.get.length > 100) throw new Fail(413, "too_many_ops", `${q.get.length} keys`);
    return json({ ok: true, values: Object.fromEntries(q.get.length ? await ns.get(q.get) : []) });
  }
  const ops = q.ops;
  if (!Array.isArray(ops)) throw new Fail(400, "bad_body", "ops: not a list");
  if (ops.length > L.ops) throw new Fail(413, "too_many_ops", `${ops.length}, at most ${L.ops}`);
  for (const [i, o] of ops.entries()) {
    if (typeof o.key !== "string" || o.key === "" || o.key === "." || o.key === ".." || over(o.key, L.key_bytes)) throw new Fail(400, "bad_body", `op ${i}: its key`);
    if (!o.delete && (typeof o.value !== "string" || over(o.value, L.value_bytes))) throw new Fail(400, "bad_body", `op ${i}: its value`);
    if (o.ttl_s !== undefined && !(o.ttl_s >= L.ttl_s)) throw new Fail(400, "bad_body", `op ${i}: its time to live is under ${L.ttl_s} s`);
    if (o.metadata !== undefined && over(JSON.stringify(o.metadata), L.metadata_bytes)) throw new Fail(400, "bad_body", `op ${i}: its metadata`);
  }
  let next = 0;
  const failed: number[] = []; // which
  const lane = async () => {
    for (let i; (i = next++) < ops.length;) {
      const o = ops[i];
      try {
        await (o.delete ? ns.delete(o.key) : ns.put(o.key, o.value!, { expirationTtl: o.ttl_s, metadata: o.metadata }));
      } catch {
        failed.push(i);
      }
    }
  };
  await Promise.all(Array.from({ length: 6 }, lane)); // six connections an invocation
  if (failed.length) throw new Fail(502, "kv_error", `whether ${failed.length} of ${ops.length} pairs were stored is unknown`, true);
  return json({ ok: true, done: ops.length });
}
