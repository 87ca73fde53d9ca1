"use strict";
// What the page shows of /api/events. All text of others gets in by textContent only: a log line can't
// become markup.
const KEEP = 60;             // samples in a sparkline
const $ = id => document.getElementById(id);
const history = new Map();   // key -> {value, at, rate, samples[]}
let latency = new Map();     // "pipeline/output" -> {sum, count, ms, samples[]}

// Codes of the log and what to do, out of packaging/docs/messages.md.
const remedies = new Map([...$("messages").textContent.matchAll(/^\| `(\w+)` \| [^|]+ \| (.*) \|$/gm)]
  .map(m => [m[1], m[2]]));
// Prose with `code` in it.
const prose = text => text.split("`").map((part, i) => i % 2 ? make("code", {}, part) : part);
// What would hide, or turn the text around it, is written out.
const plain = text => String(text).replace(
  /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
  c => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.filter(c => c !== null && c !== undefined).map(c => c instanceof Node ? c : String(c)));
  return node;
}
function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let u = 0;
  for (; n >= 1024 && u < 5; u++) n /= 1024;
  return (u && n < 100 ? n.toFixed(1) : Math.round(n)) + " " + units[u];
}
// Makes a shown node like the next one, in place: what is selected, focused, open or scrolled stays so.
function morph(old, next) {
  if (old.nodeName !== next.nodeName || (old.dataset && old.dataset.pipeline !== next.dataset.pipeline))
    return old.replaceWith(next);
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== next.data) old.data = next.data;
    return;
  }
  for (const {name} of [...old.attributes])
    if (name !== "open" && !next.hasAttribute(name)) old.removeAttribute(name);
  for (const {name, value} of next.attributes)
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  morphChildren(old, [...next.childNodes]);
}
function morphChildren(old, next) {
  next.forEach((node, i) => i < old.childNodes.length ? morph(old.childNodes[i], node) : old.append(node));
  while (old.childNodes.length > next.length) old.lastChild.remove();
}
const count = n => Math.round(n).toLocaleString("en");
const rate = n => n >= 100 ? count(n) + "/s" : n > 0 ? n.toFixed(1) + "/s" : "0/s";
function age(s) {
  return s < 60 ? Math.round(s) + " s" : s < 3600 ? Math.floor(s / 60) + " min"
    : s < 86400 ? Math.floor(s / 3600) + " h " + Math.floor(s / 60 % 60) + " min"
    : Math.floor(s / 86400) + " d " + Math.floor(s / 3600 % 24) + " h";
}
// Change of a counter per second since the last event; a restart begins anew.
function track(key, value, at) {
  const h = history.get(key) || {value, at, rate: 0, samples: []};
  if (at > h.at) {
    h.rate = value >= h.value ? (value - h.value) / (at - h.at) * 1000 : 0;
    h.samples.push(h.rate);
    if (h.samples.length > KEEP) h.samples.shift();
  }
  h.value = value; h.at = at;
  history.set(key, h);
  return h;
}
function spark(samples, label) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  const top = Math.max(...samples, 1e-9);
  svg.setAttribute("class", "spark");
  svg.setAttribute("viewBox", `0 0 ${KEEP - 1} 28`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  path.setAttribute("d", samples.map((v, i) =>
    `${i ? "L" : "M"}${KEEP - samples.length + i} ${(26 - v / top * 24).toFixed(1)}`).join("") || "M0 26");
  svg.append(path);
  return svg;
}
function facts(pairs) {
  const dl = make("dl");
  for (const [name, value, metric] of pairs)
    dl.append(make("dt", {}, name), make("dd", metric ? {"data-metric": metric} : {}, value));
  return dl;
}
function stage(p, kind, s, pairs, sparks, why) {
  return make("div", {class: "stage", "data-stage": s.name, "data-kind": kind},
    make("button", {class: "tap", type: "button", "data-tap": p.name, "data-at":
      kind === "dead letter" ? "dead_letter" : `${kind}:${s.name}`, "aria-label": `Tap ${s.name} of ${p.name}`}, "tap"),
    make("span", {class: "soft"}, kind + " "), make("b", {}, s.name),
    s.plugin !== s.name ? make("span", {class: "soft"}, " " + s.plugin) : null,
    facts(pairs), ...sparks, why ? make("p", {class: "why"}, plain(why)) : null);
}
function inputs(p, at) {
  return p.inputs.map(i => {
    const records = track(`${p.name}/in/${i.name}/records`, i.records, at);
    const read = track(`${p.name}/in/${i.name}/bytes`, i.bytes, at);
    return stage(p, "input", i, [["records", count(i.records), "records"], ["read", bytes(i.bytes)],
      ["rate", rate(records.rate) + ", " + bytes(read.rate) + "/s"], ["sources", count(i.sources)],
      ["unread", bytes(i.lag_bytes), "lag"], ["behind", i.lag_bytes ? age(i.lag_seconds) : "–"],
      ...(i.read_errors ? [["read errors", count(i.read_errors)]] : [])],
      [spark(records.samples, `records a second of ${i.name}, now ${rate(records.rate)}`)]);
  });
}
function filters(p) {
  return p.filters.map(f => stage(p, "filter", f, [["dropped", count(f.dropped), "dropped"],
    ["dead", count(f.dead_lettered), "dead"]], []));
}
function outputs(p, at, list, kind) {
  return list.map(o => {
    const sent = track(`${p.name}/${kind}/${o.name}`, o.delivered, at);
    const time = latency.get(`${p.name}/${o.name}`);
    return stage(p, kind, o, [["delivered", count(o.delivered), "delivered"], ["rate", rate(sent.rate)],
      ["in flight", count(o.in_flight)], ["dead", count(o.dead_lettered), "dead"],
      ["not routed", count(o.not_routed)],
      ...(o.requests ? [["requests", count(o.requests)], ["retries", count(o.retries)]] : []),
      ...(time ? [["latency", time.ms.toFixed(1) + " ms"]] : [])],
      [spark(sent.samples, `records a second to ${o.name}, now ${rate(sent.rate)}`),
       ...(time ? [spark(time.samples, `latency of ${o.name}, now ${time.ms.toFixed(1)} ms`)] : [])],
      o.stalled);
  });
}
// An edge of the graph, and how many records pass it: a count since the start, of which the rate is shown.
function edge(p, name, passed, at) {
  return make("div", {class: "edge", "data-edge": name}, rate(track(`${p.name}/edge/${name}`, passed, at).rate));
}
// Inputs, each with an edge to the first filter; filters; outputs, each with an edge to it.
function graph(p, at) {
  let passing = p.inputs.reduce((sum, i) => sum + i.records - i.dead_lettered, 0);
  const stages = inputs(p, at);
  const nodes = [make("div", {class: "column" + (p.filters.length ? " hops" : "")}, ...stages.map((s, i) =>
    make("div", {class: "hop"}, s, p.filters.length ? edge(p, "from " + p.inputs[i].name, p.inputs[i].records, at) : null)))];
  filters(p).forEach((node, i) => {
    const f = p.filters[i];
    if (i) nodes.push(edge(p, "to filter " + f.name, passing, at));
    nodes.push(make("div", {class: "column"}, node));
    passing += f.made - f.held - f.dropped - f.dead_lettered;
  });
  nodes.push(make("div", {class: "column hops"}, ...outputs(p, at, p.outputs, "output").map((s, i) =>
    make("div", {class: "hop"}, edge(p, "to " + p.outputs[i].name, p.routed - p.outputs[i].not_routed, at), s))));
  return make("div", {class: "graph"}, ...nodes);
}
function table(titles, rows, numbers) {
  const head = make("tr"), body = make("tbody");
  titles.forEach((t, i) => head.append(make("th", numbers.includes(i) ? {class: "number", scope: "col"} : {scope: "col"}, t)));
  for (const row of rows) {
    const tr = make("tr");
    row.forEach((cell, i) => tr.append(make("td", {class: numbers.includes(i) ? "number" : "text"}, plain(cell ?? ""))));
    body.append(tr);
  }
  return make("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": titles.join(", ")},
    make("table", {}, make("thead", {}, head), body));
}
function pipeline(p, files, at) {
  const well = p.state === "running" && !p.failure, section = make("section",
    {class: "card", "data-pipeline": p.name, "aria-label": "Pipeline " + p.name});
  section.append(make("div", {class: "head"}, make("h2", {}, p.name),
    make("span", {class: "badge" + (well ? "" : " bad")}, p.state),
    make("span", {class: "soft"}, `memory ${bytes(p.memory.used)} of ${bytes(p.memory.limit)}`),
    p.unrouted ? make("span", {class: "soft"}, count(p.unrouted) + " went to no output") : null));
  if (p.inputs.length) section.append(graph(p, at));
  const used = p.dead_letter.filter(o => o.delivered || o.in_flight || o.stalled);
  if (used.length || p.dead_reasons.length)
    section.append(make("h3", {}, "Dead letters"),
      make("div", {class: "column"}, ...outputs(p, at, used, "dead letter")));
  if (p.dead_reasons.length) {
    const lines = p.dead_reasons.some(d => d.sample !== null); // not everybody may see them
    section.append(table(["Stage", "Reason", "Records", "Error", ...(lines ? ["Last line"] : [])],
      p.dead_reasons.map(d => [d.stage, d.reason, count(d.count), d.error, ...(lines ? [d.sample] : [])]), [2]));
  }
  if (files.length) {
    const details = make("details", {id: "files-" + p.name}, make("summary", {},
      `Files and peers: ${files.length}, the most behind first`),
      table(["Source", "Read to", "Unread"], files.map(f => [f.name, count(f.position), bytes(f.lag_bytes)]), [1, 2]));
    section.append(details);
  }
  return section;
}
// What is wrong now, and the code that says what to do.
function troubles(s) {
  const list = [], add = (code, text) => list.push({code, text: plain(text)});
  if (s.state.stalled) add("state_stalled", "Positions can't be saved: " + s.state.stalled);
  for (const p of s.pipelines) {
    if (p.failure) add(p.state === "not started" ? "pipeline_refused" : "pipeline_failed", `${p.name}: ${p.failure}`);
    if (p.refused) add("reload_refused", `${p.name}: its new configuration was refused: ${p.refused}`);
    for (const o of [...p.outputs, ...p.dead_letter])
      if (o.stalled) add("output_stalled", `${p.name}/${o.name}: ${o.stalled}`);
  }
  return list;
}
function showTroubles(list) {
  const text = list.map(t => t.text).join("\n");
  if ($("trouble").dataset.shown === text) return; // or a screen reader says it every second
  $("trouble").dataset.shown = text;
  $("trouble").hidden = !list.length;
  $("trouble").querySelector("ul").replaceChildren(...list.map(t => make("li", {}, t.text,
    make("div", {class: "remedy"}, ...prose(remedies.get(t.code) || "")))));
}
function showLog(lines) {
  $("log").hidden = !lines.length;
  morphChildren($("log").querySelector("tbody"), lines.map(l => make("tr", {},
    make("td", {class: "text"}, l.time), make("td", {}, l.level), make("td", {class: "text"}, l.origin),
    make("td", {class: "text"}, l.code || ""), make("td", {class: "text"}, plain(l.text)))));
  const codes = [...new Set(lines.map(l => l.code))].filter(code => remedies.has(code)).sort();
  morphChildren($("remedies"), codes.flatMap(code =>
    [make("dt", {}, code), make("dd", {}, ...prose(remedies.get(code)))]));
}
let last = null;
function show(e) {
  const s = e.status, wanted = $("filter").value.toLowerCase(), at = e.at;
  $("where").textContent = `${s.version} on ${s.host}, up ${age(s.uptime_seconds)}`;
  $("memory").textContent = `memory ${bytes(s.memory.used)} of ${bytes(s.memory.limit)}`;
  showTroubles(troubles(s));
  morphChildren($("pipelines"), s.pipelines
    .map(p => pipeline(p, e.files.filter(f => f.pipeline === p.name), at))
    .filter(node => node.dataset.pipeline.toLowerCase().includes(wanted)));
  showLog(e.log);
  showTapChoices(e);
  last = e;
}
function link(text, kind) { $("link").textContent = text; $("link").className = "badge " + kind; }
// Latency comes from the histogram of /metrics: mean of the requests since the last look.
async function lookAtLatency() {
  try {
    const text = await (await fetch("/metrics")).text(), now = new Map();
    for (const m of text.matchAll(/^weir_output_request_seconds_(sum|count)\{pipeline="([^"]*)",output="([^"]*)"\} (\S+)/gm)) {
      const key = m[2] + "/" + m[3], seen = now.get(key) || {};
      seen[m[1]] = Number(m[4]);
      now.set(key, seen);
    }
    for (const [key, seen] of now) {
      const before = latency.get(key) || {sum: 0, count: 0, ms: 0, samples: []};
      if (seen.count > before.count) before.ms = (seen.sum - before.sum) / (seen.count - before.count) * 1000;
      before.samples.push(before.ms);
      if (before.samples.length > KEEP) before.samples.shift();
      if (seen.count) latency.set(key, {...before, ...seen});
    }
  } catch { /* the event source says that it is away */ }
}
// Who may see records has the token of the state folder. It is entered, or comes behind the # of the
// address, where no server and no referrer gets it, and stays in this tab alone.
const token = {
  get: () => sessionStorage.getItem("token") || "",
  set(text) { text ? sessionStorage.setItem("token", text) : sessionStorage.removeItem("token"); },
};
let events = null;
function listen() {
  if (events) events.close();
  const source = events = new EventSource("/api/events" + (token.get() ? "?token=" + encodeURIComponent(token.get()) : ""));
  source.addEventListener("status", message => { link("live", ""); show(JSON.parse(message.data)); });
  source.onerror = () => {
    link("reconnecting", "warn");
    if (source.readyState === EventSource.CLOSED) setTimeout(() => source === events && listen(), 1000);
  };
}
function takeTokenOfAddress() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!given) return;
  token.set(given);
  window.history.replaceState(null, "", location.pathname);
}
$("filter").addEventListener("input", () => last && show(last));
$("theme").addEventListener("click", () => {
  const dark = document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "light" : "dark";
});
document.addEventListener("keydown", e => {
  if (e.key === "Escape" && e.target === $("filter")) { e.target.value = ""; e.target.blur(); last && show(last); }
  if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest("input, select")) return;
  if (e.key === "/") { e.preventDefault(); $("filter").focus(); }
  if (e.key === "t") $("theme").click();
  if (e.key === "l") { e.preventDefault(); $("tap").open = true; $("tap-pipeline").focus(); }
  if (e.key === "p" && !$("tap-pause").disabled) $("tap-pause").click();
});
