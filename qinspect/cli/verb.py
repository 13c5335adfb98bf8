"""How a verb announces itself."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Protocol


class Verb(Protocol):
    """Adds one verb and returns its parser, to which the verb's own words are added."""

    def __call__(self, name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser: ...
