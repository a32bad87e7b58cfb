"use strict";
// The unrolled network: states, gradients, losses, and what goes from step to step.

function box(x, y, w, h, values, scale, frame, known, written = values.length <= 4) {
  const columns = Math.ceil(Math.sqrt(values.length)), rows = Math.ceil(values.length / columns);
  const cw = w / columns, ch = h / rows;
  let svg = "";
  values.forEach((v, i) => {
    const cx = x + (i % columns) * cw, cy = y + Math.floor(i / columns) * ch;
    if (!known) return;
    const strength = scale ? Math.min(0.62, 0.05 + 0.57 * Math.sqrt(Math.abs(v) / scale)) : 0;
    svg += `<rect class="${v < 0 ? "neg" : "pos"}" fill-opacity="${strength.toFixed(2)}" x="${cx}" y="${cy}" width="${cw}" height="${ch}"/>`;
    if (written) svg += `<text class="value" x="${cx + cw / 2}" y="${cy + ch / 2 + 4}" text-anchor="middle">${shortest(v)}</text>`;
  });
  return `${svg}<rect class="frame ${frame}" x="${x}" y="${y}" width="${w}" height="${h}" rx="4"/>`;
}

function arrow(x1, y1, x2, y2, width, kind) {
  const across = y1 === y2, sign = Math.sign(across ? x2 - x1 : y2 - y1), head = 4 + width;
  const [ex, ey] = across ? [x2 - sign * head, y2] : [x2, y2 - sign * head];
  const side = head * 0.62;
  const points = across
    ? `${x2},${y2} ${ex},${ey - side} ${ex},${ey + side}` : `${x2},${y2} ${ex - side},${ey} ${ex + side},${ey}`;
  return `<line class="${kind}flow" stroke-width="${width.toFixed(1)}" x1="${x1}" y1="${y1}" x2="${ex}" y2="${ey}"/>` +
    `<polygon class="${kind === "" ? "flow" : "back"}-head" points="${points}"/>`;
}

// Which boundaries cut a chosen loss: the losses whose window starts at step k > 0.
function cuts(k) {
  const T = length(now.run), kept = keptBy(T, now.k1, now.k2), found = [];
  for (let t = k; t < T; t++) if (k > 0 && chosen(t) && kept[t][k] && !kept[t][k - 1]) found.push(t + 1);
  return found;
}

