"""Parameters by name: those of a stack of recurrent layers, and a copy of a network with other parameters."""

import copy
from typing import Any, Self

import numpy as np

from numpy_rnn import checks
from numpy_rnn.types import Params


class WithParams:
    """A network or layer that has parameters.

    Attributes:
        params: the arrays by name.
        dtype: the dtype of all of them.
    """

    params: Params
    dtype: np.dtype

    def with_params(self, params: Params) -> Self:
        """A copy of this network or layer with other parameters.

        Args:
            params: arrays with the names and shapes of `self.params`, all of one dtype: float32, float64 or, for
                complex steps, complex128. They are used as they are, not copied.

        Returns:
            The copy. Its dtype is that of the arrays. The original stays as it was.

        Raises:
            ValueError: for other names, shapes or dtypes.
        """
        twin = copy.copy(self)
        twin.dtype = checks.check_params(params, self.params)
        twin.params = {name: params[name] for name in self.params}
        return twin


class StackParams(WithParams):
    """Settings and parameters of num_layers recurrent layers, each in one direction or in both.

    Args:
        input_size: D, the number of inputs at a step.
        hidden_size: H, the number of hidden units of one layer in one direction.
        num_layers: the number of layers; the outputs of one layer are the inputs of the next.
        bias: whether the layers have the biases b_xh and b_hh.
        bidirectional: whether each layer also has a second direction, which reads the sequences from their ends.
        dropout: the probability in `dropout_masks`, in [0, 1).
        dtype: float32 or float64, for parameters, inputs and results.
        rng: draws the initial parameters; None is default_rng(0).

    Attributes:
        params: `W_xh_l0` (D, G H), `W_hh_l0` (H, G H), `b_xh_l0` (G H,) and `b_hh_l0` (G H,), then the same with
            `_l0_reverse` (second direction), `_l1`, and so on. G is the number of gates, with H columns each. Above
            the first layer W_xh is (F, G H); F is `features`. Initially all are drawn from U(-1/sqrt(H), 1/sqrt(H)),
            as PyTorch does.

    Raises:
        ValueError: for a bad argument.
    """

    num_gates = 1  # G

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

    @property
    def features(self) -> int:
        """F = directions x H, the size of the output at one step: the two directions side by side."""
        return self.directions * self.hidden_size

    def __repr__(self) -> str:
        names = ("num_layers", "nonlinearity", "bias", "bidirectional", "dropout")
        settings = [f"{name}={getattr(self, name)!r}" for name in names if hasattr(self, name)]
        sizes = f"{self.input_size}, {self.hidden_size}"
        return f"{type(self).__name__}({sizes}, {', '.join(settings)}, dtype={str(self.dtype)!r})"

    def suffix(self, k: int) -> str:
        """The end of the names of layer and direction k: _l0, _l1, ...; with both directions _l0, _l0_reverse, ..."""
        return f"_l{k // self.directions}" + "_reverse" * (k % self.directions)

    def layer_params(self, k: int) -> Params:
        """The parameters of one layer in one direction under their bare names: W_xh, W_hh, b_xh, b_hh."""
        return {name: self.params[name + self.suffix(k)] for name in self.names}
