// The outlines of one slice as closed curves through points: drag a point (its neighbours give way a little), or choose it
// with Page Up and Page Down and move it with the arrow keys. The volumes of this phase follow at once.

const BETWEEN = 8; // steps of the curve from one point to the next, as in engine/mr/outlines.py
const GIVE = [1, 0.55, 0.15]; // how far a point's neighbours go along
const STEP = 0.5, BIG_STEP = 3; // px per key press
const NAMES = { cavity: "LV cavity", epicardium: "LV wall, outside", right: "RV cavity" };
const KEYS = Object.keys(NAMES);

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector("#outlines");
  root.tell = setTriggerValue;
  if (root.token === data.token) return;
  root.token = data.token;
  build(root, data);
}

function build(root, data) {
  const [left, top, width, height] = data.field;
  let curves = structuredClone(data.curves), active = KEYS.find((k) => curves[k]) ?? "cavity", chosen = 0;
  const past = [];
  root.innerHTML = `
    <fieldset class="row"><legend>Outline</legend>${KEYS.map((k) => `<label><input type="radio" name="outline-${data.token}" value="${k}"${k === active ? " checked" : ""}> ${NAMES[k]}</label>`).join("")}</fieldset>
    <div class="screen"><svg viewBox="${left - 0.5} ${top - 0.5} ${width} ${height}" role="group" aria-label="${data.title}: outlines to correct">
      <image href="${data.picture}" x="${left - 0.5}" y="${top - 0.5}" width="${width}" height="${height}" preserveAspectRatio="none"/>
      ${KEYS.map((k) => `<path class="${k}" stroke="${data.colours[k]}"/>`).join("")}<g></g></svg></div>
    <p class="volumes" aria-live="polite"></p>
    <div class="row"><button class="add"></button><button class="undo">Undo</button><button class="apply">Use this outline</button></div>`;
  const svg = root.querySelector("svg"), group = root.querySelector("g"), said = root.querySelector(".volumes");
  const add = root.querySelector(".add"), undo = root.querySelector(".undo"), apply = root.querySelector(".apply");

  const radius = () => (7 * width) / Math.max(svg.getBoundingClientRect().width, 200);
  function draw() {
    for (const k of KEYS) {
      const path = root.querySelector(`path.${k}`), points = curves[k];
      path.setAttribute("d", points ? `M${closed(points).map(([x, y]) => `${x.toFixed(2)} ${y.toFixed(2)}`).join("L")}Z` : "");
      path.classList.toggle("dim", k !== active);
    }
    const points = curves[active] ?? [];
    if (group.childElementCount !== points.length) handles(points.length);
    [...group.children].forEach((handle, k) => {
      const [x, y] = points[k];
      handle.setAttribute("cx", x); handle.setAttribute("cy", y); handle.setAttribute("r", radius());
      handle.setAttribute("tabindex", k === chosen ? 0 : -1);
      handle.setAttribute("aria-label", `${NAMES[active]}, point ${k + 1} of ${points.length}, at ${x.toFixed(1)}, ${y.toFixed(1)} px; arrow keys move it, Page Up and Page Down choose another`);
    });
    add.textContent = curves[active] ? `Remove the ${NAMES[active]} here` : `Add the ${NAMES[active]} here`;
    undo.disabled = !past.length;
    apply.disabled = !past.length;
    said.textContent = volumes();
  }
  function volumes() {
    const own = areas(curves), before = areas(data.curves), digits = data.unit === "mL" ? 1 : 0;
    return [["LV", "cavity"], ["LV wall", "wall"], ["RV", "right"]].map(([name, k]) => {
      const now = data.others[k] + own[k] * data.perPixel, then = data.others[k] + before[k] * data.perPixel;
      const moved = past.length && Math.abs(now - then) >= 0.05 ? ` (${now > then ? "+" : "−"}${Math.abs(now - then).toFixed(digits)})` : "";
      return `${name} ${now.toFixed(digits)} ${data.unit}${moved}`;
    }).join(" · ") + `, ${data.phase}`;
  }
  function keep() { past.push(structuredClone(curves)); }
  function move(k, dx, dy) {
    const points = curves[active], n = points.length;
    for (let far = 1 - GIVE.length; far < GIVE.length; far++) {
      const at = (k + far + n) % n, share = GIVE[Math.abs(far)];
      points[at] = [clamp(points[at][0] + share * dx, left, left + width - 1), clamp(points[at][1] + share * dy, top, top + height - 1)];
    }
    draw();
  }
  function place(event) {
    const box = svg.getBoundingClientRect();
    return [left - 0.5 + ((event.clientX - box.left) / box.width) * width, top - 0.5 + ((event.clientY - box.top) / box.height) * height];
  }
  function handles(count) {
    group.innerHTML = `<circle class="handle" role="button"></circle>`.repeat(count);
    chosen = Math.min(chosen, Math.max(count - 1, 0));
    [...group.children].forEach((handle, k) => {
      handle.onpointerdown = (event) => { handle.setPointerCapture(event.pointerId); keep(); handle.from = place(event); chosen = k; draw(); };
      handle.onpointermove = (event) => {
        if (!handle.from) return;
        const to = place(event);
        move(k, to[0] - handle.from[0], to[1] - handle.from[1]);
        handle.from = to;
      };
      handle.onpointerup = handle.onpointercancel = () => { handle.from = null; };
      handle.onkeydown = (event) => {
        const way = { PageUp: -1, PageDown: 1 }[event.key];
        const towards = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
        if (!way && !towards) return;
        event.preventDefault();
        if (way) { chosen = (k + way + count) % count; draw(); group.children[chosen].focus(); return; }
        const step = event.shiftKey ? BIG_STEP : STEP;
        keep(); move(k, towards[0] * step, towards[1] * step);
      };
    });
  }
  root.querySelectorAll("input").forEach((input) => { input.onchange = () => { active = input.value; chosen = 0; draw(); }; });
  add.onclick = () => {
    keep();
    if (curves[active]) delete curves[active];
    else curves[active] = circle(curves, active, data);
    draw();
  };
  undo.onclick = () => { curves = past.pop(); draw(); };
  apply.onclick = () => { root.tell("applied", { token: data.token, curves }); apply.disabled = true; };
  draw();
}

