// Times: the reader's own zone beside UTC, and the exact instant to be copied.

const zone = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

for (const time of document.querySelectorAll("time[datetime]")) {
  const instant = new Date(time.dateTime);
  if (!Number.isNaN(instant.getTime())) {
    time.title = `${zone.format(instant)}\n${time.dateTime}`;
  }
}
