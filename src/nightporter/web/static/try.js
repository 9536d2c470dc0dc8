// Reads /openapi.json of this desk, shows it, and calls it. What comes from outside is put in as text, never as markup.

const $ = (id) => document.getElementById(id);
const LONGEST = 200_000; // characters of a reply that are shown
const MOST = 500; // events that are shown
let described;

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.filter((child) => child != null && child !== ""));
  return node;
}

// Shapes

const followed = (part) => (part.$ref ? part.$ref.split("/").slice(1).reduce((inside, step) => inside[step], described) : part);
const named = (schema) => (schema.$ref ? schema.$ref.split("/").pop() : "");

const exampleOf = (operation) => operation.requestBody.content["application/json"].example;

function range(schema) {
  const low = schema.minimum ?? schema.minLength ?? schema.minItems;
  const high = schema.maximum ?? schema.maxLength ?? schema.maxItems;
  const what = schema.type === "array" ? " items" : schema.type === "string" ? " characters" : "";
  if (low == null && high == null) return "";
  if (high == null) return low === 1 && what ? ", not empty" : `, at least ${low}${what}`;
  return low == null ? `, at most ${high}${what}` : `, ${low} to ${high}${what}`;
}

const FORMATS = { uuid: "id", "date-time": "UTC time", decimal: "decimal" };

// What kind of value a schema takes, in words.
function kind(schema) {
  const full = followed(schema);
  if (full.anyOf) return [...new Set(full.anyOf.map(kind))].join(" or ");
  if (full.enum) return full.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (full.type === "array") return `list: ${kind(full.items ?? {})}${range(full)}`;
  if (full.type === "object" || full.properties) return "object";
  if (full.contentEncoding) return `${full.contentEncoding} text${range(full)}`;
  return (FORMATS[full.format] ?? (full.type === "string" ? "text" : full.type) ?? "any value") + range(full);
}

// The objects inside a schema, through lists and alternatives.
function objects(schema) {
  const full = followed(schema);
  if (full.anyOf) return full.anyOf.flatMap(objects);
  if (full.type === "array") return objects(full.items ?? {});
  return full.properties ? [schema] : [];
}

function shape(schema, inside = []) {
  const full = followed(schema);
  const list = make("ul", { class: "shape" });
  for (const [name, property] of Object.entries(full.properties)) {
    const required = (full.required ?? []).includes(name);
    const item = make("li", {}, make("code", {}, name), " ", make("span", { class: "kind" }, kind(property)), " ");
    if (required) item.append(make("em", {}, "required"));
    const about = property.description ?? followed(property).description;
    if (about) item.append(make("span", { class: "about" }, about));
    const within = objects(property).filter((one) => !inside.includes(named(one)));
    for (const one of within) {
      const title = within.length > 1 ? named(one) : "its fields";
      item.append(later("more", title, () => shape(one, [...inside, named(one)])));
    }
    list.append(item);
  }
  if (!list.childElementCount) list.append(make("li", { class: "kind" }, "no fields"));
  return list;
}

// A part that is made when it is opened.
function later(type, title, content) {
  const part = make("details", { class: type }, make("summary", {}, title));
  part.build = () => part.childElementCount > 1 || part.append(content());
  part.addEventListener("toggle", part.build);
  return part;
}

// JSON, with its words told apart

function printed(text) {
  const box = make("pre", { tabindex: "0", "aria-label": "Reply body" });
  let plain = text.slice(0, LONGEST);
  try {
    if (plain.length === text.length) plain = JSON.stringify(JSON.parse(text), null, 2);
  } catch { /* shown as it came */ }
  let end = 0;
  for (const found of plain.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d[\d.eE+-]*/g)) {
    const type = found[2] ? "k" : found[1] ? "s" : "n";
    box.append(plain.slice(end, found.index), make("span", { class: type }, found[1] ?? found[0]), found[2] ?? "");
    end = found.index + found[0].length;
  }
  box.append(plain.slice(end));
  if (text.length > LONGEST) box.append(`\n… and ${text.length - LONGEST} characters more`);
  return box;
}

// Calling

