// Sign a viewer's link by yourself, with nothing but Node: prints the playback URL.
//
// Usage: node playback_token.mjs <public URL> <playback id> <key id> <secret> <viewer id>

import { createHmac } from "node:crypto";

const LASTS_S = 4 * 3600;

function sign(playbackId, viewerId, keyId, secret) {
  const now = Math.floor(Date.now() / 1000);
  const header = { alg: "HS256", typ: "JWT", kid: keyId };
  const claims = { sub: viewerId, playback_id: playbackId, iat: now, exp: now + LASTS_S };
  const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

const [publicUrl, playbackId, keyId, secret, viewerId] = process.argv.slice(2);
console.log(`${publicUrl}/playback/t/${sign(playbackId, viewerId, keyId, secret)}/${playbackId}/index.m3u8`);
