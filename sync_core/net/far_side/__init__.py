"""What runs on a host during a check: sent there on standard input, gone with it (``net.far_program``).

Modules of this room know the standard library of Python 3.6 and each other, nothing else, since the hosts have no
jsync of ours. They answer with bare facts; what those mean is decided by whoever asked.
"""
