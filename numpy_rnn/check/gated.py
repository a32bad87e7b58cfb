"""The right backward pass of the LSTM and of the GRU, one method for each equation of docs/derivation.md."""

from types import SimpleNamespace

import numpy as np

from numpy_rnn.check.backward import Backward
from numpy_rnn.check.pairs import Arrays
from numpy_rnn.types import Array

Step = SimpleNamespace  # the arrays of one step by name, (N, H) each; z_i is the gate i before its sigmoid


class LSTMBackward(Backward):
    """i, f, o = sigmoid(z), g = tanh(z), c_t = f * c_{t-1} + i * g, h_t = o * tanh(c_t)."""

    def dc(self, dc_next: Array, dh: Array, s: Step) -> Array:
        return dc_next + dh * s.o * self.slope("c", s.tanh_c, s.c)  # equation (13), (N, H)

    def dz_i(self, dh: Array, dc: Array, s: Step) -> Array:
        return dc * s.g * self.slope("i", s.i, s.z_i)  # equation (14), (N, H)

    def dz_f(self, dh: Array, dc: Array, s: Step) -> Array:
        return dc * s.c_prev * self.slope("f", s.f, s.z_f)  # equation (14), (N, H)

    def dz_g(self, dh: Array, dc: Array, s: Step) -> Array:
        return dc * s.i * self.slope("g", s.g, s.z_g)  # equation (14), (N, H)

    def dz_o(self, dh: Array, dc: Array, s: Step) -> Array:
        return dh * s.tanh_c * self.slope("o", s.o, s.z_o)  # equation (14), (N, H)

    def dz(self, gates: list[Array]) -> Array:
        return np.concatenate(gates, axis=-1)  # equation (14), (N, 4 H)

    def dh_prev(self, dz: Array, W_hh: Array) -> Array:
        return dz @ W_hh.T  # equation (15), (N, H)

    def dc_prev(self, dc: Array, s: Step) -> Array:
        return dc * s.f  # equation (16), (N, H)

    def through_time(self, a: Arrays) -> Arrays:
        x, hs, cs = a["x"], a["hs"], a["cs"]
        z = x @ a["W_xh"] + a["b_xh"] + a["b_hh"] + hs[:-1] @ a["W_hh"]
        z_i, z_f, z_g, z_o = np.split(z, 4, axis=-1)  # of all steps, (T, N, H)
        every = {"i": self.sigmoid(z_i), "f": self.sigmoid(z_f), "g": np.tanh(z_g), "o": self.sigmoid(z_o)}
        every |= {"c_prev": cs[:-1], "c": cs[1:], "tanh_c": np.tanh(cs[1:])}
        every |= {"z_i": z_i, "z_f": z_f, "z_g": z_g, "z_o": z_o}
        dz, T = np.zeros_like(z), len(x)
        dh_next, dc_next = np.zeros_like(hs[0]), np.zeros_like(cs[0])
        for t in self.steps(T):
            s = Step(**{name: array[t] for name, array in every.items()})
            dh = self.dh(a["d_hs"][t], dh_next, t, T)
            dc = self.dc(dc_next, dh, s)
            dz[t] = self.dz([gate(dh, dc, s) for gate in (self.dz_i, self.dz_f, self.dz_g, self.dz_o)])
            dh_next, dc_next = self.dh_prev(dz[t], a["W_hh"]), self.dc_prev(dc, s)
        return {"dh_0": self.dh_0(dh_next), "dc_0": dc_next, "dz": dz}

    def products(self, a: Arrays, arrived: Arrays) -> Arrays:
        dz = arrived["dz"]
        return {
            "dx": self.dx(dz, a),
            "dW_xh": self.dW_xh(a["x"], dz),
            "dW_hh": self.dW_hh(a["hs"], dz),
            "db_xh": self.db(dz),
            "db_hh": self.db(dz),
        }


class GRUBackward(Backward):
    """r, z = sigmoid(a + s), n = tanh(a_n + r * s_n), s = h_{t-1} W_hh + b_hh, h_t = (1 - z) * n + z * h_{t-1}."""

    def one_minus_z(self, s: Step) -> Array:
        return 1 - s.z  # in equation (20), (N, H)

    def da_n(self, dh: Array, s: Step) -> Array:
        return dh * self.one_minus_z(s) * self.slope("n", s.n, s.z_n)  # equation (20), (N, H)

    def da_z(self, dh: Array, s: Step) -> Array:
        return dh * (s.h_prev - s.n) * self.slope("z", s.z, s.z_z)  # equation (20), (N, H)

    def da_r(self, da_n: Array, s: Step) -> Array:
        return da_n * s.s_n * self.slope("r", s.r, s.z_r)  # equation (20), (N, H)

    def ds_n(self, da_n: Array, s: Step) -> Array:
        return da_n * s.r  # equation (21), (N, H)

    def da(self, gates: list[Array]) -> Array:
        return np.concatenate(gates, axis=-1)  # equation (21), of the input's part; and of the state's part, (N, 3 H)

    def dh_prev(self, dh: Array, ds: Array, s: Step, W_hh: Array) -> Array:
        return dh * s.z + ds @ W_hh.T  # equation (22), (N, H)

    def through_time(self, a: Arrays) -> Arrays:
        x, hs = a["x"], a["hs"]
        a_t, s_t = x @ a["W_xh"] + a["b_xh"], hs[:-1] @ a["W_hh"] + a["b_hh"]
        (a_r, a_z, a_n), (s_r, s_z, s_n) = np.split(a_t, 3, axis=-1), np.split(s_t, 3, axis=-1)  # each (T, N, H)
        z_r, z_z = a_r + s_r, a_z + s_z
        r, z = self.sigmoid(z_r), self.sigmoid(z_z)
        z_n = a_n + r * s_n
        every = {"h_prev": hs[:-1], "s_n": s_n, "z_r": z_r, "z_z": z_z, "z_n": z_n, "r": r, "z": z, "n": np.tanh(z_n)}
        da, ds, after, T = np.zeros_like(a_t), np.zeros_like(a_t), np.zeros_like(hs[0]), len(x)
        for t in self.steps(T):
            s = Step(**{name: array[t] for name, array in every.items()})
            dh = self.dh(a["d_hs"][t], after, t, T)
            da_n, da_z = self.da_n(dh, s), self.da_z(dh, s)
            da_r = self.da_r(da_n, s)
            da[t], ds[t] = self.da([da_r, da_z, da_n]), self.da([da_r, da_z, self.ds_n(da_n, s)])
            after = self.dh_prev(dh, ds[t], s, a["W_hh"])
        return {"dh_0": self.dh_0(after), "da": da, "ds": ds}

    def products(self, a: Arrays, arrived: Arrays) -> Arrays:
        da, ds = arrived["da"], arrived["ds"]
        return {
            "dx": self.dx(da, a),
            "dW_xh": self.dW_xh(a["x"], da),
            "dW_hh": self.dW_hh(a["hs"], ds),
            "db_xh": self.db(da),
            "db_hh": self.db(ds),
        }
