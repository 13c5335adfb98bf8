"""Statistics of one value, gathered piece by piece in room of constant size."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from ..statistics import BINS, SAMPLES, Histogram, TensorStats, bin_exponent, merged_moments, weighted

SHARE = 0.125
"""Share of a tensor's values that its variance, zeros and histogram rest on."""

ALWAYS = 1 << 12
"""Tensors with no more values of a sample than this are taken whole. It goes by the sample, so that no sample counts
more than another."""

_COLUMNS = 64

_BLOCK = 16
"""Values are sampled by so many neighbours: a line of the processor's cache, of which the others are not read."""

_NOTHING = np.empty(0, np.float32)
_NO_HISTOGRAM = Histogram(0, 0, np.empty(0, np.int64))


class Observer:
    """Running statistics of one value, over the portions of a batch.

    Figures are combined as in `TensorStats.merged`, so that portions give what the whole gives:
    extremes are exact, and counts go straight into the widest grid so far.

    Parameters
    ----------
    share : float
        Share of the values that variance, zeros and histogram rest on.
    """

    def __init__(self, share: float = SHARE) -> None:
        self.share = share
        self.count = self.nonfinite = self.sampled = self.zeros = 0
        self.min, self.max = math.inf, -math.inf
        self.mean = self.sample_mean = self.variance = 0.0
        self.channels: tuple[NDArray[np.float32], NDArray[np.float32]] = (_NOTHING, _NOTHING)
        self.by_sample: tuple[list[float], list[float]] = ([], [])
        self._exponent = self._first = 0  # of the grid
        self._bins = np.zeros(BINS, np.int64)
        self._used = (0, -1)  # places in `_bins` of the smallest and the largest value

    def see(self, x: torch.Tensor, samples: int | None = None) -> None:
        """One portion.

        Parameters
        ----------
        x : torch.Tensor
            Floating, any shape; channels are on axis 1, or the last of two or three axes.
        samples : int, optional
            Number of samples in it; where they are on the first axis, their ranges are kept.
        """
        if not x.numel():
            return
        if x.dtype in (torch.float16, torch.bfloat16):
            x = x.float()  # their sums overflow
        low, high, total = self._extremes(x, samples)
        flat = _in_memory_order(x)
        count, nonfinite = flat.numel(), 0
        sample = _sampled(flat, self.share if flat.numel() > ALWAYS * (samples or 1) else 1.0)
        if not (math.isfinite(low) and math.isfinite(high)):
            nonfinite = int((~torch.isfinite(x)).sum())
            x, sample = x[torch.isfinite(x)], sample[torch.isfinite(sample)]
            total = float(x.sum())
        if not math.isfinite(total):  # the sum has overflown, the values have not
            total = float(x.double().sum())
        finite = count - nonfinite
        self.mean = weighted(self.mean, self.count - self.nonfinite, total / max(1, finite), finite)
        self.count += count
        self.nonfinite += nonfinite
        if sample.numel():
            ends = map(float, torch.aminmax(sample)) if nonfinite else (low, high)
            self._moments(sample)
            self.zeros += int(np.count_nonzero(sample.numpy() == 0))  # torch's own count takes 30 times as long
            self._into_bins(sample, *ends)

    def stats(self) -> TensorStats | None:
        """Of all portions, which are one batch; None where there was no value in them."""
        if not self.count:
            return None
        return TensorStats(
            self.count,
            self.min,
            self.max,
            self.mean,
            *self.channels,
            np.array([self.min], np.float32),
            np.array([self.max], np.float32),
            self.nonfinite,
            self.sampled,
            self.sample_mean,
            self.variance,
            self.zeros,
            self._histogram(),
            *(np.array(ends, np.float32) for ends in self.by_sample),
        )

    def _extremes(self, x: torch.Tensor, samples: int | None) -> tuple[float, float, float]:
        """Add extremes by channel and sample; returns the smallest, the largest value and the sum."""
        if x.dim() < 2:
            least, most, total = torch.stack([x.amin(), x.amax(), x.sum()]).tolist()
        else:
            # By first axis and channel; from there on it is few numbers.
            lows, highs = (end.numpy() for end in _channel_ends(x))
            found = lows.min(0).astype(np.float32), highs.max(0).astype(np.float32)
            if not self.count:
                self.channels = found
            elif self.channels[0].shape == found[0].shape:
                self.channels = np.minimum(self.channels[0], found[0]), np.maximum(self.channels[1], found[1])
            else:
                self.channels = _NOTHING, _NOTHING
            total = float(x.sum())
            by_row = lows.min(1), highs.max(1)
            least, most = float(by_row[0].min()), float(by_row[1].max())
            if samples == len(by_row[0]):
                room = SAMPLES - len(self.by_sample[0])
                for ends, of_piece in zip(self.by_sample, by_row, strict=True):
                    ends.extend(of_piece[:room].tolist())
        self.min, self.max = float(np.minimum(self.min, least)), float(np.maximum(self.max, most))
        return least, most, total

    def _moments(self, sample: torch.Tensor) -> None:
        mean = float(sample.mean())
        centred = sample - mean
        variance = float(torch.dot(centred, centred)) / sample.numel()
        if not math.isfinite(variance):
            wide = sample.double()
            mean, variance = float(wide.mean()), float(wide.var(correction=0))
        known = self.sampled, self.sample_mean, self.variance
        self.sampled, self.sample_mean, self.variance = merged_moments(known, (sample.numel(), mean, variance))

    # -- histogram ---------------------------------------------------------------------------------

    def _into_bins(self, sample: torch.Tensor, low: float, high: float) -> None:
        if self._used[1] < 0 or not 0 <= self._place(low) <= self._place(high) < BINS:
            self._widen(low, high)
        # Scaling by a power of two and rounding down are exact: a value's bin does not depend on the grid
        # that it is first put into. Far from 0 the numbers of bins are too long for float32.
        wide = abs(self._first) > 1 << 22 or not -120 < self._exponent < 120
        values = (sample.double() if wide else sample) * math.ldexp(1.0, -self._exponent)
        values.floor_()
        if self._exponent > 0 > low:  # a negative number that is 0 when scaled is in the bin below 0 all the same
            values[(sample < 0) & (values == 0)] = -1
        places = values.sub_(self._first).to(torch.int32)
        self._bins += torch.bincount(places, minlength=BINS).numpy()
        self._used = min(self._used[0], self._place(low)), max(self._used[1], self._place(high))

    def _place(self, value: float) -> int:
        return math.floor(math.ldexp(value, -self._exponent)) - self._first

    def _widen(self, low: float, high: float) -> None:
        """Make the grid hold another range, as merging with a histogram of that range does."""
        exponent = bin_exponent(low, high)
        first, last = (math.floor(math.ldexp(end, -exponent)) for end in (low, high))
        self._take(self._histogram().merged(Histogram(exponent, first, np.zeros(last - first + 1, np.int64))))

    def _take(self, histogram: Histogram) -> None:
        size = len(histogram.counts)
        self._exponent, self._first, self._used = histogram.exponent, histogram.first, (0, size - 1)
        self._bins = np.zeros(BINS, np.int64)
        self._bins[:size] = histogram.counts

    def _histogram(self) -> Histogram:
        first, last = self._used
        if last < 0:
            return _NO_HISTOGRAM
        return Histogram(self._exponent, self._first + first, self._bins[first : last + 1].copy())


