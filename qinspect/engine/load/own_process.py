"""A model that the user's code makes, in a process of its own: what it does there happens to nothing else."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch

from ..data.spooled import room
from ..graph import memory
from ..graph.execute import outputs_of
from ..opaque import made_once
from ..problem import Problem
from ..process.guest import Guest, keep
from ..progress import Report, silent
from ..source import ModelSpec
from ..staged import scratch_folder
from ..text import Text
from . import Model, load_model


def load_apart(spec: ModelSpec, report: Report = silent) -> Model:
    """Open a model that Python code makes, which the user allowed to run.

    The callable, the example's forward pass and the tracing run in that process, and so does the model itself where
    the float check runs it. The layers come back. Sub-modules that torch.export cannot trace are layers that run
    their author's code: for them alone the callable is called here as well, once it has worked there.

    Parameters
    ----------
    spec : ModelSpec
        With a callable.
    report : Report
        Called at least every 30 ms; where it raises, the process is killed.

    Raises
    ------
    Problem
        As `load_model`; `Died` where the code ends its process.
    """
    with scratch_folder(room()[0]) as folder:
        guest = Guest(
            spec.source,
            "qinspect.engine.load.own_process:Host",
            [spec.to_json(), str(folder)],
            Text("Run it by itself in Python: it must return, and leave the process alone."),
            report,
        )
        file = folder / FILE
        # Large weights stay in the file, which lasts while it is mapped. Code of the user's ran where it was written,
        # and could have run here as well: he was asked.
        with made_once():
            graph, notes = torch.load(file, weights_only=False, mmap=file.stat().st_size > memory.MAPPED_BYTES)
    about = guest.about
    keep(guest)
    return Model(spec, about["name"], about["digest"], graph, Running(guest), about["dynamic"], notes)


FILE = "graph.pt"


class Running:
    """The user's own model, which runs where it was made.

    Parameters
    ----------
    guest : Guest

    Attributes
    ----------
    seconds : float
        Wall time of all its forward passes so far, without what it takes to carry the values there and back.
    """

    def __init__(self, guest: Guest) -> None:
        self._guest = guest
        self.seconds = 0.0

    def __call__(self, *inputs: torch.Tensor, report: Report = silent) -> list[torch.Tensor]:
        """Its outputs for tensors in a row.

        Parameters
        ----------
        report : Report
            Called every 30 ms; where it raises, the process is killed, and the next call starts another.

        Raises
        ------
        Raised
            What the model raises.
        MemoryError
            Where it finds too little memory.
        Problem
            `Died`, where the process ended; and where it keeps memory from call to call until there is hardly any.
        """
        with scratch_folder() as folder:
            torch.save([t.contiguous() for t in inputs], folder / "inputs.pt")
            try:
                short, seconds = self._guest.call("run", str(folder), torch.get_num_threads(), report=report)
            except Problem:
                self._guest.rest()  # with the memory that it keeps
                raise
            self.seconds += seconds
            if short is not None:
                raise MemoryError(short)
            outputs: list[torch.Tensor] = torch.load(folder / "outputs.pt", weights_only=True)
        return outputs

    def rest(self) -> None:
        """End the process; the next call starts another."""
        self._guest.rest()


class Host:
    """The process's side."""

    def __init__(self, spec: dict[str, Any], folder: str, report: Report) -> None:
        model = load_model(ModelSpec.from_json(spec), report, allow_code=True)
        self._forward = model.forward
        self._growth, self._source = memory.Growth(), model.spec.source
        if Path(folder).is_dir():  # where its process is started anew, the layers are known
            torch.save((model.graph, model.notes), Path(folder) / FILE)
        self.about = {"name": model.name, "digest": model.digest, "dynamic": model.dynamic_batch}

    def run(self, folder: str, threads: int) -> tuple[str | None, float]:
        """What is said where memory ran out, else the outputs are in the folder; and the seconds that it ran."""
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        inputs = torch.load(Path(folder) / "inputs.pt", weights_only=True)
        began = time.perf_counter()
        try:
            with torch.inference_mode():
                outputs = outputs_of(self._forward(*inputs))
        except Exception as error:
            if memory.ran_out(error):
                return str(error) or type(error).__name__, time.perf_counter() - began
            raise
        seconds = time.perf_counter() - began
        torch.save([output.clone() for output in outputs], Path(folder) / "outputs.pt")
        self._growth.check(self._source)
        return None, seconds
