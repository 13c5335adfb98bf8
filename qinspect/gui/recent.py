"""What is remembered between starts, and what a dropped file is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSettings

KEPT = 10
KINDS = {
    ".qinspect": "session",
    ".json": "plan",
    **dict.fromkeys((".pt2", ".onnx", ".py"), "model"),
    **dict.fromkeys((".safetensors", ".pth", ".pt"), "weights"),
    **dict.fromkeys((".npz", ".npy", ".parquet", ".arrow", ".feather", ".csv", ".tsv", ".txt", ".jsonl"), "data"),
}
"""What a file is by its name: its content is the engine's to read, which takes seconds to import."""


def recent(settings: QSettings) -> list[dict[str, Any]]:
    """Models (their specifications) and sessions (``{"session": path}``), the newest first."""
    try:
        found = json.loads(str(settings.value("recent", "[]")))
        return [entry for entry in found if isinstance(entry, dict) and ("source" in entry or "session" in entry)]
    except ValueError:
        return []


def remember(settings: QSettings, entry: dict[str, Any]) -> None:
    """Put an entry on top, wherever the program is started the next time."""
    # As it will be read: tuples are lists there.
    entry = {key: _absolute(value) for key, value in json.loads(json.dumps(entry)).items()}
    kept = [entry, *(old for old in recent(settings) if _subject(old) != _subject(entry))]
    settings.setValue("recent", json.dumps(kept[:KEPT]))


def _subject(entry: dict[str, Any]) -> tuple[Any, ...]:
    """What an entry is of: the same model with another input shape takes the old one's place."""
    return entry.get("session"), entry.get("source"), entry.get("weights")


def _absolute(value: Any) -> Any:
    """A path from the current folder, alone or of a callable, as one from the root; all else as it is."""
    if not isinstance(value, str) or not value:
        return value
    path, colon, name = value.rpartition(":")
    for known, rest in ((value, ""), (path, colon + name)):
        if known and not Path(known).is_absolute() and Path(known).exists():
            return f"{Path(known).absolute()}{rest}"
    return value


def kind_of(path: Path) -> str:
    """``session``, ``plan``, ``profile``, ``model``, ``weights`` or ``data``; empty for anything else."""
    if path.is_dir():
        return "model" if any((path / name).is_file() for name in ("config.json", "graph.json")) else "data"
    kind = KINDS.get(path.suffix.lower(), "")
    return "profile" if kind == "plan" and _is_profile(path) else kind


def _is_profile(path: Path) -> bool:
    """Whether a JSON file has times that another device measured: a list of them, or what the kit's bench.py writes."""
    try:
        with path.open(encoding="utf-8") as file:
            beginning = file.read(4096).lstrip()
    except (OSError, UnicodeDecodeError):
        return False
    return beginning.startswith("[") or '"bench"' in beginning
