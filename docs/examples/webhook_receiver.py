"""Receives LiveHub's webhooks: pip install standardwebhooks cryptography

WEBHOOK_SECRET=whsec_... LIVEHUB_URL=https://live.example.org python webhook_receiver.py 9000
"""

import base64
import json
import os
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from standardwebhooks import Webhook, WebhookVerificationError

secret = Webhook(os.environ["WEBHOOK_SECRET"])
with urllib.request.urlopen(f"{os.environ['LIVEHUB_URL']}/.well-known/webhooks.json", timeout=10) as answer:
    key = load_pem_public_key(json.load(answer)["data"]["publicKey"].encode())
# Keep these in your database: the same delivery may come twice.
seen = set()


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            # One of the two is enough. This one also refuses what is older than five minutes.
            secret.verify(body, dict(self.headers))
            # Dyte's and RealtimeKit's way.
            key.verify(base64.b64decode(self.headers.get("rtk-signature", "")), body, PKCS1v15(), SHA256())
        except (WebhookVerificationError, InvalidSignature, ValueError):
            return self.answer(400)
        if self.headers["webhook-id"] not in seen:
            seen.add(self.headers["webhook-id"])
            # Whatever takes longer belongs into a queue: answer within 15 seconds.
            event = json.loads(body)
            print(event["event"], self.headers["webhook-id"], flush=True)
        return self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("", int(sys.argv[1])), Receiver).serve_forever()
