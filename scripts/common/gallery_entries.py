"""The wrong lines of docs/gallery.md: each stands in the place of one line of a right file."""

from typing import NamedTuple

from numpy_rnn.check.template import FILLED, right_line


class Entry(NamedTuple):
    pair: str  # "rnn", "network", "lstm" or "gru"
    target: str  # what the line computes
    wrong: str  # the line as it is written here
    title: str
    text: str  # what it means, and where it was seen

    @property
    def source(self) -> str:
        """The whole file, with the wrong line."""
        right = right_line(self.pair, self.target).text
        assert FILLED[self.pair].count(f"        {right}") == 1, right
        return FILLED[self.pair].replace(f"        {right}", f"        {self.wrong}")


ENTRIES = (
    Entry("rnn", "dh", "dh = d_hs[t]", "What later steps send back is left out",
          "Each loss reaches the weights through its own step alone. This is TBPTT(1, 1): a network without "
          "backpropagation through time. Seen in qixianbiao/RNN#2."),
    Entry("rnn", "dh", "dh = d_hs[t] if t == T - 1 else dh_next", "Only the last loss goes back",
          "Right for a network that is read at the end. With a loss at every step, all but one are lost."),
    Entry("rnn", "dh_next", "dh_next = dz @ W_hh", "The transpose is missing",
          "All shapes fit, because W_hh is square. Seen in vzhou842/rnn-from-scratch, with weights that start at "
          "1/1000: there only a small part of the gradient goes through W_hh at all."),
    Entry("rnn", "dz", "dz = dh", "tanh' is left out",
          "While the states are small, tanh' is near 1, so nothing looks wrong at the start."),
    Entry("rnn", "dz", "dz = dh * (1 - hs[t + 1])", "tanh' without the square",
          "1 - h in the place of 1 - h^2. It is near 1 for small states, too."),
    Entry("rnn", "dz", "dz = dh * (1 - np.tanh(hs[t + 1]) ** 2)", "tanh is applied a second time",
          "The derivative function expects z, and gets h = tanh(z)."),
    Entry("rnn", "dz", "dz = dh * hs[t + 1]", "The value in the place of the derivative",
          "The activation's derivative was never applied to the copy that is used. Seen in hanbt/learn_dl#29, there "
          "with the state of the next step, too."),
    Entry("rnn", "dW_hh", "dW_hh += hs[t + 1].T @ dz", "The state of the wrong step",
          "dW_hh takes the state that step t has read, not the one that it has made. Asked about in "
          "VikParuchuri/zero_to_gpt#9."),
    Entry("rnn", "dW_hh", "dW_hh = hs[t].T @ dz", "Assigned, not added up",
          "The sum over the steps keeps its last term only, which is that of the first step. Here h_0 is zero, and so "
          "is this term: W_hh is not trained at all."),
    Entry("rnn", "dx[t]", "dx[t] = (d_hs[t] * (1 - hs[t + 1] ** 2)) @ W_xh.T", "dx misses the later losses",
          "All gradients of this layer's parameters are right, so it learns. What is below it, another layer or an "
          "embedding, learns from a wrong dx."),
    Entry("rnn", "db_h", "db_h += dz.mean(axis=0)", "A mean where a sum belongs",
          "One array is too small by a factor of N. Adam divides by the size of the gradient, so nobody notices."),
    Entry("rnn", "dh", "d_hs[t] += dh_next\n        dh = d_hs[t]", "The arriving gradient is overwritten",
          "The first call is right. A second call with the same d_hs is wrong. So is a numeric check that uses d_hs "
          "again: then all gradients seem wrong. Seen in Burton2000/CS231n-2017#7."),
    Entry("rnn", "dz", "dz = np.clip(dh * (1 - hs[t + 1] ** 2), -0.001, 0.001)", "Clipping inside the backward pass",
          "It is right as long as nothing is clipped, and no check at small gradients sees it."),
    Entry("rnn", "dW_hh", "dW_hh = (dW_hh + hs[t].T @ dz).astype(np.float32)", "A float32 buffer in a float64 check",
          "A check to more than seven digits cannot pass, and so people loosen its tolerance until it does."),
    Entry("rnn", "dh_next", "dh_next = np.zeros_like(dh) if t in (5, 10, 15) else dz @ W_hh.T",
          "Truncated, and nobody said so",
          "Chunks of five steps. It learns what lies within a chunk. If it is meant, TRUNCATION = (5, 5) says so."),
    Entry("network", "do", "do = y_hat[t] * (1 - y_hat[t]) * dy_hat", "The softmax's diagonal alone",
          "The Jacobian of the softmax has entries beside its diagonal: every output depends on every o_j."),
    Entry("network", "do", "do = y_hat[t] - y[t]", "The cross-entropy's gradient, with the squared error",
          "The right gradient of another loss. The network learns; what is printed as its loss is not what it "
          "minimizes."),
    Entry("network", "dW_hy", "dW_hy += hs[t].T @ do", "The output layer with the state before",
          "In the output layer it is the other way round: o_t is made of hs[t + 1]."),
    Entry("lstm", "dc", "dc = dc_next + dh * o * (1 - np.tanh(tanh_c) ** 2)", "tanh(tanh(c))' in the LSTM",
          "The derivative function expects c, and gets tanh(c). Seen in nicklashansen/rnn_lstm_from_scratch#1."),
    Entry("lstm", "dc_next", "dc_next = dc", "The cell's way back without f",
          "c_t = f * c_{t-1} + i * g, so f belongs to the way back. Without it the gradient never fades."),
    Entry("lstm", "dz_f", "dz_f = dc * cs[t + 1] * f * (1 - f)", "The forget gate with the cell after",
          "f has multiplied c_{t-1}, which is cs[t]."),
    Entry("lstm", "dz_o", "dz_o = dh * tanh_c * o", "A gate without its derivative",
          "The sigmoid's derivative o (1 - o) has lost a factor. Seen, for all gates, in llSourcell/LSTM_Networks#4."),
    Entry("gru", "ds_n", "ds_n = da_n", "The reset gate is forgotten on the way back",
          "r multiplies the state's part of n forward, so it multiplies that part's gradient, too."),
    Entry("gru", "da_z", "da_z = dh * hs[t] * z * (1 - z)", "Half of the update gate",
          "z stands in both terms of h_t = (1 - z) * n + z * h_{t-1}; one of them is forgotten."),
    Entry("gru", "dh_next", "dh_next = ds @ W_hh.T", "The GRU's direct path is lost",
          "z * h_{t-1} is the path that lets the GRU keep a state. Without it the gradient fades as in an RNN."),
)  # fmt: skip
