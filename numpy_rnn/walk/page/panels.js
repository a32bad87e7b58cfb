"use strict";
// The panels below the network: this moment, the triangle, the norms, the decay.

function text(label, k) {
  const T = length(now.run);
  if (k + 2 > T) label = label.replace(", from step {t+1}", ": nothing, it is the last step");
  if (k === 0) label = label.replace("dc_next, to step {t-1}", "dc_next, to c_0").replace(", to step {t-1}", ", to h_0");
  return general(label.replace(/\{t-1\}/g, k).replace(/\{t\+1\}/g, k + 2).replace(/\{t\}/g, k + 1));
}

// The same for any step: t stays t.
function general(label) {
  return label.replace(/\{(t[-+]?1?)\}/g, (_, t) => `<sub>${t.replace("-", "−")}</sub>`).replace(/_<sub>/g, "<sub>")
    .replace(/\^T/g, "<sup>T</sup>").replace(/_(\w+)/g, "<sub>$1</sub>");
}

function array(label, name, values, kind, withNorm = false) {
  const rows = Array.isArray(values[0]) ? values : [values], largest = Math.max(...flat(values).map(Math.abs), 1e-300);
  const tiny = rows[0].length > 8;
  const gates = {lstm: "ifgo", gru: "rzn"}[now.run.cell] || "", H = now.run.h_0.length;
  const head = gates && rows[0].length === gates.length * H ? `<tr>${[...gates].map((g) => `<th colspan="${H}">${g}</th>`).join("")}</tr>` : "";
  const cells = head + rows.map((row) => "<tr>" + row.map((v) => {
    const share = Math.round(10 + 50 * Math.sqrt(Math.abs(v) / largest));
    const colour = v ? `background: color-mix(in srgb, var(--${v < 0 ? "neg" : "pos"}) ${share}%, transparent)` : "";
    return `<td style="${colour}" title="${v}">${tiny ? "" : short(v)}</td>`;
  }).join("") + "</tr>").join("");
  const all = flat(values).map(digits).join(" ");
  return `<figure class="${kind}" data-name="${name}" data-shape="${rows.length} ${rows[0].length}" data-values="${all}">` +
    `<figcaption class="math">${label}${withNorm ? ` <span class="soft">(norm ${short(norm(values))})</span>` : ""}</figcaption><table ${tiny ? `class="tiny" style="width: min(100%, ${0.85 * rows[0].length}rem)"` : ""}>${cells}</table></figure>`;
}

const between = (a) => `${short(Math.min(...a))} and ${short(Math.max(...a))}`;
const ratio = (a, b) => (norm(b) ? norm(a) / norm(b) : 0);

