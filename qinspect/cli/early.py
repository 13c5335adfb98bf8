"""What can be said of the words before torch is imported: files that are not there, places that cannot be written."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..engine.problem import Problem
from ..engine.source import TIMM, is_callable
from .options import data_spec, language, usage

FILES = ("weights", "quantized_weights", "plan", "stats", "profile", "layer_info", "float_profile", "tokenizer")
"""Words that name a file to be read."""


def out_folder(options: argparse.Namespace) -> tuple[str, ...]:
    """See to it that --out may be a folder, and all that takes no model; notes, see `new_parent`."""
    check_words(options)
    if options.out.exists() and not options.out.is_dir():
        raise Problem(str(options.out), "is a file", "Give --out a folder.")
    _demand_room(options.out, options.out)
    return new_parent(options.out)


def out_file(options: argparse.Namespace) -> tuple[str, ...]:
    """The same of an --out that is a file, or a folder in some cases."""
    check_words(options)
    if options.out.exists() and not options.out.is_file() and not options.out.is_dir():
        raise Problem(str(options.out), "is there already, and is no file", "Choose another name.")
    _demand_room(options.out, options.out.parent)
    return new_parent(options.out)


def _demand_room(out: Path, folder: Path) -> None:
    """See to it that what is to lie in a folder can be written; folders that are not there yet are not made."""
    from ..engine.files import demand_writable

    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        raise Problem(str(out), f"cannot be written ({there} is a file)", "Give --out another folder.")
    try:
        demand_writable(there)
    except Problem as problem:
        raise Problem(str(out), problem.what, problem.remedy) from problem


def check_words(options: argparse.Namespace) -> None:
    """See to it that what is named is there, and that --split, --normalize and --metric make sense."""
    if hasattr(options, "language"):
        language(options)
    source = getattr(options, "data", None)
    if source is not None:
        data_spec(options)
        if not is_callable(source) and not Path(source).expanduser().exists():
            raise Problem(source, "is not there", "Check the path to the data.")
    if getattr(options, "metric", None) is not None and not is_callable(options.metric):
        from ..engine.metric import metric_of

        with usage():
            metric_of(options.metric)
    for model in (options.model, getattr(options, "quantized", None)):
        if model is not None:
            _demand_model(model)
    for name in FILES:
        path = getattr(options, name, None)
        if path is not None and not Path(path).exists():
            raise Problem(str(path), "no such file", "Check the path.")


def _demand_model(source: str) -> None:
    head, colon, name = source.rpartition(":")
    if source.startswith(TIMM):
        return
    if colon and head.endswith(".py") and not name.isidentifier():
        raise Problem(source, f"names no callable ({name!r} stands after the colon)", "Give file.py:callable.")
    path = head if is_callable(source) else source
    if (path is source or path.endswith(".py")) and not Path(path).exists():
        raise Problem(path, "no such file", "Check the path.")


def new_parent(out: Path) -> tuple[str, ...]:
    """A note where not even the folder is there in which --out is to lie: that may be a slip of the pen."""
    parent = out.absolute().parent
    return () if parent.exists() else (f"the folder {parent} was not there, and was made",)
