// One spark's frames and its trace. Pointing at the trace, the slider or the arrow keys choose the frame that is shown.

const LEFT = 46, RIGHT = 712, TOP = 10, BOTTOM = 190;

export default function (component) {
  const { data, parentElement } = component;
  const root = parentElement.querySelector("#player");
  if (root.given === data.sheet && root.number === data.number) return;
  root.given = data.sheet;
  root.number = data.number;
  root.setAttribute("aria-label", `Frames and trace of spark ${data.number}; arrow keys step the ${data.what}s`);
  const canvas = root.querySelector("canvas"), svg = root.querySelector("svg");
  const slider = root.querySelector("input"), said = root.querySelector(".said");
  const count = data.raw.length, still = data.what === "line";
  const sheet = new Image();
  const zoom = Math.max(1, Math.min(4, Math.floor(720 / data.width)));
  canvas.width = data.width * zoom;
  canvas.height = data.height * zoom;
  root.querySelector("label span").textContent = still ? "Line" : "Frame";
  slider.min = data.first;
  slider.max = data.first + count - 1;
  drawTrace();
  let shown = data.start;

  function show(frame) {
    shown = Math.min(Math.max(frame, data.first), data.first + count - 1);
    slider.value = shown;
    const k = shown - data.first;
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    const place = still ? 0 : k;
    const x = (place % data.columns) * data.width, y = Math.floor(place / data.columns) * data.height;
    if (sheet.complete && sheet.naturalWidth)
      context.drawImage(sheet, x, y, data.width, data.height, 0, 0, canvas.width, canvas.height);
    context.lineWidth = 2;
    context.strokeStyle = "#e69f00";
    if (still) {
      context.beginPath();
      context.moveTo(0, (k + 0.5) * zoom);
      context.lineTo(canvas.width, (k + 0.5) * zoom);
      context.stroke();
    }
    const outline = data.outlines[shown];
    if (outline) {
      context.beginPath();
      outline.forEach(([px, py], i) =>
        context[i ? "lineTo" : "moveTo"](px * data.scale * zoom, py * data.scale * zoom));
      context.closePath();
      context.stroke();
    }
    const at = data.ms ? `, ${(shown * data.ms).toFixed(1)} ms` : "";
    const inside = shown >= data.span[0] && shown <= data.span[1] ? `, spark ${data.number} is there` : "";
    said.textContent = `${still ? "Line" : "Frame"} ${shown}${at}: F/F0 ${data.raw[k].toFixed(2)}${inside}`;
    canvas.setAttribute("aria-label", `${still ? "Scan" : "Frame"} with spark ${data.number} outlined; ${said.textContent}`);
    svg.querySelector(".now").setAttribute("x1", column(k));
    svg.querySelector(".now").setAttribute("x2", column(k));
  }

  function column(k) {
    return LEFT + ((RIGHT - LEFT) * k) / Math.max(count - 1, 1);
  }

  function drawTrace() {
    const all = [...data.raw, ...data.smoothed];
    const low = Math.min(...all, 0.9), high = Math.max(...all, 1.2);
    const row = (v) => BOTTOM - ((BOTTOM - TOP) * (v - low)) / (high - low);
    const path = (values) => "M" + values.map((v, k) => `${column(k).toFixed(1)} ${row(v).toFixed(1)}`).join("L");
    const ticks = [1, (1 + high) / 2, high].map(
      (v) => `<path class="axis" d="M${LEFT} ${row(v)}H${RIGHT}"/><text x="${LEFT - 6}" y="${row(v) + 4}" text-anchor="end">${v.toFixed(2)}</text>`);
    const times = [0, 0.5, 1].map((s) => {
      const k = Math.round(s * (count - 1)), frame = data.first + k;
      const told = data.ms ? `${((frame * data.ms) / 1000).toFixed(2)} s` : `${data.what} ${frame}`;
      return `<text x="${column(k)}" y="${BOTTOM + 20}" text-anchor="${s === 0 ? "start" : s === 1 ? "end" : "middle"}">${told}</text>`;
    });
    const from = column(Math.max(data.span[0] - data.first, 0)), to = column(Math.min(data.span[1] - data.first, count - 1));
    svg.setAttribute("aria-label", `F/F0 of the region of spark ${data.number}, raw and smoothed; highest ${Math.max(...data.smoothed).toFixed(2)}`);
    svg.innerHTML = `<rect class="span" x="${from}" y="${TOP}" width="${Math.max(to - from, 2)}" height="${BOTTOM - TOP}"/>${ticks.join("")}${times.join("")}<path class="raw" d="${path(data.raw)}"/><path class="smoothed" d="${path(data.smoothed)}"/><line class="now" y1="${TOP}" y2="${BOTTOM}"/>`;
  }

  svg.onpointermove = (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * 720;
    show(data.first + Math.round(((x - LEFT) / (RIGHT - LEFT)) * (count - 1)));
  };
  svg.onpointerdown = svg.onpointermove;
  slider.oninput = () => show(Number(slider.value));
  root.onkeydown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || event.target === slider) return;
    event.preventDefault();
    show(shown + step);
  };
  sheet.onload = () => show(shown);
  sheet.src = data.sheet;
  show(shown);
}