// The body with the tokens from above; everything else stays as it was typed.
function withTokens(body) {
  for (const [name, field] of [["AccessToken", "access-token"], ["ClientToken", "client-token"]]) {
    const value = $(field).value.trim();
    if (!value) continue;
    const pair = new RegExp(`"${name}"\\s*:\\s*"(?:[^"\\\\]|\\\\.)*"`);
    const put = `"${name}": ${JSON.stringify(value)}`;
    if (pair.test(body)) body = body.replace(pair, () => put);
    else body = body.replace(/^\s*\{(\s*\})?/, (start, empty) => `{${put}${empty ? "}" : ","}`);
  }
  return body;
}

function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

async function call(path, body, headers, place) {
  place.replaceChildren(make("p", {}, "Waiting for the reply …"));
  const began = performance.now();
  try {
    const reply = await fetch(path, { method: "POST", body, headers, credentials: "omit", cache: "no-store" });
    const text = await reply.text();
    const took = Math.round(performance.now() - began);
    const line = make("p", {}, make("span", { class: reply.ok ? "ok" : "no" }, `${reply.status} ${reply.statusText}`.trim()), ` in ${took} ms, ${text.length} characters`);
    const lines = [...reply.headers].map(([name, value]) => `${name.replace(/\b[a-z]/g, (c) => c.toUpperCase())}: ${value}`);
    place.replaceChildren(line, make("pre", { "aria-label": "Reply headers", tabindex: "0" }, lines.join("\n")), text ? printed(text) : make("p", {}, "No body."));
  } catch (error) {
    place.replaceChildren(make("p", { class: "no" }, `No reply: ${error.message}`));
  }
}

// Operations

const words = (name) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).replace(/^./, (letter) => letter.toUpperCase());

function reference(operation) {
  const body = operation.requestBody.content["application/json"].schema;
  const part = make("div", {});
  if (operation.description) part.append(make("p", {}, operation.description));
  part.append(make("h3", {}, "Request"), followed(body).description ? make("p", { class: "hint" }, followed(body).description) : "", shape(body));
  part.append(make("h3", {}, "Replies"));
  const statuses = make("dl", {});
  for (const [status, reply] of Object.entries(operation.responses)) statuses.append(make("dt", {}, status), make("dd", {}, followed(reply).description));
  const done = operation.responses[200].content["application/json"];
  const refused = followed(operation.responses[400]).content["application/json"].schema;
  part.append(statuses, later("more", "Body of 200", () => shape(done.schema)), later("more", "Example of 200", () => printed(JSON.stringify(done.example))), later("more", "Body of every refusal", () => shape(refused)));
  return part;
}

function form(path, operation) {
  const id = operation.operationId;
  const example = JSON.stringify(exampleOf(operation), null, 2);
  const body = make("textarea", { id: `${id}-body`, spellcheck: "false", rows: Math.min(24, example.split("\n").length + 1) });
  body.value = example;
  const fields = (operation.parameters ?? []).map((one) => {
    const input = make("input", { name: one.name, autocomplete: "off" });
    return make("label", {}, one.name, " (header)", make("small", {}, one.description), input);
  });
  const reply = make("div", { class: "reply", role: "status", "aria-live": "polite" });
  const send = make("button", {}, "Send");
  const copy = make("button", { type: "button", class: "plain" }, "Copy as curl");
  const box = make("form", { class: "try" }, make("h3", {}, "Try it"), make("label", { for: body.id }, "Body"), body, ...fields, make("div", { class: "row" }, send, copy), reply);
  const headers = () => {
    const given = { "Content-Type": "application/json" };
    for (const input of box.querySelectorAll("input")) if (input.value) given[input.name] = input.value;
    return given;
  };
  box.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    await call(path, withTokens(body.value), headers(), reply);
    send.disabled = false;
  });
  body.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) box.requestSubmit();
  });
  copy.addEventListener("click", async () => {
    const given = Object.entries(headers()).map(([name, value]) => ` -H ${quoted(`${name}: ${value}`)}`).join("");
    const line = `curl -s ${quoted(location.origin + path)}${given} -d ${quoted(withTokens(body.value))}`;
    try {
      await navigator.clipboard.writeText(line);
      copy.textContent = "Copied";
    } catch {
      reply.replaceChildren(make("pre", { tabindex: "0", "aria-label": "curl" }, line));
    }
    setTimeout(() => { copy.textContent = "Copy as curl"; }, 1500);
  });
  return box;
}

