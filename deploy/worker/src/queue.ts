import { Fail, json } from "./fail.ts";
import { LIMITS, size } from "./limits.ts";

type Message = { body: unknown; delay_s?: number };

/** The runtime's texts end in the API's code. */
function failed(e: unknown, accepted: number): Fail {
  const m = e instanceof Error ? e.message : String(e), code = Number(/\((\d{5})\)$/.exec(m)?.[1] ?? 0);
  if (/Too Many Requests|overloaded/i.test(m) || code === 10250) return new Fail(429, "queue_overloaded", "the queue is overloaded", true, accepted);
  if (/Storage Limit/i.test(m) || (code >= 10251 && code <= 10253)) return new Fail(507, "queue_full", "the queue is full or paused", true, accepted);
  if (code >= 10202 && code <= 10208) return new Fail(422, "queue_rejected", `the queue refused a batch (${code})`, false, accepted);
  return new Fail(502, "queue_error", "whether the queue took the batch is unknown", true, accepted);
}

/**
 * POST {"messages":[{"body": text, "delay_s"}]}: as many batches as it takes, one after the other, so that `accepted`
 * of an error tells where to go on. Content type is always text: json would go through JavaScript's numbers.
 */
export async function queue(q: Queue | undefined, name: string, { messages }: { messages?: Message[] }): Promise<Response> {
  if (typeof q?.sendBatch !== "function") throw new Fail(404, "no_binding", `no queue binding ${name}`);
  if (!Array.isArray(messages)) throw new Fail(400, "bad_body", "messages: not a list");
  const L = LIMITS.queue, batches: MessageSendRequest<string>[][] = [];
  let bytes = 0;
  for (const [i, m] of messages.entries()) {
    if (typeof m.body !== "string") throw new Fail(400, "bad_body", `message ${i}: its body is not text`);
    const delay = m.delay_s ?? 0;
    if (!Number.isInteger(delay) || delay < 0 || delay > L.delay_s) throw new Fail(400, "bad_body", `message ${i}: its delay is not 0 to ${L.delay_s} s`);
    const n = size(m.body) + L.overhead_bytes;
    if (n > L.message_bytes) throw new Fail(413, "message_too_large", `message ${i}: ${n} bytes`);
    if (!batches.length || batches.at(-1)!.length >= L.messages || bytes + n > L.batch_bytes) {
      batches.push([]);
      bytes = 0;
    }
    bytes += n;
    batches.at(-1)!.push({ body: m.body, contentType: "text", delaySeconds: delay || undefined });
  }
  if (batches.length > L.calls) throw new Fail(413, "too_many_messages", `${batches.length} batches, at most ${L.calls} in a request`);
  let accepted = 0;
  for (const b of batches) {
    try {
      await q.sendBatch(b);
    } catch (e) {
      throw failed(e, accepted);
    }
    accepted += b.length;
  }
  return json({ ok: true, accepted });
}