function drawNetwork() {
  const run = now.run, T = length(run), {k: at, m} = momentsOf(run)[now.step - 1];
  const forward = m.phase === "forward", width = Math.max($("network").clientWidth, 300);
  const gutter = width < 520 ? 24 : 44, count = Math.min(T, Math.max(3, Math.floor((width - gutter) / 66)));
  const first = Math.min(Math.max(at - Math.floor(count / 2), 0), T - count), w = (width - gutter) / count;
  const rows = ["x", "h", ...(run.cs ? ["c"] : []), "dh", "E"], top = {};
  let y = 24;
  for (const row of rows) { top[row] = y; y += row === "x" ? 42 : row === "E" ? 40 : 66; }
  const bug = planted(), dh = run.x.map((_, k) => valuesOf("dh", k, bug));
  const right = bug ? run.x.map((_, k) => valuesOf("dh", k, null)) : dh;
  const next = run.x.map((_, k) => norm(valuesOf("next", k, bug)));
  const largest = Math.max(...flat(dh).map(Math.abs)), widest = Math.max(...next);
  const order = DATA.moments[run.cell].filter((o) => o.phase === m.phase).map((o) => o.id);
  const done = (row, k) => row === "dh" ? !forward && k >= at
    : !forward || k < at || (k === at && (row !== "h" || order.indexOf(m.id) === order.length - 1));
  let svg = "";
  const names = {x: "x", h: "h", c: "c", dh: "dh", E: "E"};
  for (const row of rows) svg += `<text class="name" x="0" y="${top[row] + (row === "x" ? 18 : row === "E" ? 20 : 30)}">${names[row]}<tspan dy="3" font-size="9">t</tspan></text>`;
  for (let k = first; k < first + count; k++) {
    const x = gutter + (k - first) * w, bw = Math.min(w - 16, 88), left = x + (w - bw) / 2, middle = x + w / 2;
    svg += `<text x="${middle}" y="12" text-anchor="middle" class="${k === at ? "" : "soft"}" ${k === at ? 'font-weight="700"' : ""}>t = ${k + 1}</text>`;
    svg += `<g data-column="${k}">`;
    if (run.symbols) {
      svg += `<circle class="frame" cx="${middle}" cy="${top.x + 13}" r="12"/><text x="${middle}" y="${top.x + 17}" text-anchor="middle">${run.symbols[k]}</text>`;
    } else svg += box(middle - 20, top.x, 40, 26, run.x[k], 3, "", true, false);
    svg += arrow(middle, top.x + 27, middle, top.h - 2, 1.5, "");
    svg += box(left, top.h, bw, 44, run.hs[k + 1], 1, forward && k === at ? "now" : "", done("h", k));
    if (run.cs) svg += box(left, top.c, bw, 44, run.cs[k + 1], Math.max(...flat(run.cs).map(Math.abs)), forward && k === at ? "now" : "", done("c", k));
    const isWrong = bug && done("dh", k) && differs(dh[k], right[k]);
    svg += box(left, top.dh, bw, 44, dh[k], largest, isWrong ? "wrong-frame" : !forward && k === at ? "now" : "", done("dh", k));
    if (isWrong) svg += `<text class="wrong-text" x="${left + bw + 1}" y="${top.dh + 4}">✗</text>`;
    svg += "</g>";
    const last = k === first + count - 1;
    if (k < T - 1) {
      const from = left + bw + 1, to = last ? x + w : left + w - 1;
      for (const row of run.cs ? ["h", "c"] : ["h"]) svg += arrow(from, top[row] + 22, to, top[row] + 22, 1.5, "");
      const size = next[k] > 0 ? Math.max(0.6, 8 * (1 + Math.log10(next[k] / widest) / 6)) : 0;
      if (size && done("dh", k + 1)) svg += arrow(to, top.dh + 22, from, top.dh + 22, size, "back-");
      const ended = cuts(k + 1);
      if (ended.length) {
        const who = ended.length < 4 ? ended.map((t) => "E_" + t).join(", ") : `${ended.length} losses`;
        svg += `<text class="scissors" x="${(from + to) / 2}" y="${top.dh + (size ? 10 : 27)}" text-anchor="middle">✂<title>the gradient of ${who} ends at step ${k + 2}</title></text>`;
      }
    }
    const loss = run.losses.length ? ` ${short(run.losses[k])}` : "";
    if (chosen(k) && !forward && k >= at) svg += arrow(middle, top.E + 3, middle, top.dh + 47, 2, "back-");
    svg += `<g data-loss="${k + 1}" class="${now.loss === k + 1 ? "chosen" : ""}" opacity="${chosen(k) ? 1 : 0.35}">` +
      `<rect class="frame" x="${middle - 30}" y="${top.E + 4}" width="60" height="24" rx="12"/>` +
      `<text x="${middle}" y="${top.E + 20}" text-anchor="middle">E<tspan dy="3" font-size="9">${k + 1}</tspan><tspan dy="-3">${loss}</tspan></text></g>`;
  }
  const shown = count < T ? `Steps ${first + 1} to ${first + count} of ${T}. ` : "";
  const label = `${shown}The unrolled network at step ${at + 1}, ${m.phase}.`;
  $("network").innerHTML = `<svg viewBox="0 0 ${width} ${y}" height="${y}" role="img" aria-label="${label}">${svg}</svg>` +
    (shown ? `<p class="note">${shown}The others come into view as you walk.</p>` : "");
}
