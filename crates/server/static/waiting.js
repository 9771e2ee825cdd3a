// Waiting for the first use of a new key.

const waiting = document.querySelector("[data-waiting]");
const patience = Date.now() + 15 * 60 * 1000;

async function look() {
  if (Date.now() > patience) return;
  if (document.visibilityState === "visible") {
    try {
      const answer = await fetch(waiting.dataset.waiting, { headers: { accept: "application/json" }, redirect: "error" });
      const told = answer.ok ? await answer.json() : {};
      if (told.used) {
        waiting.classList.add("used");
        waiting.textContent = `✓ Used for the first time, by ${told.by}.`;
        return;
      }
    } catch {
      // The server may be away for a moment; it is asked again.
    }
  }
  setTimeout(look, 2000);
}

if (waiting && document.querySelector("[data-guard]")) look();
