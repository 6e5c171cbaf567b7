"""The wire: bytes in, messages and events out. No sockets, no clock, no files."""
