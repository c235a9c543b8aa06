"""A provider that may be in any mood, and writes each message that it takes into the ledger that `verify` looks at.

It may tell by receipts what became of a message, over HTTP and in GOV.UK Notify's form.
"""

import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import httpx2

from notification.channels import DemoChannel, Message

DEAD = "ZZCANARY 07700 900999"
"""The address in its receipts, which nobody should find anywhere."""
STATUS = {"busy": 429, "refuses": 400, "fails": 500}


class Provider:
    """`mood`: `fine`, `busy` (429), `refuses` (400), `fails` (500), `lost` (it takes the message, and the answer is
    lost on its way). `tells`: whether it can say what it has. `early`: what its receipts say before it answers.
    """

    def __init__(self, folder, callback=("", "")):
        """`callback`: the address that its receipts go to, and the token that they carry."""
        self.channel, self.mood, self.tells = DemoChannel(folder), "fine", True
        self.callback, self.early, self.taken = callback, (), []
        self.calls, self._guard = Counter(), threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def take(self, sent):
        """Take a message, or not; give the HTTP status, None: the answer is lost."""
        with self._guard:
            self.calls[self.mood] += 1
            if self.mood in STATUS:
                return STATUS[self.mood]
            self.channel.send(Message(**sent))
            self.taken.append(sent["notice"])
        for status in self.early:
            self.tell(sent["notice"], status)
        return None if self.mood == "lost" else 200

    def look_up(self, notice):
        """Say whether it has a message."""
        with self._guard:
            self.calls["asked"] += 1
            if not self.tells:
                return 501
            return 200 if self.channel.look_up(notice) == "found" else 404

    def tell(self, notice, status, patience=60):
        """Tell what became of a message, again and again until it is heard, as Notify does; give the last answer."""
        until = time.monotonic() + patience
        while (answer := self.receipt(notice, status)) is None or answer >= 500:
            assert time.monotonic() < until, f"{answer}: nobody hears what became of a message"
            time.sleep(0.2)
        return answer

    def receipt(self, notice, status, token=None):
        """Send a receipt once; give the answer's status, None where there was no answer."""
        address, right = self.callback
        headers = {"Authorization": f"Bearer {token or right}"}
        body = {"id": str(uuid4()), "reference": notice, "to": DEAD, "status": status, "notification_type": "sms"}
        try:
            return httpx2.post(address, json=body, headers=headers, timeout=10, verify=False).status_code
        except httpx2.HTTPError:
            return None

    def _handler(self):
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._answer(provider.take(sent))

            def do_GET(self):
                self._answer(provider.look_up(self.path[1:]))

            def _answer(self, status):
                if status is None:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        return Handler
