"""The language of the window: the system's, or the one that was chosen."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QSettings, QTranslator
from PySide6.QtWidgets import QApplication

from ..resources import resource
from .translation import said

LANGUAGES = {"system": "", "en": "English", "zh_CN": "简体中文"}
"""What can be chosen, by the names that languages have for themselves."""


def wanted(settings: QSettings) -> str:
    """The language to use, ``en`` or a key of `LANGUAGES` that there is a translation for."""
    chosen = str(settings.value("language", "system"))
    if chosen in LANGUAGES and chosen != "system":
        return chosen
    # "zh_Hans_CN" and "zh_CN" are the same to us; traditional script is read with the simplified one.
    return "zh_CN" if QLocale.system().language() == QLocale.Language.Chinese else "en"


def install(app: QApplication, language: str) -> list[QTranslator]:
    """Make the application speak a language, Qt's own dialogs included; before widgets are made.

    Returns
    -------
    list of QTranslator
        What was installed; empty for English.
    """
    app.setProperty("language", language)
    for old in _translators():
        app.removeTranslator(old)
        # It lives on until the event loop comes to delete it, and is not to be asked until then.
        old.setObjectName("")
        old.deleteLater()
    if language == "en":
        return []
    made = []
    places = (
        (str(resource("i18n")), f"qinspect_{language}"),
        (QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath), f"qtbase_{language}"),
    )
    for folder, name in places:
        translator = QTranslator(app)
        translator.setObjectName("qinspect")
        if translator.load(name, folder):
            app.installTranslator(translator)
            made.append(translator)
    return made


def _translators() -> list[QTranslator]:
    app = QCoreApplication.instance()
    return app.findChildren(QTranslator, "qinspect") if app is not None else []


def language_of(app: object) -> str:
    """The language that `install` was last given."""
    return str(app.property("language") or "en") if isinstance(app, QApplication) else "en"


def translated(text: str) -> str:
    """A text of the engine in the language of the window; a plain str is shown as it is."""
    return said(text, _translators())
