"""The memory that a run takes, known before it begins."""

from __future__ import annotations

from dataclasses import dataclass

from .calibrate import memory_bytes
from .graph.memory import VALUE_BYTES, fixed_batch, free_bytes, in_units
from .job import batch_size, fused_graph
from .load import Model
from .parallel import at_a_time
from .plan import QuantPlan
from .sensitivity.estimate import KEPT_BYTES, TAKEN, taken_bytes
from .text import Text

WEIGHTS_ANALYZED = 3.5
"""Memory of an analysis beside its portions, over that of the weights, which are rounded too: measured at 3.3."""

WEIGHTS_RUN = {"ort": 6.5}
"""By backend, where it is more: with the process that runs its kernels. ONNX Runtime's has the float model and the
integer one twice, as files and made ready to run; of 1 GB in linear layers all together was measured at 6.2."""


@dataclass(frozen=True)
class Memory:
    """What a run takes and what there is; estimates, known before it begins.

    Parameters
    ----------
    weights_bytes : int
        Of the model, which is in memory already or is read from its file as it is needed.
    run_bytes : int
        Beside it: the largest of calibrating, running the float model on a batch, and analyzing.
    free_bytes : int | None
        None where the system does not say.
    batch : int
        Samples that go through at once.
    """

    weights_bytes: int
    run_bytes: int
    free_bytes: int | None
    batch: int

    @property
    def tight(self) -> bool:
        """Whether a run takes more than half of what is free."""
        return self.free_bytes is not None and 2 * self.run_bytes > self.free_bytes

    @property
    def sentence(self) -> Text:
        """For people."""
        parts = {"run": in_units(self.run_bytes), "weights": in_units(self.weights_bytes), "batch": self.batch}
        if self.free_bytes is None:
            return Text(
                "Calibrating and analyzing take about {run} of memory at most, beside {weights} of weights; "
                "{batch} samples at once.",
                **parts,
            )
        return Text(
            "Calibrating and analyzing take about {run} of memory at most, beside {weights} of weights; {free} is "
            "free. {batch} samples at once.",
            **parts,
            free=in_units(self.free_bytes),
        )


def memory_of(model: Model, plan: QuantPlan) -> Memory:
    """What calibrating and analyzing will take, whatever the number of samples."""
    graph = fused_graph(model, plan).graph
    batch = batch_size(graph)
    calibrating = memory_bytes(graph, batch)
    # The user's own model runs a whole batch at once.
    forward = VALUE_BYTES * graph.live_values * (1 if fixed_batch(graph) else batch)
    weights = sum(tensor.numel() * tensor.element_size() for tensor in model.graph.params.values())
    portion = max(taken_bytes(graph, 1), min(TAKEN * KEPT_BYTES, taken_bytes(graph, batch)))
    copies = max(WEIGHTS_ANALYZED, WEIGHTS_RUN.get(plan.target.backend, 0.0))
    analyzing = int(portion * at_a_time(portion) + copies * weights)
    return Memory(weights, max(calibrating, forward, analyzing), free_bytes(), batch)


def calibration_bytes(model: Model, plan: QuantPlan) -> int:
    """Memory that calibrating takes beside the model, known from the shapes before it runs."""
    graph = fused_graph(model, plan).graph
    return memory_bytes(graph, batch_size(graph))
