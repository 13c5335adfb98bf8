"""What the verbs share: words on the command line, and the model, data, plan and statistics that they name."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import math
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine.plan import QuantPlan
from ..engine.plan.file import read_plan
from ..engine.plan.qconfig import PRESETS
from ..engine.plan.target import INSTRUCTION_SETS, TARGETS, Target
from ..engine.problem import Problem
from ..engine.progress import Report
from ..engine.text import ENGLISH, Language

if TYPE_CHECKING:
    from ..engine.calibrate import Calibration
    from ..engine.data import Dataset, DataSpec
    from ..engine.job import Gather
    from ..engine.load import Model, ModelSpec
    from ..engine.metric import Metric

MODEL = (
    "MODEL is file.pt2, file.onnx, file.py:callable or package.module:callable (it returns an nn.Module, or the module "
    "and example inputs), a folder that Hugging Face's transformers or qinspect export wrote, or timm:NAME"
)
DATA = (
    "a folder of images or audio (class sub-folders are labels), .npz with x and y, .npy, .safetensors, .pt, "
    "a CSV, Parquet or Arrow table, lines of text or JSON, or a callable"
)


OUT = {
    "analyze": "the folder for analysis.json, plan.json and report.html",
    "search": "the folder for pareto.json, a plan per point, and the report on the chosen one",
    "compare": "the folder for compare.json and compare.html",
    "demo": "with --headless: the folder for everything that it makes (default: qinspect-demo)",
    "dump": "the folder for the layer's tensors and its model",
}


def model_options(parser: argparse.ArgumentParser, required: bool = True) -> None:
    group = parser.add_argument_group("model")
    group.add_argument("model", metavar="MODEL", nargs=None if required else "?", help=MODEL.removeprefix("MODEL is "))
    group.add_argument("--weights", metavar="FILE", help=".safetensors, .pt or .pth for a callable's module")
    group.add_argument(
        "--input-shape",
        metavar="N,C,H,W",
        help="of the example; several inputs joined by ;, and ~224 for an axis that may have other lengths",
    )


def data_options(parser: argparse.ArgumentParser, required: bool) -> None:
    group = parser.add_argument_group("data")
    group.add_argument("--data", required=required, metavar="DATA", help=DATA)
    group.add_argument("--resize", type=int, metavar="PX", help="images: the short side (default: crop * 256 / 224)")
    group.add_argument("--crop", type=int, metavar="PX", help="images: the square in the middle (default: the model's)")
    group.add_argument(
        "--interpolation",
        choices=("nearest", "bilinear", "bicubic", "lanczos"),
        help="images: how they are scaled (default: bilinear)",
    )
    group.add_argument(
        "--normalize",
        default=None,
        metavar="imagenet|none|MEAN/STD",
        help="by channel, on the scale where white is 1, such as 0.5,0.5,0.5/0.25,0.25,0.25; with a mean above 1 where "
        "it is 255, as '(x-127)/128' (default: the model's own where its folder or timm states one, else none)",
    )
    group.add_argument("--channels", default="rgb", choices=("rgb", "bgr"), help="what the model wants (default: rgb)")
    group.add_argument(
        "--layout", default="nchw", choices=("nchw", "nhwc"), help="what the model wants (default: nchw)"
    )
    group.add_argument("--rate", type=int, metavar="HZ", help="audio: samples per second")
    group.add_argument("--seconds", type=float, metavar="S", help="audio: length, cut or filled with silence")
    group.add_argument("--tokenizer", metavar="FILE", help="text: tokenizer.json; the model's folder has its own")
    group.add_argument("--max-length", type=int, metavar="N", help="text: tokens at most")
    group.add_argument("--label", metavar="NAME", help="column of a table; y, labels or label otherwise")
    group.add_argument("--samples", type=int, metavar="N", help="use so many, evenly over the labels (default: all)")
    group.add_argument(
        "--split",
        default="50/25/25",
        metavar="50/25/25",
        help="percent to calibrate on, to select plans on, and to report on at last (default: 50/25/25)",
    )
    group.add_argument("--seed", type=int, default=0, help="which samples go where (default: 0)")
    group.add_argument(
        "--metric",
        metavar="NAME|FILE.py:CALLABLE",
        help="top-1, top-5, mean-iou, pixel-accuracy, token-accuracy, rmse, cosine, agreement (labels are left aside), "
        "or metric(outputs, targets) -> float (default: top-1 where labels are classes; without labels "
        "agreement, and where outputs are no classes cosine or SQNR)",
    )


def plan_options(parser: argparse.ArgumentParser, several: bool = False) -> None:
    """What a plan is made of; with `several`, --target may be given more than once and is a list."""
    said = "plan.json; analyze and search write one (default: what analyze begins with)"
    group = parser.add_argument_group("plan")
    group.add_argument("--plan", type=Path, metavar="PLAN", help=said)
    group.add_argument(
        "--rebind", action="store_true", help="take a plan of which nothing matches this model; what is lost is listed"
    )
    if several:
        group.add_argument("--target", choices=TARGETS, action="append", help="several: the best plans of all of them")
    else:
        group.add_argument(
            "--target", choices=TARGETS, help="where it will run: backend and engine (default: the plan's, else ort)"
        )
    group.add_argument(
        "--preset",
        choices=tuple(PRESETS),
        help="the default qconfig, by the name that people know (default: the target's own; of ort it is qinspect)",
    )
    group.add_argument("--isa", choices=INSTRUCTION_SETS, help="of the target's processor; this computer's otherwise")
    group.add_argument("--threads", type=whole, metavar="N", help="that latency is measured with (default: 1)")
    said = "that latency is measured with, and what layers of dynamic range do (default: 1)"
    group.add_argument("--batch", type=whole, metavar="N", help=said)


def profile_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--profile",
        type=Path,
        metavar="FILE",
        help="latencies measured elsewhere: trtexec --exportProfile, an ONNX Runtime profile, or the kit's bench.json",
    )
    parser.add_argument(
        "--layer-info", type=Path, metavar="FILE", help="trtexec --exportLayerInfo, for the names in --profile"
    )


def cluster_option(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "--cluster",
        metavar="tcp://HOST:PORT",
        help=f"run {what} on this dask.distributed scheduler, which you trust as yourself; its workers open MODEL "
        "and DATA themselves, under the same paths (needs the extra qinspect[cluster])",
    )


def cluster(options: argparse.Namespace) -> contextlib.AbstractContextManager[Any]:
    """A connection to what --cluster names; None where it is not given."""
    if options.cluster is None:
        return contextlib.nullcontext()
    from ..engine.cluster.client import connected

    return connected(options.cluster)


def stats_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stats", type=Path, metavar="STATS", help="statistics from calibrate")


class WrongUsage(Problem):
    """A word on the command line that makes no sense, whatever the files hold."""


@contextlib.contextmanager
def usage() -> Iterator[None]:
    """What is wrong with a word is wrong usage."""
    try:
        yield
    except Problem as problem:
        raise WrongUsage(problem.where, problem.what, problem.remedy) from problem


def model_spec(options: argparse.Namespace) -> ModelSpec:
    from ..engine.source import ModelSpec, free_axes, parse_shape

    with usage():
        shape = None if options.input_shape is None else parse_shape(options.input_shape)
    return ModelSpec(options.model, options.weights, shape, free_axes(options.input_shape or ""))


def load(options: argparse.Namespace, report: Report) -> Model:
    """The model that was named; of one without a shape of its own the data's is tried."""
    report(0, 1, "importing torch")
    from ..engine.load import load_model

    def opened(spec: ModelSpec) -> Model:
        with contextlib.redirect_stdout(sys.stderr):  # what it prints belongs to no --json
            # A source with a colon was named on the command line: that is the permission to run it.
            return load_model(spec, report, allow_code=True)

    given = model_spec(options)
    spec = _with_shape_of_data(given, options)
    try:
        return opened(spec)
    except Problem as problem:
        if spec is given:
            raise
        if problem.where == "--input-shape":  # one of several inputs, or not data of this model: that shows later
            return opened(given)
        if "--input-shape" not in problem.remedy:
            raise
        shapes = spec.input_shape or ()
        with contextlib.suppress(Problem):
            model = opened(given)
            if [item.sizes[1:] for item in model.graph.inputs] == [shape[1:] for shape in shapes]:
                return model  # its batch alone is another than one sample's: it is fixed
        said = " and ".join(map(str, shapes))
        what = f"its samples of shape {said} do not suit the model ({problem.where}: {problem.what})"
        raise Problem(str(options.data), what, "Give data that the model takes, or its --input-shape.") from problem


