"use strict";
// The controls, the keys and the link.

const RUNS = Object.values(DATA.runs);
const unique = (values) => [...new Set(values)];
let playing = null;

function fill(id, options, value) {
  $(id).innerHTML = options.map(([v, label]) => `<option value="${v}">${label}</option>`).join("");
  $(id).value = options.some(([v]) => String(v) === String(value)) ? value : options[0][0];
  $(id).closest("label").hidden = options.length < 2;
}

// The run of the chosen cell, start and training; what does not exist for the cell falls back to its first.
function chooseRun(cell, start, training) {
  fill("cell", unique(RUNS.map((run) => run.cell)).map((c) => [c, c.toUpperCase()]), cell);
  const ofCell = RUNS.filter((run) => run.cell === $("cell").value);
  fill("start", unique(ofCell.map((run) => run.start)).map((s) => [s, ofCell.find((run) => run.start === s).start_name]), start);
  const ofStart = ofCell.filter((run) => run.start === $("start").value);
  fill("training", ofStart.map((run) => [run.training, run.training_name]), training);
  now.run = ofStart.find((run) => run.training === $("training").value);
  const T = length(now.run), bugs = Object.entries(now.run.bugs).map(([id, bug]) => [id, bug.name.replace(/[{}]/g, "")]);
  fill("loss", [[0, "all"], ...now.run.x.map((_, k) => [k + 1, `E_${k + 1}`])], now.loss);
  now.loss = Number($("loss").value);
  fill("bug", [["", "none"], ...bugs], now.bug);
  now.bug = $("bug").value;
  $("k1").max = $("k2").max = T;
}

// k1 and k2 as they can be had: the one that was set last stays, the other one follows, and the page says why.
function truncate(k1, k2, last = "") {
  const T = length(now.run), whole = (v, other) => Math.min(Math.max(Math.round(Number(v)) || other, 1), T);
  const a = whole(k1, now.k1), b = whole(k2, now.k2);
  const tooShort = b < a;
  now.k1 = last === "k2" ? Math.min(a, b) : a;
  now.k2 = last === "k2" ? b : Math.max(a, b);
  for (const id of ["k1", "k2"]) $(id).value = $(id).placeholder = now[id];  // an empty field shows what holds
  $("why").textContent = tooShort
    ? `k2 is at least k1: every k1 steps the losses of these steps go back. With a smaller k2 the first of them would not even reach its own step. So ${last === "k2" ? "k1" : "k2"} is ${now.k1} now, too.` : "";
}

// Can the two fields be taken as they are, while someone is typing?
function fits() {
  const [a, b] = ["k1", "k2"].map((id) => Number($(id).value));
  return Number.isInteger(a) && Number.isInteger(b) && 1 <= a && a <= b && b <= length(now.run);
}

function draw() {
  $("step").max = momentsOf(now.run).length;
  now.step = Math.min(Math.max(now.step, 1), Number($("step").max));
  const {k, m} = momentsOf(now.run)[now.step - 1];
  $("step").value = now.step;
  $("step").setAttribute("aria-valuetext", `step ${now.step}: ${m.phase}, t = ${k + 1}`);
  drawNetwork();
  drawMoment();
  drawTriangle();
  drawNorms();
  drawDecay();
  const {cell, start, training} = now.run;
  const link = new URLSearchParams({cell, start, training, k1: now.k1, k2: now.k2, loss: now.loss, bug: now.bug, step: now.step});
  history.replaceState(null, "", `#${link}`);
}

function restore() {
  const link = new URLSearchParams(location.hash.slice(1));
  now.loss = Number(link.get("loss")) || 0;
  now.bug = link.get("bug") || "";
  chooseRun(link.get("cell"), link.get("start"), link.get("training"));
  now.k1 = now.k2 = length(now.run);
  truncate(link.get("k1") || (link.get("k2") ? 1 : now.k1), link.get("k2") || now.k2);
  now.step = Number(link.get("step")) || 1;
  draw();
}

function walk(step) { now.step = step; draw(); }

function toTime(change) {  // the same moment, some time steps further in the order of the walk
  const moments = momentsOf(now.run), {m} = moments[now.step - 1];
  walk(now.step + change * DATA.moments[now.run.cell].filter((o) => o.phase === m.phase).length);
}

function play(on) {
  clearInterval(playing);
  if (on && now.step === Number($("step").max)) walk(1);
  playing = on ? setInterval(() => (now.step < Number($("step").max) ? walk(now.step + 1) : play(false)), 900) : null;
  $("play").textContent = on ? "❚❚ pause" : "▶ play";
  $("play").setAttribute("aria-label", on ? "pause" : "play");
}

const KEYS = {
  ArrowLeft: () => walk(now.step - 1), ArrowRight: () => walk(now.step + 1), Home: () => walk(1),
  End: () => walk(Number($("step").max)), PageUp: () => toTime(-1), PageDown: () => toTime(1), " ": () => play(!playing),
};

