// The slider of the time machine: it tells where it is, and goes there when it is let go. The arrow keys step.

const machine = document.querySelector("[data-machine]");
const slider = machine?.querySelector("input[type=range]");
if (slider) {
  const place = machine.querySelector("[data-place]");
  const began = slider.value;
  slider.addEventListener("input", () => {
    place.textContent = slider.value;
  });
  slider.addEventListener("pointerup", () => {
    if (slider.value !== began) machine.requestSubmit();
  });
  document.addEventListener("keydown", (event) => {
    if (!event.altKey || event.ctrlKey || event.metaKey) return;
    const step = { PageUp: "prev", PageDown: "next" }[event.key];
    const link = step && machine.querySelector(`a[rel=${step}]`);
    if (link) {
      event.preventDefault();
      link.click();
    }
  });
}
