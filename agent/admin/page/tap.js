// The live tap: the server-sent events of /tap. By fetch(), because an EventSource can neither bring the
// token in a header nor tell why it was refused.
const ROWS = 500;     // shown, or waiting to be; older ones give way
const DRAW_MS = 250;
const tap = {call: null, asked: null, paused: false, waiting: [], received: 0, leftOut: 0};

// ---- what is chosen ----

function setOptions(select, options) {
  const kept = select.value, key = JSON.stringify(options);
  if (select.dataset.shown === key) return;
  select.dataset.shown = key;
  select.replaceChildren(...options.map(([value, text]) => make("option", {value}, text)));
  if (options.some(([value]) => value === kept)) select.value = kept;
}
function stagesOf(p) {
  const named = (kind, list) => list.map(s => [`${kind}:${s.name}`, `${kind} ${s.name}`]);
  return [["", "behind all filters"], ...named("input", p.inputs), ...named("filter", p.filters),
    ...named("output", p.outputs), ["dead_letter", "dead letters"]];
}
function showTapChoices(e) {
  const running = e.status.pipelines.filter(p => p.inputs.length);
  setOptions($("tap-pipeline"), running.map(p => [p.name, p.name]));
  const chosen = running.find(p => p.name === $("tap-pipeline").value);
  setOptions($("tap-at"), chosen ? stagesOf(chosen) : []);
  $("token-form").hidden = e.records;
  $("forget").hidden = !token.get();
  $("token-file").textContent = e.status.state.dir + "/admin.token";
}

// ---- records ----

// Numbers stay as they were written: those beyond 2^53 would be others. Each becomes a string that begins
// with NUL.
function parseRecord(line) {
  return JSON.parse(line.replace(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g,
    t => t[0] === '"' ? t : `"\\u0000${t}"`));
}
const shown = value => plain(typeof value === "string" ? value.replace(/^\0/, "")
  : JSON.stringify(value).replace(/"\\u0000([^"]*)"/g, "$1"));
function pair([key, value]) {
  return make("span", key[0] === "@" ? {class: "meta"} : {}, make("span", {class: "key"}, plain(key)), "=", shown(value), " ");
}
function row(line) {
  const record = parseRecord(line), time = shown(record["@timestamp"] ?? "");
  const fields = Object.entries(record).filter(([key]) => key[0] !== "@");
  const meta = Object.entries(record).filter(([key]) => key[0] === "@" && key !== "@timestamp");
  return make("tr", {}, make("td", {class: "text", title: time}, time.slice(11, 23)),
    make("td", {class: "text"}, ...fields.map(pair), ...meta.map(pair)));
}
function trim() {
  tap.leftOut += Math.max(0, tap.waiting.length - ROWS);
  tap.waiting = tap.waiting.slice(-ROWS);
}
function draw() {
  const body = $("tap-records").querySelector("tbody");
  trim();
  if (!tap.paused && tap.waiting.length) {
    $("tap-records").hidden = false;
    body.prepend(...tap.waiting.reverse().map(row));
    tap.waiting = [];
    while (body.childNodes.length > ROWS) body.lastChild.remove();
  }
  $("tap-counts").textContent = !tap.received && !tap.leftOut ? "" : `· ${count(tap.received)} records`
    + (tap.leftOut ? `, ${count(tap.leftOut)} more left out, so that the pipeline never waits` : "")
    + (tap.waiting.length ? `, ${count(tap.waiting.length)} wait` : "");
}

// ---- the stream ----

