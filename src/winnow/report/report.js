"use strict";
// The page reads well without this script: it only adds a theme button, other orders of the rules, a choice of boards,
// and a slider over budgets.

const root = document.documentElement;
document.getElementById("theme").addEventListener("click", () => {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});

for (const choice of document.querySelectorAll(".choice")) {
  const rules = choice.querySelector(".rules");
  const buttons = choice.querySelectorAll("[data-sort]");
  for (const button of buttons) {
    button.addEventListener("click", () => {
      const by = button.dataset.sort;
      const sign = by === "order" ? 1 : -1;
      const sorted = [...rules.children].sort((a, b) => sign * (a.dataset[by] - b.dataset[by]) || a.dataset.order - b.dataset.order);
      rules.append(...sorted);
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
    });
  }
}

const boards = document.querySelectorAll(".board");
const filters = document.querySelectorAll("[data-filter]");
const wanted = { track: "any", scale: "any" };
for (const button of filters) {
  button.addEventListener("click", () => {
    wanted[button.dataset.filter] = button.dataset.value;
    for (const other of filters) other.setAttribute("aria-pressed", String(wanted[other.dataset.filter] === other.dataset.value));
    for (const board of boards) {
      board.hidden = Object.entries(wanted).some(([what, value]) => value !== "any" && board.dataset[what] !== value);
    }
  });
}

const dial = document.querySelector(".dial");
if (dial) {
  const slider = dial.querySelector("input");
  const parts = document.querySelectorAll("[data-budget]");
  const show = () => {
    for (const part of parts) part.classList.toggle("now", part.dataset.budget === slider.value);
    slider.setAttribute("aria-valuetext", document.querySelector(".now[data-name]").dataset.name);
  };
  slider.addEventListener("input", show);
  dial.hidden = false;
  show();
}
