"""The command line: the same engine functions as the window, the same numbers.

One file a verb; `options` has the words that they share.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import errno
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import NoReturn

from .. import __version__
from ..engine.problem import Problem, Unmet
from ..engine.process.unforeseen import Left, problem_of
from ..engine.progress import Cancelled
from . import analyze, compare, dump, export, inspect, search, window
from .options import WrongUsage
from .terminal import TWICE_S, summary
from .watch import watched


def main(arguments: Sequence[str] | None = None, *, watch: bool = False) -> int:
    """Run one verb, or open the window.

    Parameters
    ----------
    watch : bool
        Whether a verb without a window runs in a copy of this process, see `watched`.

    Returns
    -------
    int
        0 done, 1 the job failed, 2 wrong usage, 3 a constraint that nothing meets, 130 cancelled.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser, known = _parser()
    # Without a verb the words are the window's.
    verb = next((word for word in words if not word.startswith("-")), None)
    if "" in words:
        before = words[words.index("") - 1] if words[0] else parser.prog
        parser.error(f"{before} is followed by an empty word; is a variable not set?")
    if verb not in known and not {"-h", "--help", "--version"} & set(words):
        if verb and verb is words[0] and ":" not in verb and not os.path.exists(verb):
            parser.error(_no_verb(verb, known))
        words = ["window", *words]
    options = parser.parse_args(words)
    if watch and getattr(options, "headless", True) and (ended := watched(options)) is not None:
        return ended
    try:
        with _interruptible(watch), _no_way_out():
            status = int(options.run(options))
        sys.stdout.flush()  # what cannot be written is to be said here, not when the interpreter ends
        return status
    except (Cancelled, KeyboardInterrupt):
        print("cancelled", file=sys.stderr)
        return 130
    except Problem as problem:
        if options.debug:
            raise
        print(f"qinspect: {' '.join(str(problem).split())}", file=sys.stderr)
        return 3 if isinstance(problem, Unmet) else 2 if isinstance(problem, WrongUsage) else 1
    except BrokenPipeError:
        # The reader of our output has gone, as with ``| head``: nothing to say, and nowhere to say it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (Exception, SystemExit) as error:
        if options.debug:
            raise
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            print(
                f"qinspect: output cannot be written ({error.strerror}). Make room, or send it elsewhere.",
                file=sys.stderr,
            )
            return 1
        what = f"{type(error).__name__}: {str(error)[:300]}. This is a fault of qinspect; --debug shows where."
        print(f"qinspect: {' '.join(str(problem_of(error) or what).split())}", file=sys.stderr)
        return 1


def run() -> None:
    """The process: `main`, then an end without a search for garbage among all that torch is made of.

    That search takes the interpreter one to three seconds, and whoever pressed Ctrl+C waits for it. Not behind a
    window: Qt's objects are to go in their order.
    """
    status = main(watch=True)
    if "PySide6" not in sys.modules:
        gc.freeze()
    sys.exit(status)


@contextlib.contextmanager
def _interruptible(last: bool) -> Iterator[None]:
    """SIGTERM ends like Ctrl+C, so that children are killed and half-written files removed.

    Where this is the last that the process does, another Ctrl+C would only show where its end was interrupted.
    """
    heard = -TWICE_S

    def stop(*_: object) -> None:
        nonlocal heard
        if time.monotonic() - heard > TWICE_S:
            heard = time.monotonic()
            raise KeyboardInterrupt

    kinds = [signal.SIGTERM]
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else whoever started it made it deaf
        kinds.append(signal.SIGINT)
    try:
        before = {kind: signal.signal(kind, stop) for kind in kinds}
    except ValueError:  # not in the main thread, as in tests
        yield
        return
    try:
        yield
    except (Cancelled, KeyboardInterrupt):
        if last:
            before |= dict.fromkeys(before.keys() & {signal.SIGINT}, signal.SIG_IGN)
        raise
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


@contextlib.contextmanager
def _no_way_out() -> Iterator[None]:
    """``os._exit`` in the user's code raises: it would end the program with the status that says all is done."""
    really, here = os._exit, os.getpid()

    def leave(status: int) -> NoReturn:
        caller = sys._getframe(1)
        ours = str(caller.f_globals.get("__name__")).startswith("qinspect.")
        if ours or os.getpid() != here:  # a worker of the user's own ends as it likes
            really(status)
        error = Left(status)
        if threading.current_thread() is threading.main_thread():
            raise error
        # Raised here it would end this thread alone.
        problem = problem_of(error.with_traceback(TracebackType(None, caller, caller.f_lasti, caller.f_lineno)))
        print(f"qinspect: {problem}", file=sys.stderr, flush=True)
        really(1)

    os._exit = leave
    try:
        yield
    finally:
        os._exit = really


def _no_verb(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, known, 1)
    meant = f"did you mean {near[0]}?" if near else f"the verbs are {', '.join(sorted(known))}"
    return f"{word!r} is neither a verb nor a model that is there; {meant}"


EXAMPLES = """examples:
  qinspect demo --headless --out demo
  qinspect analyze net.py:model --weights net.safetensors --data photos --normalize imagenet --out found
  qinspect search  net.py:model --weights net.safetensors --data photos --normalize imagenet --max-drop 0.5 --out plans
  qinspect export  net.py:model --weights net.safetensors --data photos --normalize imagenet --plan plans/plan.json \\
                   --to onnx --out net.int8.onnx

exit status:
  0 done, 1 failed (one line says where and what to do; also an export that is not verified), 2 wrong usage,
  3 a limit of search that no plan keeps (the nearest is written), 130 cancelled
"""


def _parser() -> tuple[argparse.ArgumentParser, frozenset[str]]:
    """The parser, and the verbs that it knows."""
    parser = argparse.ArgumentParser(
        prog="qinspect",
        usage="qinspect [MODEL] [--data DATA] [--plan PLAN]    the window\n       qinspect VERB ...    (VERB --help)",
        description="See what quantization does to a model, layer by layer, and repair it.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"qinspect {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", prog="qinspect", required=True)

    def verb(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=text, description=text)
        made.set_defaults(run=run)
        made.add_argument("--debug", action="store_true", help="show tracebacks")
        return made

    for module in (window, inspect, analyze, search, export, dump, compare):
        module.add(verb)
    return parser, frozenset(verbs.choices)


__all__ = ["main", "run", "summary"]
