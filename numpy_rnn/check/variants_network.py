"""The known bugs of the network's backward pass: of its output layer and losses, and all of the RNN's. See variants."""

from collections.abc import Callable, Iterator

import numpy as np

from numpy_rnn.check.backward import Backward, NetworkBackward
from numpy_rnn.check.pairs import Arrays
from numpy_rnn.check.variants import FirstStepLeftOut, LastStepAlone, LastStepLeftOut
from numpy_rnn.check.variants_rnn import of_the_rnn
from numpy_rnn.types import Array


class SoftmaxDiagonal(NetworkBackward):
    id, target = "softmax-diagonal", "do"
    text = "the softmax's derivative has only its diagonal, y^ (1 - y^): each y^_c depends on every o_j."

    def do(self, dy_hat: Array, y_hat: Array) -> Array:
        return dy_hat * y_hat * (1 - y_hat)


class SoftmaxLeftOut(SoftmaxDiagonal):
    id = "softmax-derivative"
    text = "the softmax's derivative is left out: do = dy^."

    def do(self, dy_hat: Array, y_hat: Array) -> Array:
        return dy_hat


class OfCrossEntropy(SoftmaxLeftOut):
    def __init__(self, factor: str):
        self.factor = factor
        self.text = "do = y^ - y is the gradient of the cross-entropy. The loss here is the squared error."
        if factor != "1":
            self.text = (
                f"do = y^ - y, here times {factor}, is the gradient of the cross-entropy, not of the squared error."
            )

    def dy_hat(self, y_hat: Array, y: Array) -> Array:
        _, N, C = y.shape
        return {"1": 1.0, "-1": -1.0, "1 / C": 1 / C, "1 / N": 1 / N}[self.factor] * (y_hat - y)


class SoftmaxSumLeftOut(SoftmaxDiagonal):
    id = "softmax-derivative"
    text = "in the softmax's derivative the sum over the outputs is left out: do = y^ dy^."

    def do(self, dy_hat: Array, y_hat: Array) -> Array:
        return y_hat * dy_hat


class SoftmaxOtherwise(SoftmaxLeftOut):
    """The sum over the outputs at the wrong place, or another one."""

    def __init__(self, words: str, formula: Callable[[Array, Array], Array]):
        self.formula = formula
        self.text = f"the softmax's derivative is y^ (dy^ - sum of y^ dy^), not {words}."

    def do(self, dy_hat: Array, y_hat: Array) -> Array:
        return self.formula(dy_hat, y_hat)


def weighted(dy_hat: Array, y_hat: Array) -> Array:
    return (y_hat * dy_hat).sum(axis=-1, keepdims=True)  # in equation (30), (T, N, 1)


class OutputLayerWithoutSoftmax(SoftmaxLeftOut):
    def __init__(self, names: tuple[str, ...]):
        self.names, self.target = names, names[0]
        self.text = f"{', '.join(names)}: formed with dy^, not with do: the softmax's derivative is left out there."

    def do(self, dy_hat: Array, y_hat: Array) -> Array:
        self.before = dy_hat
        return NetworkBackward.do(self, dy_hat, y_hat)

    def dh_own(self, do: Array, W_hy: Array) -> Array:
        return super().dh_own(self.before if "dh" in self.names else do, W_hy)

    def products(self, a: Arrays, arrived: Arrays) -> Arrays:
        wrong = super().products(a, arrived | {"do": self.before})
        return super().products(a, arrived) | {name: wrong[name] for name in self.names if name != "dh"}


class OutputLayerOfTheLastStep(NetworkBackward):
    """Only the last step's loss reaches the output layer; `hidden`: and the hidden one."""

    id, target = "earlier-losses-lost", "do"

    def __init__(self, names: tuple[str, ...], hidden: bool):
        self.names, self.hidden = names, hidden
        self.text = f"only the last step's loss reaches {', '.join(names)}{' and the hidden layer' if hidden else ''}."

    def __call__(self, a: Arrays) -> Arrays:
        last = np.zeros_like(a["d_losses"])
        last[-1] = a["d_losses"][-1]
        of_last, every = super().__call__(a | {"d_losses": last}), super().__call__(a)
        if self.hidden:
            return of_last
        return every | {name: of_last[name] for name in self.names}


class StateBeforeInWhy(NetworkBackward):
    id, target = "h-off-by-one", "dW_hy"
    text = "dW_hy is formed with h_{t-1}, not with h_t, the state that step t has made."

    def dW_hy(self, hs: Array, do: Array) -> Array:
        return np.einsum("tnh,tnc->hc", hs[:-1], do)


class WithItsOutputs(NetworkBackward):
    """Put before a bug of the loop over time: the output layer's gradients are added up in the same loop."""

    def products(self, a: Arrays, arrived: Arrays) -> Arrays:
        kept, do = sorted(self.steps(len(a["x"]))), arrived["do"]
        dW_hy = np.einsum("tnh,tnc->hc", a["hs"][1:][kept], do[kept])
        return super().products(a, arrived) | {"dW_hy": dW_hy, "db_y": do[kept].sum(axis=(0, 1))}


def of_the_network(names: tuple[str, ...]) -> Iterator[Backward]:
    yield from (
        SoftmaxDiagonal(),
        SoftmaxLeftOut(),
        SoftmaxSumLeftOut(),
        StateBeforeInWhy(),
        SoftmaxOtherwise("y^ dy^ - sum", lambda d, y: y * d - weighted(d, y)),
        SoftmaxOtherwise("dy^ - sum", lambda d, y: d - weighted(d, y)),
        SoftmaxOtherwise("y^ (dy^ + sum)", lambda d, y: y * (d + weighted(d, y))),
        SoftmaxOtherwise("y^ (dy^ - mean)", lambda d, y: y * (d - weighted(d, y) / y.shape[-1])),
    )
    yield from (OutputLayerWithoutSoftmax(names) for names in (("dW_hy", "db_y"), ("dW_hy",), ("db_y",), ("dh",)))
    yield from (OfCrossEntropy(factor) for factor in ("1", "-1", "1 / C", "1 / N"))
    yield OutputLayerOfTheLastStep(("dW_hy", "db_y"), True)
    yield OutputLayerOfTheLastStep(("dW_hy", "db_y"), False)
    for bug in (FirstStepLeftOut, LastStepLeftOut, LastStepAlone):
        yield type(bug.__name__, (WithItsOutputs, bug, NetworkBackward), {})()
    yield from of_the_rnn(NetworkBackward, names)
