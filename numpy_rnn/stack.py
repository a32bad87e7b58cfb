"""What RNN, LSTM and GRU share: sizes, initial values, layers on top of each other, both directions, truncation."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple, Self

import numpy as np

from numpy_rnn.bptt import Cache, LayerCache, States, Window, cut_gradients, windows
from numpy_rnn.checks import check_array, check_dtype, check_generator, check_number, check_params, check_size, expect
from numpy_rnn.layers import Dropout, Params
from numpy_rnn.sequences import longest_first, restore, reverse


class Grads(NamedTuple):
    """Gradients of the loss, each of the shape of what it is taken for."""

    x: np.ndarray  # (T, N, D)
    h_0: Any  # (L, N, H), of an LSTM the pair (dh_0, dc_0)
    params: Params


class Stack:
    """num_layers recurrent layers, the outputs of one being the inputs of the next; what has "G H" columns is G gates.

    params: `W_xh_l0` (D, G H), `W_hh_l0` (H, G H), `b_xh_l0` (G H,), `b_hh_l0` (G H,), then `_l1`, ..., where W_xh is
    (H, G H); drawn from U(-1/sqrt(H), 1/sqrt(H)), as PyTorch does. rng: default_rng(0) unless given. With both
    directions a second layer, `_l0_reverse`, reads from the end; above, W_xh is (2 H, G H). Everywhere below, L counts
    both directions, and H of an output is both side by side. dropout: the probability of `dropout_masks`.
    A subclass gives one layer's `layer_forward` and `layer_backward`.
    """

    gates = 1  # G
    state_names: tuple[str, ...] = ("h",)
    layer_forward: Callable[..., LayerCache]  # x, lengths, parameters, h_0 (an LSTM: h_0, c_0)
    layer_backward: Callable[..., tuple[np.ndarray, States, Params]]  # d_output, lengths, parameters, cache, dh_n

    def __init__(self, input_size: int, hidden_size: int, num_layers: int, bias: bool, bidirectional: bool,
                 dropout: float, dtype: Any, rng: np.random.Generator | None):  # fmt: skip
        self.input_size = check_size("input_size", input_size)
        self.hidden_size = check_size("hidden_size", hidden_size)
        self.num_layers = check_size("num_layers", num_layers)
        for argument, value in (("bias", bias), ("bidirectional", bidirectional)):
            expect(isinstance(value, (bool, np.bool_)), argument, "True or False", repr(value))
        self.bias, self.bidirectional, self.directions = bool(bias), bool(bidirectional), 2 if bidirectional else 1
        self.dropout = check_number("dropout", dropout, 0, 1)
        self.dtype = check_dtype("dtype", dtype)
        rng = check_generator(rng)
        H, columns, bound = self.hidden_size, self.gates * self.hidden_size, self.hidden_size**-0.5
        self.params: Params = {}
        for k in range(self.num_layers * self.directions):
            D = self.input_size if k < self.directions else self.directions * H
            shapes: dict[str, tuple[int, ...]] = {"W_xh": (D, columns), "W_hh": (H, columns)}
            if self.bias:
                shapes |= {"b_xh": (columns,), "b_hh": (columns,)}
            for name, shape in shapes.items():
                self.params[name + self.suffix(k)] = rng.uniform(-bound, bound, shape).astype(self.dtype)

    def __repr__(self) -> str:
        names = ("num_layers", "nonlinearity", "bias", "bidirectional", "dropout")
        settings = [f"{name}={getattr(self, name)!r}" for name in names if hasattr(self, name)]
        sizes = f"{self.input_size}, {self.hidden_size}"
        return f"{type(self).__name__}({sizes}, {', '.join(settings)}, dtype={str(self.dtype)!r})"

    def suffix(self, k: int) -> str:
        """_l0, _l1, ...; with both directions _l0, _l0_reverse, _l1, ..."""
        return f"_l{k // self.directions}" + "_reverse" * (k % self.directions)

    def layer_params(self, k: int) -> Params:
        """One layer's parameters under their bare names, W_xh and so on."""
        names = ("W_xh", "W_hh", "b_xh", "b_hh") if self.bias else ("W_xh", "W_hh")
        return {name: self.params[name + self.suffix(k)] for name in names}

    def with_params(self, params: Params) -> Self:
        """The same layer with these arrays as its parameters. Their one dtype is the new layer's; complex128 will do.

        Raises ValueError for a missing or unknown name and for a wrong shape.
        """
        dtype = check_params(params, self.params)
        twin = copy.copy(self)
        twin.params, twin.dtype = {name: params[name] for name in self.params}, dtype
        return twin

    def dropout_masks(self, T: int, N: int, rng: np.random.Generator) -> list[np.ndarray]:
        """One mask (T, N, H) for the output of each layer but the last, to be given to `forward` in training."""
        shape = (check_size("T", T), check_size("N", N), self.directions * self.hidden_size)
        rng = check_generator(rng)
        return [Dropout(self.dropout).mask(shape, self.dtype, rng) for _ in range(self.num_layers - 1)]

    def forward(self, x: np.ndarray, h_0: Any = None, lengths: Any = None,
                masks: list[np.ndarray] | None = None) -> tuple[np.ndarray, Any, Cache]:  # fmt: skip
        """x (T, N, D), h_0 (L, N, H) or None for zeros -> output (T, N, H), h_n (L, N, H), cache for `backward`.

        output is the top layer's h_1..h_T, h_n the last state of each layer; of an LSTM h_0 and h_n are pairs (h, c).
        lengths (N,), each in 1..T, in any order, means what a packed sequence means in PyTorch: a sequence ends after
        its own last step, its h_n is the state there, its later outputs are zero, and what stands in its pads has no
        influence on anything. masks: see `dropout_masks`; None is no dropout, as in testing.
        Changes no argument. `backward` needs x, masks and params as they were: leave them unchanged until then.
        Raises ValueError for a wrong shape or dtype (the parameters' is expected) and for lengths outside 1..T.
        """
        check_array("x", x, ("T", "N", self.input_size), self.dtype)
        T, N, _ = x.shape
        h_0s = self._states("h_0", h_0, N)
        lengths, order = longest_first(lengths, T, N)
        cache = Cache(self, lengths, order, self._masks(masks, T, N, order), [])
        below = x[:, order]  # the longest sequence first
        for layer in range(self.num_layers):
            if layer and cache.masks:
                below = below * cache.masks[layer - 1]
            outputs = []
            for direction in range(self.directions):
                k, back = layer * self.directions + direction, direction == 1
                initial = (h[k, order] for h in h_0s)
                part = self.layer_forward(
                    reverse(below, lengths) if back else below, lengths, self.layer_params(k), *initial
                )
                cache.layers.append(part)
                outputs.append(reverse(part.states[0][1:], lengths) if back else part.states[0][1:])
            below = np.concatenate(outputs, axis=-1) if self.bidirectional else outputs[0]
        h_ns = tuple(np.empty(h.shape, self.dtype) for h in h_0s)
        for i, h_n in enumerate(h_ns):
            h_n[:, order] = [part.states[i][lengths, np.arange(N)] for part in cache.layers]
        output = np.empty_like(below)  # of its own: who writes into it changes no cache
        output[:, order] = below
        return output, h_ns if len(h_ns) > 1 else h_ns[0], cache

    def backward(self, d_output: np.ndarray | None, d_h_n: Any, cache: Cache, k1: int | None = None,
                 k2: int | None = None) -> Grads:  # fmt: skip
        """Backpropagation through time. d_output (T, N, H) is dL/doutput, d_h_n (L, N, H) dL/dh_n; None is zero.

        Returns grads.x (T, N, D), grads.h_0 (L, N, H) and grads.params, named as `params`: sums over t and n, nothing
        averaged, clipped or updated. Pure: a second call gives the same bits. k1, k2: truncated, see `bptt.windows`; in
        a stack the state before a window's first step is cut off in every layer. h_0 itself is never cut off.
        Source: Werbos (1990), "Backpropagation through time". Raises ValueError for a wrong shape or dtype, for another
        layer's cache, for what `bptt.windows` refuses, and for k1 or k2 with both directions, where no step is the last
        one to be cut off.
        """
        made_by = getattr(cache, "made_by", None)
        got = type(cache).__name__ if made_by is None else f"that of another layer, {made_by}"
        expect(made_by is self, "cache", f"what forward of this layer, {self}, returned", got)
        T, N, order = len(cache.layers[0].x), len(cache.lengths), cache.order
        whole = k1 is None and k2 is None
        expect(whole or not self.bidirectional, "k1, k2", "None where there are both directions", (k1, k2))
        if d_output is None:
            d_output = np.broadcast_to(np.zeros((), self.dtype), (T, N, self.directions * self.hidden_size))
        check_array("d_output", d_output, (T, N, self.directions * self.hidden_size), self.dtype)
        d_output, d_h_ns = d_output[:, order], tuple(d[:, order] for d in self._states("d_h_n", d_h_n, N))
        parts = windows(cache.lengths, T, k1, k2)
        if len(parts) == 1:
            dx, d_h_0s, params = self._backward(d_output, d_h_ns, cache)
        else:
            dx, d_h_0s, params = self._truncated(parts, d_output, d_h_ns, cache)
        d_h_0s = tuple(restore(d, order) for d in d_h_0s)
        return Grads(restore(dx, order), d_h_0s if len(d_h_0s) > 1 else d_h_0s[0], params)

    def _backward(self, d_output: np.ndarray, d_h_ns: States, cache: Cache) -> tuple[np.ndarray, States, Params]:
        """Full backpropagation, from the top layer down to the input: dx, dh_0 (an LSTM: dh_0, dc_0), parameters."""
        d_above, lengths = d_output, cache.lengths
        d_h_0s = tuple(np.empty_like(d) for d in d_h_ns)
        params: Params = {}
        for layer in reversed(range(self.num_layers)):
            dxs = []
            for direction, d_part in enumerate(np.split(d_above, self.directions, axis=-1)):
                k, back = layer * self.directions + direction, direction == 1
                p, d_last = self.layer_params(k), (d[k] for d in d_h_ns)
                dx, d_h_0, dp = self.layer_backward(
                    reverse(d_part, lengths) if back else d_part, lengths, p, cache.layers[k], *d_last
                )
                dxs.append(reverse(dx, lengths) if back else dx)
                for total, d in zip(d_h_0s, d_h_0, strict=True):
                    total[k] = d
                params |= {name + self.suffix(k): dp[name] for name in p}
            d_below = dxs[0] + dxs[1] if self.bidirectional else dxs[0]  # each direction read the same input
            d_above = d_below * cache.masks[layer - 1] if layer and cache.masks else d_below
        return d_above, d_h_0s, {name: params[name] for name in self.params}

    def _truncated(self, parts: list[tuple[Window, slice]], d_output: np.ndarray, d_h_ns: States,
                   cache: Cache) -> tuple[np.ndarray, States, Params]:  # fmt: skip
        """The sum over all windows of full backpropagation of the window's losses, through the window's steps."""
        dx = np.zeros((*d_output.shape[:2], self.input_size), self.dtype)
        d_h_0s = tuple(np.zeros_like(d) for d in d_h_ns)
        params = {name: np.zeros_like(p) for name, p in self.params.items()}
        for window, n in parts:
            share = cut_gradients(window, n, cache.lengths, d_output, d_h_ns)
            part_dx, part_d_h_0s, part_params = self._backward(*share, cache.cut(window, n))
            dx[window.start : window.end, n] += part_dx
            if window.start == 0:
                for total, d_h_0 in zip(d_h_0s, part_d_h_0s, strict=True):
                    total[:, n] += d_h_0
            for name, gradient in part_params.items():
                params[name] += gradient
        return dx, d_h_0s, params

    def _states(self, argument: str, given: Any, N: int) -> States:
        """A state or its gradient as a tuple, checked; zeros for None."""
        shape, count = (self.num_layers * self.directions, N, self.hidden_size), len(self.state_names)
        if given is None:
            return tuple(np.zeros(shape, self.dtype) for _ in range(count))
        pair = count == 1 or (isinstance(given, (tuple, list)) and len(given) == count)
        expect(pair, argument, f"a pair ({', '.join(self.state_names)})", type(given).__name__)
        given = (given,) if count == 1 else tuple(given)
        for array in given:
            check_array(argument, array, shape, self.dtype)
        return given

    def _masks(self, masks: Any, T: int, N: int, order: np.ndarray | slice) -> list[np.ndarray]:
        if masks is None:
            return []
        expect(isinstance(masks, (list, tuple)), "masks", "a list of arrays", type(masks).__name__)
        expect(len(masks) == self.num_layers - 1, "masks", f"{self.num_layers - 1}, one between two layers", len(masks))
        for mask in masks:
            check_array("masks", mask, (T, N, self.directions * self.hidden_size), self.dtype)
        return [mask[:, order] for mask in masks]
