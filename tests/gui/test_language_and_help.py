"""Languages, help pages, and what the keys and terms lead to."""

from __future__ import annotations

import ast
import importlib.util
import re
import shutil
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QMenuBar, QToolBar

from qinspect.engine.plan.qconfig import TensorConfig
from qinspect.engine.search.candidates import Candidate
from qinspect.engine.text import Text, remade
from qinspect.gui import language
from qinspect.gui.help import OF_STEP, PAGES, HelpWindow, page_text, term_in, title_of
from qinspect.gui.panels.candidates import Candidates
from qinspect.gui.panels.figures import described
from qinspect.gui.panels.fix_page import FixPage
from qinspect.gui.panels.steps import STEPS
from qinspect.resources import resource

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(sys.executable).parent / "pyside6-lupdate"


@pytest.fixture(scope="module")
def translations():
    place = ROOT / "packaging" / "translations.py"
    spec = importlib.util.spec_from_file_location("translations", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def chinese():
    app = QApplication.instance()
    made = language.install(app, "zh_CN")
    yield app
    language.install(app, "en")
    assert made


@pytest.mark.skipif(not TOOLS.exists(), reason="PySide6's lupdate is not beside this Python")
@pytest.mark.parametrize("name", ["zh_CN"])
def test_every_text_of_the_window_is_translated_and_compiled(translations, tmp_path, name):
    committed = resource(f"i18n/qinspect_{name}.ts")
    fresh = tmp_path / committed.name
    shutil.copy(committed, fresh)
    translations.extract(fresh)
    assert translations.missing(fresh) == []
    compiled = tmp_path / "made.qm"
    translations.compile_(committed, compiled)
    assert compiled.read_bytes() == committed.with_suffix(".qm").read_bytes()


def test_a_window_that_is_open_reads_on_in_the_translation_that_it_has(translations, tmp_path):
    compiled = tmp_path / "compiled.qm"
    compiled.write_bytes(b"as it was")
    with compiled.open("rb") as read:  # Qt maps the file into memory
        translations.compile_(translations.FOLDER / "qinspect_zh_CN.ts", compiled)
        assert read.read() == b"as it was"
    assert compiled.stat().st_size > 10_000


def test_what_the_engine_says_to_people_is_marked_for_translation(translations):
    assert translations.plain_english() == []


@pytest.mark.parametrize(
    "line",
    [
        'raise Problem(name, "is odd", Text("Mend it."))',
        'raise Problem(name, Text("is odd"), f"Mend {name}.")',
        'raise Problem(name, error or "is odd", Text("Mend it."))',
        'found = Finding("rule", "Title", Text("because"), (), "note", None, Text("Do."))',
        'report(0, 1, "running" if busy else Text("done"))',
    ],
)
def test_plain_english_is_found(translations, tmp_path, line):
    file = tmp_path / "room.py"
    file.write_text(line)
    assert len(list(translations.unmarked(file))) == 1


def test_a_template_that_is_no_literal_is_refused(translations, tmp_path):
    file = tmp_path / "room.py"
    file.write_text("Text(name)")
    with pytest.raises(ValueError, match=r"room.py:1"):
        list(translations.templates(file))


def test_no_text_is_hidden_in_an_f_string():
    # Qt's collector does not look into them: such a text would stay English.
    hidden = [
        f"{path.name}:{call.lineno}"
        for path in Path(language.__file__).parent.rglob("*.py")
        for text in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(text, ast.JoinedStr)
        for call in ast.walk(text)
        if isinstance(call, ast.Call)
        and getattr(call.func, "attr", getattr(call.func, "id", "")) in ("tr", "translate")
    ]
    assert hidden == []


def test_a_translation_has_the_places_of_its_text(translations):
    import xml.etree.ElementTree as ElementTree

    def places(text):
        return sorted(re.sub(r"\{\d*", "{", place) for place in re.findall(r"\{[^}]*\}", text))

    for message in ElementTree.parse(resource("i18n/qinspect_zh_CN.ts")).getroot().iter("message"):
        source, text = message.findtext("source"), message.findtext("translation")
        assert places(source) == places(text), source
        positions = re.findall(r"\{(\d*)", text)
        assert all(positions) or not any(positions), text


def test_the_window_speaks_chinese_in_menus_pages_columns_plots_and_edits(chinese, make_window, digits):
    window = make_window(digits)
    window.go("layers")
    assert next(action.text() for action in window.menuBar().actions()) == "文件(&F)"
    assert window.steps.buttons["verdict"].text() == "结论"
    tree = window.layers_page.tree
    assert tree.as_tsv().splitlines()[0].split("\t")[:2] == ["层", "算子"]
    assert window.layers_page.centre.depth.title() == "各层误差"
    # A subclass says what its base class says.
    assert window.layers_page.centre.pareto.title() == "时间与损失"
    window.document.make_float(("conv:conv2d",))
    assert window.document.undo_stack.undoText() == "conv:conv2d 改为浮点"
    assert "已编辑：斜体数字属于" in window.layers_page.banner.text()
    left = [
        button.toolTip()
        for button in window.findChildren(type(window.steps.buttons["open"]))
        if re.fullmatch(r"[A-Za-z ,;.:()]+", button.toolTip()) and len(button.toolTip()) > 12
    ]
    assert left == []


def test_a_text_of_the_engine_is_said_in_chinese_with_the_texts_inside_it(chinese):
    layers = Text("{names} and {more} more", names="a, b", more=2)
    text = Text("{reason}: {layers}", reason=Text("the kernels"), layers=layers)
    assert language.translated(text) == "核的运行：a, b 及另外 2 个"
    assert text == "the kernels: a, b and 2 more"
    assert language.translated("the kernels") == "the kernels"


def test_a_configuration_is_described_in_chinese(chinese):
    config = TensorConfig("uint8", bits=7, granularity="per_tensor", estimator="moving_average")
    assert described(config) == "uint8（7 位） 仿射 逐张量 移动平均 0.01"
    assert (
        language.translated(Text("not {config}", config=config))
        == "not uint8 (7 bit) affine per-tensor moving average 0.01"
    )


def test_a_choice_in_chinese_is_the_same_edit(chinese, make_window, digits):
    window = make_window(digits)
    window.go("layers")
    window.document.select(("conv:conv2d",))
    box = window.layers_page.detail.editor.scheme["activation"]
    assert [box.itemText(place) for place in range(box.count())] == ["仿射", "对称", "对称（窄）"]
    box.setCurrentText("对称")
    box.activated.emit(box.currentIndex())
    assert window.document.qconfig("conv:conv2d").activation.symmetric
    box = window.layers_page.detail.editor.estimator["activation"]
    assert [box.itemText(place) for place in range(5)] == ["最小最大", "滑动平均", "百分位", "均方误差", "熵"]


def test_fields_of_the_target_page_stand_below_one_another_in_chinese(chinese, make_window):
    window = make_window()
    window.go("target")
    page = window.target_page
    page.body.activate()
    fields = (page.threads, page.batch, page.host, page.preset, page.weight, page.activation)
    assert len({field.mapTo(page, QPoint(0, 0)).x() for field in fields}) == 1


def test_estimators_of_candidates_are_named_in_chinese(chinese, qtbot, digits):
    table = Candidates()
    qtbot.addWidget(table)
    known = digits.opened.plan.default
    title = Text("activation {estimator}", estimator="entropy")
    table.show_candidates((Candidate(title, known.weight, known.activation, 0.1, 0.1, 20.0, None),))
    assert table.item(0, 0).text() == "激活 熵"
    assert title == "activation entropy"


def test_a_text_whose_values_do_not_fit_is_shown_in_english(chinese):
    # A session that somebody else wrote may hold anything.
    strange = remade("so it was", "top-1 {metric:.1%} with {classes} classes, before anything is quantized", {})
    assert language.translated(strange) == "so it was"
    strange = remade("so it was", "half of the steps are never used: {layers}", {"lay": 1})
    assert language.translated(strange) == "so it was"


def test_the_language_follows_the_system_unless_it_was_chosen(settings, monkeypatch):
    from PySide6.QtCore import QLocale

    monkeypatch.setattr(QLocale, "system", staticmethod(lambda: QLocale("zh_CN")))
    assert language.wanted(settings) == "zh_CN"
    monkeypatch.setattr(QLocale, "system", staticmethod(lambda: QLocale("de_DE")))
    assert language.wanted(settings) == "en"
    settings.setValue("language", "zh_CN")
    assert language.wanted(settings) == "zh_CN"


@pytest.fixture
def back_to_english():
    yield
    language.install(QApplication.instance(), "en")


def choose(window, name):
    """The language menu is the only one with Chinese in it, whatever the window speaks."""
    actions = (action for action in actions_in(window.menuBar()) if action.text() == name)
    next(actions).trigger()


def actions_in(menu):
    for action in menu.actions():
        yield from actions_in(action.menu()) if action.menu() else [action]


def test_a_language_is_spoken_as_soon_as_it_is_chosen(make_window, digits, settings, qtbot, back_to_english):
    window = make_window(digits)
    window.go("layers")
    window.document.select(("conv:conv2d",))
    window.document.make_float(("conv:conv2d",))
    document, plan = window.document, window.document.plan
    choose(window, "简体中文")
    assert settings.value("language") == "zh_CN"
    assert next(action.text() for action in window.menuBar().actions()) == "文件(&F)"
    assert window.step == "layers"
    assert window.stack.currentWidget() is window.layers_page
    assert window.document is document
    assert window.document.plan == plan
    assert window.document.selection == ("conv:conv2d",)
    assert window.layers_page.tree.as_tsv().splitlines()[0].startswith("层\t")
    assert window.data_page.splits.text().startswith("600 个样本，有标签")
    # The old menus are gone with their keys, and the new ones work.
    qtbot.wait(50)
    assert len(window.findChildren(QMenuBar)) == 1
    assert [bar.isVisible() for bar in window.findChildren(QToolBar, "steps")] == [True]
    assert len(window.findChildren(type(window.layers_page))) == 1
    qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert document.plan != plan
    choose(window, "English")
    assert window.steps.buttons["verdict"].text() == "Verdict"


def test_only_pages_that_are_looked_at_are_made_anew_and_keep_their_tab(make_window, digits, back_to_english):
    window = make_window(digits)
    window.go("fix")
    window.fix_page.tabs.setCurrentIndex(2)
    window.go("layers")
    choose(window, "简体中文")
    assert not any(isinstance(window.stack.widget(place), FixPage) for place in range(window.stack.count()))
    window.go("fix")
    assert window.fix_page.tabs.tabText(window.fix_page.tabs.currentIndex()) == "运行记录"
    choose(window, "English")
    assert window.stack.currentWidget() is window.fix_page
    assert window.fix_page.tabs.tabText(window.fix_page.tabs.currentIndex()) == "Runs"


def test_what_a_job_finds_is_shown_in_the_language_chosen_meanwhile(
    make_window, digits, settings, qtbot, back_to_english
):
    window = make_window(digits)
    window.go("verdict")
    window.document.make_float(("conv:conv2d",))
    window.tasks.run_quick()
    choose(window, "简体中文")
    assert "方案已改变" in window.verdict_page.empty_text.text()
    qtbot.waitUntil(lambda: window.document.freshness == "quick", timeout=60_000)
    assert "少量样本的快速结果" in window.verdict_page.empty_text.text()


def test_f1_opens_the_page_of_the_step_and_links_lead_on(make_window, qtbot):
    window = make_window()
    window.go("target")
    qtbot.keyClick(window, Qt.Key.Key_F1)
    help_ = window.findChild(type(window.show_help()))
    assert help_.isVisible()
    assert help_.page == OF_STEP["target"]
    help_.list.setCurrentRow(PAGES.index("start"))
    assert help_.page == "start"
    from PySide6.QtCore import QUrl

    help_.view.anchorClicked.emit(QUrl("terms.md#SQNR"))
    assert help_.page == "terms"
    assert help_.view.textCursor().selectedText() == "SQNR"
    help_.close()


def test_f1_explains_the_term_that_the_mouse_points_at(make_window, digits, qtbot, monkeypatch):
    window = make_window(digits)
    window.go("layers")
    table = window.layers_page.detail.candidates
    header = table.horizontalHeader()
    place = header.viewport().mapToGlobal(QPoint(header.sectionViewportPosition(2) + 5, 5))
    monkeypatch.setattr("qinspect.gui.main_window.QCursor.pos", lambda: place)
    monkeypatch.setattr("qinspect.gui.help.QApplication.widgetAt", lambda _: header.viewport())
    qtbot.keyClick(window, Qt.Key.Key_F1)
    help_ = window.findChild(HelpWindow)
    assert (help_.page, help_.view.textCursor().selectedText()) == ("terms", "SQNR")
    help_.close()


@pytest.mark.parametrize(
    ("text", "heading"),
    [
        ("Est. KL", "KL divergence"),
        ("Estimated KL(fp32‖int8)", "Estimated error"),
        ("p90 of 50 runs", "Median, p90, spread"),
        ("zero point 89", "Scale and zero point"),
        ("a rabbit", ""),
    ],
)
def test_terms_are_found_in_texts(text, heading):
    assert term_in([text]) == heading


@pytest.mark.parametrize("folder", ["help", "help/zh_CN"])
def test_every_page_has_a_title_and_its_links_lead_somewhere(folder):
    assert set(OF_STEP) == set(STEPS)
    for name in PAGES:
        text = resource(f"{folder}/{name}.md").read_text(encoding="utf-8")
        assert title_of(text)
        for page in re.findall(r"\]\(([\w-]+)\.md", text):
            assert page in PAGES
        assert all(len(line) <= 200 for line in text.splitlines()), name


def test_pages_are_read_in_the_language_of_the_window(chinese):
    assert title_of(page_text("terms")) == "术语"
