"""Entry of the frozen application: the command line, and for its own child processes a Python.

Kernels and exported models run in processes of their own, started as ``<executable> -m module``,
``<executable> -I -B -c code`` or ``<executable> script.py``. A frozen executable is no interpreter, so it does here
what Python would; a script only where it is the program's own: a file that the user names is opened, and not run.
"""

import multiprocessing
import os
import runpy
import sys

FLAGS = ("-I", "-B", "-E", "-P", "-s", "-u")
"""Python's own, which say where it may look for modules and write them: a frozen one has only its own."""

OWN = os.path.join(os.path.dirname(os.path.realpath(__file__)), "")
"""The folder of what was frozen."""


def main() -> int:
    words = sys.argv[1:]
    asked = words
    while asked and asked[0] in FLAGS:
        asked = asked[1:]
    if len(asked) > 1 and asked[0] == "-m":
        sys.argv = asked[1:]
        runpy.run_module(asked[1], run_name="__main__", alter_sys=True)
        return 0
    if len(asked) > 1 and asked[0] == "-c":
        sys.argv = ["-c", *asked[2:]]
        if "-I" not in words[: len(words) - len(asked)]:
            sys.path.insert(0, "")
        exec(compile(asked[1], "<string>", "exec"), {"__name__": "__main__", "__builtins__": __builtins__})
        return 0
    if asked and asked[0].endswith(".py") and os.path.realpath(asked[0]).startswith(OWN):
        sys.argv = asked
        sys.path.insert(0, os.path.dirname(os.path.abspath(asked[0])))
        runpy.run_path(asked[0], run_name="__main__")
        return 0
    from qinspect.__main__ import main as command

    command()
    return 0


if __name__ == "__main__":
    multiprocessing.freeze_support()
    sys.exit(main())
