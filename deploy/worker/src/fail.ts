/** An answer that is not 200: status and code are what a client decides by, the message is for people. */
export class Fail extends Error {
  readonly status: number;
  readonly code: string;
  readonly retry: boolean;
  readonly accepted: number | undefined; // messages of this request that are in the queue
  constructor(status: number, code: string, message: string, retry = false, accepted?: number) {
    super(message);
    this.status = status;
    this.code = code;
    this.retry = retry;
    this.accepted = accepted;
  }
}

export const json = (v: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(v), { status, headers: { "content-type": "application/json", "cache-control": "no-store", ...headers } });

export function answer(e: unknown): Response {
  const f = e instanceof Fail ? e
    : e instanceof SyntaxError || e instanceof TypeError ? new Fail(400, "bad_body", "the body has not the form this route takes") // its own text may quote the body
    : new Fail(500, "internal", "the bridge failed");
  return json({ ok: false, error: { code: f.code, message: f.message, retry: f.retry }, accepted: f.accepted }, f.status, f.retry ? { "retry-after": "1" } : {});
}