// One sentence for each kind of moment; v(name) are its arrays, t counts from 1.
const SAY = {
  state: (v, t) => `The state h_${t} comes from the input of step ${t} and from h_${t - 1}, through the same W_hh as at every other step.`,
  gates: (v, t) => now.run.cell === "lstm"
    ? `The forget gate f lies between ${between(v("f"))}: so much of the cell stays. The input gate i lets in between ${between(v("i"))} of g.`
    : `The update gate z lies between ${between(v("z"))}: so much of h_${t - 1} stays. The reset gate r acts after the product with W_hh.`,
  cell: (v, t) => `The cell c_${t} is a sum: what f keeps of c_${t - 1}, and what i lets in of g. No matrix stands between c_${t - 1} and c_${t}.`,
  output: (v, t) => `The output gate o shows between ${between(v("o"))} of tanh(c_${t}).`,
  mixes: (v, t) => `h_${t} lies between n and h_${t - 1}: z says how near to h_${t - 1}.`,
  arrives: (v, t) => {
    const own = norm(v("d_output")), later = norm(v("next")), T = length(now.run);
    if (planted() && planted().dropped) return `dh_next is dropped: dh_${t} has only the gradient of E_${t}. Later losses are lost.`;
    if (!own && !later) return `Nothing arrives here: no chosen loss reaches step ${t}.`;
    if (!later && t < T) return `Only E_${t} itself arrives. The gradients of later losses were cut, or none is chosen.`;
    if (!later) return `This is the last step, so only its own loss E_${t} arrives.`;
    if (!own) return `All of dh_${t} comes from later losses.`;
    return `${percent(later / (own + later))} of what arrives at step ${t} is sent by later losses: ‖dh_next‖ / (‖∂E_${t}/∂h_${t}‖ + ‖dh_next‖).`;
  },
  through: (v, t) => {
    const dz = v("dz"), dh = v("dh"), passes = dz.map((d, i) => (dh[i] ? Math.abs(d / dh[i]) : Infinity));
    const least = passes.indexOf(Math.min(...passes));
    if (!norm(dh)) return `Nothing arrives at step ${t}, so nothing goes through its tanh.`;
    return `The gradient goes back through tanh: ‖dz_${t}‖ is ${percent(ratio(dz, dh))} of ‖dh_${t}‖. The unit with h = ${short(v("h")[least])} lets the least through, ${percent(passes[least])}.`;
  },
  into_cell: (v, t) => t === length(now.run) ? `This is the last step, so all of dc_${t} comes from dh_${t}, through o and tanh.`
    : `Two paths meet in the cell: dc_next brings ${short(norm(v("dc_next")))}, from step ${t + 1}; the rest comes from dh_${t}, through o and tanh.`,
  through_gates: (v, t) => `The gradient goes back through the gates. Each part gets the derivative of its own gate, s(1 - s) for a sigmoid, 1 - s² for tanh.`,
  reset: () => "r multiplies the state's part of n, so on the way back it multiplies that part's gradient.",
  adds: (v, t) => `Step ${t} adds a part of norm ${short(norm(v("part")))} to dW_hh: h_${t - 1}, which step ${t} has read, times what came back to step ${t}.`,
  sends: (v, t) => {
    const ended = cuts(t - 1), go = ratio(v("sent"), v("dh"));
    const passed = `On its way from dh_${t} to step ${t - 1} the gradient becomes ${go > 0 ? short(go) : "0"} times as long.`;
    if (t === 1) return "Here the gradient leaves the sequence: it is that of the initial state h_0.";
    if (!ended.length) return passed;
    return `${passed} ✂ The window of ${named(ended)} starts here, so what comes from ${ended.length > 1 ? "these losses" : "it"} goes no further.`;
  },
  sends_cell: (v, t) => `The forget gate sends ${percent(ratio(v("dc_sent"), v("dc")))} of ‖dc_${t}‖ on to ${t > 1 ? "step " + (t - 1) : "c_0"}: no matrix, no tanh. This is the direct path of the LSTM.`,
};

function drawMoment() {
  const {k, m} = momentsOf(now.run)[now.step - 1], all = momentsOf(now.run).length, bug = planted();
  const v = (name) => valuesOf(name, k, bug), wrongHere = bug && bug.moment === m.id;
  const ended = m.phase === "backward" ? cuts(k) : [];
  $("moment-title").textContent = `moment ${now.step} of ${all}: ${m.phase}, t = ${k + 1}`;
  const empty = m.phase === "backward" && m.id !== "arrives" && !m.results.some(([, name]) => norm(v(name)));
  $("sentence").innerHTML = empty ? `Nothing arrives at step ${k + 1}: no chosen loss reaches it.` : wrongHere ? `The planted bug is in this line. ${general(bug.why)}` : text(SAY[m.id](v, k + 1), k);
  $("formula").innerHTML = `${text(wrongHere ? bug.formula : m.formula, k)} &nbsp; ${m.equation}`;
  let html = ((wrongHere && bug.operands) || m.operands).map(([label, name]) => {
    const mark = bug && differs(v(name), valuesOf(name, k, null)) ? " ✗ wrong" : "";
    const absent = name === "d_output" && !chosen(k) ? ": this loss is not chosen" : "";
    return array(text(label, k) + absent + mark, name, v(name), "");
  }).join("");
  for (const [label, name] of m.results) {
    const is = v(name), should = valuesOf(name, k, null), wrong = differs(is, should);
    html += array(text(label, k) + (wrong ? " ✗ wrong" : ""), name, is, wrong ? "result was-wrong" : "result", m.phase === "backward");
    if (wrong) html += array("right", `right ${name}`, should, "", true);
    const on = {sent: "goes_on", dc_sent: "dc_goes_on"}[name];
    if (on && ended.length) html += array(`of this goes on, after the cut of ${text(named(ended), k)}`, on, v(on), "", true);
  }
  $("operands").innerHTML = html;
  $("source-text").textContent = m.text;
  $("source").innerHTML = `${m.file}, line ${m.line}` + (wrongHere ? `. This is the right line; with the bug: <span class="math">${text(bug.formula, k)}</span>` : "");
}

