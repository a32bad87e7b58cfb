"use strict";
// The unrolled network: states, gradients, losses, and what goes from step to step.

const ROWS = {x: 26, h: 44, c: 44, lane_c: 26, dc: 44, lane: 26, dh: 44, E: 40};  // their heights
const GAP = 14;

function box(x, y, w, h, values, scale, frame, known, written = values.length <= 4) {
  const columns = Math.ceil(Math.sqrt(values.length)), rows = Math.ceil(values.length / columns);
  const cw = w / columns, ch = h / rows;
  let svg = "";
  values.forEach((v, i) => {
    const cx = x + (i % columns) * cw, cy = y + Math.floor(i / columns) * ch;
    if (!known) return;
    const strength = scale && v ? Math.min(0.62, 0.05 + 0.57 * Math.sqrt(Math.abs(v) / scale)) : 0;
    svg += `<rect class="${v < 0 ? "neg" : "pos"}" fill-opacity="${strength.toFixed(2)}" x="${cx}" y="${cy}" width="${cw}" height="${ch}"/>`;
    if (written) svg += `<text class="value" x="${cx + cw / 2}" y="${cy + ch / 2 + 3.5}" text-anchor="middle">${shortest(v)}</text>`;
  });
  svg += `<rect class="frame ${frame.includes("wrong") ? "wrong-frame" : ""}" x="${x}" y="${y}" width="${w}" height="${h}"/>`;
  if (frame.includes("now")) svg += `<rect class="frame now" x="${x - 3}" y="${y - 3}" width="${w + 6}" height="${h + 6}" rx="3"/>`;
  return svg;
}

function arrow(x1, y1, x2, y2, kind) {
  const across = y1 === y2, sign = Math.sign(across ? x2 - x1 : y2 - y1), head = 5.5, side = 3.4;
  const [ex, ey] = across ? [x2 - sign * head, y2] : [x2, y2 - sign * head];
  const points = across ? `${x2},${y2} ${ex},${ey - side} ${ex},${ey + side}` : `${x2},${y2} ${ex - side},${ey} ${ex + side},${ey}`;
  return `<line class="${kind}" stroke-width="1.5" x1="${x1}" y1="${y1}" x2="${ex}" y2="${ey}"/><polygon class="${kind}-head" points="${points}"/>`;
}

// What step k + 1 sends back to step k: up from its box, along the lane, down into the box of step k.
function backArrow(from, to, lane, boxTop, size, largest) {
  const width = Math.max(0.8, 9 * (1 + Math.log10(size / largest) / 5)), head = 6 + width * 0.5, y = lane + 12;
  const start = from - 9, end = to + 9, tip = boxTop - 1;
  return `<path class="back" stroke-width="${width.toFixed(1)}" d="M${start},${tip} V${y} H${end} V${tip - head + 1}"/>` +
    `<polygon class="back-head" points="${end},${tip} ${end - head * 0.7},${tip - head} ${end + head * 0.7},${tip - head}"/>`;
}

// The chosen losses (from 1) whose window starts at step k > 0: their gradients go no further.
function cuts(k) {
  const T = length(now.run), kept = keptBy(T, now.k1, now.k2), found = [];
  for (let t = k; t < T; t++) if (k > 0 && chosen(t) && kept[t][k] && !kept[t][k - 1]) found.push(t + 1);
  return found;
}
const named = (losses) => (losses.length < 4 ? losses.map((t) => "E_" + t).join(", ") : `${losses.length} losses`);

// One kind of gradient, dh or dc: its boxes and its lane.
function gradientRow(place, top, name, lane, next, columns) {
  const run = now.run, T = length(run), bug = planted();
  const is = run.x.map((_, k) => valuesOf(name, k, bug)), right = bug ? run.x.map((_, k) => valuesOf(name, k, null)) : is;
  const sizes = run.x.map((_, k) => norm(valuesOf(next, k, bug))), largest = Math.max(...sizes);
  const scale = Math.max(...flat(is).map(Math.abs)), sends = name === "dh" ? "sends" : "sends_cell";
  const sent = (k) => k > place.at || (k === place.at && place.order.indexOf(place.moment) >= place.order.indexOf(sends));
  let svg = "";
  for (const k of columns) {
    const {left, middle, bw, step} = place(k), known = !place.forward && k >= place.at;
    const wrong = bug && known && differs(is[k], right[k]);
    svg += `<g data-column="${k}">${box(left, top[name], bw, ROWS[name], is[k], scale, `${wrong ? "wrong" : ""} ${known && k === place.at ? "now" : ""}`, known)}</g>`;
    if (wrong) svg += `<text class="wrong-text" x="${left + bw + 2}" y="${top[name] + 10}">✗</text>`;
    if (k + 1 < T && sizes[k] > 0 && !place.forward && sent(k + 1) && !(bug && bug.dropped)) svg += backArrow(middle + step, middle, top[lane], top[name], sizes[k], largest);
    const ended = k + 1 < T ? cuts(k + 1) : [];
    if (ended.length) {
      svg += `<text class="scissors" x="${middle + step / 2}" y="${top[lane] + 8}" text-anchor="middle">✂<title>the gradient of ${named(ended)} ends at step ${k + 2}</title></text>`;
    }
  }
  return svg;
}