def _with_shape_of_data(spec: ModelSpec, options: argparse.Namespace) -> ModelSpec:
    """Arrays say what shape the model takes, where nothing else was said."""
    from ..engine.load.sniff import looks_like_onnx
    from ..engine.source import is_callable

    source = getattr(options, "data", None)
    free = is_callable(spec.source) or looks_like_onnx(Path(spec.source))
    if spec.input_shape is not None or not free or source is None or not Path(source).is_file():
        return spec
    from ..engine.data import open_data
    from ..engine.data.arrays import WrongTargets
    from ..engine.data.sniff import kind_of_data

    if kind_of_data(Path(source)) not in ("npz", "npy", "safetensors", "pt"):
        return spec  # images, audio and text take the shape that the model has
    try:
        inputs = open_data(data_spec(options)).load([0])
    except WrongTargets:  # whatever the model is
        raise
    except Problem:  # of several inputs, say: what is wrong shows when it is opened for the model
        return spec
    if not all(tensor.is_floating_point() for tensor in inputs):
        return spec
    return dataclasses.replace(spec, input_shape=tuple(tuple(tensor.shape) for tensor in inputs))


def data_spec(options: argparse.Namespace, preparation: Mapping[str, Any] | None = None) -> DataSpec:
    """What the words say of the data; where they say nothing, the model's own `preparation` counts."""
    from ..engine.data_spec import DataSpec, parse_normalize, parse_split

    with usage():
        own = preparation or {}
        mean, std = own.get("mean"), own.get("std")
        if options.normalize is not None:
            mean, std = parse_normalize(options.normalize)
        return DataSpec(
            source=options.data,
            samples=options.samples,
            split=parse_split(options.split, "--split"),
            seed=options.seed,
            # A size of the model's own is that of its own crop.
            resize=options.resize or (own.get("resize") if options.crop is None else None),
            crop=options.crop,
            interpolation=options.interpolation or own.get("interpolation") or "bilinear",
            mean=mean,
            std=std,
            channels=options.channels,
            layout=options.layout,
            rate=options.rate or own.get("rate"),
            seconds=options.seconds,
            tokenizer=_tokenizer(options),
            max_length=options.max_length,
            label=options.label,
        )


