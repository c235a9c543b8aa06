"""A file is looked into by the scanner that an installation names: over a real socket."""

import socket
import struct
import threading

import pytest

from frontdoor.scanning import NotScanned, scanner


class Daemon:
    """Speaks clamd's INSTREAM: hears one file, gives one answer."""

    def __init__(self, answer):
        self._answer, self.heard = answer, b""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"clamd://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        line, _ = self._socket.accept()
        with line, line.makefile("rb") as sent:
            assert sent.read(10) == b"zINSTREAM\0"
            while size := struct.unpack(">I", sent.read(4))[0]:
                self.heard += sent.read(size)
            line.sendall(self._answer)


@pytest.mark.parametrize(("said", "clean"), [(b"stream: OK\0", True), (b"stream: Eicar-Signature FOUND\0", False)])
def test_a_file_is_clean_where_the_daemon_says_so(said, clean):
    daemon = Daemon(said)
    data = b"a report" * 20_000
    assert scanner(daemon.address)(data) is clean
    assert daemon.heard == data


def test_where_nobody_can_say_the_file_is_not_taken():
    closed = socket.create_server(("127.0.0.1", 0))
    address = f"clamd://127.0.0.1:{closed.getsockname()[1]}"
    closed.close()
    for where in (address, Daemon(b"INSTREAM size limit exceeded. ERROR\0").address):
        with pytest.raises(NotScanned):
            scanner(where)(b"a report")


def test_without_a_scanner_every_file_is_let_in():
    assert scanner(None)(b"a report")


@pytest.mark.parametrize("address", ["", "clamd://", "clamd://host", "http://host:1", "clamd://host:x"])
def test_an_address_that_is_none_stops_the_start(address):
    with pytest.raises(ValueError, match="must be like"):
        scanner(address)
