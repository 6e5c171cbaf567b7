"""Ports of others than jsync: ``python -m tests.support.foreign_ports classic|deaf``.

``classic`` behaves as a JobScheduler does: commands by TCP are answered, datagrams are read and never answered; what it
gets stands on standard output. ``deaf`` is something else: a greeting by TCP, and a UDP socket that nobody reads.
"""

from __future__ import annotations

import socket
import sys
import threading

__all__: list[str] = []

PORT = 5000
_PROLOG = b'<?xml version="1.0" encoding="ISO-8859-1"?>\n'
_OK = b'<spooler>\n<answer time="2026-11-24 07:00:00.000"><ok/></answer>\n</spooler>\n\0'


def _serve(server: socket.socket, *, is_classic: bool) -> None:
    while True:
        connection, _ = server.accept()
        threading.Thread(target=_talk, args=(connection, is_classic), daemon=True).start()


def _talk(connection: socket.socket, is_classic: bool) -> None:
    with connection:
        if not is_classic:
            connection.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n")
        elif connection.recv(4096) == b"<check_folders/>":
            connection.sendall(_PROLOG + _OK)
        connection.recv(1)


def _main(kind: str) -> None:
    is_classic = kind == "classic"
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("", PORT))
    server = socket.create_server(("", PORT))
    threading.Thread(target=_serve, args=(server,), kwargs={"is_classic": is_classic}, daemon=True).start()
    while is_classic:
        sys.stdout.write(f"UDP {udp.recv(4096).decode('latin-1')}\n")
        sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    _main(sys.argv[1])
