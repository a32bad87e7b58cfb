"""The layers around the RNN.

`forward` returns the output and a cache. `backward` takes the output's gradient and that cache; it returns the
gradients of the input and the parameters, for Embedding only the latter, since token ids have none. "..." is any axes
before the last, such as (T, N) or (N,). The cache of Linear, ReLU and Dropout is the argument itself, x or the mask:
leave it unchanged until `backward`. Writing into an output changes no cache. A wrong shape or dtype is a ValueError.
"""

from typing import Any, NamedTuple, NoReturn

import numpy as np

from numpy_rnn.checks import (
    check_array,
    check_dtype,
    check_float_array,
    check_generator,
    check_number,
    check_size,
    check_type,
    check_whole_numbers,
)
from numpy_rnn.packing import flat
from numpy_rnn.types import Array, Params


class LayerGrads(NamedTuple):
    """x: the gradient of the input. params: those of the parameters; empty for a layer without parameters."""

    x: Array  # of the input's shape
    params: Params  # each of its parameter's shape


def join(parts: dict[str, Params]) -> Params:
    """The arrays of several layers in one dictionary, under "layer.name"."""
    return {f"{layer}.{name}": array for layer, arrays in parts.items() for name, array in arrays.items()}


class JoinedParams(Params):
    """The parameters of several layers. They are the layers' own arrays: write into them, params[name][...] = value.

    Replacing or removing an entry raises TypeError, since the layer would keep the old array.
    """

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("params: expected a value written into its array, params[name][...] = value, got another array")

    __delitem__ = __ior__ = update = setdefault = pop = popitem = clear = _refuse

    def __setitem__(self, name: str, value: Array) -> None:
        if value is not self.get(name):  # params[name] *= 2 assigns the same array, which is right
            self._refuse()

    def __reduce__(self) -> Any:  # for copies
        return type(self), (dict(self),)


class Embedding:
    """x = W[ids]: a row of W for each token id.

    Args:
        vocabulary_size: V.
        embedding_size: D.
        std: the standard deviation of the initial W. In torch.nn.Embedding it is 1.
        dtype: float32 or float64.
        rng: draws W from N(0, std^2); None is default_rng(0).

    Attributes:
        params: W (V, D).
    """

    def __init__(
        self,
        vocabulary_size: int,
        embedding_size: int,
        *,
        std: float = 1.0,
        dtype: Any = np.float32,
        rng: np.random.Generator | None = None,
    ):
        shape = (check_size("vocabulary_size", vocabulary_size), check_size("embedding_size", embedding_size))
        check_number("std", std, 0, np.inf)
        rng = check_generator(rng)
        self.params: Params = {"W": rng.normal(0, std, shape).astype(check_dtype("dtype", dtype))}

    def forward(self, ids: Array) -> tuple[Array, Array]:
        """ids (...), whole numbers in 0..V-1 -> x (..., D), cache. ValueError for an id outside the vocabulary."""
        W = self.params["W"]
        ids = check_whole_numbers("ids", ids, None, 0, len(W) - 1)
        return W[ids], ids.copy()

    def backward(self, dx: Array, ids: Array) -> Params:
        """dW[v] = the sum of dx (..., D) where ids = v. Sorting puts equal ids, the terms of a sum, side by side."""
        W = self.params["W"]
        ids = check_whole_numbers("ids", ids, None, 0, len(W) - 1)
        check_array("dx", dx, (*ids.shape, W.shape[1]), W.dtype)
        dW = np.zeros_like(W)  # (V, D)
        order = np.argsort(ids, axis=None, kind="stable")
        tokens, first = np.unique(ids.ravel()[order], return_index=True)
        dW[tokens] = np.add.reduceat(flat(dx)[order], first, axis=0)
        return {"W": dW}


