// Plays frames that the page sends; the curve under them is a scrubber: pointing, dragging or arrow keys choose the frame.

const WIDTH = 720, HEIGHT = 170, LEFT = 52, TOP = 24, BOTTOM = 138;
const NAMED = 560, UNNAMED = 710; // right end of the curves, with their names beside them or without
const NAME = 18; // height of a name
const DASHES = ["6 3", "2 3", "9 3 2 3", "4 2", "1 2"];

export default function (component) {
  const { data, parentElement } = component;
  const root = parentElement.querySelector("#player");
  const token = `${data.title}|${data.plain.length}|${data.marks.map((m) => m.frame + m.label)}|${data.plain[0]?.length}`;
  if (root.token === token) return;
  root.token = token;
  clearInterval(root.timer);
  build(root, data);
  return () => clearInterval(root.timer);
}

function build(root, data) {
  const count = data.plain.length;
  root.innerHTML = `
    <div class="screen${data.beside ? " two" : ""}"><img class="main" alt="">${data.beside ? '<img class="drawn" alt="">' : ""}</div>
    <div class="controls">
      <button class="play" aria-pressed="false">▶ Play</button>
      <button class="back" aria-label="One frame back">◀</button><button class="on" aria-label="One frame on">▶</button>
      ${data.beside ? "" : '<label><input type="checkbox" class="contours" checked> Contours</label>'}<span class="frame" aria-live="off"></span>
    </div>${data.curve ? `<p class="name">${escape(data.curve.name)}${data.curve.unit ? ` (${escape(data.curve.unit)})` : ""}</p>${drawing(data)}` : ""}`;
  const image = root.querySelector("img.main"), drawn = root.querySelector("img.drawn"), said = root.querySelector(".frame"), play = root.querySelector(".play");
  const contours = root.querySelector(".contours"), svg = root.querySelector("svg"), line = root.querySelector(".here");
  let at = data.marks[0]?.frame ?? 0;

  function show(frame) {
    at = Math.max(0, Math.min(count - 1, frame));
    image.src = `data:image/jpeg;base64,${(contours?.checked ? data.drawn : data.plain)[at]}`;
    const value = data.curve?.values[at];
    const time = data.seconds ? `, ${(at / data.rate).toFixed(2)} s` : "";
    const beside = (data.others ?? []).map((o) => [o.name, o.values[at]]).filter(([, v]) => v != null).map(([name, v]) => `, ${name} ${v.toPrecision(3)}`).join("");
    const told = value == null ? "" : `: ${value.toPrecision(3)} ${data.curve.unit}${beside}`;
    said.textContent = `Frame ${at * data.step + 1} of ${(count - 1) * data.step + 1}${time}${told}`;
    image.alt = `${data.title}, frame ${at * data.step + 1}`;
    if (drawn) { drawn.src = `data:image/jpeg;base64,${data.drawn[at]}`; drawn.alt = `${image.alt}, with what was drawn`; }
    if (line) { const x = place(at, count, end(data)); line.setAttribute("x1", x); line.setAttribute("x2", x); svg.setAttribute("aria-valuenow", at + 1); svg.setAttribute("aria-valuetext", said.textContent); }
  }
  function stop() { clearInterval(root.timer); root.timer = 0; play.textContent = "▶ Play"; play.setAttribute("aria-pressed", "false"); }
  play.onclick = () => {
    if (root.timer) return stop();
    play.textContent = "❚❚ Pause"; play.setAttribute("aria-pressed", "true");
    root.timer = setInterval(() => show((at + 1) % count), 1000 / data.rate);
  };
  root.querySelector(".back").onclick = () => { stop(); show(at - 1); };
  root.querySelector(".on").onclick = () => { stop(); show(at + 1); };
  if (contours) contours.onchange = () => show(at);
  root.onkeydown = (event) => {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (way) { event.preventDefault(); stop(); show(at + way); }
  };
  if (svg) {
    const follow = (event) => {
      const box = svg.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * WIDTH;
      stop(); show(Math.round(((x - LEFT) / (end(data) - LEFT)) * (count - 1)));
    };
    svg.onpointermove = follow; svg.onpointerdown = follow;
  }
  show(at);
}

function end(data) { return data.others?.length ? NAMED : UNNAMED; }

function place(frame, count, right) { return LEFT + (frame / Math.max(count - 1, 1)) * (right - LEFT); }

function drawing(data) {
  const others = data.others ?? [], all = [data.curve, ...others].flatMap((c) => c.values).filter((v) => v != null);
  const high = Math.max(...all, 1e-9) * 1.06, count = data.curve.values.length, right = end(data);
  const y = (v) => BOTTOM - (v / high) * (BOTTOM - TOP);
  const line = (values) => {
    let path = "", open = false;
    values.forEach((v, k) => { if (v == null) { open = false; } else { path += `${open ? "L" : "M"}${place(k, count, right).toFixed(1)} ${y(v).toFixed(1)}`; open = true; } });
    return path;
  };
  const beside = named(others, y).map(({ other, k, at }) =>
    `<path class="values beside" stroke-dasharray="${DASHES[k % DASHES.length]}" d="${line(other.values)}"/><text x="${right + 8}" y="${at}">${escape(other.name)}</text>`).join("");
  const marks = data.marks.map((m) => {
    const x = place(m.frame, count, right), up = m.kind === "up", tip = y(data.curve.values[m.frame] ?? 0) + (up ? -4 : 4), base = tip + (up ? -9 : 9);
    return `<path class="mark" d="M${x} ${tip}L${x - 5} ${base}H${x + 5}Z"/><text x="${x}" y="${up ? base - 3 : base + 12}" text-anchor="middle">${escape(m.label)}</text>`;
  }).join("");
  const levels = [0, 0.5, 1].map((s) => `<path class="axis" d="M${LEFT} ${y(s * high / 1.06)}H${right}"/><text x="${LEFT - 6}" y="${y(s * high / 1.06) + 4}" text-anchor="end">${(s * high / 1.06).toPrecision(3)}</text>`).join("");
  const last = data.seconds ? `${((count - 1) / data.rate).toFixed(1)} s` : `frame ${count}`;
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="slider" tabindex="0" aria-label="${escape(data.curve.name)}: choose a frame" aria-valuemin="1" aria-valuemax="${count}" aria-valuenow="1">
    ${levels}${beside}<path class="values" d="${line(data.curve.values)}"/>${marks}
    <line class="here" y1="${TOP}" y2="${BOTTOM}"/><text x="${LEFT}" y="${HEIGHT - 8}">0</text><text x="${right}" y="${HEIGHT - 8}" text-anchor="end">${last}</text></svg>`;
}

// Names stand beside the last value of their curve, and keep clear of each other.
function named(others, y) {
  const placed = others.map((other, k) => ({ other, k, last: other.values.findLast((v) => v != null) })).filter((o) => o.last != null).sort((a, b) => a.last - b.last);
  let below = BOTTOM + NAME;
  return placed.map((o) => { const at = Math.min(y(o.last) + 4, below - NAME); below = at; return { ...o, at }; });
}

function escape(words) { const p = document.createElement("p"); p.textContent = words; return p.innerHTML.replaceAll('"', "&quot;"); }
