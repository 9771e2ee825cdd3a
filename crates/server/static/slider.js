// The time machine: the slider, the list of events and what stands beside them are one control. Wherever one of them goes,
// the page of that place is asked for, and its parts take the places of those that are shown.

import { tellTimes } from "./times.js";
import { offerCopying } from "./copying.js";

const machine = document.querySelector("[data-machine]");
const slider = machine?.querySelector("input[type=range]");
const PATIENCE_MS = 150;

let waiting;
let asked;

function addressOf(position) {
  const address = new URL(machine.action);
  address.search = position >= Number(slider.max) ? "" : `?as_of=${position}`;
  return address.href;
}

/** Tells where the slider is, before the server has said anything. */
function point(position) {
  slider.value = position;
  // When that was, the server says; until then only the place is known.
  slider.setAttribute("aria-valuetext", `event ${slider.value} of ${slider.max}`);
  machine.querySelector("[data-place]").textContent = slider.value;
  const cursor = machine.querySelector(".cursor");
  const share = (slider.value - slider.min) / Math.max(slider.max - slider.min, 1);
  for (const end of ["x1", "x2"]) cursor.setAttribute(end, Math.round(share * 1000));
}

/** Goes to a place soon, unless it is left again before. */
function goSoon(position) {
  point(position);
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    const address = addressOf(Number(slider.value));
    history.replaceState(null, "", address);
    show(address);
  }, PATIENCE_MS);
}

/** Goes where a link leads: the slider follows. */
function arrive(address) {
  clearTimeout(waiting);
  waiting = undefined;
  show(address);
}

/** Shows the page at an address without leaving this one. */
async function show(address) {
  asked?.abort();
  asked = new AbortController();
  const { signal } = asked;
  machine.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(address, { headers: { accept: "text/html" }, redirect: "error", signal });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!page.querySelector("[data-machine]")) throw new Error("this is another page");
    take(page);
  } catch (error) {
    if (error.name !== "AbortError") location.assign(address);
  } finally {
    if (!signal.aborted) machine.removeAttribute("aria-busy");
  }
}

function take(page) {
  const within = document.activeElement?.dataset?.go !== undefined ? document.activeElement.closest("[data-part]") : null;
  document.title = page.title;
  document.body.className = page.body.className;
  for (const part of document.querySelectorAll("[data-part]")) {
    const other = page.querySelector(`[data-part="${part.dataset.part}"]`);
    if (other) part.replaceWith(document.adoptNode(other));
  }
  for (const place of ["nav.sections", "body > footer"]) {
    document.querySelector(place).replaceWith(document.adoptNode(page.querySelector(place)));
  }
  document.querySelector("aside.banner")?.remove();
  const banner = page.querySelector("aside.banner");
  if (banner) document.querySelector("main").before(document.adoptNode(banner));
  const there = page.querySelector("#slider");
  slider.max = there.max;
  document.querySelector("#instant").value = page.querySelector("#instant").value;
  // Whoever has moved it meanwhile is not dragged back.
  if (!waiting || Number(slider.value) === Number(there.value)) {
    point(there.value);
    slider.setAttribute("aria-valuetext", there.getAttribute("aria-valuetext"));
  }
  if (within && document.activeElement === document.body) {
    const part = document.querySelector(`[data-part="${within.dataset.part}"]`);
    part.querySelector("[aria-current] a, a[data-go]")?.focus();
  }
  tellTimes(document);
  offerCopying(document);
}

/** The places of the events that are listed, in order. */
function listed() {
  const links = document.querySelectorAll(".events a[data-go]");
  return [...links].map((link) => Number(link.dataset.go)).sort((one, other) => one - other);
}

/** The place so many events away, as far as the list goes; beyond it, one position further. */
function away(steps) {
  const here = Number(slider.value);
  const there = listed().filter((place) => (steps > 0 ? place > here : place < here));
  if (steps < 0) there.reverse();
  const chosen = there[Math.min(Math.abs(steps), there.length) - 1] ?? here + Math.sign(steps);
  return Math.min(Math.max(chosen, Number(slider.min)), Number(slider.max));
}

if (slider) {
  machine.querySelector("[data-without-program]").hidden = true;
  machine.querySelector("[data-with-program]").hidden = false;
  slider.addEventListener("input", () => goSoon(Number(slider.value)));
  slider.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const place = {
      ArrowLeft: () => away(-1),
      ArrowDown: () => away(-1),
      ArrowRight: () => away(1),
      ArrowUp: () => away(1),
      PageDown: () => away(-10),
      PageUp: () => away(10),
      Home: () => Number(slider.min),
      End: () => Number(slider.max),
    }[event.key];
    if (!place) return;
    event.preventDefault();
    goSoon(place());
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-go]");
    const plain = !event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0;
    if (!link || !plain) return;
    event.preventDefault();
    const address = new URL(link.getAttribute("href"), location.href).href;
    history.pushState(null, "", address);
    arrive(address);
  });
  window.addEventListener("popstate", () => arrive(location.href));
}
