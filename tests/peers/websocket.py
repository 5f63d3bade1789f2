"""WebSocket: a server's side of RFC 6455 for peers.origin; says what it hears.

    Origin({"/ws": websocket_echo})
"""

import base64
import hashlib
import struct

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CLOSE = 8


def accept(connection):
    key = connection.request.get("sec-websocket-key").encode()
    word = base64.b64encode(hashlib.sha1(key + GUID).digest())
    connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                    b"Connection: Upgrade\r\nSec-WebSocket-Accept: "
                    + word + b"\r\n\r\n")


def frame(read):
    """(first byte, text) of what a client sends, which is masked."""
    first, size = read(2)
    size &= 127
    if size > 125:
        size, = struct.unpack(*((">H", read(2)) if size == 126
                                else (">Q", read(8))))
    mask = read(4)
    return first, bytes(c ^ mask[i % 4] for i, c in enumerate(read(size)))


def put(first, text):
    if len(text) < 126:
        return bytes([first, len(text)]) + text
    if len(text) < 65536:
        return bytes([first, 126]) + struct.pack(">H", len(text)) + text
    return bytes([first, 127]) + struct.pack(">Q", len(text)) + text


def websocket_echo(connection):
    accept(connection)
    first = 0
    while first & 15 != CLOSE:
        first, text = frame(connection.file.read)
        connection.send(put(first, text))
