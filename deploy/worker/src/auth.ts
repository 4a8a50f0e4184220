import { Fail } from "./fail.ts";
import { LIMITS } from "./limits.ts";
import { text } from "./body.ts";
import type { Env } from "./index.ts";

const utf8 = new TextEncoder();
const hex = (b: ArrayBuffer): string => Array.from(new Uint8Array(b), (x) => x.toString(16).padStart(2, "0")).join("");
const unhex = (s: string): Uint8Array => Uint8Array.from(s.match(/../g) ?? [], (x) => parseInt(x, 16));
const unbase64url = (s: string): Uint8Array => Uint8Array.from(atob(s.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));

let cached: { from: string; keys: Map<string, Promise<CryptoKey>> } | undefined;

function key(env: Env, id: string): Promise<CryptoKey> | undefined {
  if (cached?.from !== env.SLUICE_KEYS) {
    const keys = new Map<string, Promise<CryptoKey>>();
    for (const [k, v] of Object.entries(JSON.parse(env.SLUICE_KEYS) as Record<string, string>)) {
      if (!/^[0-9a-f]{64}$/.test(v)) throw new Fail(500, "bad_config", `SLUICE_KEYS: key ${k} is not 64 hex digits`);
      keys.set(k, crypto.subtle.importKey("raw", unhex(v), { name: "HMAC", hash: "SHA-256" }, false, ["verify"]));
    }
    cached = { from: env.SLUICE_KEYS, keys };
  }
  return cached.keys.get(id);
}

/**
 * Authorization: Sluice kid=ID,ts=SECONDS,nonce=HEX,sig=HEX, where sig is HMAC-SHA-256 over
 * "v1\n" ts "\n" nonce "\n" METHOD "\n" path?query "\n" hex(sha256(body as sent)). Compared in constant time by verify().
 */
async function signed(req: Request, env: Env, url: URL, body: Uint8Array): Promise<boolean> {
  const m = /^Sluice kid=([\w.-]{1,64}),ts=(\d{10}),nonce=([0-9a-f]{16,64}),sig=([0-9a-f]{64})$/.exec(req.headers.get("authorization") ?? "");
  if (!m || Math.abs(Date.now() / 1000 - Number(m[2])) > LIMITS.clock_skew_s) return false;
  const k = await key(env, m[1]);
  if (!k) return false;
  const digest = hex(await crypto.subtle.digest("SHA-256", body));
  return crypto.subtle.verify("HMAC", k, unhex(m[4]), utf8.encode(`v1\n${m[2]}\n${m[3]}\n${req.method}\n${url.pathname}${url.search}\n${digest}`));
}

type Access = { aud: string; iss: string; jwks: Keys | string; client_ids?: string[] };
type Keys = { keys: (JsonWebKey & { kid: string })[] };

/** Cloudflare Access in front of the Worker: its assertion is verified here as well. True where it is not set up. */
async function asserted(req: Request, env: Env): Promise<boolean> {
  if (!env.SLUICE_ACCESS) return true;
  const cfg = JSON.parse(env.SLUICE_ACCESS) as Access;
  const t = (req.headers.get("cf-access-jwt-assertion") ?? "").split(".");
  if (t.length !== 3) return false;
  try {
    const head = JSON.parse(text(unbase64url(t[0]))), claims = JSON.parse(text(unbase64url(t[1])));
    if (head.alg !== "RS256") return false;
    const set = typeof cfg.jwks === "string" ? await (await fetch(cfg.jwks, { cf: { cacheTtl: 3600 } } as RequestInit)).json() as Keys : cfg.jwks;
    const jwk = set.keys.find((k) => k.kid === head.kid);
    if (!jwk) return false;
    const k = await crypto.subtle.importKey("jwk", jwk, { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, false, ["verify"]);
    if (!(await crypto.subtle.verify("RSASSA-PKCS1-v1_5", k, unbase64url(t[2]), utf8.encode(`${t[0]}.${t[1]}`)))) return false;
    const now = Date.now() / 1000, aud: unknown[] = Array.isArray(claims.aud) ? claims.aud : [claims.aud];
    return claims.iss === cfg.iss && aud.includes(cfg.aud) && claims.exp > now && (claims.nbf ?? 0) <= now + 60 &&
      (!cfg.client_ids || cfg.client_ids.includes(claims.common_name)); // a service token's client id
  } catch {
    return false;
  }
}

/** Refuses whoever is not let in; both layers have to agree. */
export async function admit(req: Request, env: Env, url: URL, body: Uint8Array): Promise<void> {
  if (!(await asserted(req, env)) || !(await signed(req, env, url, body))) {
    throw new Fail(401, "unauthorized", "the signature, its key, the clock or Access's assertion is not right");
  }
}