def _channel_ends(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Smallest and largest values by first axis and channel, shape (n, channels), of a tensor of two or more axes."""
    axis = channel_axis(x.dim())
    inner = [i for i in range(1, x.dim()) if i != axis]
    if not inner:
        return x, x
    rows = x.movedim(axis, -1).flatten(1, -2) if x.stride(axis) == 1 else None
    if rows is None or not rows.is_contiguous():
        return x.amin(inner), x.amax(inner)
    # torch takes 64 columns at a time and those that are left over one by one, which is 13 times as slow for 16
    # channels and 3 times for 144. So several places are laid side by side.
    n, places, channels = rows.shape
    sides = [k for k in range(1, _COLUMNS + 1) if places % k == 0]
    side = next((k for k in sides if k * channels % _COLUMNS == 0), sides[-1])
    wide = rows.view(n, places // side, side * channels)
    low, high = (end.view(n, side, channels) for end in (wide.amin(1), wide.amax(1)))
    return low.amin(1), high.amax(1)


def channel_axis(dims: int) -> int:
    """Where a value of two or more axes has its channels: the last of two or three, else the second."""
    return 2 if dims == 3 else 1


def tensor_stats(x: torch.Tensor, share: float = 1.0) -> TensorStats:
    """Statistics of one tensor, as one batch.

    Parameters
    ----------
    x : torch.Tensor
        Floating, any shape but empty; channels are on axis 1, or the last of two or three axes.
    share : float
        Of the values that variance, zeros and histogram rest on.
    """
    observer = Observer(share)
    observer.see(x)
    found = observer.stats()
    assert found is not None
    return found


def _sampled(flat: torch.Tensor, share: float) -> torch.Tensor:
    """A share of the values, in one piece of memory: blocks at equal distances.

    The distance has no common factor with the number of blocks, so that all channels and places are met alike.
    """
    if share >= 1:
        return flat.contiguous()
    blocks = flat[: flat.numel() // _BLOCK * _BLOCK].view(-1, _BLOCK)
    distance = max(2, int(1 / share))
    while math.gcd(distance, len(blocks)) != 1:
        distance += 1
    return blocks[::distance].reshape(-1)


def _in_memory_order(x: torch.Tensor) -> torch.Tensor:
    """All values as one axis, without copying where the tensor is dense in either layout."""
    if x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last):
        return x.permute(0, 2, 3, 1).reshape(-1)
    return x.reshape(-1)
