"""An analysis becomes files that open anywhere, whatever the model's names and figures are."""

from __future__ import annotations

import dataclasses
import html.parser
import json
import math
import re

import pytest

from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.file import plan_from_json
from qinspect.engine.plan.target import Target
from qinspect.engine.problem import Problem
from qinspect.engine.report import report_html, write_analysis
from qinspect.engine.results import (
    Analysis,
    CalibrationQuality,
    Errors,
    Finding,
    FusionRow,
    LayerRow,
    Totals,
    analysis_from_json,
)
from qinspect.engine.results.kernels import KernelCheck, Latency
from qinspect.engine.results.samples import Drift, SampleRow, WorstSample
from qinspect.engine.text import ENGLISH, Text
from qinspect.gui.translation import language

PLAN = QuantPlan(Target(isa="avx2"))
EVIL = "<script>alert('x')</script>"


def layer(identity="conv:conv2d", **changes):
    base = LayerRow(
        identity, "conv", "conv2d", ("bn:batch_norm",), None, True, True, None, "net.py:3", (1, 4, 2, 2), 100, 40,
        weight={"dtype": "int8"}, activation={"dtype": "uint8"},
        errors=Errors(30.0, 25.0, 0.1, 0.2, 0.99, 0.98, None, None, 0.01, 0.02),
        latency=Latency(10.0, 5.0, 1.0), kernel=KernelCheck(1, 0.999, 1.0, False, {0: 999, 1: 1}),
    )  # fmt: skip
    return dataclasses.replace(base, **changes)


def make(**changes):
    model = {
        "name": "net",
        "source": "net.py:net",
        "weights": None,
        "digest": "d",
        "parameters": 40,
        "macs": 100,
        "versions": {"torch": "2"},
    }
    base = Analysis(
        model,
        {
            "source": "x.npz",
            "samples": 9,
            "calibrate": 4,
            "select": 2,
            "final": 3,
            "preparation": "none",
            "metric": None,
        },
        PLAN.target.to_json(),
        PLAN.to_json(),
        Totals(agreement=0.5, kl=0.1, sqnr_db=20.0, samples=3),
        (layer(), layer("fc:linear", op="linear"), layer("bn:batch_norm", fused=(), fused_into="conv:conv2d")),
        (FusionRow("bn:batch_norm", ("conv:conv2d", "bn:batch_norm"), "conv2d+batch_norm", "fused", None, 1e-7),),
        (Finding("rule", "title", "evidence", ("conv:conv2d",), "warning", 0.3, "remedy", PLAN.to_json()),),
        ("a note",),
    )
    return dataclasses.replace(base, **changes)


class Page(html.parser.HTMLParser):
    """The text of a page, and what stays open."""

    def __init__(self, text):
        super().__init__()
        self.scripts = 0
        self.words = []
        self.loads = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.scripts += tag == "script"
        self.loads += [value for name, value in attributes if name in ("src", "href", "action", "data")]

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(self.words)


def test_an_analysis_comes_back_from_its_json_as_it_was():
    analysis = make()
    assert analysis_from_json(json.loads(json.dumps(analysis.to_json()))) == analysis


QUALITY = CalibrationQuality((1, 2, 4, 8), (0.6, 0.7, 0.8, 1.0), (0.2, 0.4, 0.7, 1.0), ("fc:linear",), 7, False)
SAMPLES = (SampleRow(4, "four.png", 1, 0.5, 0.1, 1, 2, 0.0), SampleRow(2, "two.png", 1, 0.1, 0.1, 1, 1, 1.0))
WORST = (WorstSample(4, {"conv:conv2d": 30.0, "relu:relu": None, "fc:linear": 12.5}, "fc:linear", 17.5),)


