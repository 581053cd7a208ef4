"""Asks a Redis of this machine one thing and prints the answer, one line for each item.

usage: redis_ask.py PORT COMMAND ARGUMENT..
"""

import socket
import sys

WAIT_S = 5


def read(stream):
    """One answer of RESP2."""
    kind, rest = (line := stream.readline())[:1], line[1:].strip()
    if kind == b"*":
        return [item for _ in range(int(rest)) for item in read(stream)]
    if kind == b"$":
        return [stream.read(int(rest) + 2)[:-2]] if int(rest) >= 0 else []
    if kind == b"-":
        raise SystemExit(rest.decode())
    return [rest]


def main(port, *words):
    with socket.create_connection(("127.0.0.1", int(port)), timeout=WAIT_S) as server:
        parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
        server.sendall(f"*{len(words)}\r\n{''.join(parts)}".encode())
        for item in read(server.makefile("rb")):
            print(item.decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
