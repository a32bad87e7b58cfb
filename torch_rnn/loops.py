"""The loop over the steps of a cell: as one writes it with PyTorch's cells, and with fewer operations, for a GPU."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

State = tuple[Tensor, ...]  # h_t (N, H); of an LSTM h_t and c_t


class CellLoop(nn.Module):
    """x (T, N, D) -> h_1..h_T (T, N, H): a loop over the steps, with h_0 = 0.

    Args:
        cell: an nn.RNNCell, LSTMCell or GRUCell.
    """

    def __init__(self, cell: nn.RNNCellBase):
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor) -> Tensor:
        state, output = None, []
        for x_t in x:
            state = self.cell(x_t, state)  # h_t, of an LSTM (h_t, c_t)
            output.append(state[0] if isinstance(state, tuple) else state)
        return torch.stack(output)


class FusedLoop(nn.Module):
    """What CellLoop computes, with fewer operations: x (T, N, D) -> h_1..h_T (T, N, H).

    The products of all inputs with W_ih are one product before the loop, and so is their backward pass. In the loop one
    product is left for each step, that of h_{t-1} with W_hh, and `step`, which torch.compile makes one kernel of.

    Args:
        cell: an nn.RNNCell, LSTMCell or GRUCell with biases. The loop uses its parameters.
    """

    def __init__(self, cell: nn.RNNCellBase):
        super().__init__()
        self.cell = cell
        self.step = {nn.RNNCell: rnn_step, nn.LSTMCell: lstm_step, nn.GRUCell: gru_step}[type(cell)]
        if isinstance(cell, nn.RNNCell) and cell.nonlinearity == "relu":
            self.step = relu_step

    def forward(self, x: Tensor) -> Tensor:
        cell, H = self.cell, self.cell.hidden_size
        before, within = cell.bias_ih + cell.bias_hh, None
        if isinstance(cell, nn.GRUCell):
            before, within = cell.bias_ih, cell.bias_hh  # r multiplies b_hn: it cannot leave the loop
        a = linear(x, cell.weight_ih, before)  # (T, N, gates * H), every a_t in one product
        state: State = (x.new_zeros(x.shape[1], H),) * (2 if isinstance(cell, nn.LSTMCell) else 1)
        output = []
        for a_t in a:
            s_t = linear(state[0], cell.weight_hh, within)  # (N, gates * H)
            state = self.step(a_t, s_t, state)
            output.append(state[0])
        return torch.stack(output)


# One step after its products: a_t, the input's part, s_t, the state's part, (N, gates * H) each, and the state.
# The formulas are those of nn.RNN, nn.LSTM and nn.GRU in PyTorch's documentation.


def rnn_step(a: Tensor, s: Tensor, state: State) -> State:
    return (torch.tanh(a + s),)


def relu_step(a: Tensor, s: Tensor, state: State) -> State:
    return (torch.relu(a + s),)


def lstm_step(a: Tensor, s: Tensor, state: State) -> State:
    z_i, z_f, z_g, z_o = (a + s).chunk(4, dim=-1)
    c = torch.sigmoid(z_f) * state[1] + torch.sigmoid(z_i) * torch.tanh(z_g)
    return torch.sigmoid(z_o) * torch.tanh(c), c


def gru_step(a: Tensor, s: Tensor, state: State) -> State:
    (a_r, a_z, a_n), (s_r, s_z, s_n) = a.chunk(3, dim=-1), s.chunk(3, dim=-1)
    r, z = torch.sigmoid(a_r + s_r), torch.sigmoid(a_z + s_z)
    n = torch.tanh(a_n + r * s_n)
    return ((1 - z) * n + z * state[0],)
