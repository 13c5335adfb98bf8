"""What a file of data is, by its content; its name may say anything."""

from __future__ import annotations

import zipfile
from pathlib import Path

BY_SUFFIX = {
    ".npz": "npz",
    ".npy": "npy",
    ".safetensors": "safetensors",
    ".pt": "pt",
    ".pth": "pt",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
}
"""For files that are too damaged to say what they were."""

DELIMITERS = {".csv": ",;", ".tsv": "\t"}
"""Of tables in text form, which only their name tells from lines of text with commas."""

IMAGES = {
    b"\x89PNG\r\n\x1a\n": "png",
    b"\xff\xd8\xff": "jpg",
    b"BM": "bmp",
    b"GIF8": "gif",
    b"II*\0": "tiff",
    b"MM\0*": "tiff",
}
AUDIO = {b"RIFF": "wav", b"fLaC": "flac", b"OggS": "ogg", b"ID3": "mp3", b"FORM": "aiff"}


def media_of(start: bytes) -> str | None:
    """``image`` or ``audio`` for the first bytes of an encoded one, else None."""
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "image"
    if any(start.startswith(mark) for mark in IMAGES):
        return "image"
    if any(start.startswith(mark) for mark in AUDIO) or (len(start) > 1 and start[0] == 0xFF and start[1] >> 5 == 7):
        return "audio"
    return None


def kind_of_data(path: Path) -> str:
    """What `BY_SUFFIX` knows, ``csv``, ``image``, ``audio``, ``text`` or ``unknown``."""
    with path.open("rb") as file:
        start = file.read(4096)
    if start[:6] == b"\x93NUMPY":
        return "npy"
    if start[:4] == b"PK\x03\x04":
        return _archive(path)
    if start[:4] == b"PAR1":
        return "parquet"
    if start[:6] == b"ARROW1" or start[:4] == b"\xff\xff\xff\xff":
        return "arrow"
    if len(start) > 8 and start[8:9] == b"{" and int.from_bytes(start[:8], "little") < 1 << 28:
        return "safetensors"
    if start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "pt"  # a pickle, which its reader refuses where it is more than tensors
    known = BY_SUFFIX.get(path.suffix.lower()) or media_of(start)
    if known is None and b"\0" not in start and delimiter(path, start):
        return "csv"
    return known or ("text" if _is_text(start) else "unknown")


def delimiter(path: Path, start: bytes) -> str | None:
    """What separates the columns of a table in text form, by its name and first line; None where there is none."""
    header = start.partition(b"\n")[0].decode(errors="replace")
    marks = [mark for mark in DELIMITERS.get(path.suffix.lower(), "") if mark in header]
    return max(marks, key=header.count, default=None)


def _archive(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return BY_SUFFIX.get(path.suffix.lower(), "npz")  # whose reader says what is damaged
    return "pt" if any(name.endswith("data.pkl") for name in names) else "npz"


def _is_text(start: bytes) -> bool:
    if not start or b"\0" in start:
        return False
    try:
        start.decode()
    except UnicodeDecodeError as fault:
        return fault.start >= len(start) - 3  # a letter was cut in two
    return True
