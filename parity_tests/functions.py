"""Drawn functions of arrays, made of + * @ exp log sin tanh: of NumPy's numbers, of PyTorch's, and of 800 digits."""

from types import SimpleNamespace
from typing import Any, NamedTuple

import mpmath
import numpy as np
import torch
from hypothesis import strategies as st

from numpy_rnn.types import Array

NUMPY = SimpleNamespace(exp=np.exp, log=np.log, sin=np.sin, tanh=np.tanh)
TORCH = SimpleNamespace(exp=torch.exp, log=torch.log, sin=torch.sin, tanh=torch.tanh)
EXACT = mpmath.MPContext()
EXACT.dps = 800  # sin(1e300) needs 300 for the argument alone, and a derivative steps of 1e-350
DIGITS = SimpleNamespace(**{name: np.frompyfunc(getattr(EXACT, name), 1, 1) for name in vars(NUMPY)})
# an exponent beyond float64's 709 is as good as infinite, and exp(exp(1e8)) would take for ever
DIGITS.exp = np.frompyfunc(lambda u: EXACT.exp(min(u, 10_000)), 1, 1)
N = 2

Expression = Any  # ("x", c) is c x; (operation, expressions...)


def value(expression: Expression, arrays: dict[str, Any], kind: SimpleNamespace) -> Any:
    """The vector (N,) that the expression stands for."""
    operation, *parts = expression
    if operation in arrays:
        return parts[0] * arrays[operation]
    if operation == "offset":
        return value(parts[0], arrays, kind) + parts[1]
    u, *v = (value(part, arrays, kind) for part in parts)
    if operation == "@ W":
        return u @ arrays["W"]
    if operation in "+*":
        return u + v[0] if operation == "+" else u * v[0]
    return getattr(kind, operation)(u)


class Drawn(NamedTuple):
    arrays: dict[str, Array]  # x, p (N,), W (N, N); p is positive
    expression: Expression
    scale: float

    def f(self, arrays: dict[str, Array]) -> Any:
        return self.scale * value(self.expression, arrays, NUMPY).sum()

    def by_autograd(self) -> dict[str, Array]:
        tensors = {name: torch.tensor(a, requires_grad=True) for name, a in self.arrays.items()}
        result = self.scale * value(self.expression, tensors, TORCH).sum()
        gradients = torch.autograd.grad(result, list(tensors.values()), materialize_grads=True, allow_unused=True)
        return {name: g.detach().numpy() for name, g in zip(tensors, gradients, strict=True)}

    def at(self, name: str, index: Any, h: float) -> float:
        """f in float64, one entry moved."""
        v = np.zeros_like(self.arrays[name])
        v[index] = h
        with np.errstate(all="ignore"):
            return float(self.f(self.arrays | {name: self.arrays[name] + v}))

    def exact(self, arrays: dict[str, Array], name: str = "x", index: Any = 0, move: Any = 0) -> Any:
        """f in 800 digits, one entry moved."""
        digits = {key: np.vectorize(EXACT.mpf, otypes=[object])(a) for key, a in arrays.items()}
        digits[name][index] += move
        return self.scale * value(self.expression, digits, DIGITS).sum()

    def exact_derivative(self, arrays: dict[str, Array], name: str, index: Any, h: Any = None) -> Any:
        """The derivative of one entry, or with h the central difference, in 800 digits."""
        h = EXACT.mpf(10) ** -350 * max(abs(float(arrays[name][index])), 1e-8) if h is None else EXACT.mpf(h)
        return (self.exact(arrays, name, index, h) - self.exact(arrays, name, index, -h)) / (2 * h)


NAMES = ("x", "p", "W")
LEAVES = st.sampled_from(["x", "p", "log p"])
INSTRUCTIONS = st.one_of(
    st.tuples(LEAVES, st.one_of(st.floats(-3, 1), st.none())),  # the power of ten of c times the array; none: c = 1
    st.tuples(st.sampled_from(["exp", "log", "sin", "tanh", "+", "*", "+", "*", "@ W"]), st.none()),
    st.tuples(st.just("offset"), st.integers(-8, 1)),  # a large one, inside, swallows digits that no check can see
)


@st.composite
def functions(draw: st.DrawFn) -> Drawn:
    """Instructions for a stack of expressions: a leaf goes on top, an operation takes its operands from there."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    powers = {name: draw(st.integers(-8, 8)) for name in NAMES}
    x, p, W = rng.normal(size=N), rng.uniform(0.1, 2, N), rng.normal(size=(N, N))
    arrays = {name: 10.0 ** powers[name] * a for name, a in zip(NAMES, (x, p, W), strict=True)}

    def leaf(name: str, power: float | None) -> Expression:
        c = 1.0 if power is None else 10.0 ** (power - powers[name[-1]])
        return ("log", (name[-1], c)) if "log" in name else (name, c)

    stack = [leaf("x", 0.0), leaf("p", 0.0)]
    for operation, parameter in draw(st.lists(INSTRUCTIONS, min_size=2, max_size=8)):
        if operation in ("x", "p", "log p"):
            stack.append(leaf(operation, parameter))
        elif operation in "+*" and len(stack) >= 2:
            stack.append((operation, stack.pop(), stack.pop()))
        elif operation == "offset":
            stack.append((operation, stack.pop(), 10.0**parameter))
        elif operation not in "+*":
            stack.append((operation, stack.pop()))
    while len(stack) >= 2:
        stack.append(("+", stack.pop(), stack.pop()))
    whole = ("offset", stack[0], 10.0 ** draw(st.integers(-8, 8)))
    return Drawn(arrays, whole, 10.0 ** draw(st.integers(-8, 8)))
