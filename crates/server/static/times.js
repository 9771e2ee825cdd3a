// Times: the reader's own zone beside UTC, and the exact instant to be copied.

const zone = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

export function tellTimes(within) {
  for (const time of within.querySelectorAll("time[datetime]")) {
    const instant = new Date(time.dateTime);
    if (Number.isNaN(instant.getTime())) continue;
    time.title = `${zone.format(instant)}\n${time.dateTime}`;
    // Where an end is chosen, the reader's own clock is what counts.
    const local = time.parentElement.querySelector("[data-local]");
    if (local && instant.getTimezoneOffset() !== 0) local.textContent = ` (${zone.format(instant)})`;
  }
}

tellTimes(document);

// A time that is typed is UTC; beside it stands what that is on the reader's clock.
for (const told of document.querySelectorAll("[data-local-of]")) {
  const field = document.getElementById(told.dataset.localOf);
  const tell = () => {
    const instant = new Date(`${field.value}Z`);
    const elsewhere = !Number.isNaN(instant.getTime()) && instant.getTimezoneOffset() !== 0;
    told.textContent = elsewhere ? `, that is ${zone.format(instant)}` : "";
  };
  field.addEventListener("input", tell);
  tell();
}
