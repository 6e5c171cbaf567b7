"""One operation on many hosts: up, down, status, files, diff, sync, notify, ports."""
