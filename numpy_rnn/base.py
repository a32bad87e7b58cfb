"""What RNN, LSTM and GRU share: layers on top of each other, both directions, dropout, sequence lengths, truncation."""

from abc import ABC, abstractmethod
from functools import partial
from typing import Any

import numpy as np

from numpy_rnn import checks
from numpy_rnn.layers import Dropout
from numpy_rnn.packing import arrange, longest_first, restore, reverse
from numpy_rnn.parameters import StackParams
from numpy_rnn.segments import segments
from numpy_rnn.truncation import Cache, LayerCache, truncated, windows
from numpy_rnn.types import Array, Grads, Params, States


class RNNBase(StackParams, ABC):
    """num_layers recurrent layers, each in one direction or in both. The outputs of a layer are the next one's inputs.

    The arguments, and the names and shapes of `params`, are described in `StackParams`. The symbols in shapes:

        T, N    steps, sequences
        D, H    inputs, hidden units
        K       num_layers x directions, in the order l0, l0_reverse, l1, ...
        F       directions x H: the output of one step, both directions side by side

    Attributes:
        state_names: ("h",), of an LSTM ("h", "c").
        num_kept: how many arrays (N, H) a cache keeps of each step besides the states: 0, of an LSTM or GRU 4.
        segment_length: S, how many steps are computed in one call of `layer_forward` and `layer_backward`. It changes
            time and memory, and of the results the rounding alone.
    """

    state_names: tuple[str, ...] = ("h",)
    num_kept = 0
    segment_length = 64

    @abstractmethod
    def layer_forward(self, lengths: Array, p: Params, cache: LayerCache) -> None:
        """The forward pass of one layer in one direction, through the steps of a segment.

        It writes the states into the cache, and what else `layer_backward` needs. T, N and `lengths` are those of the
        segment.

        Args:
            lengths: (N,), of the sequences, the longest first.
            p: the parameters under their bare names, such as W_xh.
            cache: of these steps, with the inputs and the states before them. The rest is zero, and stays so after a
                sequence's end.
        """

    @abstractmethod
    def layer_backward(
        self, d_output: Array, lengths: Array, p: Params, cache: LayerCache, d_states_n: States
    ) -> tuple[Array, States, Params]:
        """The backward pass of one layer in one direction, through the steps of a segment.

        Args:
            d_output: (T, N, H), the gradient of the outputs.
            lengths: (N,), of the sequences, the longest first.
            p: the parameters under their bare names, such as W_xh.
            cache: what `layer_forward` has filled.
            d_states_n: (N, H) each, the gradients of the states after a sequence's last step in the segment.

        Returns:
            dx (T, N, D), d_states_0 (N, H) each, of the states before the segment, and the gradients of p.
        """

    def dropout_masks(self, T: int, N: int, rng: np.random.Generator) -> list[Array]:
        """One mask (T, N, F) for the output of each layer but the last. Give them to `forward` in training."""
        checks.check_type("rng", rng, np.random.Generator)  # None would give the same masks at every call
        shape = checks.check_size("T", T), checks.check_size("N", N), self.features
        return [Dropout(self.dropout).mask(shape, self.dtype, rng) for _ in range(self.num_layers - 1)]

    def forward(
        self, x: Array, h_0: Any = None, lengths: Any = None, masks: list[Array] | None = None
    ) -> tuple[Array, Any, Cache]:
        """The forward pass of all layers. It changes no argument.

        With `lengths`, a sequence ends after its own last step, as a packed sequence does in PyTorch. Its h_n is the
        state there, and its later outputs are zero. What stands in its pads has no influence on any result.

        Args:
            x: (T, N, D), the inputs.
            h_0: (K, N, H), the initial states, of an LSTM a pair (h_0, c_0) of such arrays; None is zeros.
            lengths: (N,), of the sequences, each in 1..T, in any order; None is T for all.
            masks: the dropout masks, see `dropout_masks`; None is no dropout, as in testing.

        Returns:
            output (T, N, F), the top layer's states h_1..h_T; h_n (K, N, H), the last states, of an LSTM a pair
            (h_n, c_n); the cache for `backward`. Until then leave x, masks and params unchanged.

        Raises:
            ValueError: for a wrong shape or dtype (expected is the parameters' dtype), and for lengths outside 1..T.
        """
        checks.check_array("x", x, ("T", "N", self.input_size), self.dtype)
        T, N, _ = x.shape
        states_0 = self._states("h_0", h_0, N)
        masks = checks.check_masks(masks, self.num_layers - 1, (T, N, self.features), self.dtype)
        lengths, order = longest_first(lengths, T, N)
        masks, states_0 = [arrange(mask, order) for mask in masks], tuple(arrange(s, order) for s in states_0)
        output, layers = self._forward(arrange(x, order), lengths, masks, states_0)
        at_end = lengths, np.arange(N)
        states_n = tuple(np.stack([layer.states[i][at_end] for layer in layers]) for i in range(len(states_0)))
        cache = Cache(self, lengths, order, masks, layers)
        return restore(output, order), self._given(states_n, order), cache

    def backward(
        self, d_output: Array | None, d_h_n: Any, cache: Cache, k1: int | None = None, k2: int | None = None
    ) -> Grads:
        """Backpropagation through time: full, or with k1 and k2 truncated. It changes no argument and no parameter.

        Truncated, no gradient goes back beyond the first step of a window, in any layer. A window that starts at the
        first step of the sequence sends its gradient to h_0.

        Args:
            d_output: (T, N, F), dL/doutput; None is zero.
            d_h_n: (K, N, H), dL/dh_n, of an LSTM a pair (dh_n, dc_n); None is zero.
            cache: what `forward` of this layer returned.
            k1: the number of steps in a group of losses; None is T. See `truncation.windows`.
            k2: the number of steps that a group goes back, at least k1; None is no limit. With both directions k1 and
                k2 must be None: truncation needs one last step.

        Returns:
            grads.x (T, N, D), grads.h_0 (K, N, H), of an LSTM a pair, and grads.params, named as `params`: sums over
            t and n, not averaged and not clipped. A second call gives the same bits.

        Raises:
            ValueError: for a wrong shape or dtype, another layer's cache, or a wrong k1 or k2.

        Source:
            Werbos (1990), "Backpropagation through time".
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
        d_states_n = tuple(arrange(d, order) for d in self._states("d_h_n", d_h_n, N))
        parts = windows(cache.lengths, T, k1, k2)
        backward = self._backward if len(parts) == 1 else partial(truncated, parts, self._backward)
        dx, d_states_0, grads = backward(arrange(d_output, order), d_states_n, cache)
        return Grads(restore(dx, order), self._given(d_states_0, order), {name: grads[name] for name in self.params})

    def _forward(
        self, x: Array, lengths: Array, masks: list[Array], states_0: States
    ) -> tuple[Array, list[LayerCache]]:
        """From the input up to the top layer: its output (T, N, F), and the caches of all layers, in the order of K."""
        below, layers = x, []
        for layer in range(self.num_layers):
            if layer and masks:
                below = below * masks[layer - 1]
            outputs = []
            for k in range(layer * self.directions, (layer + 1) * self.directions):
                initial = tuple(s[k] for s in states_0)
                part = LayerCache.zeros(self._turned(below, k, lengths), initial, self.num_kept)
                for segment in segments(lengths, self.segment_length):
                    self.layer_forward(segment.part_of(lengths), self.layer_params(k), part.cut(*segment))
                outputs.append(self._turned(part.states[0][1:], k, lengths))
                layers.append(part)
            below = np.concatenate(outputs, axis=-1)  # (T, N, F), a copy: writing into it changes no cache
        return below, layers

    def _backward(self, d_output: Array, d_states_n: States, cache: Cache) -> tuple[Array, States, Params]:
        """Full backpropagation, from the top layer down to the input: dx, d_states_0, the gradients of `params`."""
        d_above, lengths = d_output, cache.lengths
        d_states_0 = tuple(np.empty_like(d) for d in d_states_n)
        grads: Params = {}
        for layer in reversed(range(self.num_layers)):
            d_below = []
            for direction, d_part in enumerate(np.split(d_above, self.directions, axis=-1)):
                k = layer * self.directions + direction
                d_part, d_n = self._turned(d_part, k, lengths), tuple(d[k] for d in d_states_n)
                dx, d_0, dp = self._in_segments(d_part, lengths, self.layer_params(k), cache.layers[k], d_n)
                d_below.append(self._turned(dx, k, lengths))
                for total, d in zip(d_states_0, d_0, strict=True):
                    total[k] = d
                grads |= {name + self.suffix(k): dp[name] for name in self.names}
            d_above = d_below[0] + d_below[1] if self.bidirectional else d_below[0]  # both read the same input
            if layer and cache.masks:
                d_above = d_above * cache.masks[layer - 1]
        return d_above, d_states_0, grads

    def _in_segments(
        self, d_output: Array, lengths: Array, p: Params, cache: LayerCache, d_states_n: States
    ) -> tuple[Array, States, Params]:
        """`layer_backward`, a segment at a time, the last one first. The gradients of p are the sums over them."""
        dx, d_states = np.zeros_like(cache.x), tuple(d.copy() for d in d_states_n)
        grads: Params = {}
        for segment in reversed(segments(lengths, self.segment_length)):
            start, end, n = segment
            d_part, d_after, part = d_output[start:end, n], tuple(d[n] for d in d_states), cache.cut(*segment)
            dx[start:end, n], d_before, dp = self.layer_backward(d_part, segment.part_of(lengths), p, part, d_after)
            for d, d_new in zip(d_states, d_before, strict=True):
                d[n] = d_new  # a sequence that ended before this segment keeps its dL/dh_n
            grads = {name: grads.get(name, 0) + gradient for name, gradient in dp.items()}
        return dx, d_states, grads

    def _turned(self, a: Array, k: int, lengths: Array) -> Array:
        """An input or output of layer and direction k, in its order of time: the second direction starts at the end."""
        return reverse(a, lengths) if k % self.directions else a

    def _states(self, argument: str, given: Any, N: int) -> States:
        """The states or their gradients, checked, as a tuple."""
        shape = (self.num_layers * self.directions, N, self.hidden_size)
        return checks.check_states(argument, given, self.state_names, shape, self.dtype)

    def _given(self, states: States, order: Array | slice) -> Any:
        """States in the form that the caller uses: in the given order; of an LSTM a pair, of the others one array."""
        states = tuple(restore(s, order) for s in states)
        return states if len(states) > 1 else states[0]
