"use strict";
// Only the rows in sight exist in the page, and one line's details: 10,000 lines cost no more
// than 100. All text is set as text, never as markup: a model may have written it.
const { lines, pictures, statuses, modes } = JSON.parse(document.getElementById("data").textContent);
const ROW = 44;
const SVG = "http://www.w3.org/2000/svg";
const list = document.getElementById("list");
const space = document.getElementById("space");
const detail = document.getElementById("detail");
const wanted = { status: "", mode: "", words: "" };
let shown = lines.map((_, index) => index);
let picked = -1;

function make(tag, options = {}, ...inside) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (name === "text") element.textContent = value;
    else if (name === "on") element.addEventListener("click", value);
    else element.setAttribute(name, value);
  }
  element.append(...inside);
  return element;
}

function draw(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function color(number) {
  return `hsl(${(number * 137.5) % 360} 85% 48%)`;
}

function haystack(line) {
  line.hay ??= [line.id, line.query, line.error || "", line.text || "", ...line.boxes.map((b) => b[5] || ""),
    ...line.images.map((i) => pictures[i].source)].join("\n").toLowerCase();
  return line.hay;
}

function filter() {
  const words = wanted.words.toLowerCase().split(/\s+/).filter(Boolean);
  shown = [];
  lines.forEach((line, index) => {
    if (wanted.status && line.status !== wanted.status) return;
    if (wanted.mode && line.mode !== wanted.mode) return;
    if (words.every((word) => haystack(line).includes(word))) shown.push(index);
  });
  document.getElementById("shown").textContent =
    `${shown.length.toLocaleString()} of ${lines.length.toLocaleString()} lines`;
  space.style.height = `${shown.length * ROW}px`;
  list.scrollTop = 0;
  rows();
  pick(shown.includes(picked) ? picked : shown.length ? shown[0] : -1);
}

function rows() {
  const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 5);
  const last = Math.min(shown.length, first + Math.ceil(list.clientHeight / ROW) + 10);
  const made = [];
  for (let place = first; place < last; place++) {
    const index = shown[place];
    const line = lines[index];
    const count = line.boxes.length;
    const low = `${line.id} · ${line.status} · ${count} box${count === 1 ? "" : "es"}`;
    made.push(make("div", {
      class: "row", role: "option", style: `top:${place * ROW}px`,
      "aria-selected": String(index === picked), on: () => pick(index),
    }, make("div", { text: line.query || line.error }), make("div", { class: "low", text: low })));
  }
  space.replaceChildren(...made);
}

function pick(index) {
  picked = index;
  rows();
  detail.replaceChildren(...(index < 0 ? [make("p", { text: "No line fits the filters." })] : describe(lines[index])));
  detail.scrollTop = 0;
}

function describe(line) {
  const parts = [make("h2", { text: line.query || "(no question)" }),
    make("div", { class: "low", text: `${line.id} · ${line.status}${line.mode ? ` · ${line.mode}: ${line.why}` : ""}` })];
  if (line.error) parts.push(heading("Error"), make("pre", { text: line.error }));
  if (line.images.length) {
    parts.push(heading("Pictures"),
      make("div", { class: "pictures" }, ...line.images.map((i, n) => figure(line, i, n + 1))));
  }
  if (line.boxes.length) parts.push(heading("Boxes"), boxTable(line));
  if (line.text) parts.push(heading("Text"), make("pre", { text: line.text }));
  if (line.reasoning) parts.push(heading("Reasoning"), make("pre", { text: line.reasoning }));
  if (line.steps.length) parts.push(heading("Steps"), stepTable(line));
  parts.push(heading("Policy"), make("div", { text: line.policy || "" }));
  return parts;
}

function heading(text) {
  return make("h3", { text });
}

function figure(line, index, number) {
  const { source, width, height, data } = pictures[index];
  const shrink = Math.min(1, 420 / width, 420 / height);
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, width: width * shrink, height: height * shrink, role: "img" });
  const title = draw("title", {});
  title.textContent = source;
  svg.append(title);
  if (data) svg.append(draw("image", { href: `data:image/jpeg;base64,${data}`, width, height, preserveAspectRatio: "none" }));
  line.boxes.forEach(([image, x1, y1, x2, y2, label], place) => {
    if (image !== number) return;
    const box = draw("rect", { x: x1, y: y1, width: x2 - x1, height: y2 - y1, fill: "none",
      stroke: color(place), "stroke-width": 2, "vector-effect": "non-scaling-stroke" });
    const name = draw("title", {});
    name.textContent = label || "";
    box.append(name);
    svg.append(box);
  });
  const words = `${number}: ${source} (${width} × ${height})${data ? "" : ", picture not in this report"}`;
  return make("figure", {}, svg, make("figcaption", { text: words }));
}

function table(heads, cells) {
  return make("table", {}, make("thead", {}, make("tr", {}, ...heads.map((text) => make("th", { text })))),
    make("tbody", {}, ...cells.map((row) => make("tr", {}, ...row.map((cell) => typeof cell === "string" ? make("td", { text: cell }) : make("td", {}, cell))))));
}

function boxTable(line) {
  return table(["label", "picture", "x1 y1 x2 y2", "score"], line.boxes.map(([image, x1, y1, x2, y2, label, score, kind], place) => {
    const name = make("span", {}, make("span", { class: "swatch", style: `background:${color(place)}` }), label || "");
    return [name, String(image), [x1, y1, x2, y2].join(" "), score === null ? "" : `${score} ${kind}`];
  }));
}

function stepTable(line) {
  return table(["tool", "arguments", "result"], line.steps.map(([tool, given, ok, summary]) => [tool, given, ok ? summary : `failed: ${summary}`]));
}

for (const [status, count] of statuses) {
  const button = make("button", { type: "button", "aria-pressed": "false", text: `${status} ${count.toLocaleString()}`, on: () => {
    wanted.status = wanted.status === status ? "" : status;
    for (const other of button.parentElement.children) other.setAttribute("aria-pressed", String(other === button && wanted.status !== ""));
    filter();
  } });
  document.getElementById("statuses").append(button);
}
for (const mode of modes) document.getElementById("mode").append(make("option", { value: mode, text: mode }));
document.getElementById("mode").addEventListener("change", (event) => { wanted.mode = event.target.value; filter(); });
let typing = 0;
document.getElementById("words").addEventListener("input", (event) => {
  wanted.words = event.target.value;
  clearTimeout(typing);
  typing = setTimeout(filter, 120);
});
list.addEventListener("scroll", () => requestAnimationFrame(rows));
addEventListener("resize", rows);
list.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
  if (!step || !shown.length) return;
  event.preventDefault();
  const place = Math.min(shown.length - 1, Math.max(0, shown.indexOf(picked) + step));
  if (place * ROW < list.scrollTop) list.scrollTop = place * ROW;
  if ((place + 1) * ROW > list.scrollTop + list.clientHeight) list.scrollTop = (place + 1) * ROW - list.clientHeight;
  pick(shown[place]);
});
filter();
