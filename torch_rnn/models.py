"""The twins of numpy_rnn's models as nn.Modules, made of PyTorch's own layers."""

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss, relu
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from numpy_rnn.sentiment.config import Config
from numpy_rnn.sentiment.models import FC1_SIZE
from torch_rnn.loops import CellLoop, FusedLoop


class ElmanNetwork(nn.Module):
    """The twin of numpy_rnn.ElmanNetwork: nn.RNN, nn.Linear and a loss.

    nn.RNN has two hidden biases, the network has one. So the second bias stays zero and gets no gradient.

    Args:
        input_size: D.
        hidden_size: H.
        output_size: C.
        error: the loss, "squared_error" or "cross_entropy".
    """

    def __init__(self, input_size: int, hidden_size: int, output_size: int, error: str = "squared_error"):
        super().__init__()
        self.error = error
        self.hidden = nn.RNN(input_size, hidden_size)
        self.output = nn.Linear(hidden_size, output_size)
        second_bias: nn.Parameter = self.hidden.bias_hh_l0  # type: ignore[assignment]
        second_bias.requires_grad_(False).zero_()

    def forward(self, x: Tensor, y: Tensor, h_0: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """The losses of all steps.

        Args:
            x: (T, N, D), the inputs.
            y: the targets, (T, N, C) for the squared error, classes (T, N) for the cross-entropy.
            h_0: (N, H), the initial state; None is zeros.

        Returns:
            The losses E_t (T, N), y_hat (T, N, C) and the last state h_n (N, H).
        """
        h, h_n = self.hidden(x, None if h_0 is None else h_0[None])  # (T, N, H)
        o = self.output(h)  # (T, N, C)
        y_hat = o.softmax(dim=-1)
        if self.error == "squared_error":
            losses = mse_loss(y_hat, y, reduction="none").mean(dim=-1)
        else:
            losses = cross_entropy(o.movedim(-1, 1), y, reduction="none")
        return losses, y_hat, h_n[0]


class SequenceModel(nn.Module):
    """The twin of numpy_rnn.SequenceModel: x (T, N, D) -> logits at every step (T, N, C), and the last state.

    Args:
        layer: an nn.RNN, LSTM or GRU.
        output: an nn.Linear.
    """

    def __init__(self, layer: nn.Module, output: nn.Module):
        super().__init__()
        self.layer, self.output = layer, output

    def forward(self, x: Tensor, h_0: Any = None) -> tuple[Tensor, Any]:
        """x (T, N, D), h_0 as PyTorch's layer takes it -> logits (T, N, C), the last state."""
        h, h_n = self.layer(x, h_0)
        return self.output(h), h_n


class SentimentModel(nn.Module):
    """token ids (T, N), lengths (N,) -> logits (N, C): Embedding -> recurrent layer -> read-out -> Dropout -> head.

    The subclasses add the recurrent layer and the head, with the methods `states` and `logits`.

    Args:
        vocabulary_size: V.
        config: the settings.
    """

    system: str
    embedding: nn.Embedding

    def __init__(self, vocabulary_size: int, config: Config):
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(vocabulary_size, config.embedding_size)

    def forward(self, ids: Tensor, lengths: Tensor, mask: Tensor | None = None) -> Tensor:
        """The logits of a batch.

        Args:
            ids: (T, N), the token ids.
            lengths: (N,), of the reviews.
            mask: (N, F), the dropout mask of the features, the same as in NumPy; None in testing.

        Returns:
            logits (N, C).
        """
        features = self.read_out(self.states(self.embedding(ids), lengths), lengths)
        if mask is not None:
            features = features * mask
        return self.logits(features)

    def read_out(self, output: Tensor, lengths: Tensor) -> Tensor:
        """The states (T, N, F) -> the features (N, F); see numpy_rnn/sentiment/readouts.py."""
        T, N, _ = output.shape
        if self.config.readout == "last":
            return output[-1]
        if self.config.readout == "last_real":
            return output[lengths - 1, torch.arange(N, device=output.device)]
        real = torch.arange(T, device=output.device)[:, None] < lengths  # (T, N)
        if self.config.readout == "max":
            return torch.where(real[:, :, None], output, -torch.inf).max(dim=0).values
        return torch.where(real[:, :, None], output, 0).sum(dim=0) / lengths[:, None]

    def states(self, x: Tensor, lengths: Tensor) -> Tensor:
        """x (T, N, D) -> h_1..h_T (T, N, F)."""
        raise NotImplementedError

    def logits(self, features: Tensor) -> Tensor:
        """(N, F) -> (N, C)."""
        raise NotImplementedError


class BasicRNN(SentimentModel):
    """The system basic: nn.RNN (or LSTM, GRU), one Linear layer, and, as it was written, a sigmoid.

    In one direction the recurrent layer gets the whole padded batch. The pads come last, so they have no influence on
    the real steps. On a CPU this takes nn.RNN less than half the time of a packed sequence. The original has
    batch_first, here time comes first: the network is the same.
    """

    system = "basic"

    def __init__(self, vocabulary_size: int, config: Config):
        super().__init__(vocabulary_size, config)
        options: dict[str, Any] = {"nonlinearity": config.nonlinearity} if config.cell == "rnn" else {}
        kind = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[config.cell]
        self.rnn = kind(
            config.embedding_size, config.hidden_size, config.num_layers, bidirectional=config.bidirectional, **options
        )
        self.linear = nn.Linear(config.features, config.outputs)
        self.to(getattr(torch, config.dtype))

    def states(self, x: Tensor, lengths: Tensor) -> Tensor:
        if not self.config.bidirectional:
            return self.rnn(x)[0]
        output, _ = self.rnn(pack_padded_sequence(x, lengths.cpu(), enforce_sorted=False))
        return pad_packed_sequence(output, total_length=len(x))[0]

    def logits(self, features: Tensor) -> Tensor:
        z = self.linear(features)
        return z.sigmoid() if self.config.sigmoid else z


class RNNCellNet(SentimentModel):
    """The system rnncell: a loop over nn.RNNCell (or LSTMCell, GRUCell), then Linear, ReLU, Linear."""

    system = "rnncell"

    def __init__(self, vocabulary_size: int, config: Config):
        super().__init__(vocabulary_size, config)
        options = {"nonlinearity": config.nonlinearity} if config.cell == "rnn" else {}
        kind = {"rnn": nn.RNNCell, "lstm": nn.LSTMCell, "gru": nn.GRUCell}[config.cell]
        self.rnn = CellLoop(kind(config.embedding_size, config.hidden_size, **options))
        self.fc1 = nn.Linear(config.hidden_size, FC1_SIZE)
        self.fc2 = nn.Linear(FC1_SIZE, config.outputs)
        self.captured: dict[tuple[int, int], Any] = {}
        self.to(getattr(torch, config.dtype))

    def capture(self, T: int, N: int) -> None:
        """Records the loop for batches of T steps and N reviews, forward and backward, as a CUDA graph.

        Then the loop is one launch, not some for each step. Training batches of this shape use it from then on. Call it
        before training, on the GPU. torch.compile needs Triton, which PyTorch for CUDA brings along, and a C compiler.
        """
        x = self.fc1.weight.new_zeros(T, N, self.config.embedding_size).requires_grad_()
        loop = FusedLoop(self.rnn.cell)
        loop.step = torch.compile(loop.step, fullgraph=True, dynamic=False)
        with warnings.catch_warnings():  # PyTorch warns of its own warm-up, which is on another stream: harmless
            warnings.filterwarnings("ignore", "The AccumulateGrad node's stream does not match")
            self.captured[T, N] = torch.cuda.make_graphed_callables(loop, (x,))

    def states(self, x: Tensor, lengths: Tensor) -> Tensor:
        loop = self.captured.get((x.shape[0], x.shape[1])) if torch.is_grad_enabled() else None
        return (loop or self.rnn)(x)

    def logits(self, features: Tensor) -> Tensor:
        return self.fc2(relu(self.fc1(features)))