def test_intervals_quality_and_worst_samples_come_back_and_are_shown():
    totals = Totals(agreement=0.5, agreement_interval=(0.2, 0.8), kl=0.1, kl_interval=(0.05, 0.2), drop=0.1,
                    drop_interval=(-0.1, 0.3), samples=3)  # fmt: skip
    analysis = make(totals=totals, quality=QUALITY, samples=SAMPLES, worst=WORST)
    assert analysis_from_json(json.loads(json.dumps(analysis.to_json()))) == analysis
    text = " ".join(Page(report_html(analysis)).text.split())
    assert "agreement 50.0% (20.0% to 80.0%), KL 0.100 (0.050 to 0.200) nats" in text
    assert "drop 10.0 points (-10.0 to 30.0)" in text
    assert "the median tensor has 80.0% of its range, and the ranges of 1 of 7 tensors still grow" in text
    assert "four.png, layer by layer: falls most at fc:linear, by 17.5 dB" in text
    assert "two.png, layer" not in text


def test_an_older_analysis_without_them_is_read():
    data = make().to_json()
    del data["quality"], data["worst"]
    for key in ("agreement_interval", "kl_interval", "drop", "drop_interval"):
        del data["totals"][key]
    assert analysis_from_json(json.loads(json.dumps(data))) == make()


def test_the_folder_gets_analysis_plan_and_report(tmp_path):
    path = write_analysis(make(), tmp_path / "new" / "out")
    assert path == tmp_path / "new" / "out" / "report.html"
    assert sorted(p.name for p in path.parent.iterdir()) == ["analysis.json", "plan.json", "report.html"]
    assert plan_from_json(json.loads((path.parent / "plan.json").read_text())).fingerprint == PLAN.fingerprint


def test_figures_that_are_not_finite_are_null_in_json(tmp_path):
    write_analysis(make(totals=Totals(kl=math.inf, mse=math.nan, samples=3)), tmp_path)
    text = (tmp_path / "analysis.json").read_text()
    assert not re.search(r"NaN|Infinity", text)
    assert json.loads(text)["totals"]["kl"] is None


def test_the_page_shows_layers_findings_and_fusions_and_loads_nothing():
    page = Page(report_html(make()))
    words = "conv:conv2d", "fc:linear", "title", "remedy", "a note", "conv2d+batch_norm", "50.0%", "20.0 dB"
    for word in (*words, "net on ONNX Runtime"):
        assert word in page.text
    assert page.loads == []


def test_the_layers_have_a_column_of_notes_where_there_is_one():
    assert ">note</th>" not in report_html(make())
    text = report_html(make(layers=(layer(), layer("fc:linear", op="linear", quantized=False, why_not="no kernel"))))
    assert ">note</th>" in text
    assert text.count("no kernel</td>") == 1


def test_of_outputs_that_are_no_classes_the_page_has_the_sqnr_in_simulation_and_kernels():
    totals = Totals(sqnr_db=21.31, kernel_sqnr_db=19.04, samples=8)
    text = Page(report_html(make(totals=totals))).text
    for words in ("no labels: compared by SQNR", "21.3 dB", "19.0 dB"):
        assert words in text
    rows = tuple(layer(f"{name}:x", errors=Errors(estimated_mse=mse)) for name, mse in (("a", 0.1), ("b", 0.3)))
    text = Page(report_html(make(totals=totals, layers=rows))).text
    assert "25.0%" in text
    assert "75.0%" in text
    assert "agreement –" not in text


def test_a_state_that_was_fed_back_is_drawn_step_by_step():
    assert "State fed back" not in report_html(make())
    drift = Drift(("h",), (1,), 4, (30.0, 20.0, None), (25.0, 22.0, 20.0), (31.0, 30.5, 31.0))
    text = report_html(make(drift=drift))
    assert "h, over 3 steps in 4 streams" in text
    drawn = re.findall(r'<polyline points="([^"]*)"', text[text.index("State fed back") :])
    assert [len(points.split()) for points in drawn[:3]] == [3, 2, 3]


