"""The window, and the demo with or without it."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from ..engine.problem import Problem
from . import early
from . import options as words
from .terminal import progress, say
from .verb import Verb


def add(verb: Verb) -> None:
    window = verb("window", _window, "open the window (also without this word)")
    words.model_options(window, required=False)
    words.data_options(window, required=False)
    words.output_option(window)
    window.set_defaults(headless=False)
    window.add_argument("--plan", type=Path, metavar="PLAN", help="plan.json to begin with")

    demo = verb("demo", _demo, "the bundled model and photographs: the whole main job")
    demo.add_argument("--headless", action="store_true", help="no window; write into --out")
    demo.add_argument("--out", type=Path, default=Path("qinspect-demo"), metavar="DIR", help=words.OUT["demo"])
    words.language_option(demo)


def _window(options: argparse.Namespace) -> int:
    early.check_words(options)
    _need_screen()
    from ..gui.app import run

    return run(
        None if options.model is None else words.model_spec(options).to_json(),
        None if options.data is None else words.data_spec(options).to_json(),
        options.plan,
        judged=None if options.metric is options.output is None else (options.metric or "top-1", options.output),
    )


def _demo(options: argparse.Namespace) -> int:
    if not options.headless:
        _need_screen()
        from ..gui.app import run

        return run(None, None, None, demo=True)
    from ..demo import run_headless

    with progress() as report:
        found = run_headless(options.out, report, say, words.language(options))
        try:
            from ..gui.app import screenshot
        except ImportError as error:
            raise Problem("screenshot", f"Qt cannot start ({error})", "Install the libraries that Qt needs.") from error
        picture = options.out / "screenshot.png"
        screenshot(found.model, found.data, found.calibration, found.analysis, picture, check=found.check)
        say(f"screenshot: {picture}")
    return 0


def _need_screen() -> None:
    """Qt aborts the process where it finds no screen: say so before."""
    has = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))
    if sys.platform.startswith("linux") and not has:
        raise Problem("window", "there is no screen to open it on", "Use a verb, such as qinspect demo --headless.")
