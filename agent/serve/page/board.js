// A picture on the page: its pixels, its boxes, and which of them is lit.

export const COLORS = [
  [230, 57, 70], [29, 127, 226], [20, 160, 90], [245, 145, 20], [150, 80, 220], [0, 165, 175],
  [214, 51, 132], [130, 140, 20], [120, 85, 60], [90, 105, 235], [200, 95, 40], [70, 120, 110],
];

export const color = (number, alpha = 1) =>
  `rgb(${COLORS[number % COLORS.length].join(" ")} / ${alpha})`;

/** Boxes drawn on a context whose unit is one pixel of the screen; `scale` is screen per picture. */
export function drawBoxes(context, marked, scale, lit = null, unit = 1) {
  const order = [...marked].sort((a, b) => (a.number === lit) - (b.number === lit));
  for (const { number, box, label } of order) {
    const [x1, y1, x2, y2] = box.map((value) => value * scale);
    const dim = lit !== null && lit !== number;
    context.globalAlpha = dim ? 0.35 : 1;
    if (number === lit) {
      context.fillStyle = color(number, 0.22);
      context.fillRect(x1, y1, x2 - x1, y2 - y1);
    }
    context.lineWidth = (number === lit ? 4 : 3) * unit;
    context.strokeStyle = color(number);
    context.strokeRect(x1, y1, x2 - x1, y2 - y1);
    drawLabel(context, `${number + 1} ${label ?? ""}`.trim(), x1, y1, number, unit);
  }
  context.globalAlpha = 1;
}

function drawLabel(context, words, x, y, number, unit) {
  const text = words.length > 40 ? `${words.slice(0, 39)}…` : words;
  context.font = `600 ${13 * unit}px system-ui, sans-serif`;
  const [width, height] = [context.measureText(text).width + 10 * unit, 20 * unit];
  const left = Math.max(0, Math.min(x - 1.5 * unit, context.canvas.width - width));
  const top = y >= height ? y - height : y;
  context.fillStyle = color(number);
  context.fillRect(left, top, width, height);
  context.fillStyle = "#fff";
  context.textBaseline = "middle";
  context.fillText(text, left + 5 * unit, top + height / 2 + unit / 2);
}

export class Board {
  /** `onPoint(number|null)` is told which box the pointer is over; `onRemove()` on the button. */
  constructor(file, { onPoint, onRemove }) {
    this.file = file;
    this.bitmap = null;
    this.size = null;
    this.marked = [];
    this.lit = null;
    this.figure = document.createElement("figure");
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("role", "img");
    const caption = document.createElement("figcaption");
    this.index = document.createElement("b");
    const name = Object.assign(document.createElement("span"), { className: "name" });
    name.textContent = name.title = file.name || "pasted picture";
    this.count = Object.assign(document.createElement("span"), { className: "count" });
    this.remove = Object.assign(document.createElement("button"), { type: "button" });
    this.remove.textContent = "Remove";
    this.remove.addEventListener("click", onRemove);
    caption.append(this.index, name, this.count, this.remove);
    this.figure.append(this.canvas, caption);
    this.canvas.addEventListener("pointermove", (event) => onPoint(this.#under(event)));
    this.canvas.addEventListener("pointerleave", () => onPoint(null));
    new ResizeObserver(() => this.draw()).observe(this.figure);
  }

  /** Decodes the picture upright; one that this browser can't show keeps an empty board. */
  async load() {
    try {
      this.bitmap = await createImageBitmap(this.file, { imageOrientation: "from-image" });
      this.size ??= [this.bitmap.width, this.bitmap.height];
    } catch {
      this.bitmap = null;
    }
    this.draw();
  }

  setNumber(number) {
    this.number = number;
    this.index.textContent = `Picture ${number}`;
    this.remove.setAttribute("aria-label", `Remove picture ${number}`);
    this.#describe();
  }

  /** The size that the server found: boxes are in its pixels. */
  setSize(width, height) {
    this.size = [width, height];
    this.draw();
  }

  setBoxes(marked) {
    this.marked = marked;
    this.count.textContent = marked.length ? `${marked.length} ${marked.length === 1 ? "box" : "boxes"}` : "";
    this.#describe();
    this.draw();
  }

  light(number) {
    if (number === this.lit) return;
    this.lit = number;
    this.draw();
  }

  #describe() {
    const found = this.marked.map((m) => `${m.number + 1} ${m.label ?? "object"}`).join(", ");
    this.canvas.setAttribute("aria-label", `Picture ${this.number}: ${found || "no boxes"}`);
  }

  draw() {
    const [width, height] = this.size ?? [4, 3];
    const shown = this.figure.clientWidth;
    if (!shown) return;
    const ratio = Math.min(window.devicePixelRatio || 1, 3);
    this.canvas.width = Math.round(shown * ratio);
    this.canvas.height = Math.max(1, Math.round((this.canvas.width * height) / width));
    const context = this.canvas.getContext("2d");
    if (this.bitmap) context.drawImage(this.bitmap, 0, 0, this.canvas.width, this.canvas.height);
    else this.#sayUnshown(context, ratio);
    this.scale = this.canvas.width / width;
    this.canvas.dataset.scale = this.scale;
    drawBoxes(context, this.marked, this.scale, this.lit, ratio);
  }

  #sayUnshown(context, ratio) {
    context.fillStyle = "#8b949e";
    context.font = `${14 * ratio}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.fillText("This browser can't show the picture.", this.canvas.width / 2, this.canvas.height / 2);
    context.textAlign = "start";
  }

  /** The smallest box under the pointer. */
  #under(event) {
    const frame = this.canvas.getBoundingClientRect();
    const factor = (this.size?.[0] ?? 1) / frame.width;
    const [x, y] = [(event.clientX - frame.left) * factor, (event.clientY - frame.top) * factor];
    const area = ([x1, y1, x2, y2]) => (x2 - x1) * (y2 - y1);
    const over = this.marked.filter(({ box: b }) => x >= b[0] && x <= b[2] && y >= b[1] && y <= b[3]);
    over.sort((a, b) => area(a.box) - area(b.box));
    return over.length ? over[0].number : null;
  }
}
