"""The files that a desktop reads are well formed and name things that exist."""

from __future__ import annotations

import configparser
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "packaging" / "desktop"
NAME = "org.qinspect.QInspect"


def test_the_menu_entry_opens_what_the_file_types_declare():
    entry = configparser.ConfigParser(interpolation=None)
    entry.optionxform = str
    entry.read(FOLDER / f"{NAME}.desktop", encoding="utf-8")
    section = entry["Desktop Entry"]
    assert section["Exec"].split() == ["qinspect", "%f"]
    assert section["Icon"] == NAME
    types = {
        element.get("type"): [glob.get("pattern") for glob in element.findall("{*}glob")]
        for element in ElementTree.parse(FOLDER / f"{NAME}.mime.xml").getroot()
    }
    assert set(section["MimeType"].strip(";").split(";")) == set(types)
    assert types["application/x-qinspect-session"] == ["*.qinspect"]


def test_the_catalogue_entry_names_the_menu_entry_and_the_version():
    component = ElementTree.parse(FOLDER / f"{NAME}.metainfo.xml").getroot()
    assert component.findtext("id") == NAME
    assert component.findtext("launchable") == f"{NAME}.desktop"
    from qinspect import __version__

    release = component.find("releases/release")
    assert release is not None
    assert release.get("version") == __version__


def test_the_manual_page_names_every_verb():
    from qinspect.cli import _parser

    page = (FOLDER / "qinspect.1").read_text(encoding="utf-8")
    assert not [verb for verb in _parser()[1] - {"window"} if f" {verb} " not in page.replace("\n", " ")]


def test_the_icon_is_drawn(qapp):
    pytest.importorskip("PySide6.QtSvg")
    from qinspect.gui.app import application

    image = application().windowIcon().pixmap(64, 64).toImage()
    colours = {image.pixelColor(x, y).name() for x in range(0, 64, 4) for y in range(0, 64, 4)}
    assert len(colours) > 3
