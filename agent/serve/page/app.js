// The page: pictures in, a question asked, steps and boxes shown as they come.

import { ask, AskError, readConfig } from "./api.js";
import { Board } from "./board.js";
import { lightRow, makeSheet, save, showAnswer, showStep, showView } from "./results.js";

const $ = (id) => document.getElementById(id);
const rows = $("boxes").tBodies[0];
const NARROW = matchMedia("(max-width: 860px)");
const state = { boards: [], answer: null, running: null, clock: 0, config: { max_pictures: 16, max_request_bytes: Infinity } };

function say(words) {
  $("status").textContent = words;
}

function complain(words) {
  $("error").textContent = words;
  $("error").hidden = !words;
}

function light(number) {
  for (const board of state.boards) {
    board.light(board.marked.some((mark) => mark.number === number) ? number : null);
  }
  lightRow(rows, number);
}

function forget() {
  state.answer = null;
  $("result").hidden = $("trace").hidden = true;
  $("steps").replaceChildren();
  for (const board of state.boards) board.setBoxes([]);
}

async function add(files) {
  complain("");
  const pictures = [...files].filter((file) => file.type.startsWith("image/") || /\.(tiff?|ppm)$/i.test(file.name));
  if (pictures.length < files.length) complain("Some of these files are no pictures; they were left out.");
  const room = state.config.max_pictures - state.boards.length;
  if (pictures.length > room) {
    complain(`A question can be about ${state.config.max_pictures} pictures at most.`);
  }
  const boards = pictures.slice(0, Math.max(0, room)).map((file) => {
    const board = new Board(file, { onPoint: light, onRemove: () => remove(board) });
    return board;
  });
  if (!boards.length) return;
  stop();
  forget();
  state.boards.push(...boards);
  renumber();
  await Promise.all(boards.map((board) => board.load()));
}

function remove(board) {
  stop();
  const place = state.boards.indexOf(board);
  state.boards.splice(place, 1);
  forget();
  renumber();
  (state.boards[Math.min(place, state.boards.length - 1)]?.remove ?? $("files")).focus();
}

function renumber() {
  state.boards.forEach((board, place) => board.setNumber(place + 1));
  $("boards").replaceChildren(...state.boards.map((board) => board.figure));
}

function stop() {
  state.running?.abort();
}

const chosen = (id) => [...$(id).querySelectorAll("input:checked")].map((input) => input.value);

async function submit(event) {
  event.preventDefault();
  if (state.running) return;
  complain("");
  if (!state.boards.length) {
    complain("Add a picture first: drop it, choose it, or paste it.");
    $("files").focus();
    return;
  }
  const files = state.boards.map((board) => board.file);
  if (files.reduce((sum, file) => sum + file.size, 0) > state.config.max_request_bytes) {
    complain(`These pictures are larger than ${Math.floor(state.config.max_request_bytes / 1e6)} MB together.`);
    return;
  }
  forget();
  busy(true);
  const { signal } = (state.running = new AbortController());
  try {
    const question = { query: $("query").value, files, mode: chosen("modes")[0], tools: chosen("tools"), key: $("key").value, signal };
    for await (const step of ask(question)) show(step);
  } catch (error) {
    fail(error);
  } finally {
    busy(false);
  }
}

function show(event) {
  switch (event.kind) {
    case "started":
      event.images.forEach(({ width, height }, place) => state.boards[place]?.setSize(width, height));
      say("Looking…");
      break;
    case "tool-started":
      say(`${event.tool} is at work…`);
      break;
    case "answer":
      finish(event.answer);
      break;
    case "mode":
    case "policy":
    case "tool":
      $("trace").hidden = false;
      showStep($("steps"), event, open);
      say("Looking…");
      break;
  }
}

function finish(answer) {
  state.answer = answer;
  if (answer.status === "failed") {
    say("");
    complain(answer.error?.message ?? "No answer came.");
    return;
  }
  const marked = answer.answer.map((found, number) => ({ ...found, number }));
  state.boards.forEach((board, place) => board.setBoxes(marked.filter((mark) => mark.image === place + 1)));
  say(showAnswer(answer, { said: $("said"), table: $("boxes"), rows, thought: $("thought") }, light));
  $("result").hidden = false;
  // On a narrow screen the pictures lie below the form, and the boxes would appear out of sight.
  if (NARROW.matches) (marked.length ? $("boards") : $("result")).scrollIntoView({ block: "start" });
}

function fail(error) {
  if (error.name === "AbortError") return say("Stopped.");
  say("");
  if (!(error instanceof AskError)) console.error(error);
  complain(error instanceof AskError ? error.message : "Something went wrong on this page.");
  if (error.kind === "key") {
    $("key-row").hidden = false;
    $("key").focus();
  }
}

function busy(on) {
  $("submit").disabled = on;
  $("stop").hidden = !on;
  clearInterval(state.clock);
  $("elapsed").textContent = "";
  if (on) {
    const began = Date.now();
    // A first question loads models, which takes a while: that something goes on must be seen.
    state.clock = setInterval(() => {
      const seconds = Math.round((Date.now() - began) / 1000);
      if (seconds >= 3) $("elapsed").textContent = `${seconds} s`;
    }, 1000);
  }
  if (on) say("Sending…");
  else state.running = null;
}

function open(event) {
  $("view-title").textContent = `${event.step.tool}: what it saw`;
  showView(event, state.boards, $("view-body"));
  $("view").showModal();
}

function chip(kind, name, value, checked) {
  const label = Object.assign(document.createElement("label"), { className: "chip" });
  const input = Object.assign(document.createElement("input"), { type: kind, name, value, checked });
  const words = document.createElement("span");
  words.textContent = value;
  label.append(input, words);
  return label;
}

async function start() {
  try {
    state.config = await readConfig();
  } catch (error) {
    fail(error);
    return;
  }
  const { modes, tools, policy, key_needed } = state.config;
  $("modes").append(...modes.map((mode, place) => chip("radio", "mode", mode, place === 0)));
  $("tools").append(...tools.map((tool) => chip("checkbox", "tool", tool, true)));
  $("tools").hidden = !tools.length;
  $("policy").textContent = policy ? `answered by ${policy}` : "";
  $("key-row").hidden = !key_needed;
}

$("ask").addEventListener("submit", submit);
$("stop").addEventListener("click", stop);
$("files").addEventListener("change", (event) => {
  add(event.target.files).then(() => { $("files").value = ""; });
});
$("query").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("ask").requestSubmit();
  }
});
$("view-close").addEventListener("click", () => $("view").close());
$("save-json").addEventListener("click", () => {
  save(new Blob([JSON.stringify(state.answer, null, 2)], { type: "application/json" }), "answer.json");
});
$("save-sheet").addEventListener("click", async () => save(await makeSheet(state.boards), "sheet.png"));

document.addEventListener("paste", (event) => {
  if (event.clipboardData?.files.length) add(event.clipboardData.files);
});
for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    $("drop").classList.add("over");
  });
}
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) $("drop").classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  $("drop").classList.remove("over");
  if (event.dataTransfer?.files.length) add(event.dataTransfer.files);
});

start();
