// What the pages do better with a program: everything else works without one.

import "./times.js";
import "./copying.js";
import "./waiting.js";
import "./slider.js";

// Where the sections are a row that scrolls, the current one is in sight.
document.querySelector(".sections [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
