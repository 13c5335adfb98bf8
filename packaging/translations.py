"""Bring the translations up to date with the texts of the window, and compile them.

python packaging/translations.py          extract, compile, and list what is not translated yet
"""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "resources" / "i18n"
LANGUAGES = ("zh_CN",)


def tool(name: str, *arguments: str) -> None:
    """Run one of PySide6's own programs, beside this interpreter."""
    program = Path(sys.executable).parent / f"pyside6-{name}"
    subprocess.run([str(program), *arguments], check=True, capture_output=True)


def extract(file: Path) -> None:
    """Put the texts of the window into a .ts file; what was translated stays."""
    options = ("-extensions", "py", "-locations", "none", "-no-obsolete", "-source-language", "en")
    tool(
        "lupdate",
        *options,
        "-target-language",
        file.stem.partition("_")[2],
        str(ROOT / "qinspect/gui"),
        "-ts",
        str(file),
    )


def compile_(file: Path, out: Path) -> None:
    """Make the .qm file that the window loads."""
    tool("lrelease", "-silent", str(file), "-qm", str(out))


def missing(file: Path) -> list[tuple[str, str]]:
    """(context, text) of what has no finished translation."""
    found = []
    for context in ElementTree.parse(file).getroot().iter("context"):
        for message in context.iter("message"):
            done = message.find("translation")
            if done is None or done.get("type") == "unfinished" or not done.text:
                found.append((context.findtext("name") or "", message.findtext("source") or ""))
    return found


def main() -> int:
    lost = []
    for language in LANGUAGES:
        file = FOLDER / f"qinspect_{language}.ts"
        extract(file)
        compile_(file, file.with_suffix(".qm"))
        lost += [(language, *entry) for entry in missing(file)]
    for entry in lost:
        print(": ".join(entry))
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
