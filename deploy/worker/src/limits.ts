// Production's limits (docs: workers, d1, queues, kv and analytics engine platform limits), checked here because
// a local runtime enforces only some of them and Analytics Engine drops what it does not like without a word.
export const LIMITS = {
  body_bytes: 64 << 20, inflated_bytes: 64 << 20, clock_skew_s: 300,
  d1: { statement_bytes: 100_000, bound_params: 100, param_bytes: 2_000_000, statements: 1_000 },
  queue: { messages: 100, message_bytes: 128_000, overhead_bytes: 100, batch_bytes: 256_000, calls: 10, delay_s: 43_200 },
  kv: { ops: 900, value_bytes: 25 << 20, key_bytes: 512, metadata_bytes: 1_024, ttl_s: 60 },
  ae: { points: 25, blobs: 20, doubles: 20, blob_bytes: 16_384, index_bytes: 96 },
};

const utf8 = new TextEncoder();

/** Bytes of s in UTF-8. */
export const size = (s: string): number => utf8.encode(s).byteLength;

/** Is s longer than max bytes of UTF-8? Encodes only when its length does not tell. */
export const over = (s: string, max: number): boolean => s.length > max || (s.length * 3 > max && size(s) > max);
