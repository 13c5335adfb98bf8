"""What a file is, by its first bytes."""

from __future__ import annotations

from pathlib import Path


def looks_like_onnx(path: Path) -> bool:
    """Whether a file may be an ONNX model: the first field of its message is the format's version."""
    try:
        with path.open("rb") as file:
            start = file.read(2)
    except OSError:
        return False
    return len(start) == 2 and start[0] == 0x08 and 0 < start[1] < 0x80
