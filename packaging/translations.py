"""Bring the translations up to date with the texts of the window, and compile them.

python packaging/translations.py          extract, compile, and list what is not translated yet or cannot be
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "qinspect"
FOLDER = ROOT / "resources" / "i18n"
LANGUAGES = ("zh_CN",)
PAGES = ROOT / "resources"
SAID = {"Problem": (1, 2), "Unmet": (1, 2), "Finding": (1, 2, 6), "report": (2,), "part": (3,), "_try": (3,)}
"""Calls whose arguments at these places are for people."""


def tool(name: str, *arguments: str) -> None:
    """Run one of PySide6's own programs, beside this interpreter."""
    program = Path(sys.executable).parent / f"pyside6-{name}"
    subprocess.run([str(program), *arguments], check=True, capture_output=True)


def templates(file: Path) -> Iterator[str]:
    """The first argument of every ``Text(…)`` in a Python file.

    Raises
    ------
    ValueError
        Naming the line, where it is no literal: nobody could translate that.
    """
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Text":
            template = node.args[0] if node.args else None
            if not isinstance(template, ast.Constant) or not isinstance(template.value, str):
                raise ValueError(f"{file}:{node.lineno}: the template of a Text is not a literal")
            yield template.value


def unmarked(file: Path) -> Iterator[str]:
    """Places in a Python file where a window would be given plain English.

    What a Problem, a Finding or a progress note says, and why a backend's table refuses a layer.
    """
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        said: list[ast.expr] = []
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            said = [node.args[place] for place in SAID.get(name, ()) if place < len(node.args)]
        elif isinstance(node, ast.Return) and file.name == "table.py" and node.value is not None:
            said = [node.value]
        for part in (part for expression in said for part in _alternatives(expression)):
            written = isinstance(part, ast.JoinedStr) or (
                isinstance(part, ast.Constant) and isinstance(part.value, str)
            )
            literal = ast.unparse(part) if written else ""
            if re.search("[a-z]{2}", re.sub(r"\{[^}]*\}", "", literal)):
                yield f"{file}:{part.lineno}: {literal}"


def _alternatives(expression: ast.expr) -> list[ast.expr]:
    """What an expression may give, as far as it says so itself."""
    if isinstance(expression, ast.IfExp):
        return [*_alternatives(expression.body), *_alternatives(expression.orelse)]
    if isinstance(expression, ast.BoolOp):
        return [part for value in expression.values for part in _alternatives(value)]
    return [expression]


def plain_english() -> list[str]:
    """All that is `unmarked`; the command line speaks English alone."""
    return [place for file in sorted(SOURCES.rglob("*.py")) if "cli" not in file.parts for place in unmarked(file)]


def engine_texts() -> list[str]:
    """The templates of all files, each once: the engine knows nothing of Qt and marks its texts by a ``Text(…)``."""
    found = [template for file in sorted(SOURCES.rglob("*.py")) for template in templates(file)]
    return list(dict.fromkeys([*found, *(text for file in sorted(PAGES.glob("*.j2")) for text in page_texts(file))]))


def page_texts(file: Path) -> list[str]:
    """The first argument of every ``_("…")`` in the template of a page."""
    return re.findall(r'\b_\("([^"]*)"', file.read_text(encoding="utf-8"))


def extract(file: Path) -> None:
    """Put the texts of the window and of the engine into a .ts file; what was translated stays."""
    options = ("-extensions", "py", "-locations", "none", "-no-obsolete", "-source-language", "en")
    with tempfile.TemporaryDirectory() as folder:
        # lupdate is shown the engine's texts in the one form that it knows.
        stand_in = Path(folder) / "engine.py"
        lines = [f'QCoreApplication.translate("engine", {_quoted(text)})\n' for text in engine_texts()]
        stand_in.write_text("".join(lines), encoding="utf-8")
        tool(
            "lupdate",
            *options,
            "-target-language",
            file.stem.partition("_")[2],
            str(SOURCES / "gui"),
            str(stand_in),
            "-ts",
            str(file),
        )


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def compile_(file: Path, out: Path) -> None:
    """Make the .qm file that the window loads: another file in its place, since open windows read on in the old one."""
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        made = Path(folder) / out.name
        tool("lrelease", "-silent", str(file), "-qm", str(made))
        made.replace(out)


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
    plain = plain_english()
    for place in plain:
        print(f"{place} is no Text")
    return 1 if lost or plain else 0


if __name__ == "__main__":
    sys.exit(main())