function listen() {
  for (const id of ["cell", "start", "training"]) {
    $(id).addEventListener("change", () => {
      const {k, m} = momentsOf(now.run)[now.step - 1];
      chooseRun($("cell").value, $("start").value, $("training").value);
      truncate(now.k1, now.k2);
      stay(k, m);
    });
  }
  $("loss").addEventListener("change", () => chooseLoss(Number($("loss").value)));
  $("bug").addEventListener("change", () => { now.bug = $("bug").value; draw(); });
  for (const id of ["k1", "k2"]) {
    const take = () => {
      const before = [now.k1, now.k2].join();
      truncate($("k1").value, $("k2").value, id);
      if ([now.k1, now.k2].join() !== before) draw();
    };
    $(id).addEventListener("input", () => { if (fits()) take(); });
    $(id).addEventListener("change", () => { if ($(id).value) take(); });
  }
  $("step").addEventListener("input", () => walk(Number($("step").value)));
  const buttons = {first: "Home", back: "ArrowLeft", play: " ", next: "ArrowRight", last: "End"};
  for (const [id, key] of Object.entries(buttons)) $(id).addEventListener("click", () => KEYS[key]());
  document.addEventListener("keydown", (event) => {
    const own = event.target.closest("input, select, button");
    if (event.altKey || event.ctrlKey || event.metaKey || !KEYS[event.key]) return;
    const ofSlider = own === $("step") && (event.key.startsWith("Page") || event.key === " ");
    const ofSelect = own && own.tagName === "SELECT" && event.key.startsWith("Arrow");  // it has up and down
    if (own && !ofSlider && !ofSelect && (own.tagName !== "BUTTON" || event.key === " ")) return;  // the control's own keys
    event.preventDefault();
    KEYS[event.key]();
  });
  $("network").addEventListener("click", (event) => {
    const loss = event.target.closest("[data-loss]"), column = event.target.closest("[data-column]");
    if (loss) chooseLoss(now.loss === Number(loss.dataset.loss) ? 0 : Number(loss.dataset.loss));
    if (column) goTo(Number(column.dataset.column), momentsOf(now.run)[now.step - 1].m.id);
  });
  $("triangle").addEventListener("click", (event) => {
    const cell = event.target.closest("[data-t]");
    if (!cell) return;
    chooseLoss(Number(cell.dataset.t) + 1);
    goTo(Number(cell.dataset.k), "adds");
  });
  window.addEventListener("hashchange", () => { restore(); $("network").scrollIntoView(); });
  window.addEventListener("resize", () => { drawNetwork(); drawDecay(); });
}

// The same moment of another run, or the nearest one: its step and its direction stay.
function stay(k, m) {
  const moments = momentsOf(now.run), same = moments.findIndex((o) => o.k === k && o.m.id === m.id);
  const near = moments.findIndex((o) => o.m.phase === m.phase && (o.k === k || (m.phase === "backward" && o.k < k)));
  $("step").max = moments.length;
  walk((same < 0 ? near : same) + 1);
}

function chooseLoss(loss) {
  const {k, m} = momentsOf(now.run)[now.step - 1];
  now.loss = loss;
  $("loss").value = loss;
  stay(k, m);
}

function goTo(k, id) {
  const at = momentsOf(now.run).findIndex((o) => o.k === k && o.m.id === id);
  if (at >= 0) walk(at + 1);
}

function ask() {
  const q = DATA.question;
  if (!q) return;
  const words = (accuracies) => [Math.min(...accuracies), Math.max(...accuracies)].map((a) => a.toFixed(2));
  const [short, enough] = [q[`k2 = ${q.lag}`], q[`k2 = ${q.lag + 1}`]].map(words).map(([a, b]) => (a === b ? a : `${a} to ${b}`));
  $("question").hidden = false;
  $("lag").textContent = $("lag2").textContent = q.lag;
  const atStart = biasOf(DATA.runs["rnn/pytorch/untrained"].G, 1, q.lag, () => true).bias;
  const answer = (guess) => {
    $("see").hidden = false;
    for (const id of ["yes", "no"]) $(id).setAttribute("aria-pressed", id === guess);
    $("answer").textContent = `${guess === "no" ? "Right" : "No"}: ${short} of the answers are right (guessing gives 0.50; three trainings). With k2 = ${q.lag + 1} it is ${enough}. ` +
      `The loss of step t counts as the first step back, so k2 = ${q.lag} ends at step t − ${q.lag - 1}; the symbol was read one step before. As the training of this RNN starts, the truncation misses only ${percent(atStart)} of the gradient of all losses: little, but all that matters here.`;
  };
  for (const guess of ["yes", "no"]) $(guess).addEventListener("click", () => answer(guess));
}

$("app").hidden = false;
$("others").hidden = RUNS.length < 2;
restore();
listen();
ask();
