"""What RNN, LSTM and GRU share: sizes, initial values, layers on top of each other, both directions, truncation."""

import copy
from abc import ABC, abstractmethod
from functools import partial
from typing import Any, Self

import numpy as np

from numpy_rnn import checks
from numpy_rnn.layers import Dropout
from numpy_rnn.packing import longest_first, restore, reverse
from numpy_rnn.truncation import Cache, LayerCache, truncated, windows
from numpy_rnn.types import Array, Grads, Params, States


class RNNBase(ABC):
    """num_layers recurrent layers, the outputs of one being the inputs of the next; each in one direction or in two.

    Shapes: T steps, N sequences, D inputs, H hidden units, G gates of H columns each; K = layers x directions, in the
    order l0, l0_reverse, l1, ...; F = directions x H features of an output, both directions side by side.
    params: `W_xh_l0` (D, G H), `W_hh_l0` (H, G H), `b_xh_l0` (G H,), `b_hh_l0` (G H,), then `_l0_reverse`, `_l1`, ...;
    above the first layer W_xh is (F, G H). All are drawn from U(-1/sqrt(H), 1/sqrt(H)), as PyTorch does. dropout: the
    probability of `dropout_masks`. rng: default_rng(0) unless given.
    """

    num_gates = 1  # G
    state_names: tuple[str, ...] = ("h",)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        bidirectional: bool = False,
        dropout: float = 0.0,
        dtype: Any = np.float32,
        rng: np.random.Generator | None = None,
    ):
        self.input_size = checks.check_size("input_size", input_size)
        self.hidden_size = checks.check_size("hidden_size", hidden_size)
        self.num_layers = checks.check_size("num_layers", num_layers)
        self.bias = checks.check_flag("bias", bias)
        self.bidirectional = checks.check_flag("bidirectional", bidirectional)
        self.directions = 2 if self.bidirectional else 1
        self.dropout = checks.check_number("dropout", dropout, 0, 1)
        self.dtype = checks.check_dtype("dtype", dtype)
        rng = checks.check_generator(rng)
        self.names = ("W_xh", "W_hh", "b_xh", "b_hh") if self.bias else ("W_xh", "W_hh")  # within a layer
        H, columns, bound = self.hidden_size, self.num_gates * self.hidden_size, self.hidden_size**-0.5
        self.params: Params = {}
        for k in range(self.num_layers * self.directions):
            D = self.input_size if k < self.directions else self.features
            shapes = {"W_xh": (D, columns), "W_hh": (H, columns), "b_xh": (columns,), "b_hh": (columns,)}
            for name in self.names:
                self.params[name + self.suffix(k)] = rng.uniform(-bound, bound, shapes[name]).astype(self.dtype)

    @abstractmethod
    def layer_forward(self, x: Array, lengths: Array, p: Params, states_0: States) -> LayerCache:
        """One layer in one direction. x (T, N, D), lengths (N,), the longest first, p under bare names, states_0 (N, H)
        each -> all states, zero after a sequence's end, and what else the way back needs."""

    @abstractmethod
    def layer_backward(
        self, d_output: Array, lengths: Array, p: Params, cache: LayerCache, d_states_n: States
    ) -> tuple[Array, States, Params]:
        """d_output (T, N, H), d_states_n (N, H) each -> dx (T, N, D), d_states_0 (N, H) each, the gradients of p."""

    @property
    def features(self) -> int:
        """F, the numbers of an output at one step."""
        return self.directions * self.hidden_size

    def __repr__(self) -> str:
        names = ("num_layers", "nonlinearity", "bias", "bidirectional", "dropout")
        settings = [f"{name}={getattr(self, name)!r}" for name in names if hasattr(self, name)]
        sizes = f"{self.input_size}, {self.hidden_size}"
        return f"{type(self).__name__}({sizes}, {', '.join(settings)}, dtype={str(self.dtype)!r})"

    def suffix(self, k: int) -> str:
        """_l0, _l1, ...; with both directions _l0, _l0_reverse, _l1, ..."""
        return f"_l{k // self.directions}" + "_reverse" * (k % self.directions)

    def layer_params(self, k: int) -> Params:
        """The parameters of one layer in one direction under their bare names, W_xh and so on."""
        return {name: self.params[name + self.suffix(k)] for name in self.names}

    def with_params(self, params: Params) -> Self:
        """The same layer with these arrays, of one dtype; complex128 will do. ValueError for other names or shapes."""
        dtype = checks.check_params(params, self.params)
        twin = copy.copy(self)
        twin.params, twin.dtype = {name: params[name] for name in self.params}, dtype
        return twin

    def dropout_masks(self, T: int, N: int, rng: np.random.Generator) -> list[Array]:
        """One mask (T, N, F) for the output of each layer but the last, to be given to `forward` in training."""
        shape, rng = (checks.check_size("T", T), checks.check_size("N", N), self.features), checks.check_generator(rng)
        return [Dropout(self.dropout).mask(shape, self.dtype, rng) for _ in range(self.num_layers - 1)]

    def forward(
        self, x: Array, h_0: Any = None, lengths: Any = None, masks: list[Array] | None = None
    ) -> tuple[Array, Any, Cache]:
        """x (T, N, D), h_0 (K, N, H) or None for zeros -> output (T, N, F), h_n (K, N, H), cache for `backward`.

        output is the top layer's h_1..h_T, h_n the last state of each layer; of an LSTM h_0 and h_n are pairs (h, c).
        lengths (N,), each in 1..T, in any order, means what a packed sequence means in PyTorch: a sequence ends after
        its own last step, its h_n is the state there, its later outputs are zero, and what stands in its pads has no
        influence on anything. masks: see `dropout_masks`; None is no dropout, as in testing.
        Changes no argument. `backward` needs x, masks and params as they were: leave them unchanged until then.
        Raises ValueError for a wrong shape or dtype (the parameters' is expected) and for lengths outside 1..T.
        """
        checks.check_array("x", x, ("T", "N", self.input_size), self.dtype)
        T, N, _ = x.shape
        states_0 = self._states("h_0", h_0, N)
        masks = checks.check_masks(masks, self.num_layers - 1, (T, N, self.features), self.dtype)
        lengths, order = longest_first(lengths, T, N)
        masks, states_0 = [mask[:, order] for mask in masks], tuple(s[:, order] for s in states_0)
        output, layers = self._forward(x[:, order], lengths, masks, states_0)
        at_end = lengths, np.arange(N)
        states_n = tuple(np.stack([layer.states[i][at_end] for layer in layers]) for i in range(len(states_0)))
        cache = Cache(self, lengths, order, masks, layers)
        return restore(output, order), self._given(states_n, order), cache

    def backward(
        self, d_output: Array | None, d_h_n: Any, cache: Cache, k1: int | None = None, k2: int | None = None
    ) -> Grads:
        """Backpropagation through time. d_output (T, N, F) is dL/doutput, d_h_n (K, N, H) dL/dh_n; None is zero.

        Returns grads.x (T, N, D), grads.h_0 (K, N, H) and grads.params, named as `params`: sums over t and n, nothing
        averaged, clipped or updated. Pure: a second call gives the same bits. k1, k2: truncated, see
        `truncation.windows`; the state before a window's first step is cut off in every layer, h_0 itself never.
        Source: Werbos (1990), "Backpropagation through time". Raises ValueError for a wrong shape or dtype, another
        layer's cache, what `truncation.windows` refuses, and k1 or k2 with both directions: no step is the last there.
        """
        made_by = getattr(cache, "made_by", None)
        got = type(cache).__name__ if made_by is None else f"that of another layer, {made_by}"
        checks.expect(made_by is self, "cache", f"what forward of this layer, {self}, returned", got)
        whole = k1 is None and k2 is None
        checks.expect(whole or not self.bidirectional, "k1, k2", "None where there are both directions", (k1, k2))
        T, N, order = len(cache.layers[0].x), len(cache.lengths), cache.order
        if d_output is None:
            d_output = np.broadcast_to(np.zeros((), self.dtype), (T, N, self.features))
        checks.check_array("d_output", d_output, (T, N, self.features), self.dtype)
        d_states_n = tuple(d[:, order] for d in self._states("d_h_n", d_h_n, N))
        parts = windows(cache.lengths, T, k1, k2)
        backward = self._backward if len(parts) == 1 else partial(truncated, parts, self._backward)
        dx, d_states_0, grads = backward(d_output[:, order], d_states_n, cache)
        return Grads(restore(dx, order), self._given(d_states_0, order), {name: grads[name] for name in self.params})

    def _forward(
        self, x: Array, lengths: Array, masks: list[Array], states_0: States
    ) -> tuple[Array, list[LayerCache]]:
        """From the input up to the top layer: its output (T, N, F), and what each layer keeps, in the order of K."""
        below, layers = x, []
        for layer in range(self.num_layers):
            if layer and masks:
                below = below * masks[layer - 1]
            outputs = []
            for k in range(layer * self.directions, (layer + 1) * self.directions):
                initial = tuple(s[k] for s in states_0)
                part = self.layer_forward(self._turned(below, k, lengths), lengths, self.layer_params(k), initial)
                outputs.append(self._turned(part.states[0][1:], k, lengths))
                layers.append(part)
            below = np.concatenate(outputs, axis=-1)  # (T, N, F), a copy: who writes into an output changes no cache
        return below, layers

    def _backward(self, d_output: Array, d_states_n: States, cache: Cache) -> tuple[Array, States, Params]:
        """Full backpropagation, from the top layer down to the input: dx, d_states_0, the gradients of the params."""
        d_above, lengths = d_output, cache.lengths
        d_states_0 = tuple(np.empty_like(d) for d in d_states_n)
        grads: Params = {}
        for layer in reversed(range(self.num_layers)):
            d_below = []
            for direction, d_part in enumerate(np.split(d_above, self.directions, axis=-1)):
                k = layer * self.directions + direction
                d_part, d_n = self._turned(d_part, k, lengths), tuple(d[k] for d in d_states_n)
                dx, d_0, dp = self.layer_backward(d_part, lengths, self.layer_params(k), cache.layers[k], d_n)
                d_below.append(self._turned(dx, k, lengths))
                for total, d in zip(d_states_0, d_0, strict=True):
                    total[k] = d
                grads |= {name + self.suffix(k): dp[name] for name in self.names}
            d_above = d_below[0] + d_below[1] if self.bidirectional else d_below[0]  # both have read the same input
            if layer and cache.masks:
                d_above = d_above * cache.masks[layer - 1]
        return d_above, d_states_0, grads

    def _turned(self, a: Array, k: int, lengths: Array) -> Array:
        """What layer and direction k reads or writes: the reverse direction has each sequence from its end."""
        return reverse(a, lengths) if k % self.directions else a

    def _states(self, argument: str, given: Any, N: int) -> States:
        """A state or its gradient as a tuple."""
        shape = (self.num_layers * self.directions, N, self.hidden_size)
        return checks.check_states(argument, given, self.state_names, shape, self.dtype)

    def _given(self, states: States, order: Array | slice) -> Any:
        """As the caller has them: in the given order, an LSTM's as a pair, the others' as one array."""
        states = tuple(restore(s, order) for s in states)
        return states if len(states) > 1 else states[0]
