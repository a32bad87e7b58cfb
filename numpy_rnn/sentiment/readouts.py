"""Read-outs: from the states at every step to the features of a review, and the same backward.

Each forward takes the states (T, N, F) and the lengths (N,). It returns the features m (N, F) and a cache. Its backward
takes the features' gradient dm (N, F) and that cache. It returns the states' gradient (T, N, F).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from numpy_rnn.types import Array


def last(states: Array, lengths: Array) -> tuple[Array, Any]:
    """m = h_T, the state after the last step of the batch, even if that step is a pad."""
    return _at(states, np.full(len(lengths), len(states) - 1))


def last_real(states: Array, lengths: Array) -> tuple[Array, Any]:
    """m = h_len, the state after each review's own last token."""
    return _at(states, lengths - 1)


def _at(states: Array, t: Array) -> tuple[Array, Any]:
    """m is the state after step t[n] (counted from 0) of review n. t (N,)."""
    return states[t, np.arange(len(t))], (t, len(states))


def _at_backward(dm: Array, cache: Any) -> Array:
    """dh_t = dm at that step, 0 at every other."""
    t, T = cache
    d_states = np.zeros((T, *dm.shape), dm.dtype)
    d_states[t, np.arange(len(t))] = dm
    return d_states


def mean(states: Array, lengths: Array) -> tuple[Array, Any]:
    """m = (1/len) sum_t h_t over a review's real steps. The states after its end are zero and add nothing."""
    return states.sum(axis=0) / lengths[:, None].astype(states.dtype), (lengths, len(states))


def _mean_backward(dm: Array, cache: Any) -> Array:
    """dh_t = dm / len at every step. After a review's end the RNN does not use the gradient."""
    lengths, T = cache
    return np.broadcast_to(dm / lengths[:, None].astype(dm.dtype), (T, *dm.shape))


def maximum(states: Array, lengths: Array) -> tuple[Array, Any]:
    """m_j = max_t h_t,j over a review's real steps, for each unit j. The cache has the step t of each maximum.

    Source:
        Collobert et al. (2011), "Natural language processing (almost) from scratch", the max layer.
    """
    real = np.arange(len(states))[:, None] < lengths  # (T, N)
    where = np.where(real[:, :, None], states, -np.inf).argmax(axis=0)  # (N, F)
    return np.take_along_axis(states, where[None], axis=0)[0], (where, len(states))


def _maximum_backward(dm: Array, cache: Any) -> Array:
    """dh_t,j = dm_j at the step of the maximum, 0 at every other: each unit sends its whole gradient to one step."""
    where, T = cache
    d_states = np.zeros((T, *dm.shape), dm.dtype)
    np.put_along_axis(d_states, where[None], dm[None], axis=0)
    return d_states


class Readout(NamedTuple):
    """A read-out and its backward pass."""

    forward: Callable[[Array, Array], tuple[Array, Any]]
    backward: Callable[[Array, Any], Array]


READOUTS = {
    "last": Readout(last, _at_backward),
    "last_real": Readout(last_real, _at_backward),
    "mean": Readout(mean, _mean_backward),
    "max": Readout(maximum, _maximum_backward),
}
