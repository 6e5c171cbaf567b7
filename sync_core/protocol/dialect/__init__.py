"""The language between jsync peers, as ``docs/protocol-dialect.md`` defines it: frames, messages, sessions, pulls.

Pure, as all of ``protocol``: bytes and values in, values and bytes out. ``preface`` needs nothing; all else here brings
msgspec and zstandard, so nothing outside imports it before a peer has begun to speak it.
"""