def test_names_with_markup_are_shown_and_not_obeyed():
    analysis = make(
        model={**make().model, "name": EVIL, "source": EVIL},
        layers=(layer(EVIL, why_not=EVIL, source=EVIL), layer('"><img src=x onerror=alert(1)>')),
        findings=(Finding("r", EVIL, EVIL, (EVIL,), "error", None, EVIL),),
        notes=(EVIL,),
        fusions=(FusionRow(EVIL, (EVIL,), EVIL, "blocked", EVIL),),
        plan={**PLAN.to_json(), "x": "</pre>" + EVIL},
    )
    text = report_html(analysis)
    assert Page(text).scripts == Page(report_html(make())).scripts
    assert EVIL not in text
    assert "<img" not in text


@pytest.mark.parametrize(
    "changes",
    [
        {"totals": Totals()},
        {"layers": ()},
        {"layers": (layer(errors=Errors(), latency=None, kernel=None, weight=None, activation=None, quantized=False),)},
        {"layers": (layer(errors=Errors(exact=True)), layer("b:conv2d", errors=Errors(exact=True)))},
        {"layers": (layer(errors=Errors(local_sqnr_db=-12.0)), layer("b", errors=Errors(local_sqnr_db=0.0)))},
        {"layers": (layer(latency=Latency(None, None, None)),)},
        {"data": {}},
        {"drift": Drift(("h",), (1,), 1, (None,) * 4, (None,) * 4, (None,) * 4)},
        {"drift": Drift(("h",), (1,), 1, (3e30, 1.0), (-2e200, 1.0), (1.0, 2.0))},  # of a session that was spoilt
        {"fusions": (), "findings": (), "notes": ()},
        {"samples": SAMPLES, "worst": (WorstSample(4, {"fc:linear": None}), WorstSample(2, {}))},
        {
            "totals": Totals(
                kl=math.nan,
                sqnr_db=math.inf,
                fp32_metric=0.5,
                quantized_metric=0.4,
                fp32_ms=1.0,
                int8_ms=2.0,
                fp32_p90_ms=1.0,
                int8_p90_ms=2.0,
            )
        },
    ],
)
def test_what_was_not_measured_leaves_the_page_whole(changes):
    page = report_html(make(**changes))
    assert page.rstrip().endswith("</html>")
    assert "None" not in Page(page).text.replace("plan.json", "")


def test_a_folder_that_cannot_be_written_is_a_problem_and_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(Problem, match="cannot be written"):
        write_analysis(make(), tmp_path / "file")
    assert (tmp_path / "file").read_text() == "x"


def test_writing_again_replaces_the_files_and_leaves_no_others(tmp_path):
    write_analysis(make(), tmp_path)
    write_analysis(make(notes=("another",)), tmp_path)
    assert "another" in (tmp_path / "report.html").read_text()
    assert len(list(tmp_path.iterdir())) == 3


def test_a_model_without_classes_has_shares_of_its_mse_and_nothing_of_agreement():
    errors = [Errors(estimated_mse=share, local_sqnr_db=20.0) for share in (0.3, 0.1)]
    layers = (layer(errors=errors[0]), layer("fc:linear", op="linear", errors=errors[1]))
    found = make(layers=layers, totals=Totals(sqnr_db=14.8, mse=0.03, samples=3))
    page = " ".join(Page(report_html(found)).text.split())
    assert "no labels: compared by SQNR" in page
    assert "agreement" not in page
    assert "75.0%" in page
    assert "25.0%" in page


def test_a_report_is_written_in_the_language_that_is_asked_for():
    title = Text("{count} quantized layers are slower than in float", count=3)
    finding = Finding("rule", title, "e", (), "note", None, "")
    page = report_html(make(findings=(finding,), quality=QUALITY, samples=SAMPLES, worst=WORST), language("zh_CN"))
    assert '<html lang="zh-CN">' in page
    words = Page(page).text
    for word in ("发现", "最差样本", "3 个", "层"):
        assert word in words
    for english in ("Findings", "layer by layer", "slower", "absorbed", "final split", "Estimated", "kernels"):
        assert english not in words, english
    assert language("xx") is ENGLISH
    assert language("en") is ENGLISH
