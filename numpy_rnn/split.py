"""The gradient, split: what the loss of step t adds to dW at step k. From it: what a truncation costs, exactly.

A layer is run one step at a time, and each step back is the layer's own `backward` of this step. So nothing is derived
a second time: G[t, k] is the dW that step k gives when only the loss of step t has a gradient.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from numpy_rnn.base import RNNBase
from numpy_rnn.checks import check_array, check_choice, check_float_array, check_number, check_type, expect
from numpy_rnn.truncation import windows
from numpy_rnn.types import Array, Grads, Params


class Bias(NamedTuple):
    """How far a truncated gradient is from the full one."""

    relative: float  # ||full - truncated|| / ||full||
    cosine: float  # of the angle between the two


def split(layer: RNNBase, x: Array, d_output: Array, h_0: Any = None) -> Params:
    """The gradient of every parameter, by the loss and by the step at which it enters.

    G[t, k] is the part of dE_t/dW that comes from the use of W at step k. So with one-step formulas as in Eq. (7)

        G[t, k] = h_{k-1}^T dz_k, where dz_k is that of the loss E_t alone
        dE_t/dW = sum over k of G[t, k]
        dL/dW = sum over t and k of G[t, k]

    Args:
        layer: an RNN, LSTM or GRU with one direction. T^2 / 2 of its backward steps are made.
        x: (T, N, D), the inputs.
        d_output: (T, N, H), dE_t/doutput_t.
        h_0: (K, N, H), the initial states, of an LSTM a pair (h_0, c_0); None is zeros.

    Returns:
        For each parameter, by its name, G (T, T, ...): row t is the loss, column k the step, counted from 0. The loss
        does not depend on later steps, so G[t, k] is zero for k > t.

    Raises:
        ValueError: for both directions, and for a wrong shape or dtype.
    """
    check_type("layer", layer, RNNBase)
    check_array("x", x, ("T", "N", layer.input_size), layer.dtype)
    parts = {name: np.zeros((len(x), len(x), *p.shape), layer.dtype) for name, p in layer.params.items()}
    for t, k, grads in single_losses(layer, x, d_output, h_0):
        for name, grad in grads.params.items():
            parts[name][t, k] = grad
    return parts


def single_losses(layer: RNNBase, x: Array, d_output: Array, h_0: Any = None) -> Iterator[tuple[int, int, Grads]]:
    """The loss of each step alone, back through every step before it. The arguments and errors are those of `split`.

    Yields:
        t, k and the gradients of step k alone, from the loss of step t: grads.params as in G[t, k], grads.h_0 what goes
        on to step k - 1, (K, N, H), of an LSTM a pair, and grads.x (1, N, D).
    """
    steps = _steps(layer, x, h_0)
    check_array("d_output", d_output, (len(x), x.shape[1], layer.features), layer.dtype)
    for t in range(len(steps)):
        d_state: Any = None  # what comes back from the step after
        for k in reversed(range(t + 1)):
            d_own = d_output[t : t + 1] if k == t else None  # (1, N, H): the loss itself, at its own step alone
            grads = layer.backward(d_own, d_state, steps[k])
            yield t, k, grads
            d_state = grads.h_0


def window_mask(T: int, k1: int | None = None, k2: int | None = None) -> Array:
    """Which parts TBPTT(k1, k2) keeps: (T, T), True where the loss of step t reaches step k."""
    kept = np.zeros((T, T), bool)
    for (start, first, end), _ in windows(np.array([T]), T, k1, k2):
        kept[first:end, start:end] = True
    return kept & (np.arange(T)[:, None] >= np.arange(T))


def truncated_sum(G: Array, k1: int | None = None, k2: int | None = None) -> Array:
    """The gradient by TBPTT(k1, k2), as the sum of the parts that it keeps. Without k1 and k2 the full gradient.

    Args:
        G: (T, T, ...), of one parameter, as `split` returns it.
    """
    _check_parts(G)
    return G[window_mask(len(G), k1, k2)].sum(axis=0)


def truncation_bias(G: Array, k1: int, k2: int) -> Bias:
    """What TBPTT(k1, k2) misses of the gradient of one parameter; (0, 1) is nothing.

    Args:
        G: (T, T, ...), as `split` returns it.

    Raises:
        ValueError: for a gradient that is zero, and for a wrong k1 or k2.
    """
    full, truncated = truncated_sum(G), truncated_sum(G, k1, k2)
    norms = float(np.linalg.norm(full)), float(np.linalg.norm(truncated))
    expect(norms[0] > 0, "G", "a gradient that is not zero", "zeros")
    cosine = float((full * truncated).sum() / (norms[0] * norms[1])) if norms[1] else 0.0
    return Bias(float(np.linalg.norm(full - truncated)) / norms[0], cosine)


def smallest_k2(G: Array, share: float) -> int:
    """The smallest k2 from which on, with k1 = 1, the relative bias stays below `share`.

    After Aicher, Foti & Fox (2019), "Adaptively truncating backpropagation through time to control gradient bias", with
    the exact bias where they have a bound. ValueError for a share that is not above 0, and for a gradient that is zero.
    """
    _check_parts(G)
    share = check_number("share", share, 0, np.inf, open_low=True)
    biases = [truncation_bias(G, 1, k2).relative for k2 in range(1, len(G) + 1)]
    above = [k2 for k2, bias in enumerate(biases, 1) if bias >= share]
    return max(above, default=0) + 1


def jacobians(layer: RNNBase, x: Array, h_0: Any = None, state: str = "h") -> Array:
    """The derivative of the last state by each state before it: J[k, j, i] = d h_T[j] / d h_k[i].

    Args:
        layer: an RNN, LSTM or GRU with one layer and one direction.
        x: (T, 1, D), one sequence.
        h_0: (1, 1, H), of an LSTM a pair; None is zeros.
        state: "h", or of an LSTM "c": then J is dc_T/dc_k. The other state of step k is held fixed; all ways between
            the steps count, those through the other state, too.

    Returns:
        J (T + 1, H, H); J[T] is the identity.

    Raises:
        ValueError: for more layers, directions or sequences than one.
    """
    check_type("layer", layer, RNNBase)
    check_choice("state", state, layer.state_names)
    expect(layer.num_layers == 1, "layer", "one layer", layer.num_layers)
    check_float_array("x", x)
    expect(x.ndim == 3 and x.shape[1] == 1, "x", "shape (T, 1, D)", x.shape)
    H, pair = layer.hidden_size, len(layer.state_names) > 1
    d = {name: np.zeros((1, H, H), layer.dtype) for name in layer.state_names}
    d[state][0] = np.eye(H)  # a copy of the sequence for each unit of the last state: copy j has the gradient of unit j
    if h_0 is not None:
        h_0 = tuple(np.repeat(s, H, axis=1) for s in h_0) if pair else np.repeat(h_0, H, axis=1)
    J = [d[state][0]]
    for cache in reversed(_steps(layer, np.repeat(x, H, axis=1), h_0)):
        d_states = layer.backward(None, tuple(d.values()) if pair else d["h"], cache).h_0
        d = dict(zip(d, d_states if pair else (d_states,), strict=True))
        J.append(d[state][0])
    return np.array(J[::-1])


def _check_parts(G: Array) -> None:
    check_float_array("G", G)
    expect(G.ndim >= 2 and G.shape[0] == G.shape[1] and G.size > 0, "G", "shape (T, T, ...), not empty", G.shape)


def _steps(layer: RNNBase, x: Array, h_0: Any) -> list[Any]:
    """The cache of each step."""
    check_type("layer", layer, RNNBase)
    expect(not layer.bidirectional, "layer", "one direction", "both")
    check_array("x", x, ("T", "N", layer.input_size), layer.dtype)
    caches, state = [], h_0
    for t in range(len(x)):
        _, state, cache = layer.forward(x[t : t + 1], state)
        caches.append(cache)
    return caches
