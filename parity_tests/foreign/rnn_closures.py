"""A tape: each step leaves a function that knows how to go back."""
import numpy as np


def make_step(x_t, prev, new, Wx, Wh):
    def pull(upstream, grads):
        local = upstream * (1 - np.square(new))
        grads["dW_xh"] = grads["dW_xh"] + np.matmul(np.transpose(x_t), local)
        grads["dW_hh"] = grads["dW_hh"] + np.matmul(np.transpose(prev), local)
        grads["db_h"] = grads["db_h"] + np.sum(local, 0)
        to_x = np.matmul(local, np.transpose(Wx))
        to_prev = np.matmul(local, np.transpose(Wh))
        return to_x, to_prev

    return pull


def forward(x, h_init, Wx, Wh, bias):
    states = [h_init]
    for x_t in x:
        states.append(np.tanh(np.matmul(x_t, Wx) + np.matmul(states[-1], Wh) + bias))
    return np.stack(states)


def backward(d_states, x, states, Wx, Wh, bias):
    tape = [make_step(x_t, p, q, Wx, Wh) for x_t, p, q in zip(x, states[:-1], states[1:])]
    grads = {"dW_xh": 0.0 * Wx, "dW_hh": 0.0 * Wh, "db_h": 0.0 * bias}
    flow = np.zeros(states.shape[1:])
    to_inputs = []
    while tape:
        pull = tape.pop()
        upstream = flow + d_states[len(tape)]
        to_x, flow = pull(upstream, grads)
        to_inputs.insert(0, to_x)
    grads["dx"] = np.array(to_inputs)
    grads["dh_0"] = flow
    return grads
