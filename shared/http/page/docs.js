"use strict";
// Everything is put into the page as text, never as HTML: what a service answers cannot become part of the page.

const METHODS = ["get", "post", "put", "patch", "delete"];
const prefix = location.pathname.replace(/\/docs\/?$/, "");
let api;

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function resolve(node) {
  if (!node || !node.$ref) return node || {};
  return resolve(node.$ref.slice(2).split("/").reduce((found, key) => found[key], api));
}

function typeOf(schema) {
  const found = resolve(schema);
  if (found.anyOf) return found.anyOf.map(typeOf).join(" or ");
  if (found.enum) return found.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (found.const !== undefined) return JSON.stringify(found.const);
  if (found.type === "array") return `list of ${typeOf(found.items)}`;
  const kind = Array.isArray(found.type) ? found.type.join(" or ") : found.type || "anything";
  return found.format ? `${kind} (${found.format})` : kind;
}

function sample(schema, depth = 0) {
  const found = resolve(schema);
  if (found.examples && found.examples.length) return found.examples[0];
  if (found.default !== undefined) return found.default;
  if (found.const !== undefined) return found.const;
  if (found.enum) return found.enum[0];
  if (found.anyOf) return sample(found.anyOf[0], depth);
  if (found.type === "array") return [];
  if (found.type === "object" || found.properties) {
    const wanted = Object.entries(found.properties || {}).filter(([name]) => (found.required || []).includes(name));
    return depth > 4 ? {} : Object.fromEntries(wanted.map(([name, inner]) => [name, sample(inner, depth + 1)]));
  }
  if (found.format === "date") return new Date().toISOString().slice(0, 10);
  if (found.format === "date-time") return new Date().toISOString();
  if (found.format === "uuid") return "00000000-0000-0000-0000-000000000000";
  return { string: "", integer: found.minimum ?? 0, number: found.minimum ?? 0, boolean: false }[found.type] ?? null;
}

function fields(schema) {
  const found = resolve(schema);
  if (!found.properties) return make("p", {}, make("code", {}, typeOf(schema)));
  const rows = Object.entries(found.properties).map(([name, inner]) =>
    make("tr", {},
      make("td", {}, make("code", {}, name), (found.required || []).includes(name) ? " *" : ""),
      make("td", {}, typeOf(inner)),
      make("td", {}, resolve(inner).description || "")));
  return make("table", {}, ...rows);
}

function section(title, schema) {
  return make("details", {}, make("summary", {}, title), fields(schema));
}

// The gateway serves all services' /api under one origin, and what every service has under /<service>/…
function address(path) {
  return path.startsWith("/api/") && !path.startsWith("/api/parked-events") ? path : prefix + path;
}

function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function curl(method, url, headers, body) {
  const parts = [`curl -i -X ${method}`, quoted(new URL(url, location.origin).href)];
  for (const [name, value] of Object.entries(headers)) parts.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (body !== undefined) parts.push(`--data ${quoted(body)}`);
  return parts.join(" \\\n  ");
}

function tryOut(path, method, parameters, content) {
  const inputs = parameters.map((parameter) => {
    const input = make("input", { placeholder: typeOf(parameter.schema), ...(parameter.required ? { required: "" } : {}) });
    return { parameter, input };
  });
  const mediaType = content && Object.keys(content).sort().at(-1);
  const body = content && make("textarea", { "aria-label": "Body", spellcheck: "false" });
  if (body) body.value = JSON.stringify(sample(content[mediaType].schema), null, 2);
  const shown = make("pre", { hidden: "", "aria-live": "polite" });
  const form = make("form", {},
    ...inputs.map(({ parameter, input }) => make("label", {}, `${parameter.name} (${parameter.in}) `, input)),
    ...(body ? [body] : []), make("button", {}, "Send"), shown);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    let url = path;
    const query = new URLSearchParams();
    const headers = {};
    for (const { parameter, input } of inputs) {
      if (parameter.in === "path") url = url.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
      else if (!input.value) continue;
      else if (parameter.in === "query") query.append(parameter.name, input.value);
      else headers[parameter.name] = input.value;
    }
    url = address(url) + (query.size ? `?${query}` : "");
    if (body && body.value.trim()) headers["Content-Type"] = mediaType;
    const sent = body && body.value.trim() ? body.value : undefined;
    const command = curl(method.toUpperCase(), url, headers, sent);
    shown.hidden = false;
    try {
      const answer = await fetch(url, { method: method.toUpperCase(), headers, body: sent });
      let text = await answer.text();
      try { text = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: shown as it came */ }
      const head = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
      shown.textContent = `${command}\n\n${answer.status} ${answer.statusText}\n${head}\n\n${text}`;
    } catch (problem) {
      shown.textContent = `${command}\n\n${problem}`;
    }
  });
  return form;
}

function draw(path, method, operation, shared) {
  const parameters = [...shared, ...(operation.parameters || [])].map(resolve);
  const content = operation.requestBody && operation.requestBody.content;
  const parts = [make("summary", {}, make("b", {}, method.toUpperCase()), make("code", {}, path), " ",
    make("span", {}, operation.summary || ""))];
  if (operation.description) parts.push(make("p", {}, operation.description));
  if (content) parts.push(section("Body", content[Object.keys(content)[0]].schema));
  for (const [status, response] of Object.entries(operation.responses)) {
    const answer = resolve(response).content;
    if (status.startsWith("2") && answer && answer["application/json"])
      parts.push(section(`Answer ${status}`, answer["application/json"].schema));
  }
  parts.push(make("p", {}, `Answers: ${Object.keys(operation.responses).join(", ")}`));
  parts.push(make("details", {}, make("summary", {}, "Try it"), tryOut(path, method, parameters, content)));
  return make("details", { class: "operation", id: operation.operationId }, ...parts);
}

async function start() {
  const page = document.getElementById("page");
  api = await (await fetch(`${prefix}/openapi.json`)).json();
  const groups = new Map();
  for (const [path, item] of Object.entries(api.paths))
    for (const method of METHODS.filter((each) => item[each])) {
      const tag = (item[method].tags || ["other"])[0];
      if (!groups.has(tag)) groups.set(tag, make("section", {}, make("h2", {}, tag.replaceAll("-", " "))));
      groups.get(tag).append(draw(path, method, item[method], item.parameters || []));
    }
  page.replaceChildren(make("h1", {}, api.info.title), make("p", {}, api.info.description), ...groups.values());
}

start().catch((problem) => { document.getElementById("page").textContent = String(problem); });
