// Keeps the page of a campaign up to date. Every message is the whole picture, so one that is missed costs nothing.
const page = document.getElementById("campaign");
const live = (name) => document.querySelector(`[data-live="${name}"]`);
const sum = (counters, states) => states.split(" ").reduce((n, state) => n + (counters[state] ?? 0), 0);
const put = (element, value) => { if (element.textContent !== String(value)) element.textContent = value; };
let wait = 1000;

function show({ state, trouble, planned, expanded, counters, variants, rate, eta }) {
  put(live("state"), state);
  live("state").className = `state ${state}`;
  put(live("trouble"), trouble);
  live("trouble").hidden = !trouble;
  put(live("planned"), planned);
  put(live("expanded"), Math.floor(expanded * 100));
  put(live("rate"), rate < 10 ? rate : Math.round(rate));
  put(live("eta"), eta ?? "–");
  const counted = Object.values(counters).reduce((n, m) => n + m, 0);
  put(live("counted"), counted);
  let start = 0;
  for (const piece of page.querySelectorAll("rect")) {
    const width = 1000 * sum(counters, piece.dataset.states) / (counted || 1);
    piece.setAttribute("x", start);
    piece.setAttribute("width", width);
    start += width;
  }
  for (const cell of document.querySelectorAll("[data-count]")) {
    const row = cell.closest("[data-variant]");
    const of = row ? variants[row.dataset.variant]?.counters ?? {} : counters;
    put(cell, sum(of, cell.dataset.count));
  }
}

function line(on) {
  const words = live("line");
  words.hidden = false;
  put(words, on ? words.dataset.on : words.dataset.off);
}

function connect() {
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${page.dataset.socket}`);
  socket.addEventListener("message", (event) => {
    wait = 1000;
    line(true);
    show(JSON.parse(event.data));
  });
  socket.addEventListener("close", ({ code }) => {
    line(false);
    // Signed out, or not ours to see: asking again would not help.
    if (code === 4401 || code === 4404) return;
    setTimeout(connect, wait * (0.5 + Math.random() / 2));
    wait = Math.min(wait * 2, 30000);
  });
}

connect();
