"""The files of a host by SFTP."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

import paramiko

from sync_core.net.far_sftp import FileAccess, FileInfo, OpenFile

__all__ = ["with_client"]

T = TypeVar("T")


def with_client(client: paramiko.SFTPClient, work: Callable[[FileAccess], T]) -> T:
    """Return what ``work`` makes of the files.

    Args:
        client: open.
        work: takes an OSError for one file's trouble, as which a lost connection looks as well.

    Raises:
        EOFError: the connection was lost, so whatever ``work`` says means nothing.
    """
    try:
        result = work(_Files(client))
    except Exception as error:
        if _is_lost(client):
            raise EOFError("the connection was lost") from error
        raise
    if _is_lost(client):
        raise EOFError("the connection was lost")
    return result


def _is_lost(client: paramiko.SFTPClient) -> bool:
    channel = client.get_channel()
    return channel is None or channel.closed


class _Files:
    def __init__(self, client: paramiko.SFTPClient) -> None:
        self._client = client

    def files_in(self, path: str) -> list[FileInfo]:
        return list(self._client.listdir_attr(path))

    def info(self, path: str) -> FileInfo:
        return self._client.stat(path)

    def real_path(self, path: str) -> str:
        return self._client.normalize(path)

    def open(self, path: str) -> AbstractContextManager[OpenFile]:
        return self._client.open(path, "rb")
