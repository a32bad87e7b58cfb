"""SGD, Adam and clipping by global norm, with PyTorch's formulas. Parameters are updated where they stand."""

import math

import numpy as np

from numpy_rnn.checks import check_array, check_number, expect
from numpy_rnn.types import Params


def clip_by_global_norm(grads: Params, max_norm: float) -> tuple[Params, float]:
    """All gradients times min(1, max_norm / (norm + 1e-6)), norm being that of all of them as one vector, and norm.

    Pascanu et al. (2013), Algorithm 1; the 1e-6 is torch.nn.utils.clip_grad_norm_'s. max_norm may be infinite.
    """
    number = isinstance(max_norm, (int, float, np.number))
    expect(number and max_norm > 0, "max_norm", "a number > 0", repr(max_norm))
    norm = float(np.sqrt(sum(np.vdot(g, g) for g in grads.values())))
    scale = float(np.minimum(1, max_norm / (norm + 1e-6)))  # a NaN stays one
    return {name: g * scale for name, g in grads.items()}, norm


def check_finite(backend: str, loss: float, norm: float) -> None:
    """Before an update: no weight is touched by a NaN."""
    finite = math.isfinite(loss) and math.isfinite(norm)
    expect(finite, f"{backend} training", "a finite loss and gradient (try a lower lr)", f"loss {loss}, norm {norm}")


class SGD:
    """p <- p - lr g."""

    def __init__(self, params: Params):
        self.params = params

    def step(self, grads: Params, lr: float) -> None:
        lr = _check(grads, self.params, lr)
        for name, p in self.params.items():
            p -= lr * grads[name]


class Adam:
    """Kingma & Ba (2015), Algorithm 1, with bias correction, and eps outside the root, where torch.optim.Adam has it.

    m, v: the running means of g and g^2, of the parameters' shapes; t: how many steps were made.
    """

    def __init__(self, params: Params, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8):
        self.params = params
        self.beta1, self.beta2 = check_number("beta1", beta1, 0, 1), check_number("beta2", beta2, 0, 1)
        self.eps = check_number("eps", eps, 0, np.inf)
        self.m = {name: np.zeros_like(p) for name, p in params.items()}
        self.v = {name: np.zeros_like(p) for name, p in params.items()}
        self.t = 0

    def step(self, grads: Params, lr: float) -> None:
        lr = _check(grads, self.params, lr)
        self.t += 1
        for name, p in self.params.items():
            g, m, v = grads[name], self.m[name], self.v[name]
            m[:] = self.beta1 * m + (1 - self.beta1) * g
            v[:] = self.beta2 * v + (1 - self.beta2) * (g * g)
            m_hat = m / (1 - self.beta1**self.t)
            v_hat = v / (1 - self.beta2**self.t)
            p -= lr * m_hat / (np.sqrt(v_hat) + self.eps)


def _check(grads: Params, params: Params, lr: float) -> float:
    """The gradients fit the parameters; lr as Python's float, which leaves float32 what it is."""
    lr = check_number("lr", lr, 0, np.inf)
    expect(grads.keys() == params.keys(), "grads", f"the parameters' names {sorted(params)}", sorted(grads))
    for name, p in params.items():
        check_array(name, grads[name], p.shape, p.dtype)
    return lr
