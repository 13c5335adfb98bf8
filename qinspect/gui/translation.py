"""The engine's texts in another language than English; of Qt its core alone, so that no screen is needed."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QTranslator

from ..engine.text import ENGLISH, Language, Text
from ..resources import resource


def language(code: str) -> Language:
    """The language of a code such as ``zh_CN``; English where there is no translation."""
    translator = QTranslator()
    if code == "en" or not translator.load(f"qinspect_{code}", str(resource("i18n"))):
        return ENGLISH
    return Language(code.replace("_", "-"), lambda text: said(text, [translator]))


def said(text: str, translators: Sequence[QTranslator]) -> str:
    """A text of the engine, by the first that knows it; a plain str is as it is."""
    if not isinstance(text, Text):
        return text
    template = next(filter(None, (each.translate("engine", text.template) for each in translators)), None)
    if template is None:
        return str(text)
    values = {
        name: said(value, translators) if isinstance(value, str) else value for name, value in text.values.items()
    }
    try:
        return template.format(**values)
    except (LookupError, ValueError, TypeError, AttributeError):  # values of a session that someone else wrote
        return str(text)
