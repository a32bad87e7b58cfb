"""The twins of numpy_rnn's models as nn.Modules, in PyTorch's own words."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from numpy_rnn.config import Config
from numpy_rnn.models import CLASSES


class ElmanNetwork(nn.Module):
    """x (T, N, D), h_0 (N, H) -> losses E_t (T, N), y_hat (T, N, C), h_n (N, H): nn.RNN, nn.Linear, and an error.

    nn.RNN has two hidden biases, the network one: the second one stays zero and gets no gradient.
    """

    def __init__(self, input_size: int, hidden_size: int, output_size: int, error: str = "squared_error"):
        super().__init__()
        self.error = error
        self.hidden = nn.RNN(input_size, hidden_size)
        self.output = nn.Linear(hidden_size, output_size)
        second_bias: nn.Parameter = self.hidden.bias_hh_l0  # type: ignore[assignment]
        second_bias.requires_grad_(False).zero_()

    def forward(self, x: Tensor, y: Tensor, h_0: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """y: (T, N, C) for the squared error, classes (T, N) for the cross-entropy."""
        h, h_n = self.hidden(x, None if h_0 is None else h_0[None])  # (T, N, H)
        z = self.output(h)  # (T, N, C)
        y_hat = z.softmax(dim=-1)
        if self.error == "squared_error":
            losses = mse_loss(y_hat, y, reduction="none").mean(dim=-1)
        else:
            losses = cross_entropy(z.movedim(-1, 1), y, reduction="none")
        return losses, y_hat, h_n[0]


class SequenceModel(nn.Module):
    """The twin of numpy_rnn.SequenceModel: x (T, N, D) -> logits at every step (T, N, C), and the last state."""

    def __init__(self, layer: nn.Module, output: nn.Module):
        super().__init__()
        self.layer, self.output = layer, output

    def forward(self, x: Tensor, h_0: Any = None) -> tuple[Tensor, Any]:
        h, h_n = self.layer(x, h_0)
        return self.output(h), h_n


class SentimentModel(nn.Module):
    """token ids (T, N), lengths (N,) -> logits (N, C): Embedding -> nn.RNN, LSTM, GRU -> read-out -> Dropout -> Linear.

    It runs the recurrent layers over the padded batch and picks what it needs afterwards: on a CPU nn.RNN takes less
    than half the time of a packed sequence that way, and in one direction the real steps never see the pads.
    """

    def __init__(self, vocabulary_size: int, config: Config):
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(vocabulary_size, config.embedding_size)
        sizes = (config.embedding_size, config.hidden_size, config.num_layers)
        self.rnn: nn.RNN | nn.LSTM | nn.GRU
        match config.cell:
            case "rnn":
                self.rnn = nn.RNN(*sizes, config.nonlinearity)
            case "lstm":
                self.rnn = nn.LSTM(*sizes)
            case "gru":
                self.rnn = nn.GRU(*sizes)
        self.linear = nn.Linear(config.hidden_size, CLASSES)
        self.to(getattr(torch, config.dtype))

    def forward(self, ids: Tensor, lengths: Tensor, mask: Tensor | None = None) -> Tensor:
        output, _ = self.rnn(self.embedding(ids))  # (T, N, H)
        if self.config.readout == "last":
            features = output[-1]  # (N, H)
        elif self.config.readout == "last_real":
            features = output[lengths - 1, torch.arange(output.shape[1], device=output.device)]
        else:
            real = torch.arange(output.shape[0], device=output.device)[:, None] < lengths  # (T, N)
            features = torch.where(real[:, :, None], output, 0).sum(dim=0) / lengths[:, None]
        if mask is not None:  # Dropout, with the mask that the NumPy side has
            features = features * mask
        return self.linear(features)
