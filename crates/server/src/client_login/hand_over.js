// Hands over what the page carries to the program that waits, and then forgets it.
const said = document.getElementById("said");
const { callback, answer, said: done } = said.dataset;
delete said.dataset.answer;

try {
  const response = await fetch(callback, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: answer,
    credentials: "omit",
    referrerPolicy: "no-referrer",
  });
  if (!response.ok) throw new Error(`it answered ${response.status}`);
  said.textContent = done;
} catch (error) {
  said.className = "wrong";
  said.textContent =
    `The program at ${callback} could not be told (${error.message}). Start its login again; ` +
    "a key that was made for it just now is in nobody's hands, so revoke it.";
}
