// Receives LiveHub's webhooks; needs nothing but Node.
//
// WEBHOOK_SECRET=whsec_... LIVEHUB_URL=https://live.example.org node webhook_receiver.mjs 9000

import { createHmac, createPublicKey, timingSafeEqual, verify } from "node:crypto";
import { createServer } from "node:http";

const secret = Buffer.from(process.env.WEBHOOK_SECRET.replace(/^whsec_/, ""), "base64");
const answer = await fetch(`${process.env.LIVEHUB_URL}/.well-known/webhooks.json`);
const key = createPublicKey((await answer.json()).data.publicKey);
// Keep these in your database: the same delivery may come twice.
const seen = new Set();

// One of the two is enough. This one also refuses what is older than five minutes.
function isFromUs(headers, body) {
  const age = Math.abs(Date.now() / 1000 - Number(headers["webhook-timestamp"]));
  if (!(age < 300)) return false;
  const signed = Buffer.concat([Buffer.from(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.`), body]);
  const expected = createHmac("sha256", secret).update(signed).digest();
  return (headers["webhook-signature"] ?? "").split(" ").some((signature) => {
    const given = Buffer.from(signature.replace(/^v1,/, ""), "base64");
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

// Dyte's and RealtimeKit's way.
function isSignedByKey(headers, body) {
  return verify("RSA-SHA256", body, key, Buffer.from(headers["rtk-signature"] ?? "", "base64"));
}

createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const { headers } = request;
  if (!isFromUs(headers, body) || !isSignedByKey(headers, body)) return response.writeHead(400).end();
  if (!seen.has(headers["webhook-id"])) {
    seen.add(headers["webhook-id"]);
    // Whatever takes longer belongs into a queue: answer within 15 seconds.
    console.log(JSON.parse(body).event, headers["webhook-id"]);
  }
  response.writeHead(204).end();
}).listen(Number(process.argv[2]));