function drawTriangle() {
  const T = length(now.run), bug = planted(), G = partsOf("G", bug), kept = keptBy(T, now.k1, now.k2);
  const {k: at, m} = momentsOf(now.run)[now.step - 1], norms = G.map((row) => row.map(norm));
  const above = flat(now.run.G.map((row) => row.map(norm))).filter((n) => n > 0), largest = Math.max(...above), least = Math.max(Math.min(...above), largest * 1e-8);
  const share = (n) => Math.min(Math.max(Math.log(n / least), 0) / Math.max(Math.log(largest / least), 1e-9), 1);
  const shade = (n) => `background-color: color-mix(in srgb, var(--accent) ${n > 0 ? Math.round(6 + 64 * share(n)) : 0}%, transparent)`;
  let html = `<table class="${bug ? "planted" : ""}"><caption class="hidden">The norm of each part of the gradient of W_hh</caption><thead><tr><th></th>`;
  for (let k = 0; k < T; k++) html += `<th scope="col" class="${k === at ? "here" : ""}">${k + 1}</th>`;
  html += "</tr></thead><tbody>";
  let best = [0, 0], wrongs = 0;
  for (let t = 0; t < T; t++) {
    html += `<tr class="${chosen(t) ? "" : "unchosen"}"><th scope="row">E<sub>${t + 1}</sub></th>`;
    for (let k = 0; k < T; k++) {
      if (k > t) { html += "<td></td>"; continue; }
      const wrong = bug && differs(G[t][k], now.run.G[t][k]);
      wrongs += wrong ? 1 : 0;
      if (chosen(t) && norms[t][k] > norms[best[0]][best[1]] * (chosen(best[0]) ? 1 : 0)) best = [t, k];
      const names = [kept[t][k] ? "" : "cut", wrong ? "wrong" : "", k === at && chosen(t) && m.id === "adds" ? "here" : ""].join(" ");
      const title = `E_${t + 1} adds ${norms[t][k].toPrecision(4)} at step ${k + 1}` + (kept[t][k] ? "" : ", cut") +
        (wrong ? `; right: ${norm(now.run.G[t][k]).toPrecision(4)}` : "");
      html += `<td class="${names}" style="${shade(norms[t][k])}" data-t="${t}" data-k="${k}" title="${title}" aria-label="${title}">` +
        `<span>${short(norms[t][k])}</span>${wrong ? `<small>${short(norm(now.run.G[t][k]))}</small>` : ""}</td>`;
    }
    html += "</tr>";
  }
  html += `</tbody><tfoot><tr><th scope="row" title="the norm of the sum of what is kept in this column">‖Σ‖</th>`;
  const totals = now.run.x.map((_, k) => norm(valuesOf("part", k, bug))), most = totals.indexOf(Math.max(...totals));
  for (let k = 0; k < T; k++) {
    const total = totals[k];
    html += `<td title="step ${k + 1} adds ${total.toPrecision(4)}"><span>${short(total)}</span></td>`;
  }
  $("triangle").innerHTML = `${html}</tr></tfoot></table>`;
  const {full} = biasOf(G, now.k1, now.k2);
  $("largest").innerHTML = `The largest part: E<sub>${best[0] + 1}</sub> at step ${best[1] + 1}, with norm ${norms[best[0]][best[1]].toPrecision(3)}. The step that adds most, all kept losses together: step ${most + 1}, with ${totals[most].toPrecision(3)}. The whole gradient has ${full.toPrecision(3)}.`;
  $("bug-text").innerHTML = "";
  if (bug) {
    const wrong = sumOver(G, chosen), right = sumOver(now.run.G, chosen), off = norm(plus(wrong, times(right, -1))) / norm(right);
    $("bug-text").innerHTML = `<strong>Planted:</strong> <span class="math">${general(bug.formula)}</span>. ${wrongs} of ${T * (T + 1) / 2} parts are wrong<span class="wide"> (framed, the right norm below)</span>. ` +
      `${general(bug.why)} Without truncation the gradient is off by ${percent(off)}; the right one has the norm ${norm(right).toPrecision(4)}, and the cosine between the two is ${(dot(wrong, right) / norm(wrong) / norm(right)).toPrecision(3)}.`;
  }
}

