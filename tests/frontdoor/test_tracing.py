"""Traces go to a collector where one is named, and nobody waits for it."""

import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from all_in_one.settings import Settings
from frontdoor import tracing


@pytest.fixture
def collector():
    """A collector that notes what it is sent."""
    sent = []

    class Noting(BaseHTTPRequestHandler):
        def do_POST(self):
            sent.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Noting)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", sent
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def _off_again():
    yield
    tracing.stop()


def request():
    with tracing.requested("referral-intake", None) as span:
        span.name("POST /api/referrals")


def test_spans_reach_the_collector_under_the_services_name(collector):
    address, sent = collector
    tracing.start_exporting(address)
    request()
    tracing.stop()
    ((path, body),) = sent
    assert path == "/v1/traces"
    assert b"referral-intake" in body
    assert b"POST /api/referrals" in body


def test_the_collector_is_named_as_all_programs_name_it(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")
    assert Settings().otlp == "http://collector:4318"


def test_nobody_waits_for_a_collector_that_is_away():
    tracing.start_exporting("http://127.0.0.1:9")
    began = time.monotonic()
    for _ in range(100):
        request()
    assert time.monotonic() - began < 2


def test_without_a_collector_nothing_is_traced_and_nothing_is_carried():
    with tracing.requested("x", None) as span:
        assert span is tracing.NOTHING
        assert tracing.current() is None
        assert tracing.ids() is None
