"""What is written in several files: made beside its place, and put there when it is whole; and places to work in."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from .files import demand_place, unwritable, write_atomically
from .problem import Problem

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

YOUNG_S = 5
"""Age in seconds below which a folder may be one that another process has made and not locked yet."""
STALE_S = 86_400
"""The same where there are no locks."""


@contextlib.contextmanager
def staged_folder(out: Path) -> Iterator[Path]:
    """A folder to write into, which becomes `out` when the block ends without an exception.

    A folder that is there is replaced. Where something fails, or the process is killed, `out` is as it was.

    Raises
    ------
    Problem
        Where the place cannot be written or the disk is full.
    """
    with _beside(out) as place:
        folder = place / out.name
        folder.mkdir()
        yield folder
        old = place / "old"
        if out.exists():
            os.replace(out, old)
        try:
            os.replace(folder, out)
        except OSError:
            if old.exists():
                os.replace(old, out)
            raise


@contextlib.contextmanager
def staged_file(out: Path) -> Iterator[Path]:
    """Where a file is to be written, and others beside it; all go where `out` lies when the block ends.

    Raises
    ------
    Problem
        As of `staged_folder`; no file is there then that was not there before.
    """
    demand_place(out)
    with _beside(out) as place:
        yield place / out.name
        files = sorted(place.iterdir(), key=lambda file: file.name != out.name)
        for file in files[1:]:  # what is said beside an older one is not true of the new one
            (out.parent / file.name).unlink(missing_ok=True)
        for file in files:
            there = out.parent / file.name
            if there.is_symlink():  # which stays one
                write_atomically(there, file.read_bytes())
            else:
                os.replace(file, there)


WORK = ".qinspect-work-"
"""Folders whose names begin so are this program's alone."""


@contextlib.contextmanager
def scratch_folder(within: Path | None = None) -> Iterator[Path]:
    """A folder to work in, which goes when the block ends; what killed processes left goes as well.

    Parameters
    ----------
    within : Path, optional
        Else the system's folder for such things.
    """
    above = within or Path(tempfile.gettempdir())
    _sweep(above, f"{WORK}*")
    place = Path(tempfile.mkdtemp(prefix=WORK, dir=above))
    lock = _locked(place)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        if lock is not None:
            os.close(lock)


@contextlib.contextmanager
def _beside(out: Path) -> Iterator[Path]:
    """A folder on the same disk as a place, for as long as the block lasts; errors in it are said of the place."""
    made: list[Path] = []
    place = lock = None
    try:
        try:
            for parent in reversed([p for p in (out.parent, *out.parent.parents) if not os.path.exists(p)]):
                parent.mkdir(exist_ok=True)
                made.append(parent)
            _sweep(out.parent, f".{glob.escape(out.name)}.*")
            place = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
            lock = _locked(place)
            yield place
        except OSError as error:
            if place is not None and error.filename is not None and out.parent not in Path(error.filename).parents:
                raise
            raise unwritable(out, error) from error
        except (Problem, RuntimeError) as error:
            if place is not None and shutil.disk_usage(place).free < FULL_BYTES:
                raise unwritable(out, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))) from error
            if isinstance(error, Problem) and place is not None and error.where.startswith(str(place)):
                raise Problem(str(out), error.what, error.remedy) from error
            raise
    finally:
        if place is not None:
            shutil.rmtree(place, ignore_errors=True)
        if lock is not None:
            os.close(lock)
        for parent in reversed(made):
            with contextlib.suppress(OSError):  # what was written lies in it
                parent.rmdir()


FULL_BYTES = 4096
"""Room that is left on a disk on which nothing can be written any more."""


def _sweep(folder: Path, names: str) -> None:
    """Remove folders of such names that processes left which were killed."""
    for left in folder.glob(names):
        with contextlib.suppress(OSError):  # another process was faster
            age = time.time() - left.stat().st_mtime
            if not left.is_dir() or age < (YOUNG_S if fcntl else STALE_S):
                continue
            lock = _locked(left)
            if lock is not None or fcntl is None:
                shutil.rmtree(left, ignore_errors=True)
            if lock is not None:
                os.close(lock)


def _locked(folder: Path) -> int | None:
    """A lock that goes with the process, as a descriptor to be closed; None where another has it."""
    if fcntl is None:
        return None
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # or a file system without locks
        os.close(descriptor)
        return None
    return descriptor
