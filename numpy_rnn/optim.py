"""SGD, Adam and clipping by global norm, with PyTorch's formulas. Parameters are updated in place."""

import math

import numpy as np

from numpy_rnn.checks import check_arrays, check_number, check_update, expect
from numpy_rnn.types import Params


def clip_by_global_norm(grads: Params, max_norm: float) -> tuple[Params, float]:
    """All gradients times min(1, max_norm / (norm + 1e-6)). norm is the norm of all gradients as one vector.

    Args:
        grads: the gradients by name. They are not changed.
        max_norm: a number above 0; infinity clips nothing.

    Returns:
        The clipped gradients, and norm.

    Raises:
        ValueError: for a max_norm that is not above 0, and for gradients that are not float arrays.

    Source:
        Pascanu et al. (2013), Algorithm 1. The 1e-6 is that of torch.nn.utils.clip_grad_norm_.
    """
    check_arrays("grads", grads)
    max_norm = check_number("max_norm", max_norm, 0, np.inf, open_low=True, closed_high=True)
    norm = float(np.sqrt(sum(np.vdot(g, g) for g in grads.values())))
    scale = 1.0 if max_norm == np.inf else float(np.minimum(1, max_norm / (norm + 1e-6)))  # a NaN stays a NaN
    return {name: g * scale for name, g in grads.items()}, norm


def check_finite(backend: str, loss: float, norm: float) -> None:
    """Raises ValueError unless the loss and the norm of the gradients are finite. Call it before an update."""
    finite = math.isfinite(loss) and math.isfinite(norm)
    expect(finite, f"{backend} training", "a finite loss and gradient (try a lower lr)", f"loss {loss}, norm {norm}")


class SGD:
    """Gradient descent: p <- p - lr g.

    Args:
        params: the arrays to be updated, by name.

    Raises:
        ValueError: for params that are not float arrays.
    """

    def __init__(self, params: Params):
        check_arrays("params", params)
        self.params = params

    def step(self, grads: Params, lr: float) -> None:
        """One update. ValueError for gradients of other names, shapes or dtypes, and for a bad lr."""
        lr = check_update(grads, self.params, lr)
        for name, p in self.params.items():
            p -= lr * grads[name]


class Adam:
    """Adam with bias correction. eps is outside the root, as in torch.optim.Adam.

    Args:
        params: the arrays to be updated, by name.
        beta1: the decay rate of m, in [0, 1).
        beta2: the decay rate of v, in [0, 1).
        eps: is added to the denominator; at least 0.

    Attributes:
        m: the running mean of g for each parameter, in its shape.
        v: the running mean of g^2, likewise.
        t: the number of steps so far.

    Raises:
        ValueError: for a bad argument.

    Source:
        Kingma & Ba (2015), Algorithm 1.
    """

    def __init__(self, params: Params, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8):
        check_arrays("params", params)
        self.params = params
        self.beta1, self.beta2 = check_number("beta1", beta1, 0, 1), check_number("beta2", beta2, 0, 1)
        self.eps = check_number("eps", eps, 0, np.inf)
        self.m = {name: np.zeros_like(p) for name, p in params.items()}
        self.v = {name: np.zeros_like(p) for name, p in params.items()}
        self.t = 0

    def step(self, grads: Params, lr: float) -> None:
        """One update. ValueError for gradients of other names, shapes or dtypes, and for a bad lr."""
        lr = check_update(grads, self.params, lr)
        self.t += 1
        for name, p in self.params.items():
            g, m, v = grads[name], self.m[name], self.v[name]
            m[:] = self.beta1 * m + (1 - self.beta1) * g
            v[:] = self.beta2 * v + (1 - self.beta2) * (g * g)
            m_hat = m / (1 - self.beta1**self.t)
            v_hat = v / (1 - self.beta2**self.t)
            p -= lr * m_hat / (np.sqrt(v_hat) + self.eps)
