"""What all recurrent layers share: sizes, initial values, layers on top of each other, sequences of unequal length."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from numpy_rnn.checks import check_array, check_dtype, check_generator, check_size, check_whole_numbers, expect

Params = dict[str, np.ndarray]


class Grads(NamedTuple):
    """Gradients of the loss, each of the shape of what it is taken for."""

    x: np.ndarray  # (T, N, D)
    h_0: np.ndarray  # (L, N, H)
    params: Params


class LayerCache(NamedTuple):
    """What a layer's backward pass needs of its forward pass. hs[t] is the state before step t, hs[t + 1] after it."""

    x: np.ndarray  # (T, N, D)
    hs: np.ndarray  # (T + 1, N, H), hs[0] = h_0


class Cache(NamedTuple):
    lengths: np.ndarray  # (N,), the longest first
    order: np.ndarray | slice  # row i of a layer's arrays is sequence order[i]; slice(None): the order as given
    layers: list[LayerCache]


def flat(a: np.ndarray) -> np.ndarray:
    """(..., K) -> (R, K): everything before the last axis as rows, so that a sum over it is one matrix product."""
    return a.reshape(-1, a.shape[-1])


def rows(a: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """(T, N, K) -> (R, K): the real steps of all sequences as rows, R = sum of the lengths; pads are left out."""
    T = len(a)
    return flat(a) if lengths.min() == T else a[np.arange(T)[:, None] < lengths]


def unrows(r: np.ndarray, lengths: np.ndarray, T: int) -> np.ndarray:
    """The inverse of `rows`, with zeros in the pads."""
    if lengths.min() == T:
        return r.reshape(T, len(lengths), -1)
    a = np.zeros((T, len(lengths), r.shape[-1]), r.dtype)
    a[np.arange(T)[:, None] < lengths] = r
    return a


def steps(lengths: np.ndarray) -> list[tuple[int, slice]]:
    """(t, n) for every step t: n are the rows of the sequences longer than t, with the longest first rows 0, 1, ..."""
    t = np.arange(lengths[0])
    return [(i, slice(running)) for i, running in enumerate((lengths > t[:, None]).sum(axis=1).tolist())]


class Stack:
    """num_layers recurrent layers, the outputs of one being the inputs of the next.

    params: `W_xh_l0` (D, H), `W_hh_l0` (H, H), `b_xh_l0` (H,), `b_hh_l0` (H,), then `_l1`, ..., where W_xh is (H, H);
    drawn from U(-1/sqrt(H), 1/sqrt(H)), as torch.nn.RNN does. rng: default_rng(0) unless given.
    A subclass gives one layer's `layer_forward` and `layer_backward`.
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int, bias: bool, dtype: Any,
                 rng: np.random.Generator | None):  # fmt: skip
        self.input_size = check_size("input_size", input_size)
        self.hidden_size = check_size("hidden_size", hidden_size)
        self.num_layers = check_size("num_layers", num_layers)
        self.bias = bool(bias)
        self.dtype = check_dtype("dtype", dtype)
        rng = check_generator(rng)
        H, bound = self.hidden_size, self.hidden_size**-0.5
        self.params: Params = {}
        for layer in range(self.num_layers):
            shapes: dict[str, tuple[int, ...]] = {"W_xh": (H if layer else self.input_size, H), "W_hh": (H, H)}
            if self.bias:
                shapes |= {"b_xh": (H,), "b_hh": (H,)}
            for name, shape in shapes.items():
                self.params[f"{name}_l{layer}"] = rng.uniform(-bound, bound, shape).astype(self.dtype)

    def layer_params(self, layer: int) -> Params:
        """One layer's parameters under their bare names, W_xh and so on."""
        suffix = f"_l{layer}"
        return {name.removesuffix(suffix): p for name, p in self.params.items() if name.endswith(suffix)}

    def layer_forward(self, x: np.ndarray, h_0: np.ndarray, lengths: np.ndarray, p: Params) -> LayerCache:
        raise NotImplementedError

    def layer_backward(self, d_output: np.ndarray, d_h_n: np.ndarray, lengths: np.ndarray,
                       p: Params, cache: LayerCache) -> tuple[np.ndarray, np.ndarray, Params]:  # fmt: skip
        raise NotImplementedError

    def forward(self, x: np.ndarray, h_0: np.ndarray | None = None,
                lengths: Any = None) -> tuple[np.ndarray, np.ndarray, Cache]:  # fmt: skip
        """x (T, N, D), h_0 (L, N, H) or None for zeros -> output (T, N, H), h_n (L, N, H), cache for `backward`.

        output is the top layer's h_1..h_T, h_n the last state of each layer. lengths (N,), each in 1..T, in any
        order, means what a packed sequence means in PyTorch: a sequence ends after its own last step, its h_n is the
        state there, its later outputs are zero, and what stands in its pads has no influence on anything.
        Changes no argument. The cache keeps x itself: leave it unchanged until `backward`.
        Raises ValueError for a wrong shape or dtype (the parameters' is expected) and for lengths outside 1..T.
        """
        check_array("x", x, ("T", "N", self.input_size), self.dtype)
        T, N, _ = x.shape
        state = (self.num_layers, N, self.hidden_size)
        h_0 = np.zeros(state, self.dtype) if h_0 is None else h_0
        check_array("h_0", h_0, state, self.dtype)
        order: np.ndarray | slice = slice(None)
        if lengths is None:
            lengths = np.full(N, T)
        else:
            lengths = check_whole_numbers("lengths", lengths, (N,), 1, T).astype(np.int64)
            if (np.diff(lengths) > 0).any():
                order = np.argsort(-lengths, kind="stable")
                lengths = lengths[order]
        cache = Cache(lengths, order, [])
        below, h_0 = x[:, order], h_0[:, order]  # the longest sequence first
        for layer in range(self.num_layers):
            cache.layers.append(self.layer_forward(below, h_0[layer], lengths, self.layer_params(layer)))
            below = cache.layers[-1].hs[1:]
        output, h_n = np.empty_like(below), np.empty_like(h_0)  # of their own: who writes into them changes no cache
        output[:, order] = below
        h_n[:, order] = [layer.hs[lengths, np.arange(N)] for layer in cache.layers]
        return output, h_n, cache

    def backward(self, d_output: np.ndarray | None, d_h_n: np.ndarray | None, cache: Cache) -> Grads:
        """Full backpropagation through time. d_output (T, N, H) is dL/doutput, d_h_n (L, N, H) dL/dh_n; None is zero.

        Returns grads.x (T, N, D), grads.h_0 (L, N, H) and grads.params, named as `params`: sums over t and n, nothing
        averaged, clipped or updated. Pure: a second call gives the same bits.
        Source: Werbos (1990), "Backpropagation through time". Raises ValueError for a wrong shape or dtype.
        """
        expect(isinstance(cache, Cache), "cache", "what forward returned", type(cache).__name__)
        expect(len(cache.layers) == self.num_layers, "cache", f"{self.num_layers} layers", len(cache.layers))
        T, N, D = cache.layers[0].x.shape
        came = (D, cache.layers[0].hs.shape[-1], str(cache.layers[0].hs.dtype))
        wanted = (self.input_size, self.hidden_size, str(self.dtype))
        expect(came == wanted, "cache", f"D, H, dtype = {wanted}", came)
        state = (self.num_layers, N, self.hidden_size)
        zero = np.zeros((), self.dtype)
        d_output = np.broadcast_to(zero, (T, *state[1:])) if d_output is None else d_output
        d_h_n = np.broadcast_to(zero, state) if d_h_n is None else d_h_n
        check_array("d_output", d_output, (T, *state[1:]), self.dtype)
        check_array("d_h_n", d_h_n, state, self.dtype)
        d_above, d_h_n = d_output[:, cache.order], d_h_n[:, cache.order]
        d_h_0 = np.empty(state, self.dtype)
        params: Params = {}
        for layer in reversed(range(self.num_layers)):
            p = self.layer_params(layer)
            d_above, d_h_0[layer, cache.order], dp = self.layer_backward(
                d_above, d_h_n[layer], cache.lengths, p, cache.layers[layer]
            )
            params |= {f"{name}_l{layer}": dp[name] for name in p}
        dx = np.empty_like(d_above)
        dx[:, cache.order] = d_above
        return Grads(dx, d_h_0, {name: params[name] for name in self.params})