// A new outline: around the other one of the left ventricle, beside it for the right, else in the middle of the field.
function circle(curves, name, data) {
  const [left, top, width, height] = data.field, beside = curves[name === "cavity" ? "epicardium" : "cavity"] ?? curves.epicardium;
  let [x, y, r] = [left + width / 2, top + height / 2, Math.min(width, height) / 8];
  if (beside) {
    x = mean(beside.map((p) => p[0])); y = mean(beside.map((p) => p[1]));
    const own = mean(beside.map((p) => Math.hypot(p[0] - x, p[1] - y)));
    r = name === "cavity" ? 0.6 * own : name === "epicardium" ? 1.5 * own : own;
    if (name === "right") x -= 2.4 * own;
  }
  return Array.from({ length: data.points[name] }, (_, k) => {
    const angle = (2 * Math.PI * k) / data.points[name];
    return [clamp(x + r * Math.cos(angle), left, left + width - 1), clamp(y + r * Math.sin(angle), top, top + height - 1)];
  });
}

function areas(curves) {
  const cavity = area(curves.cavity), outside = area(curves.epicardium);
  return { cavity, wall: Math.max(0, outside - cavity), right: area(curves.right) };
}

function area(points) {
  if (!points) return 0;
  const curve = closed(points);
  return Math.abs(curve.reduce((sum, [x, y], k) => { const [a, b] = curve[(k + 1) % curve.length]; return sum + x * b - a * y; }, 0)) / 2;
}

// The closed Catmull-Rom curve through the points.
function closed(points) {
  const n = points.length, curve = [];
  for (let k = 0; k < n; k++) {
    const [p0, p1, p2, p3] = [-1, 0, 1, 2].map((d) => points[(k + d + n) % n]);
    for (let step = 0; step < BETWEEN; step++) {
      const t = step / BETWEEN;
      curve.push([0, 1].map((c) => (2 * p1[c] + (p2[c] - p0[c]) * t + (2 * p0[c] - 5 * p1[c] + 4 * p2[c] - p3[c]) * t * t + (3 * p1[c] - p0[c] - 3 * p2[c] + p3[c]) * t ** 3) / 2));
    }
  }
  return curve;
}

function mean(values) { return values.reduce((a, b) => a + b, 0) / values.length; }
function clamp(v, low, high) { return Math.max(low, Math.min(high, v)); }