function drawNorms() {
  const G = partsOf("G", planted()), found = biasOf(G, now.k1, now.k2);
  for (const [id, value] of [["full-norm", found.full], ["truncated-norm", found.truncated], ["cosine", found.cosine], ["bias", found.bias]]) {
    $(id).dataset.value = digits(value);
    $(id).textContent = id === "bias" ? percent(value) : value.toPrecision(4);
  }
  const of = now.loss ? `dE<sub>${now.loss}</sub>/dW<sub>hh</sub>` : "dL/dW<sub>hh</sub>, the sum over all losses";
  const [ten, five, one] = [0.1, 0.05, 0.01].map((share) => smallestK2(G, share));
  $("smallest").innerHTML = planted() ? `This is ${of}, with the planted bug.`
    : `This is ${of}. The smallest k2 (with k1 = 1) that misses less than 10 %: <strong>${ten}</strong>; less than 5 %: <strong>${five}</strong>; less than 1 %: <strong>${one}</strong>.`;
}

function drawDecay() {
  const w = Math.max($("decay").clientWidth, 260), h = 220, left = 44, bottom = 30, T = length(now.run);
  const runs = Object.values(DATA.runs), every = runs.flatMap((r) => Object.values(r.jacobian).flat()).filter((v) => v > 0);
  const low = Math.max(Math.floor(Math.log10(Math.min(...every))), -14), high = Math.ceil(Math.log10(Math.max(...every)));
  const x = (lag) => left + (w - left - 40) * lag / T;
  const y = (v) => 8 + (h - bottom - 8) * (high - Math.max(Math.log10(Math.max(v, 1e-300)), low)) / (high - low);
  const path = (J) => J.map((_, lag) => `${lag ? "L" : "M"}${x(lag).toFixed(1)},${y(J[J.length - 1 - lag]).toFixed(1)}`).join("");
  let svg = "";
  for (let e = low; e <= high; e += Math.max(1, Math.ceil((high - low) / 6))) {
    svg += `<line class="frame" x1="${left}" x2="${w - 40}" y1="${y(10 ** e)}" y2="${y(10 ** e)}"/><text class="soft" x="${left - 6}" y="${y(10 ** e) + 4}" text-anchor="end">10<tspan dy="-4" font-size="8">${e}</tspan></text>`;
  }
  for (let lag = 0; lag <= T; lag += 3) svg += `<text class="soft" x="${x(lag)}" y="${h - 14}" text-anchor="middle">${lag}</text>`;
  svg += `<text class="soft" x="${(left + w - 40) / 2}" y="${h}" text-anchor="middle">lag T − k, in steps</text>`;
  for (const run of runs) if (run !== now.run) for (const J of Object.values(run.jacobian)) svg += `<path class="other" d="${path(J)}"><title>${run.cell.toUpperCase()}, ${run.start_name}, ${run.training_name}</title></path>`;
  const ends = Object.fromEntries(Object.entries(now.run.jacobian).map(([name, J]) => [name, y(J[0]) + 4]));
  if (ends.c !== undefined && Math.abs(ends.c - ends.h) < 14) {
    const above = ends.c <= ends.h ? "c" : "h", middle = (ends.c + ends.h) / 2;
    for (const name of ["c", "h"]) ends[name] = middle + (name === above ? -7 : 7);
  }
  for (const [name, J] of Object.entries(now.run.jacobian)) {
    const dash = name === "c" ? 'stroke-dasharray="6 4"' : "";
    svg += `<path class="line" stroke="var(--${name === "c" ? "pos" : "neg"})" ${dash} d="${path(J)}"/><text class="name" x="${w - 36}" y="${ends[name]}">${name}</text>`;
  }
  $("decay-note").innerHTML = now.run.jacobian.c ? `The norm of dh<sub>T</sub>/dh<sub>k</sub> (blue) and of dc<sub>T</sub>/dc<sub>k</sub> (orange) against the lag T − k; T = ${T}.` : `The norm of dh<sub>T</sub>/dh<sub>k</sub> against the lag T − k; T = ${T}.`;
  const label = Object.entries(now.run.jacobian).map(([n, J]) => `${n} over ${T} steps ${J[0].toExponential(1)}`).join(", ");
  $("decay").innerHTML = `<svg viewBox="0 0 ${w} ${h}" role="img" aria-label="The norm by lag: ${label}">${svg}</svg>`;
}
