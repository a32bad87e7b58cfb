"use strict";
// The numbers: which parts a truncation keeps, sums of them, norms. Nothing of a network is computed here.

const DATA = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const now = {run: null, k1: 1, k2: 1, loss: 0, bug: "", step: 1};  // loss 0: all; step counts from 1

const length = (run) => run.x.length;
const flat = (a) => (Array.isArray(a) ? a.flat(Infinity) : [a]);
const norm = (a) => Math.sqrt(flat(a).reduce((sum, v) => sum + v * v, 0));
const plus = (a, b) => (Array.isArray(a) ? a.map((v, i) => plus(v, b[i])) : a + b);
const times = (a, s) => (Array.isArray(a) ? a.map((v) => times(v, s)) : a * s);
const dot = (a, b) => { const v = flat(b); return flat(a).reduce((sum, u, i) => sum + u * v[i], 0); };

// TBPTT(k1, k2): true where the loss of step t reaches step k. As numpy_rnn.split.window_mask.
function keptBy(T, k1, k2) {
  const kept = Array.from({length: T}, () => Array(T).fill(false));
  for (let first = 0; first < T; first += k1) {
    const end = Math.min(first + k1, T);
    const start = k1 === k2 ? first : Math.max(end - k2, 0);
    for (let t = first; t < end; t++) for (let k = start; k <= t; k++) kept[t][k] = true;
  }
  return kept;
}

const chosen = (t) => now.loss === 0 || now.loss === t + 1;

// The sum of parts[t][k] over the cells for which use(t, k) holds.
function sumOver(parts, use) {
  let total = times(parts[0][0], 0);
  for (let t = 0; t < parts.length; t++) {
    for (let k = 0; k <= t; k++) if (use(t, k)) total = plus(total, parts[t][k]);
  }
  return total;
}

// The gradient of the chosen losses, full and truncated: their norms, their cosine, and what is missed.
function biasOf(G, k1, k2, of = chosen) {
  const kept = keptBy(G.length, k1, k2);
  const full = sumOver(G, of), truncated = sumOver(G, (t, k) => of(t) && kept[t][k]);
  const length = norm(full) * norm(truncated);
  return {
    full: norm(full), truncated: norm(truncated), cosine: length ? dot(full, truncated) / length : 0,
    bias: norm(full) ? norm(plus(full, times(truncated, -1))) / norm(full) : 0,
  };
}

// The smallest k2, with k1 = 1, from which on the bias stays below the share.
function smallestK2(G, share) {
  let k2 = G.length;
  while (k2 > 1 && biasOf(G, 1, k2 - 1).bias < share) k2--;
  return k2;
}

const planted = () => (now.bug ? now.run.bugs[now.bug] : null);
const partsOf = (name, bug) => (bug && bug[name]) || now.run[name];

// What an array's name means at step k (from 0), for the chosen losses and the truncation. With `bug` the wrong one.
function valuesOf(name, k, bug) {
  const run = now.run, T = length(run), kept = keptBy(T, now.k1, now.k2);
  const at = (parts, of, steps) => sumOver(parts, (t, j) => j === of && chosen(t) && kept[t][k] && t >= k + steps);
  const later = (parts) => (k + 1 < T ? at(parts, k + 1, 1) : times(parts[0][0], 0));  // from the step after
  const parameter = run.params[name + "_l0"];
  if (parameter) return parameter;
  if (run.gates[name]) return run.gates[name][k];
  switch (name) {
    case "x": return run.x[k];
    case "h": return run.hs[k + 1];
    case "h_prev": return run.hs[k];
    case "c": return run.cs[k + 1];
    case "c_prev": return run.cs[k];
    case "d_output": return times(run.d_output[k], chosen(k) ? 1 : 0);
    case "next": return later(partsOf("sent", bug));
    case "goes_on": return k ? valuesOf("next", k - 1, bug) : valuesOf("sent", k, bug);
    case "dc_goes_on": return k ? valuesOf("dc_next", k - 1, bug) : valuesOf("dc_sent", k, bug);
    case "dc_next": return later(partsOf("dc_sent", bug));
    case "dh": {
      const own = valuesOf("d_output", k, bug);
      return bug && bug.dropped ? own : plus(own, valuesOf("next", k, bug));
    }
    case "part": return at(partsOf("G", bug), k, 0);
    default: return at(partsOf(name, bug), k, 0);
  }
}

const differs = (a, b) => norm(plus(a, times(b, -1))) > 1e-9 * norm(b);

// All moments of a run: forward through all steps, then backward, from the last chosen loss.
function momentsOf(run) {
  const all = DATA.moments[run.cell], T = length(run), found = [];
  for (let k = 0; k < T; k++) for (const m of all) if (m.phase === "forward") found.push({k, m});
  for (let k = (now.loss || T) - 1; k >= 0; k--) for (const m of all) if (m.phase === "backward") found.push({k, m});
  return found;
}

// A number for the eye: at most five characters wide, with a true minus.
function short(v) {
  const a = Math.abs(v);
  const text = a === 0 ? "0" : a < 0.0095 ? a.toExponential(0) : a < 9.95 ? a.toFixed(2) : a < 9999 ? a.toFixed(0) : a.toExponential(0);
  return (v < 0 && a ? "−" : "") + text.replace("e+", "e").replace("e-", "e−");
}
// The same for a small box.
const shortest = (v) => {
  const a = Math.abs(v), sign = v < 0 ? "−" : "";
  return a && a < 0.0005 ? "≈0" : a && a < 0.0095 ? sign + a.toFixed(3).slice(1) : short(v);
};
const percent = (share) => (share >= 0.995 ? (100 * share).toFixed(0) : share && share < 1e-4 ? (100 * share).toExponential(0) : String(Number((100 * share).toPrecision(2)))) + " %";
const digits = (v) => Number(v).toPrecision(12);
