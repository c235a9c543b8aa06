"""A provider that may be in any mood, and writes each message that it takes into the ledger that `verify` looks at."""

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from notification.channels import DemoChannel, Message

STATUS = {"busy": 429, "refuses": 400, "fails": 500}


class Provider:
    """`mood`: `fine`, `busy` (429), `refuses` (400), `fails` (500), `lost` (it takes the message, and the answer is
    lost on its way). `tells`: whether it can say what it has.
    """

    def __init__(self, folder):
        self.channel, self.mood, self.tells = DemoChannel(folder), "fine", True
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
            return None if self.mood == "lost" else 200

    def look_up(self, notice):
        """Say whether it has a message."""
        with self._guard:
            self.calls["asked"] += 1
            if not self.tells:
                return 501
            return 200 if self.channel.look_up(notice) == "found" else 404

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
