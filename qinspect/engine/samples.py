"""Which samples, and which of several outputs, quantization harms most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .data import Dataset
from .errors import kl_divergence, logits, sqnr_db
from .results import OutputRow, SampleRow


def sample_rows(
    data: Dataset,
    chosen: Sequence[int],
    reference: Sequence[NDArray[Any]],
    quantized: Sequence[NDArray[Any]],
) -> tuple[SampleRow, ...]:
    """Every sample with its divergence, the worst first.

    Parameters
    ----------
    data : Dataset
    chosen : sequence of int
        The samples that the outputs belong to, in order.
    reference, quantized : sequence of arrays
        Outputs of the float and of the quantized model, each of shape (samples, ...).

    Returns
    -------
    tuple of SampleRow
        By KL where the first output is logits, else by MSE. Empty where the first axis of an output
        is not the samples.
    """
    if not reference or any(len(output) != len(chosen) for output in reference if output.ndim) or not len(chosen):
        return ()
    if any(not output.ndim for output in reference):
        return ()
    mse = np.zeros(len(chosen))
    for f, q in zip(reference, quantized, strict=True):
        wide = f.astype(np.float64).reshape(len(f), -1)
        power = float((wide**2).mean())
        if power > 0:
            mse += ((q.astype(np.float64).reshape(wide.shape) - wide) ** 2).mean(1) / power / len(reference)
    first, second = logits([torch.from_numpy(reference[0])]), logits([torch.from_numpy(quantized[0])])
    kl = tops = None
    if data.classifies and first is not None and second is not None:
        kl = kl_divergence(first, second).numpy()
        tops = first.argmax(-1).tolist(), second.argmax(-1).tolist()
    order = np.argsort(-(mse if kl is None else kl), kind="stable")
    return tuple(
        SampleRow(
            int(chosen[i]),
            data.names[chosen[i]],
            None if data.labels is None else int(data.labels[chosen[i]]),
            None if kl is None else float(kl[i]),
            float(mse[i]),
            None if tops is None else tops[0][i],
            None if tops is None else tops[1][i],
        )
        for i in order
    )


def output_rows(reference: Sequence[NDArray[Any]], quantized: Sequence[NDArray[Any]]) -> tuple[OutputRow, ...]:
    """Each output's own error: in a sum the largest output's scale hides what happens to the others."""
    rows = []
    for index, (f, q) in enumerate(zip(reference, quantized, strict=True)):
        wide = f.astype(np.float64)
        signal, noise = float((wide**2).sum()), float(((q.astype(np.float64) - wide) ** 2).sum())
        size = max(1, f.size)
        mse = noise / signal if signal else None
        rows.append(OutputRow(index, tuple(f.shape[1:]), signal / size, mse, sqnr_db(signal, noise)))
    return tuple(rows)
