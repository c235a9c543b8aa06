"""Looking for malicious software in files that people send: by ClamAV where one is named, else by nothing.

What a file is, and that it holds no macros, is `files.kind_of_file`; this is the second look, at what is inside.
"""

import socket
import struct
from collections.abc import Callable

Scan = Callable[[bytes], bool]
"""Says whether a file is clean; raises `NotScanned` where nobody can say."""
_PIECE = 64 * 1024
_PATIENCE = 20.0


class NotScanned(Exception):
    """This file could not be checked just now: try again in a few minutes."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def nothing(_data: bytes) -> bool:
    """Take every file for clean: no scanner is named."""
    return True


def scanner(address: str | None) -> Scan:
    """Make the scanner of an installation: `clamd://host:3310` for a ClamAV daemon, None for none."""
    if address is None:
        return nothing
    host, _, port = address.removeprefix("clamd://").partition(":")
    if not address.startswith("clamd://") or not host or not port.isdecimal():
        raise ValueError("The scanner's address must be like clamd://clamav:3310")
    return lambda data: _clamd(host, int(port), data)


def _clamd(host: str, port: int, data: bytes) -> bool:
    """Stream a file to ClamAV's INSTREAM command (clamd(8)): pieces with their lengths, then a length of nought."""
    try:
        with socket.create_connection((host, port), timeout=_PATIENCE) as line:
            line.sendall(b"zINSTREAM\0")
            for at in range(0, len(data), _PIECE):
                piece = data[at : at + _PIECE]
                line.sendall(struct.pack(">I", len(piece)) + piece)
            line.sendall(struct.pack(">I", 0))
            said = line.recv(4096).rstrip(b"\0\n")
    except OSError:
        raise NotScanned from None
    if said.endswith(b"OK"):
        return True
    if said.endswith(b"FOUND"):
        return False
    raise NotScanned