def _tokenizer(options: argparse.Namespace) -> str | None:
    """What --tokenizer names, else that of the model's folder."""
    own = Path(str(getattr(options, "model", None) or ""), "tokenizer.json")
    return options.tokenizer or (str(own) if own.is_file() else None)


def _suited(options: argparse.Namespace, model: Model) -> DataSpec:
    """The data as the words and the model's author want them; arrays are prepared already."""
    from ..engine.source import is_callable

    if is_callable(options.data):
        return data_spec(options)
    if Path(options.data).is_file():
        from ..engine.data.sniff import kind_of_data
        from ..engine.data.tables import KINDS
        from ..engine.files import demand_file

        demand_file(Path(options.data))
        if kind_of_data(Path(options.data)) not in KINDS:
            return data_spec(options)
    return data_spec(options, model.preparation)


def open_data_set(options: argparse.Namespace, model: Model, report: Report) -> Dataset:
    """The data that were named, which fit the model."""
    from ..engine.data import open_data
    from ..engine.job import check_fits
    from ..engine.load import check_runs

    check_runs(model)
    report(0, 1, "opening the data")
    data = open_data(
        _suited(options, model),
        model.graph.inputs[0].shape,
        allow_code=True,
        input_names=model.graph.input_names,
        report=report,
    )
    check_fits(model, data)
    return data


def whole(word: str) -> int:
    """A whole number from 1."""
    if not word.isdecimal() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"{word!r} is no whole number from 1")
    return int(word)


def amount(word: str) -> float:
    """A number from 0 up."""
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{word!r} is no number from 0 up")
    return value


