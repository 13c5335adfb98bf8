"""Entry of the frozen application: the command line, and for its own child processes a Python.

Kernels and exported models run in processes of their own, started as ``<executable> -m module`` or
``<executable> script.py``. A frozen executable is no interpreter, so it does here what Python would.
"""

import multiprocessing
import os
import runpy
import sys


def main() -> int:
    words = sys.argv[1:]
    if words[:1] == ["-m"] and len(words) > 1:
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        return 0
    if words and words[0].endswith(".py") and os.path.isfile(words[0]):
        sys.argv = words
        sys.path.insert(0, os.path.dirname(os.path.abspath(words[0])))
        runpy.run_path(words[0], run_name="__main__")
        return 0
    from qinspect.cli import main as command_line

    return command_line(words)


if __name__ == "__main__":
    multiprocessing.freeze_support()
    sys.exit(main())
