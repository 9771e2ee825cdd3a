// Copying what is shown once, and a word before it is left behind.

export function offerCopying(within) {
  for (const button of within.querySelectorAll("button[data-copy][hidden]")) {
    const field = document.getElementById(button.dataset.copy);
    button.hidden = false;
    button.addEventListener("click", async () => {
      button.textContent = (await copy(field)) ? "Copied" : "Press Ctrl+C";
    });
  }
}

/** Without TLS there is no clipboard to write to: then the older way, or at least the selection. */
async function copy(field) {
  field.focus();
  if (field.select) field.select();
  else getSelection().selectAllChildren(field);
  try {
    await navigator.clipboard.writeText(field.value ?? field.textContent);
    return true;
  } catch {
    return document.execCommand("copy");
  }
}

offerCopying(document);

const guarded = document.querySelector("[data-guard]");
const stored = guarded?.querySelector("[data-stored]");
if (stored) {
  stored.closest(".stored").hidden = false;
  const guard = (event) => {
    if (!stored.checked && !event.target?.activeElement?.hasAttribute("download")) {
      event.preventDefault();
    }
  };
  window.addEventListener("beforeunload", guard);
}

// The lines to paste name the server as the reader reaches it.
const base = new URL(document.querySelector("link[rel=stylesheet]").href);
base.pathname = base.pathname.replace(/\/ui\/static\/.*$/, "");
for (const place of document.querySelectorAll("[data-server]")) {
  place.textContent = base.href.replace(/\/$/, "");
}
