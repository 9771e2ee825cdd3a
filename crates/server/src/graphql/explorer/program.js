// The explorer: sends a document with a key to this server, and lists the schema.
// The key stays in its field: it is written to no storage, no address and no log.

const at = (id) => document.getElementById(id);
const [key, tenant, run, source, variables] = ["key", "tenant", "run", "document", "variables"].map(at);
const [status, result, load, search, list] = ["status", "result", "load", "search", "list"].map(at);

const MEDIA = "application/graphql-response+json, application/json;q=0.9";
const TYPE = "kind name ofType { kind name ofType { kind name ofType { kind name } } }";
const INPUT = `name description defaultValue type { ${TYPE} }`;
const INTROSPECTION = `{
  __schema {
    queryType { name } mutationType { name }
    types {
      kind name description
      fields(includeDeprecated: true) {
        name description isDeprecated deprecationReason type { ${TYPE} } args { ${INPUT} }
      }
      inputFields { ${INPUT} }
      enumValues(includeDeprecated: true) { name description }
    }
  }
}`;

/** Asks the server; its status, its body, and how long it took. */
async function ask(query, given) {
  const headers = { "Content-Type": "application/json", Accept: MEDIA };
  if (key.value.trim()) headers.Authorization = `Bearer ${key.value.trim()}`;
  if (tenant.value.trim()) headers["X-Keyledger-Tenant-Id"] = tenant.value.trim();
  const body = JSON.stringify({ query, variables: given });
  const began = performance.now();
  const response = await fetch("graphql", {
    method: "POST", headers, body, cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer",
  });
  const text = await response.text();
  return { response, text, took: Math.round(performance.now() - began) };
}

function show(text, said, bad) {
  result.textContent = text;
  status.textContent = said;
  for (const it of [result, status]) it.classList.toggle("bad", bad);
}

async function send() {
  let given = null;
  try {
    given = variables.value.trim() ? JSON.parse(variables.value) : null;
  } catch (error) {
    return show(`The variables are not JSON: ${error.message}`, "not sent", true);
  }
  run.disabled = true;
  try {
    const { response, text, took } = await ask(source.value, given);
    let shown = text;
    let bad = !response.ok;
    try {
      const answer = JSON.parse(text);
      shown = JSON.stringify(answer, null, 2);
      bad ||= "errors" in answer;
    } catch { /* shown as it came */ }
    show(shown, `${response.status} in ${took} ms`, bad);
  } catch (error) {
    show(`The server did not answer: ${error.message}`, "no answer", true);
  } finally {
    run.disabled = false;
  }
}

/** A type as GraphQL writes it. */
function written(type) {
  if (type.kind === "NON_NULL") return `${written(type.ofType)}!`;
  if (type.kind === "LIST") return `[${written(type.ofType)}]`;
  return type.name;
}

const innermost = (type) => (type.ofType ? innermost(type.ofType) : type);

function element(name, text, ...children) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}

let types = new Map();

/** What of a type is worth asking for at first: its plain fields, two levels down. */
function selection(type, depth) {
  const fields = types.get(innermost(type).name)?.fields;
  if (!fields) return "";
  const chosen = fields.filter((it) => !it.args.length).map((it) => {
    const inner = types.get(innermost(it.type).name)?.fields;
    if (!inner) return it.name;
    return depth > 0 ? `${it.name}${selection(it.type, depth - 1)}` : "";
  });
  return ` { ${chosen.filter(Boolean).join(" ") || "__typename"} }`;
}

/** Breaks a document into lines: one field on each. */
function laidOut(text) {
  let depth = 0;
  const lines = text.replace(/\s*([{}])\s*/g, "\n$1\n").split("\n");
  const words = lines.flatMap((line) => (/[(:]/.test(line) ? [line.trim()] : line.trim().split(/\s+/)));
  let laid = "";
  for (const word of words.filter(Boolean)) {
    if (word === "}") depth -= 1;
    laid += word === "{" ? " {" : `${laid ? "\n" : ""}${"  ".repeat(Math.max(depth, 0))}${word}`;
    if (word === "{") depth += 1;
  }
  return `${laid.trim()}\n`;
}

/** Writes a query or mutation out, its needed arguments as variables. */
function writeOut(operation, field) {
  const needed = field.args.filter((it) => it.type.kind === "NON_NULL");
  const declared = needed.map((it) => `$${it.name}: ${written(it.type)}`).join(", ");
  const passed = needed.map((it) => `${it.name}: $${it.name}`).join(", ");
  const head = `${operation}${declared && `(${declared})`}`;
  const call = `${field.name}${passed && `(${passed})`}`;
  source.value = laidOut(`${head} { ${call}${selection(field.type, 2)} }`);
  const sample = (type) => {
    const inner = types.get(innermost(type).name);
    const inputs = inner?.inputFields?.filter((it) => it.type.kind === "NON_NULL") ?? [];
    return inner?.inputFields ? Object.fromEntries(inputs.map((it) => [it.name, sample(it.type)])) : "";
  };
  const samples = Object.fromEntries(needed.map((it) => [it.name, sample(it.type)]));
  variables.value = needed.length ? JSON.stringify(samples, null, 2) : "";
  source.focus();
}

function described(items) {
  const rows = items.flatMap((it) => {
    const end = it.type ? `: ${written(it.type)}${it.defaultValue ? ` = ${it.defaultValue}` : ""}` : "";
    return [element("dt", `${it.name}${end}`), element("dd", it.description)];
  });
  return element("dl", "", ...rows);
}

function entry(title, description, items, press) {
  const made = element("details", "", element("summary", title));
  if (description) made.append(element("p", description));
  if (press) {
    const button = element("button", "Write it out");
    button.type = "button";
    button.addEventListener("click", press);
    made.append(button);
  }
  if (items?.length) made.append(described(items));
  made.dataset.words = made.textContent.toLowerCase();
  return made;
}

function listed(schema) {
  types = new Map(schema.types.map((it) => [it.name, it]));
  list.replaceChildren();
  const roots = [["query", "Queries", schema.queryType], ["mutation", "Mutations", schema.mutationType]];
  for (const [operation, title, root] of roots) {
    const fields = types.get(root?.name)?.fields ?? [];
    list.append(element("h2", `${title} (${fields.length})`));
    for (const field of fields) {
      const press = () => writeOut(operation, field);
      list.append(entry(`${field.name}: ${written(field.type)}`, field.description, field.args, press));
    }
  }
  const names = roots.map(([, , root]) => root?.name);
  const others = schema.types.filter((it) => !it.name.startsWith("__") && !names.includes(it.name));
  list.append(element("h2", `Types (${others.length})`));
  others.sort((one, other) => one.name.localeCompare(other.name));
  for (const it of others) {
    list.append(entry(it.name, it.description, it.fields ?? it.inputFields ?? it.enumValues));
  }
  filter();
}

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const it of list.querySelectorAll("details")) {
    it.hidden = !words.every((word) => it.dataset.words.includes(word));
  }
}

async function loadSchema() {
  load.disabled = true;
  try {
    const { text } = await ask(INTROSPECTION, null);
    const answer = JSON.parse(text);
    if (answer.errors) throw new Error(answer.errors[0].message);
    listed(answer.data.__schema);
  } catch (error) {
    list.replaceChildren(element("p", `The schema is not shown: ${error.message}`));
  } finally {
    load.disabled = false;
  }
}

run.addEventListener("click", send);
load.addEventListener("click", loadSchema);
search.addEventListener("input", filter);
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    if (!run.disabled) send();
  }
});
