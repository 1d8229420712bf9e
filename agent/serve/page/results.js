// The answer as a table, the steps as a list, a step's view, and what can be saved.

import { color, drawBoxes } from "./board.js";

const SAID = {
  none: "Looked at every picture: nothing of the kind is there.",
  partial: "This answer may be incomplete.",
  truncated: "The answer was cut off before any box.",
  unparsable: "No readable answer came.",
};

const make = (tag, text, className) => {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
};

/** Fills the table, and returns the answer in a few words; `onPoint(number|null)` is told of the
 * row under pointer or focus. */
export function showAnswer(answer, elements, onPoint) {
  const count = answer.answer.length;
  const pictures = new Set(answer.answer.map((found) => found.image)).size;
  const words = count ? [`${count} ${count === 1 ? "box" : "boxes"} in ${pictures} ${pictures === 1 ? "picture" : "pictures"}.`] : [];
  if (SAID[answer.status]) words.push(SAID[answer.status]);
  const mode = `Mode: ${answer.mode.used}${answer.mode.why ? ` (${answer.mode.why})` : ""}.`;
  elements.said.replaceChildren(make("p", words.join(" "), "first"));
  if (answer.text) elements.said.append(make("p", answer.text));
  elements.said.append(make("p", mode, "soft"));
  elements.table.hidden = count === 0;
  elements.rows.replaceChildren(...answer.answer.map((found, number) => row(found, number, onPoint)));
  elements.thought.hidden = !answer.reasoning;
  elements.thought.querySelector("p").textContent = answer.reasoning ?? "";
  return words.join(" ");
}

function row(found, number, onPoint) {
  const line = make("tr");
  line.tabIndex = 0;
  line.dataset.number = number;
  const swatch = make("span", number + 1, "swatch");
  swatch.style.background = color(number);
  const first = make("td");
  first.append(swatch);
  const numbers = found.box.map((value) => Math.round(value)).join(", ");
  const score = found.score === null ? "–" : found.score.toFixed(2);
  line.append(first, make("td", found.label ?? "object", "what"), make("td", found.image),
    make("td", numbers), make("td", score));
  if (found.score_kind) line.lastChild.title = `from: ${found.score_kind}`;
  for (const name of ["pointerenter", "focus"]) line.addEventListener(name, () => onPoint(number));
  for (const name of ["pointerleave", "blur"]) line.addEventListener(name, () => onPoint(null));
  return line;
}

export function lightRow(rows, number) {
  for (const line of rows.children) {
    line.classList.toggle("lit", number !== null && Number(line.dataset.number) === number);
  }
}

/** One line of the trace; a tool's step is a button that shows what it saw. */
export function showStep(list, event, onOpen) {
  const item = make("li");
  if (event.kind === "mode") {
    const line = make("div");
    line.append(make("b", "mode"), make("span", `${event.mode} (${event.why}), ${event.strategy}`, "words"));
    item.append(line);
  } else if (event.kind === "policy") {
    if (!event.reasoning) return;
    const line = make("div");
    line.append(make("b", "thought"), make("span", event.reasoning, "words"));
    item.append(line);
  } else {
    const { step } = event;
    const button = make("button", undefined, step.ok ? "" : "failed");
    button.type = "button";
    button.append(make("b", step.tool), make("span", step.summary, "words"),
      make("span", `${step.seconds.toFixed(2)} s`, "time"));
    button.addEventListener("click", () => onOpen(event));
    item.append(button);
  }
  list.append(item);
}

/** What a tool's step looked at: its new views, or the pictures with the boxes that it found. */
export function showView(event, boards, body) {
  body.replaceChildren();
  for (const view of event.views) {
    const board = boards[view.image - 1];
    if (!board) continue;
    const [x1, y1, x2, y2] = view.window;
    body.append(make("p", `View ${view.index}: ${view.shows}, pixels ${view.window.map(Math.round).join(", ")}`));
    body.append(crop(board, x1, y1, x2, y2, []));
  }
  const found = event.boxes.map(([, box], number) => ({ ...box, number }));
  for (const image of new Set(found.map((box) => box.image))) {
    const board = boards[image - 1];
    if (!board?.size) continue;
    body.append(make("p", `Picture ${image}`));
    body.append(crop(board, 0, 0, ...board.size, found.filter((box) => box.image === image)));
  }
  if (!body.children.length) body.append(make("p", event.step.summary));
  body.append(make("p", JSON.stringify(event.step.arguments)));
}

function crop(board, x1, y1, x2, y2, marked) {
  const canvas = make("canvas");
  const scale = Math.min(4, 880 / (x2 - x1));
  canvas.width = Math.max(1, Math.round((x2 - x1) * scale));
  canvas.height = Math.max(1, Math.round((y2 - y1) * scale));
  canvas.dataset.window = [x1, y1, x2, y2].join(" ");
  const context = canvas.getContext("2d");
  if (board.bitmap) {
    const unit = board.bitmap.width / board.size[0];
    context.drawImage(board.bitmap, x1 * unit, y1 * unit, (x2 - x1) * unit, (y2 - y1) * unit,
      0, 0, canvas.width, canvas.height);
  }
  drawBoxes(context, marked, scale);
  return canvas;
}

/** All pictures with their boxes on one sheet, as a PNG. */
export function makeSheet(boards) {
  const columns = Math.ceil(Math.sqrt(boards.length));
  const [cell, gap, head] = [Math.floor(1600 / columns), 12, 28];
  const shapes = boards.map(({ size }) => {
    const [width, height] = size ?? [4, 3];
    const scale = Math.min(cell / width, (1.4 * cell) / height);
    return { scale, width: width * scale, height: height * scale };
  });
  const tops = [gap];
  for (let start = 0; start < boards.length; start += columns) {
    const tallest = Math.max(...shapes.slice(start, start + columns).map((shape) => shape.height));
    tops.push(tops.at(-1) + tallest + head + gap);
  }
  const sheet = make("canvas");
  sheet.width = columns * (cell + gap) + gap;
  sheet.height = Math.round(tops.at(-1));
  const context = sheet.getContext("2d");
  context.fillStyle = "#fafafa";
  context.fillRect(0, 0, sheet.width, sheet.height);
  boards.forEach((board, place) => {
    const { scale, width, height } = shapes[place];
    const left = gap + (place % columns) * (cell + gap);
    const top = tops[Math.floor(place / columns)];
    context.fillStyle = "#282828";
    context.font = "600 15px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.fillText(`Picture ${place + 1}  ${board.file.name ?? ""}`, left, top + head / 2, cell);
    context.save();
    context.translate(left, top + head);
    if (board.bitmap) context.drawImage(board.bitmap, 0, 0, width, height);
    drawBoxes(context, board.marked, scale);
    context.restore();
  });
  return new Promise((resolve) => sheet.toBlob(resolve, "image/png"));
}

export function save(blob, name) {
  const link = make("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
