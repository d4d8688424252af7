(function () {
  "use strict";
  const root = document.documentElement;
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const PREFERENCE = "uhisabi-language";

  // Language: the address says it (#lang=en, or an anchor that begins with et- or en-), else what was chosen last.
  function remembered() {
    try { return localStorage.getItem(PREFERENCE); } catch { return null; }
  }
  function remember(language) {
    try { localStorage.setItem(PREFERENCE, language); } catch { /* the page works without a memory */ }
  }
  function addressed() {
    const found = /^#(?:.*&)?lang=(et|en)(?:&|$)|^#(et|en)-/.exec(location.hash);
    return found && (found[1] || found[2]);
  }
  function edition() {
    return document.querySelector(`.edition[data-language="${root.lang}"]`);
  }
  function show(language) {
    root.lang = language;
    document.title = edition().dataset.title;
    for (const button of all("[data-switch]")) {
      button.setAttribute("aria-pressed", String(button.dataset.switch === language));
    }
    remember(language);
  }
  function follow() {
    show(addressed() || (remembered() === "en" ? "en" : "et"));
    const target = document.getElementById(location.hash.slice(1));
    if (!target) return;
    if (target.closest(".filtered")) choose({ topic: "", status: "", search: "" });
    target.scrollIntoView();
    target.focus({ preventScroll: true });
  }

  // Filter: one choice for both languages, so that it survives a change of language.
  let chosen = { topic: "", status: "", search: "" };
  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  const articles = all(".figure").map((element) => ({ element, text: plain(element.textContent) }));
  function matches({ element, text }) {
    const { topic, status } = element.dataset;
    return (!chosen.topic || topic === chosen.topic) && (!chosen.status || status === chosen.status) &&
      plain(chosen.search).split(/\s+/).every((word) => text.includes(word));
  }
  function choose(choice) {
    chosen = { ...chosen, ...choice };
    for (const article of articles) article.element.classList.toggle("filtered", !matches(article));
    for (const control of all("[data-filter]")) {
      if (control.value !== chosen[control.dataset.filter]) control.value = chosen[control.dataset.filter];
    }
    for (const part of all(".edition")) report(part);
  }
  function report(part) {
    const total = part.querySelectorAll(".figure").length;
    const shown = part.querySelectorAll(".figure:not(.filtered)").length;
    const count = part.querySelector(".count");
    if (!count) return;
    const text = count.dataset.text.replace("{shown}", shown).replace("{total}", total);
    if (count.textContent !== text) count.textContent = text;
    part.querySelector(".no-match").hidden = shown > 0;
  }

  // Copying: the clipboard where the browser allows it, else the old way, else the text is left selected.
  function select(elements) {
    const range = document.createRange();
    range.setStartBefore(elements[0]);
    range.setEndAfter(elements[elements.length - 1]);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  }
  function copyOldWay(text) {
    const field = document.createElement("textarea");
    const focused = document.activeElement;
    field.value = text;
    field.setAttribute("aria-hidden", "true");
    field.style.cssText = "position:fixed;top:0;opacity:0";
    document.body.append(field);
    field.select();
    let done = false;
    try { done = document.execCommand("copy"); } catch { /* reported below */ }
    field.remove();
    focused.focus({ preventScroll: true });
    return done;
  }
  async function copy(selector) {
    const elements = all(selector);
    const text = elements.map((element) => element.textContent.trim().replace(/[ \n\t]+/g, " ")).join("\n");
    let done = false;
    try { await navigator.clipboard.writeText(text); done = true; } catch { done = copyOldWay(text); }
    if (!done) select(elements);
    announce(done ? edition().dataset.copied : edition().dataset.copyFailed);
  }
  let clearing = 0;
  function announce(text) {
    const place = document.getElementById("announcement");
    clearTimeout(clearing);
    place.textContent = "";
    place.lang = root.lang;
    requestAnimationFrame(() => { place.textContent = text; });
    clearing = setTimeout(() => { place.textContent = ""; }, 6000);
  }

  for (const button of all("[data-switch]")) {
    button.addEventListener("click", () => { location.hash = `lang=${button.dataset.switch}`; });
  }
  for (const button of all("[data-copy]")) button.addEventListener("click", () => copy(button.dataset.copy));
  for (const control of all("[data-filter]")) {
    control.addEventListener("input", () => choose({ [control.dataset.filter]: control.value }));
  }
  for (const form of all(".filter")) {
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", (event) => {
      event.preventDefault();
      choose({ topic: "", status: "", search: "" });
    });
  }
  window.addEventListener("hashchange", follow);
  follow();
  choose({});
})();
