"""Files: what may be read, and writing them so that they are whole or not there."""

from __future__ import annotations

import contextlib
import glob
import json
import math
import os
import stat
import struct
import tempfile
import time
import warnings
import zipfile
from pathlib import Path
from typing import Any

from .problem import Problem
from .text import Text

UMASK = os.umask(0o077)
os.umask(UMASK)  # it can be read only by setting it, which is done once, before there are threads
"""What the user takes from the rights of new files."""

STALE_S = 600
"""Age in seconds from which a half-written file is nobody's any more."""


def demand_file(path: Path) -> None:
    """See to it that a path names a file that may be read: a pipe or a device would be read for ever.

    Raises
    ------
    Problem
        Saying what stands there instead.
    """
    remedy = Text("Check the path.")
    try:
        kind = path.stat().st_mode
        if stat.S_ISFIFO(kind):
            raise Problem(str(path), Text("is a pipe, and no file"), Text("Write it to a file first, and give that."))
        if not stat.S_ISREG(kind):
            raise Problem(str(path), Text("is a folder") if path.is_dir() else Text("is no file"), remedy)
        with path.open("rb"):
            pass
    except FileNotFoundError as error:
        raise Problem(str(path), Text("no such file"), remedy) from error
    except OSError as error:
        raise Problem(str(path), Text("cannot be read ({reason})", reason=error.strerror), remedy) from error


def load_tensors(path: Path, mapped: bool = False) -> Any:
    """What `torch.save` wrote, of tensors and plain data alone, whatever the file's name ends in.

    Given a name that ends in ``.safetensors``, torch would read it as such a file.

    Raises
    ------
    Exception
        Whatever torch has for a file that is damaged or holds more, mostly `pickle.UnpicklingError`.
    """
    import torch

    by_name = mapped and path.suffix != ".safetensors"
    with warnings.catch_warnings(), path.open("rb") as file:
        warnings.simplefilter("ignore", UserWarning)  # of a pickle of a newer protocol, before it is refused
        return torch.load(path if by_name else file, map_location="cpu", weights_only=True, mmap=by_name)


def write_atomically(path: Path, data: bytes | str) -> None:
    """Write a file beside its place, flush it to the disk, then put it there.

    Raises
    ------
    Problem
        Where the folder cannot be written or the disk is full; an older file stays as it was.
    """
    content = data.encode() if isinstance(data, str) else data
    demand_place(path)
    path = path.resolve()  # a link stays one
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, 0o666 & ~UMASK)
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise unwritable(path, error) from error


def demand_place(path: Path) -> None:
    """See to it that a file may be put in a place: it would take away a folder, or a device such as /dev/null.

    Raises
    ------
    Problem
        Where something else is there.
    """
    if os.path.exists(path) and not os.path.isfile(path):  # which, unlike a Path's own, say no where nobody may look
        raise Problem(str(path), Text("is there already, and is no file"), Text("Choose another name."))


def demand_writable(folder: Path) -> None:
    """See to it that a folder can be made and takes files, before what will be written to it is computed.

    One that is not there yet is not made.

    Raises
    ------
    Problem
        Where it does not.
    """
    missing = [path for path in (folder, *folder.parents) if not os.path.exists(path)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise unwritable(folder, error) from error
    finally:
        for path in missing:
            with contextlib.suppress(OSError):  # what was not made, or another process has filled
                path.rmdir()


def unwritable(path: Path, error: OSError) -> Problem:
    """The problem that a file or folder cannot be written."""
    return Problem(
        str(path),
        Text("cannot be written ({reason})", reason=error.strerror),
        Text("Choose another folder, or make room."),
    )


def _sweep(path: Path) -> None:
    """Remove what a process that was killed while it wrote this file left behind."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*"):
        try:
            if time.time() - left.stat().st_mtime > STALE_S:
                left.unlink()
        except OSError:  # another process was faster
            pass


def content_offset(path: Path, entry: zipfile.ZipInfo) -> int:
    """Where an uncompressed entry's content begins in a zip file: behind its own header, as long as that says."""
    with path.open("rb") as file:
        file.seek(entry.header_offset + 26)
        name, extra = struct.unpack("<HH", file.read(4))
    return entry.header_offset + 30 + int(name) + int(extra)


def read_json(path: Path, remedy: str) -> Any:
    """What a JSON file holds.

    Raises
    ------
    Problem
        Where it cannot be read or is not JSON, with this remedy.
    """
    demand_file(path)
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise Problem(str(path), error.strerror or Text("cannot be read"), remedy) from error
    except (ValueError, RecursionError) as error:
        raise Problem(str(path), Text("is not JSON ({error})", error=error), remedy) from error


def write_json(path: Path, data: Any) -> None:
    """Write JSON with one indent, atomically; it has no NaN and no infinity, for which null stands."""
    write_atomically(path, json.dumps(_finite(data), indent=1, allow_nan=False) + "\n")


def _finite(tree: Any) -> Any:
    if isinstance(tree, float):
        return tree if math.isfinite(tree) else None
    if isinstance(tree, dict):
        return {key: _finite(item) for key, item in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [_finite(item) for item in tree]
    return tree
