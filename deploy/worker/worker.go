// Package worker carries the edge bridge: a Cloudflare Worker that gives Sluice
// the D1, Queues, KV and Analytics Engine bindings over one signed HTTP
// endpoint. README.md says how to deploy it.
package worker

import "embed"

// Files are the Worker, what its tests need and the pinned packages.
//
//go:embed src test package.json package-lock.json tsconfig.json wrangler.jsonc
var Files embed.FS
