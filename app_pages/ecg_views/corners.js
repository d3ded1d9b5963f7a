// The photo with a handle on each corner of the printed area: drag them, or move them with the arrow keys.

const NAMES = ["Top left", "Top right", "Bottom right", "Bottom left"];
const STEP = 0.004, BIG_STEP = 0.02; // of the picture's size, per key press

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const stage = parentElement.querySelector("#stage");
  const image = stage.querySelector("img");
  const outline = stage.querySelector("polygon");
  if (stage.picture !== data.picture) {
    image.src = stage.picture = data.picture;
    image.alt = "The photo whose printed area is marked";
  }
  const given = JSON.stringify(data.corners);
  if (stage.given !== given) {
    stage.given = given;
    stage.corners = JSON.parse(given);
  }
  const handles = [...stage.querySelectorAll("button")];
  const draw = () => {
    outline.setAttribute("points", stage.corners.map(([x, y]) => `${x * 100},${y * 100}`).join(" "));
    handles.forEach((handle, k) => {
      const [x, y] = stage.corners[k];
      handle.style.left = `${x * 100}%`;
      handle.style.top = `${y * 100}%`;
      handle.setAttribute("aria-label", `${NAMES[k]} corner, at ${Math.round(x * 100)} % from the left and ${Math.round(y * 100)} % from the top; arrow keys move it`);
    });
  };
  const move = (k, x, y) => {
    stage.corners[k] = [x, y].map((v) => Math.min(1, Math.max(0, v)));
    draw();
  };
  const tell = () => setStateValue("corners", stage.corners.map((c) => [...c]));
  handles.forEach((handle, k) => {
    handle.onpointerdown = (event) => {
      handle.setPointerCapture(event.pointerId);
      handle.dragged = true;
    };
    handle.onpointermove = (event) => {
      if (!handle.dragged) return;
      const box = image.getBoundingClientRect();
      move(k, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    };
    handle.onpointerup = () => {
      if (handle.dragged) tell();
      handle.dragged = false;
    };
    handle.onkeydown = (event) => {
      const towards = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!towards) return;
      event.preventDefault();
      const step = event.shiftKey ? BIG_STEP : STEP;
      const [x, y] = stage.corners[k];
      move(k, x + towards[0] * step, y + towards[1] * step);
    };
    handle.onkeyup = (event) => event.key.startsWith("Arrow") && tell();
  });
  draw();
}
