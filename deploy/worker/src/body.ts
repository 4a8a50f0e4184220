import { Fail } from "./fail.ts";
import { LIMITS } from "./limits.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** UTF-8 to text; anything else is a TypeError. */
export const text = (b: Uint8Array): string => utf8.decode(b);

/** Reads s to its end, at most max bytes. */
export async function readAll(s: ReadableStream<Uint8Array> | null, max = LIMITS.body_bytes): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let n = 0;
  for await (const c of s ?? []) {
    n += c.byteLength;
    if (n > max) throw new Fail(413, "body_too_large", `more than ${max} bytes`);
    parts.push(c);
  }
  if (parts.length === 1) return parts[0];
  const out = new Uint8Array(n);
  let o = 0;
  for (const p of parts) {
    out.set(p, o);
    o += p.byteLength;
  }
  return out;
}

/** Gunzips what has gzip's first bytes, whatever a header says; a bomb ends at the limit. */
export async function inflate(b: Uint8Array): Promise<Uint8Array> {
  if (b.length < 2 || b[0] !== 0x1f || b[1] !== 0x8b) return b;
  try {
    return await readAll(new Blob([b]).stream().pipeThrough(new DecompressionStream("gzip")), LIMITS.inflated_bytes);
  } catch (e) {
    throw e instanceof Fail ? e : new Fail(400, "bad_gzip", "the body is not valid gzip");
  }
}

/**
 * A framed body (application/x-sluice-frames): one line of JSON, then raw bytes. Whatever is {"$f": n} in the line's
 * `batch[].params`, `messages[].body` or `ops[].value` stands for the next n of these bytes, as text: JSON need not be quoted in JSON.
 */
export function frames(type: string | null, b: Uint8Array): any {
  if (!(type ?? "").startsWith("application/x-sluice-frames")) return JSON.parse(text(b));
  const nl = b.indexOf(10);
  if (nl < 0) throw new Fail(400, "bad_body", "frames: no head line");
  const head = JSON.parse(text(b.subarray(0, nl)));
  let o = nl + 1;
  const take = (v: unknown): unknown => {
    const n = (v as { $f?: unknown } | null)?.$f;
    if (n === undefined) return v;
    if (!Number.isInteger(n) || (n as number) < 0 || o + (n as number) > b.length) throw new Fail(400, "bad_body", "frames: one goes past the end");
    const t = text(b.subarray(o, o + (n as number)));
    o += n as number;
    return t;
  };
  for (const s of head.batch ?? []) s.params = s.params?.map(take);
  for (const m of head.messages ?? []) m.body = take(m.body);
  for (const o of head.ops ?? []) o.value = take(o.value);
  if (o !== b.length) throw new Fail(400, "bad_body", `frames: ${b.length - o} bytes are left over`);
  return head;
}