class Linear:
    """y = x W + b.

    Args:
        input_size: D.
        output_size: C.
        dtype: float32 or float64.
        rng: draws the initial parameters from U(-1/sqrt(D), 1/sqrt(D)), as in torch.nn.Linear; None is default_rng(0).

    Attributes:
        params: W (D, C), b (C,).
    """

    def __init__(
        self, input_size: int, output_size: int, *, dtype: Any = np.float32, rng: np.random.Generator | None = None
    ):
        D, C = check_size("input_size", input_size), check_size("output_size", output_size)
        rng = check_generator(rng)
        dtype, bound = check_dtype("dtype", dtype), 1 / np.sqrt(D)
        self.params: Params = {
            "W": rng.uniform(-bound, bound, (D, C)).astype(dtype),
            "b": rng.uniform(-bound, bound, C).astype(dtype),
        }

    def forward(self, x: Array) -> tuple[Array, Array]:
        """x (..., D) -> y (..., C), cache."""
        W = self.params["W"]
        check_float_array("x", x)
        check_array("x", x, (*x.shape[:-1], len(W)), W.dtype)
        return x @ W + self.params["b"], x

    def backward(self, dy: Array, x: Array) -> LayerGrads:
        """dx = dy W^T; dW = x^T dy and db = dy, summed over all axes but the last."""
        W = self.params["W"]
        check_float_array("x", x)
        check_array("dy", dy, (*x.shape[:-1], W.shape[1]), W.dtype)
        dx = dy @ W.T  # (..., D)
        dW = flat(x).T @ flat(dy)  # (D, C)
        db = flat(dy).sum(axis=0)  # (C,)
        return LayerGrads(dx, {"W": dW, "b": db})


def sigmoid(z: Array) -> Array:
    """1 / (1 + exp(-z)), any shape. If exp(-z) overflows, the result is 1 / infinity = 0, which is right."""
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-z))


class ReLU:
    """y = max(x, 0), any shape. The derivative at 0 is 0, as in PyTorch."""

    def forward(self, x: Array) -> tuple[Array, Array]:
        check_float_array("x", x)
        return np.maximum(x, 0), x

    def backward(self, dy: Array, x: Array) -> LayerGrads:
        check_float_array("x", x)
        check_array("dy", dy, x.shape, x.dtype)
        return LayerGrads(dy * (x > 0), {})


class Sigmoid:
    """y = 1 / (1 + exp(-x)), any shape; dy/dx = y (1 - y)."""

    def forward(self, x: Array) -> tuple[Array, Array]:
        check_float_array("x", x)
        y = sigmoid(x)
        return y, y.copy()

    def backward(self, dy: Array, y: Array) -> LayerGrads:
        check_float_array("y", y)
        check_array("dy", dy, y.shape, y.dtype)
        return LayerGrads(dy * y * (1 - y), {})


class Dropout:
    """y = x * mask. An entry of the mask is 0 with probability p, else 1 / (1 - p).

    So the mean of y is x, and testing needs no mask. The mask is an argument: the PyTorch twin gets the same one.

    Args:
        p: the probability of 0, in [0, 1).

    Source:
        Srivastava et al. (2014), in the inverted form that PyTorch uses.
    """

    def __init__(self, p: float):
        self.p = check_number("p", p, 0, 1)

    def mask(self, shape: tuple[int, ...], dtype: Any, rng: np.random.Generator) -> Array:
        """A new mask of this shape and dtype. ValueError for a bad argument."""
        check_type("shape", shape, tuple, list)
        for size in shape:
            check_size("shape", size, least=0)
        check_type("rng", rng, np.random.Generator)
        dtype = check_dtype("dtype", dtype)
        keep = rng.random(shape) >= self.p
        return keep.astype(dtype) / np.asarray(1 - self.p, dtype)

    def forward(self, x: Array, mask: Array) -> tuple[Array, Array]:
        check_float_array("x", x)
        check_array("mask", mask, x.shape, x.dtype)
        return x * mask, mask

    def backward(self, dy: Array, mask: Array) -> LayerGrads:
        check_float_array("mask", mask)
        check_array("dy", dy, mask.shape, mask.dtype)
        return LayerGrads(dy * mask, {})