function takeEvent(event) {
  if (!event.startsWith("data: ")) return; // a comment, to keep it alive
  const data = event.slice(6);
  if (data.startsWith('{"left_out":')) {
    tap.leftOut += JSON.parse(data).left_out;
  } else {
    tap.received++;
    tap.waiting.push(data);
    if (tap.waiting.length > 2 * ROWS) trim();
  }
}
async function readEvents(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = "";;) {
    const {value, done} = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    parts.forEach(takeEvent);
  }
}
function ask() {
  const {pipeline, at, where, limit} = tap.asked, query = new URLSearchParams({pipeline});
  if (at) query.set("at", at);
  if (where) query.set("where", where);
  if (limit) query.set("limit", limit - tap.received);
  const headers = {Accept: "text/event-stream"};
  if (token.get()) headers.Authorization = "Bearer " + token.get();
  return fetch("/tap?" + query, {headers, signal: tap.call.signal});
}
function showTap(state, error = "") {
  const live = tap.call !== null;
  $("tap-state").textContent = state;
  $("tap-error").textContent = error;
  $("tap-go").textContent = live ? "Stop" : "Start";
  $("tap-pause").disabled = !live;
  $("tap-pause").textContent = tap.paused ? "Go on" : "Pause";
  $("tap-pause").setAttribute("aria-pressed", tap.paused);
}
function endTap(state, error) {
  if (tap.call) tap.call.abort();
  tap.call = null;
  tap.paused = false;
  draw();
  showTap(state, error);
}
function refused(answer, text) {
  endTap("", answer.status === 401
    ? "Records are shown to those who have the token; each start of the agent makes a new one." : plain(text.trim()));
  if (answer.status === 401 && !$("token-form").hidden) $("token").focus();
}
// Until it is stopped, through restarts of the agent.
async function follow(call) {
  while (tap.call === call) {
    try {
      const answer = await ask();
      if (!answer.ok) return refused(answer, await answer.text());
      showTap(tap.paused ? "paused" : "live");
      await readEvents(answer);
      if (tap.asked.limit && tap.received >= tap.asked.limit) return endTap("ended");
    } catch (error) {
      if (call.signal.aborted) return;
      if (error instanceof SyntaxError) throw error;
    }
    if (tap.call !== call) return;
    showTap("reconnecting");
    await new Promise(done => setTimeout(done, 1000));
  }
}
function startTap() {
  endTap("");
  tap.asked = {pipeline: $("tap-pipeline").value, at: $("tap-at").value,
    where: $("tap-where").value.trim(), limit: Number($("tap-limit").value)};
  if (!tap.asked.pipeline) return showTap("", "No pipeline runs.");
  clearRecords();
  tap.received = tap.leftOut = 0;
  tap.call = new AbortController();
  showTap("connecting");
  follow(tap.call);
}
function clearRecords() {
  tap.waiting = [];
  $("tap-records").querySelector("tbody").replaceChildren();
  $("tap-records").hidden = true;
}

// ---- controls ----

$("tap-form").addEventListener("submit", e => {
  e.preventDefault();
  if (tap.call) endTap("stopped");
  else startTap();
});
$("tap-form").addEventListener("keydown", e => { // what was entered is wanted now, also of one that runs
  if (e.key !== "Enter" || e.target.tagName !== "INPUT") return;
  e.preventDefault();
  startTap();
});
$("tap-pipeline").addEventListener("change", () => { showTapChoices(last); tap.call && startTap(); });
$("tap-at").addEventListener("change", () => tap.call && startTap());
$("tap-pause").addEventListener("click", () => {
  tap.paused = !tap.paused;
  showTap(tap.paused ? "paused" : "live");
  draw();
});
$("tap-clear").addEventListener("click", clearRecords);
$("tap").addEventListener("toggle", () => { if (!$("tap").open) endTap(""); }); // nobody looks
$("pipelines").addEventListener("click", e => {
  const button = e.target.closest("button.tap");
  if (!button) return;
  $("tap").open = true;
  $("tap-pipeline").value = button.dataset.tap;
  showTapChoices(last);
  $("tap-at").value = button.dataset.at;
  $("tap").scrollIntoView();
  $("tap-go").focus();
  startTap();
});
$("token-form").addEventListener("submit", e => {
  e.preventDefault();
  token.set($("token").value.trim());
  $("token").value = "";
  listen();
  startTap();
});
$("forget").addEventListener("click", () => { endTap(""); clearRecords(); token.set(""); listen(); });

// ---- start ----

takeTokenOfAddress();
showTap("");
setInterval(draw, DRAW_MS);
setInterval(lookAtLatency, 2000);
lookAtLatency().then(listen);