def language_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--language", choices=("en", "zh_CN"), help="of the report (default: the system's, else en)")


def language(options: argparse.Namespace) -> Language:
    """What --language says, else the environment."""
    told = next(filter(None, (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    code = options.language or ("zh_CN" if told.startswith("zh") else "en")
    if code == "en":
        return ENGLISH
    try:
        from ..gui.translation import language
    except ImportError as error:
        if options.language is None:  # nobody asked for it in so many words
            return ENGLISH
        raise Problem("--language", f"{code} needs Qt, which cannot start ({error})", "Leave it out.") from error
    return language(code)


def output_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--output",
        metavar="N|NAME",
        help="of several: the output that metric, agreement and KL are of (default: the first that fits the labels)",
    )


def metric(options: argparse.Namespace, model: Model, data: Dataset | None) -> Metric:
    """What --metric and --output name, else what fits the data."""
    from ..engine.classes import judged, named_output
    from ..engine.metric import metric_of
    from ..engine.source import is_callable

    if options.metric is not None and is_callable(options.metric):
        found = metric_of(options.metric)
    else:
        with usage():
            found = metric_of(options.metric)
    if options.output is not None:
        with usage():
            found = dataclasses.replace(found, output=named_output(model.graph, options.output))
    return judged(found, model.graph, data)


def plan_of(options: argparse.Namespace, model: Model) -> QuantPlan:
    """What --plan holds, else the one to begin with, changed by --target, --preset and what they go with."""
    from ..engine.job import first_plan, opening_plan, retarget

    plan = read_plan(options.plan) if options.plan else None
    if plan is not None and not options.rebind:
        _check_binding(options.plan, plan, model)
    words = {name: getattr(options, name, None) for name in ("isa", "threads", "batch")}
    target = plan.target if plan else Target()
    if options.target is not None:
        named = Target.parse(options.target)
        target = dataclasses.replace(target, backend=named.backend, engine=named.engine)
    target = dataclasses.replace(target, **{name: word for name, word in words.items() if word is not None})
    preset = getattr(options, "preset", None)
    default = None if preset is None else PRESETS[preset]
    if plan is None and default is None:
        plan = opening_plan(model, target)
        return plan if options.target is None else retarget(plan, model.graph, target)
    if plan is None:
        return first_plan(model.graph, target, default)
    plan = retarget(plan, model.graph, target)
    return plan if default is None else plan.with_default(default.weight, default.activation)


def _check_binding(path: Path, plan: QuantPlan, model: Model) -> None:
    """Refuse a plan that is another model's: it would be nothing but its default.

    Overrides that are lost while others match are notes of the verbs.
    """
    lost = plan.unmatched(model.graph)
    if plan.overrides and len(lost) == len(plan.overrides):
        first = f"{lost[0].kind} {lost[0].pattern!r}"
        what = f"none of its overrides matches a layer of {model.name} (the first is of {first})"
        raise Problem(str(path), what, "Give the plan of this model, or --rebind to take its default and target alone.")


def stored_statistics(options: argparse.Namespace, model: Model) -> Calibration | None:
    """What --stats names, of this model; None where it is not given."""
    from ..engine.calibrate import load_calibration

    known = load_calibration(options.stats) if options.stats else None
    if known is not None and not known.key.startswith(model.digest):
        raise Problem(str(options.stats), "was made with another model", "Run qinspect calibrate on this one.")
    return known


def statistics(
    options: argparse.Namespace,
    model: Model,
    data: Dataset,
    plan: QuantPlan,
    report: Report,
    gather: Gather | None = None,
) -> tuple[Calibration, tuple[str, ...]]:
    from ..engine.job import calibrate_model, calibration_key

    known = stored_statistics(options, model)
    note: tuple[str, ...] = ()
    key = calibration_key(model, data)
    if known is not None and known.key != key:
        # Other data may be given for the verdict than for the statistics; then the splits may overlap.
        note = (
            f"{options.stats} was made with other data, preparation or split: some of it may be in this final split.",
        )
        known = dataclasses.replace(known, key=key)
    return calibrate_model(model, data, plan, report, known, gather=gather), note
