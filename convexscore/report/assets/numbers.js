const data = JSON.parse(document.getElementById("numbers").textContent);
const element = (id) => document.getElementById(id);
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

// A number for readers; what is none is never shown as one.
function short(value, digits = 6) {
  if (!isNumber(value)) return "none";
  const rounded = Number(value.toPrecision(digits));
  return rounded !== 0 && Math.abs(rounded) < 1e-4 ? rounded.toExponential() : String(rounded);
}

// JSON with one line a name, so that lists stay short.
function asJson(facts) {
  const lines = Object.entries(facts).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  return `{\n${lines.join(",\n")}\n}`;
}

function escaped(words) {
  return String(words).replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
}

function fillTable(id, rows) {
  element(id).innerHTML = rows
    .map(([name, value]) => `<tr><th scope="row">${escaped(name)}</th><td>${escaped(value)}</td></tr>`)
    .join("");
}

function paragraphs(id, words) {
  element(id).replaceChildren(
    ...words.map((line) => {
      const paragraph = document.createElement("p");
      paragraph.textContent = line;
      return paragraph;
    }),
  );
}

function asCsv(head, rows) {
  return [head.join(","), ...rows.map((row) => row.map((entry) => (entry === null ? "" : entry)).join(","))].join("\n");
}

// The clipboard of pages that are files may be shut; selecting and copying is not.
async function copyText(area, status) {
  let done = false;
  try {
    await navigator.clipboard.writeText(area.value);
    done = true;
  } catch {
    const focused = document.activeElement;
    area.focus();
    area.select();
    done = document.execCommand("copy");
    if (focused instanceof HTMLElement) focused.focus();
  }
  status.textContent = done ? "Copied." : "Select the text and copy it with the keyboard.";
}

const ACTIVATION = { relu: "ReLU", abs: "absolute value" }[data.activation];
const OBJECTIVE = { sm: "score matching", dsm: "denoising score matching" }[data.objective] ?? data.objective;

// What both pages say of held-out losses: a curve over the weight decays, gaps where there is none.
function heldOutAt(beta) {
  const { betas, mean } = data.held_out;
  for (let i = 0; i + 1 < betas.length; i++) {
    if (beta <= betas[i] && beta >= betas[i + 1]) {
      if (beta === betas[i]) return mean[i];
      if (beta === betas[i + 1]) return mean[i + 1];
      if (mean[i] === null || mean[i + 1] === null) return null;
      const share = Math.log(betas[i] / beta) / Math.log(betas[i] / betas[i + 1]);
      return mean[i] + share * (mean[i + 1] - mean[i]);
    }
  }
  return betas.length === 1 && beta === betas[0] ? mean[0] : null;
}