function drawNetwork() {
  const run = now.run, T = length(run), {k: at, m} = momentsOf(run)[now.step - 1];
  const forward = m.phase === "forward", width = Math.max($("network").clientWidth, 300);
  const gutter = width < 520 ? 26 : 40, count = Math.min(T, Math.max(3, Math.floor((width - gutter) / 66)));
  const first = Math.min(Math.max(at - Math.floor(count / 2), 0), T - count), w = (width - gutter) / count;
  const rows = Object.keys(ROWS).filter((row) => run.cs || !["c", "dc", "lane_c"].includes(row)), top = {};
  let y = 20;
  for (const row of rows) { top[row] = y; y += ROWS[row] + (row.startsWith("lane") ? 0 : GAP); }
  const bw = Math.min(w - 12, 88);
  const place = (k) => ({left: gutter + (k - first) * w + (w - bw) / 2, middle: gutter + (k - first) * w + w / 2, bw, step: w});
  Object.assign(place, {forward, at, moment: m.id, order: DATA.moments[run.cell].map((o) => o.id)});
  const columns = Array.from({length: count}, (_, i) => first + i);
  const order = DATA.moments[run.cell].filter((o) => o.phase === "forward").map((o) => o.id);
  const last = {h: order.length - 1, c: order.indexOf("cell")};  // the moment that makes it
  const made = (row, k) => !forward || k < at || (k === at && order.indexOf(m.id) >= last[row]);
  let svg = "";
  for (const row of rows.filter((r) => !r.startsWith("lane"))) {
    svg += `<text class="name" x="0" y="${top[row] + ROWS[row] / 2 + 4}">${row}<tspan dy="3" font-size="9">t</tspan></text>`;
  }
  svg += gradientRow(place, top, "dh", "lane", "next", columns);
  if (run.cs) svg += gradientRow(place, top, "dc", "lane_c", "dc_next", columns);
  const largestC = run.cs ? Math.max(...flat(run.cs).map(Math.abs)) : 0;
  for (const k of columns) {
    const {left, middle} = place(k);
    svg += `<text x="${middle}" y="11" text-anchor="middle" class="${k === at ? "" : "soft"}" ${k === at ? 'font-weight="700"' : ""}>t = ${k + 1}</text><g data-column="${k}">`;
    if (run.symbols) {
      svg += `<circle class="frame" cx="${middle}" cy="${top.x + 13}" r="12"/><text x="${middle}" y="${top.x + 17}" text-anchor="middle">${run.symbols[k]}</text>`;
    } else svg += box(middle - 20, top.x, 40, 26, run.x[k], 3, "", true, false);
    svg += arrow(middle, top.x + 26, middle, top.h - 1, "flow");
    svg += box(left, top.h, bw, 44, run.hs[k + 1], 1, forward && k === at ? "now" : "", made("h", k));
    if (run.cs) svg += box(left, top.c, bw, 44, run.cs[k + 1], largestC, forward && k === at ? "now" : "", made("c", k));
    svg += "</g>";
    if (k < T - 1) for (const row of run.cs ? ["h", "c"] : ["h"]) svg += arrow(left + bw, top[row] + 22, left + w, top[row] + 22, "flow");
    if (chosen(k) && !forward && k >= at) svg += arrow(middle, top.E + 2, middle, top.dh + 45, "back");
    const answer = run.symbols ? `<text class="soft small" x="${middle}" y="${top.E + 40}" text-anchor="middle">${run.labels[k]}: ${Math.round(100 * run.p_right[k])} %</text>` : "";
    svg += `<g data-loss="${k + 1}" class="${now.loss === k + 1 ? "chosen" : ""}" opacity="${chosen(k) ? 1 : 0.5}">` +
      `<rect class="frame" x="${middle - 29}" y="${top.E + 3}" width="58" height="23" rx="11"/>` +
      `<text x="${middle}" y="${top.E + 18}" text-anchor="middle">E<tspan dy="3" font-size="9">${k + 1}</tspan><tspan dy="-3">${run.losses.length ? " " + short(run.losses[k]) : ""}</tspan></text>${answer}</g>`;
  }
  const shown = count < T ? `Steps ${first + 1} to ${first + count} of ${T}. ` : "";
  const label = `${shown}The unrolled network at step ${at + 1}, ${m.phase}.`;
  $("network").innerHTML = `<svg viewBox="0 0 ${width} ${y}" height="${y}" role="img" aria-label="${label}">${svg}</svg>` +
    (shown ? `<p class="note">${shown}The others come into view as you walk.</p>` : "");
}
