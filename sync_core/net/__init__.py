"""Sockets: command servers and clients, datagrams, names, probes."""
