"""What an analysis found of single samples and of the steps of a recurrent state: plain data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SampleRow:
    """What quantization does to one sample of the final split.

    Parameters
    ----------
    index : int
        In the data set.
    name : str
    label : int | None
    kl : float | None
        KL(fp32 || int8), nats; None where the first output is no logits.
    mse : float
        Of all outputs, each over its own float power (the mean over all samples).
    float_top, quantized_top : int | None
        Both models' top-1 answers; None where there is one at every position.
    agreement : float | None
        Share of its positions (pixels, tokens) with the same answer; 0 or 1 where there is one.
    """

    index: int
    name: str
    label: int | None
    kl: float | None
    mse: float
    float_top: int | None = None
    quantized_top: int | None = None
    agreement: float | None = None


@dataclass(frozen=True)
class Drift:
    """A state that is an input and an output, fed back step by step, in the float and in the simulated model.

    Parameters
    ----------
    inputs : tuple of str
        Names of the inputs that are the state.
    outputs : tuple of int
        The outputs that are the next state, in the same order.
    streams : int
        That ran beside each other.
    output_sqnr_db : tuple of float | None
        By step, of the other outputs: float against simulated, each on its own state. None where nothing differs.
    state_sqnr_db : tuple of float | None
        The same of the states, each over its own power.
    fresh_sqnr_db : tuple of float | None
        Of the other outputs where the simulated model is given the float model's state at every step: what one
        step adds by itself.
    moving : bool
        Whether the samples bring different states.
    """

    inputs: tuple[str, ...]
    outputs: tuple[int, ...]
    streams: int
    output_sqnr_db: tuple[float | None, ...]
    state_sqnr_db: tuple[float | None, ...]
    fresh_sqnr_db: tuple[float | None, ...]
    moving: bool = True

    @property
    def steps(self) -> int:
        return len(self.output_sqnr_db)


@dataclass(frozen=True)
class WorstSample:
    """One sample layer by layer, beside the same for all samples.

    Parameters
    ----------
    index : int
        In the data set.
    cumulative_sqnr_db : mapping of layer id to float | None
        With everything before the layer quantized as well; None where it is exact. In the order in
        which the layers run.
    falls_at : str | None
        The layer whose SQNR is furthest below that of the noisiest value it reads, see `largest_fall`.
    falls_db : float | None
        By so much.
    """

    index: int
    cumulative_sqnr_db: dict[str, float | None]
    falls_at: str | None = None
    falls_db: float | None = None
