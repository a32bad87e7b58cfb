"""A long sequence in chunks: the state is carried on from chunk to chunk, with an update of the weights after each."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from numpy_rnn.base import RNNBase
from numpy_rnn.checks import check_array, check_number, check_size, check_type, expect
from numpy_rnn.layers import JoinedParams, Linear, join
from numpy_rnn.losses import cross_entropy, cross_entropy_backward, reduce
from numpy_rnn.optim import SGD, Adam, check_finite, clip_by_global_norm
from numpy_rnn.types import Array, Params


class SequenceModel:
    """An RNN, LSTM or GRU and, at every step, a Linear layer: x (T, N, D) -> logits (T, N, C).

    Make both layers with the same rng. Without, each would get a default_rng(0) of its own, and the same numbers.

    Args:
        layer: the RNN, LSTM or GRU, with F features.
        output: a Linear layer with F inputs and C outputs.

    Attributes:
        params: those of both layers, `layer.W_xh_l0`, ..., `output.W`, `output.b`. They are the layers' own arrays:
            update them in place.

    Raises:
        ValueError: where the sizes or dtypes of the two layers don't fit.
    """

    def __init__(self, layer: RNNBase, output: Linear):
        check_type("layer", layer, RNNBase)
        check_type("output", output, Linear)
        F = layer.features
        expect(len(output.params["W"]) == F, "output", f"a Linear layer with {F} inputs", len(output.params["W"]))
        dtype = output.params["W"].dtype
        expect(dtype == layer.dtype, "output", f"a Linear layer of dtype {layer.dtype}", dtype)
        self.layer, self.output = layer, output
        self.params: Params = JoinedParams(join({"layer": layer.params, "output": output.params}))

    def gradients(
        self,
        x: Array,
        labels: Array,
        h_0: Any = None,
        weights: Array | None = None,
        masks: list[Array] | None = None,
        k1: int | None = None,
        k2: int | None = None,
    ) -> tuple[float, Params, Any]:
        """The loss of a chunk and its gradients.

        L = (1/N) sum over n and t of w[t, n] cross-entropy[t, n]

        Args:
            x: (T, N, D), the inputs.
            labels: (T, N), the classes.
            h_0: the initial state, see `RNNBase.forward`; None is zeros.
            weights: (T, N), w, see `losses.reduce`; None is 1 everywhere.
            masks: those of `layer.dropout_masks(T, N, rng)`; None is no dropout, whatever the layer's `dropout` is.
            k1: see `RNNBase.backward`; None is T.
            k2: the same; None is no limit.

        Returns:
            L, its gradients, named as `params`, and the last state h_n.

        Raises:
            ValueError: for a bad argument.
        """
        h, h_n, cache = self.layer.forward(x, h_0, masks=masks)  # (T, N, F)
        logits, _ = self.output.forward(h)  # (T, N, C)
        losses, loss_cache = cross_entropy(logits, labels)  # (T, N)
        loss, d_losses = reduce(losses, weights)
        d_logits = cross_entropy_backward(d_losses, loss_cache)  # (T, N, C)
        dh, of_output = self.output.backward(d_logits, h)  # (T, N, F)
        grads = self.layer.backward(dh, None, cache, k1=k1, k2=k2)
        return loss, join({"layer": grads.params, "output": of_output}), h_n


def chunks(x: Array, labels: Array, k: int) -> Iterator[tuple[Array, Array]]:
    """x (T, N, D) and labels (T, N) in chunks of k steps. The last chunk may be shorter."""
    check_size("k", k)
    expect(len(x) == len(labels), "labels", f"{len(x)} steps, as x has", len(labels))
    for start in range(0, len(x), k):
        yield x[start : start + k], labels[start : start + k]


def train(
    model: SequenceModel,
    optimizer: SGD | Adam,
    pieces: Iterable[tuple[Array, Array]],
    lr: float,
    clip: float = np.inf,
    h: Any = None,
    rng: np.random.Generator | None = None,
) -> Iterator[float]:
    """One update for each chunk: TBPTT(k, k) with updates in between.

    A chunk starts with the last state of the chunk before. No gradient goes back through that state, so memory does not
    grow with the sequence.

    Args:
        model: the model, whose parameters are updated.
        optimizer: made with `model.params`.
        pieces: the chunks, pairs of x (T, N, D) and labels (T, N); may be a generator, such as `chunks`.
        lr: the learning rate.
        clip: the largest global norm of the gradients; infinity clips nothing.
        h: the initial state of the first chunk; None is zeros.
        rng: draws the dropout masks of each chunk. None is for layers without dropout between layers only.

    Yields:
        The loss of each chunk, before its update.

    Raises:
        ValueError: for a bad argument. For a loss or gradient that is not finite, before that update.
    """
    check_type("model", model, SequenceModel)
    check_type("optimizer", optimizer, SGD, Adam)
    clip = check_number("clip", clip, 0, np.inf, open_low=True, closed_high=True)
    layer = model.layer
    wanted = f"a numpy.random.Generator, from which to draw the masks of dropout {layer.dropout}"
    expect(rng is not None or layer.dropout == 0 or layer.num_layers == 1, "rng", wanted, rng)
    for x, labels in pieces:
        check_array("x", x, ("T", "N", layer.input_size), layer.dtype)
        T, N, _ = x.shape
        masks = None if rng is None else layer.dropout_masks(T, N, rng)
        loss, grads, h = model.gradients(x, labels, h, masks=masks)
        clipped, norm = clip_by_global_norm(grads, clip)
        check_finite("numpy", loss, norm)
        optimizer.step(clipped, lr)
        yield loss
