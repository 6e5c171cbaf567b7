"""The files of a host by SFTP."""

from __future__ import annotations

from contextlib import AbstractContextManager

import paramiko

from sync_core.net.far_sftp import FileInfo, OpenFile

__all__ = ["SshFiles"]


class SshFiles:
    """Files by SFTP (``far_sftp.FileAccess``).

    Args:
        client: open.
    """

    def __init__(self, client: paramiko.SFTPClient) -> None:
        self._client = client

    def files_in(self, path: str) -> list[FileInfo]:
        """Return what is in a folder."""
        return list(self._client.listdir_attr(path))

    def info(self, path: str) -> FileInfo:
        """Return what is at ``path``."""
        return self._client.stat(path)

    def real_path(self, path: str) -> str:
        """Return ``path`` without links."""
        return self._client.normalize(path)

    def open(self, path: str) -> AbstractContextManager[OpenFile]:
        """Open a file for reading."""
        return self._client.open(path, "rb")
