"""How the fields of a qconfig are called in the window, its log and its undo history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

from ..engine.plan.qconfig import ESTIMATOR_TITLES
from .language import translated

DYNAMIC = "dynamic"
NONE = QT_TRANSLATE_NOOP("Qconfig", "none")
AFFINE, SYMMETRIC, NARROW = (
    QT_TRANSLATE_NOOP("Qconfig", "affine"),
    QT_TRANSLATE_NOOP("Qconfig", "symmetric"),
    QT_TRANSLATE_NOOP("Qconfig", "sym. narrow"),
)
NUMBERS: Mapping[str, str] = {
    "percentile": QT_TRANSLATE_NOOP("Qconfig", "percentile {0}%"),
    "momentum": QT_TRANSLATE_NOOP("Qconfig", "momentum {0}"),
    "group_size": QT_TRANSLATE_NOOP("Qconfig", "groups of {0}"),
}
SCHEMES: Mapping[str, dict[str, bool]] = {
    AFFINE: {"symmetric": False, "narrow": False},
    SYMMETRIC: {"symmetric": True, "narrow": False},
    NARROW: {"symmetric": True, "narrow": True},
}


def word(value: str) -> str:
    """A value of a field in the window's language."""
    if value in ESTIMATOR_TITLES and value != NONE:
        return translated(ESTIMATOR_TITLES[value])
    return QCoreApplication.translate("Qconfig", value).replace("_", " ")


def words(fields: Mapping[str, Any]) -> str:
    """What was chosen for some fields of a qconfig, as the undo history and the log call it."""
    found = []
    for name, value in fields.items():
        if name == "dynamic":
            found += [word(DYNAMIC)] if value else []
        elif name == "range":
            found += [] if value is None else ["{:.4g} … {:.4g}".format(*value)]
        elif name == "symmetric":
            wanted = {key: fields.get(key, False) for key in ("symmetric", "narrow")}
            found += [word(scheme) for scheme, both in SCHEMES.items() if both == wanted]
        elif name == "granularity":
            per = QCoreApplication.translate("Qconfig", "scale per {0}")
            found.append(per.format(word(str(value).removeprefix("per_"))))
        elif name == "bits":
            found.append(QCoreApplication.translate("Qconfig", "{0} bits").format(value))
        elif name in NUMBERS:
            found.append(QCoreApplication.translate("Qconfig", NUMBERS[name]).format(f"{value:g}"))
        elif name != "narrow":
            found.append(word(str(value)))
    return ", ".join(found)
