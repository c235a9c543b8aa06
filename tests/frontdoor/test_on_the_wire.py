"""What only a real server sees: requests that no client library would write. Others are answered all the same."""

import socket

import pytest

from child_record.app import service
from frontdoor.testing import Stage, served

pytestmark = pytest.mark.slow
POST = b"POST /api/records/R222-22222/links HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer demo-senco\r\n"
ODD = {
    "a length and chunks": POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nSMUGG\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}",
    "a length that is none": POST + b"Content-Length: -1\r\n\r\n{}",
    "chunks of no size": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a header of 64 kB": b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + b"x" * 65_536 + b"\r\n\r\n",
    "a header in two lines": b"GET / HTTP/1.1\r\nHost: a\r\nX-Folded: a\r\n b\r\n\r\n",
    "a line of an address of 100 kB": b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "a null in a header": b"GET / HTTP/1.1\r\nHost: a\r\nX-Odd: a\0b\r\n\r\n",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "another protocol": b"EHLO example.org\r\n\r\n",
    "a method that is none": b"JUMP / HTTP/1.1\r\nHost: a\r\n\r\n",
    "HTTP of another age": b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
}


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """A service behind the server that the product runs on."""
    stage = Stage(service, tmp_path_factory.mktemp("wire"))
    with served(stage.app, log_level="critical") as address:
        yield int(address.rpartition(":")[2])


def answer_to(port, sent):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        line.sendall(sent)
        try:
            return line.recv(65_536)
        except (ConnectionError, TimeoutError):
            return b""


@pytest.mark.parametrize("name", ODD)
def test_what_is_no_proper_request_is_refused_and_tells_nothing(port, name):
    said = answer_to(port, ODD[name])
    assert said == b"" or int(said.split()[1]) in {400, 404, 405, 413, 414, 415, 431}, name
    assert b"SMUGG" not in said
    assert b"Traceback" not in said


def test_afterwards_it_answers_like_before(port):
    said = answer_to(port, b"GET /child-record/health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert b" 200 " in said.split(b"\r\n")[0]
