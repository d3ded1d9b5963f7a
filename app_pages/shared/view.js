// Shows the HTML that the page sends, and tells the page which element with `data-choose` was chosen.

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const root = parentElement.querySelector("#view");
  root.dataset.tone = isDark(root) ? "dark" : "light";
  if (root.shown !== data.html) {
    const focused = parentElement.activeElement?.dataset?.choose;
    const left = [...root.querySelectorAll(".scroll")].map((box) => box.scrollLeft);
    root.innerHTML = data.html;
    root.shown = data.html;
    root.querySelectorAll(".scroll").forEach((box, k) => (box.scrollLeft = left[k] ?? 0));
    if (focused) root.querySelector(`button[data-choose="${CSS.escape(focused)}"]`)?.focus();
  }
  root.onclick = (event) => {
    const chosen = event.target.closest("[data-choose]");
    if (chosen && root.contains(chosen)) setStateValue("chosen", chosen.dataset.choose);
  };
}

function isDark(element) {
  const hex = getComputedStyle(element).getPropertyValue("--st-background-color").trim();
  const [r, g, b] = [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16));
  return 0.299 * r + 0.587 * g + 0.114 * b < 128;
}
