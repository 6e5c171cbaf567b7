"""Where the process begins: the command ``jsync``, and ``python -m cli``, which is the same."""

from __future__ import annotations

import gc
import os
import signal
import sys
from typing import NoReturn

from cli.arguments import stays_until_a_signal

__all__ = ["run"]


def run() -> NoReturn:
    """Run the command line of this process; a signal during the imports, which take a while, leaves no traceback.

    What stays until a signal ends it (``up``, ``agent``) ends with 0 by SIGTERM too, from here on.
    """
    # Nothing of what is imported is garbage, and most commands are done before they have made any.
    gc.set_threshold(200_000)
    # What other packages offer as plugins has no business with what is checked here, and to look for it takes a while.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    numbers = [signal.SIGINT] if signal.getsignal(signal.SIGINT) is signal.default_int_handler else []
    code = 130
    if stays_until_a_signal(sys.argv[1:]):
        numbers.append(signal.SIGTERM)
        code = 0
    for number in numbers:
        # No exception: while modules are imported, one may be lost.
        signal.signal(number, lambda *_: os._exit(code))

    from cli.main import run as run_it

    for number in numbers:
        signal.signal(number, signal.default_int_handler)
    run_it()


if __name__ == "__main__":
    run()