function operationOf(path, operation) {
  const name = path.replace(/^\/api\/\w+\/v1\//, "");
  const part = later("operation", "", () => make("div", { class: "body" }, reference(operation), form(path, operation)));
  part.id = name;
  part.firstChild.append(make("code", {}, name), make("span", {}, operation.summary));
  return part;
}

function show() {
  $("version").textContent = described.info.version;
  $("about").textContent = described.info.description;
  const groups = new Map();
  for (const [path, { post }] of Object.entries(described.paths)) {
    if (!path.startsWith("/api/connector/")) continue; // administrators have the command line and the document
    if (!groups.has(post.tags[0])) groups.set(post.tags[0], []);
    groups.get(post.tags[0]).push(operationOf(path, post));
  }
  for (const [tag, parts] of groups) {
    $("contents").append(make("b", {}, words(tag)), ...parts.map((part) => make("a", { href: `#${part.id}` }, part.id.split("/")[1])));
    $("operations").append(make("section", { class: "group", "aria-labelledby": `of-${tag}` }, make("h2", { id: `of-${tag}` }, words(tag)), ...parts));
  }
  addEventListener("hashchange", follow);
  follow();
}

function follow() {
  const part = location.hash && $(decodeURIComponent(location.hash.slice(1)));
  if (part?.matches?.("details")) {
    part.open = true;
    part.scrollIntoView();
  }
}

// Events

let socket = null;

function cookies(client, access, age) {
  const rest = `; path=/ws; SameSite=Strict; Max-Age=${age}${location.protocol === "https:" ? "; Secure" : ""}`;
  document.cookie = `ClientToken=${client}${rest}`;
  document.cookie = `AccessToken=${access}${rest}`;
}

function tell(state, connected) {
  $("socket-state").textContent = state;
  $("connect").textContent = connected ? "Disconnect" : "Connect";
}

function listen() {
  const example = exampleOf(Object.values(described.paths)[0].post);
  const client = $("client-token").value.trim() || example.ClientToken;
  const access = $("access-token").value.trim() || example.AccessToken;
  if (/[\s;,"\\]/.test(client + access)) return tell("A token holds a character that no cookie can carry.", false);
  let opened = false;
  cookies(client, access, 30); // needed for the handshake alone
  const address = new URL(`/ws/connector?cursor=${encodeURIComponent($("cursor").value.trim())}`, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const mine = socket = new WebSocket(address);
  tell("Connecting …", true);
  mine.onopen = () => {
    opened = true;
    cookies("", "", 0);
    tell("Connected.", true);
  };
  mine.onmessage = (message) => {
    const { Events, Cursor } = JSON.parse(message.data);
    if (Cursor) $("cursor").value = Cursor;
    for (const event of Events) put(event);
  };
  mine.onclose = (event) => {
    cookies("", "", 0);
    if (socket !== mine) return;
    socket = null;
    const why = event.reason ? `: ${event.reason}` : "";
    tell(opened ? `Disconnected (${event.code}${why}).` : "Refused. Check the tokens and the cursor.", false);
  };
}

function put(event) {
  const look = make("button", { type: "button", class: "plain", "aria-label": `Show command ${event.Id}` }, "Show");
  look.addEventListener("click", () => showCommand(event.Id));
  const time = make("time", {}, new Date().toLocaleTimeString());
  $("event-list").prepend(make("li", {}, time, make("b", {}, event.State), make("span", {}, event.Id), look));
  while ($("event-list").childElementCount > MOST) $("event-list").lastChild.remove();
}

// Ask for the command of an event with commands/getAllByIds.
function showCommand(id) {
  const part = $("commands/getAllByIds");
  part.build();
  part.open = true;
  const body = part.querySelector("textarea");
  const { ClientToken, AccessToken, Client } = exampleOf(described.paths["/api/connector/v1/commands/getAllByIds"].post);
  body.value = JSON.stringify({ ClientToken, AccessToken, Client, CommandIds: [id] }, null, 2);
  body.form.scrollIntoView();
  body.form.requestSubmit();
}

$("listen").addEventListener("submit", (event) => {
  event.preventDefault();
  if (socket) socket.close(1000);
  else if (described) listen();
});
$("clear").addEventListener("click", () => $("event-list").replaceChildren());
addEventListener("pagehide", () => cookies("", "", 0));

try {
  const reply = await fetch("/openapi.json");
  if (!reply.ok) throw new Error(`status ${reply.status}`);
  described = await reply.json();
  show();
} catch (error) {
  $("trouble").textContent = `The description of the API could not be read (${error.message}). Is the desk running?`;
  $("trouble").hidden = false;
}
