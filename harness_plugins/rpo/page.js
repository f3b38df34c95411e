// The browsers of pairs and of held-out comparisons. Data come from JSON blocks and reach the page as text nodes alone, never as markup.
"use strict";
(() => {
  const PAGE = 12;
  // Words of a pair that are so short are shown at once.
  const OPEN = 400;
  const OUTCOMES = [["decided", "good"], ["tie", "flip"], ["orders disagree", "warn"], ["undecided", "leak"], ["error", "bad"]];
  const $ = (id) => document.getElementById(id);
  const block = (id) => JSON.parse($(id).textContent);

  // elements.js
  const badge = (tone, text) => h("span", { class: `badge ${tone}` }, text);
  const plural = (n, one) => `${n.toLocaleString("en")} ${one}${n === 1 ? "" : "s"}`;
  const capital = (text) => text[0].toUpperCase() + text.slice(1);
  const folder = (step) => String(step).padStart(6, "0");

  // --- pictures ----------------------------------------------------------------------------------------------------

  function zoom(source, alt) {
    $("zoom").querySelector("img")?.remove();
    $("zoom").append(h("img", { src: source, alt }));
    $("zoom").showModal();
  }
  document.addEventListener("click", (e) => {
    const link = e.target.closest?.("a.shot");
    if (!link || e.ctrlKey || e.metaKey || e.shiftKey) return;
    e.preventDefault();
    zoom(link.getAttribute("href"), link.querySelector("img").alt);
  });

  function shot(parts, alt) {
    return shown(parts.map(encodeURIComponent).join("/"), alt);
  }
  function shown(source, alt) {
    const link = h("a", { class: "shot", href: source });
    const gone = () => link.replaceWith(h("p", { class: "gone" }, `no picture at ${decodeURIComponent(source)}`));
    fill(link, h("img", { src: source, alt, loading: "lazy", decoding: "async", onerror: gone }));
    return link;
  }

  // --- what was said -----------------------------------------------------------------------------------------------

  function said([order, status, preferred, words, length], names, open) {
    const picked = preferred === null ? h("span", { class: "wrong" }, status === "ok" ? "nobody" : status) : h("strong", null, `preferred ${names[preferred]}`);
    const place = preferred === null ? "" : order.indexOf(preferred) === 0 ? " (shown 1st)" : " (shown 2nd)";
    return h("div", { class: "verdict said-of" }, h("span", { class: "small" }, `${capital(names[order[0]])} shown first: `), picked, place,
      h("details", { open: open && words.length < OPEN }, h("summary", null, "The judge's words"),
        h("div", { class: "reason" }, h("div", { class: "text", dir: "auto" }, words), length ? h("p", { class: "cut" }, `The first ${(words.length - 1).toLocaleString("en")} of ${length.toLocaleString("en")} characters.`) : null)));
  }

  const verdicts = (replies, names, open) => (replies.length ? replies.map((r) => said(r, names, open)) : h("p", { class: "small" }, "No words of the judge are recorded."));
  const failure = (error) => (error ? h("p", { class: "warning" }, `Never answered: ${error}`) : null);

  function candidate(name, picture, preferred, ...more) {
    return h("div", { class: preferred ? "candidate preferred" : "candidate" }, picture, h("p", null, h("strong", null, name), " ", preferred ? badge("good", "✓ preferred") : null, ...more));
  }

  const asked = ([prompt, source]) => [h("p", { class: "prompt", dir: "auto" }, prompt),
    source ? h("div", { class: "source" }, shown(source, `The source of: ${prompt}`), h("span", { class: "small" }, "Source")) : null];

  function pair(step, outcome, asks, one) {
    const [prompt] = asks;
    const names = ["the left one", "the right one"];
    const reward = (n) => (one.rewards ? ` reward ${one.rewards[n] > 0 ? "+" : ""}${+one.rewards[n].toFixed(3)}` : " no reward");
    const [text, tone] = OUTCOMES[outcome];
    return h("article", { class: "pair" },
      h("header", null, h("h3", null, `Step ${step + 1}, pair ${one.number} `, badge(tone, text), one.equal ? badge("warn", "equal pictures") : null, one.rewards ? null : badge("warn", "trains nothing")),
        asked(asks)),
      h("div", { class: "two" }, [0, 1].map((n) => candidate(n ? "Right" : "Left", shot(["pairs", folder(step), `${one.uid}-${n + 1}.webp`], `${prompt}, ${n ? "right" : "left"} picture of step ${step + 1}`), one.preferred === n, h("span", { class: "small" }, reward(n))))),
      h("div", null, failure(one.error), verdicts(one.replies, names, true)));
  }

  function comparison(held, step, asks, one) {
    const [prompt] = asks;
    const names = ["the checkpoint's", "the start's"];
    const trains = one.judges.find((j) => !j.audit) ?? one.judges[0];
    const told = (j) => (j.equal ? "equal pictures, nobody was asked" : j.share === null ? "no answer" : j.share === 1 ? "prefers the checkpoint's" : j.share === 0 ? "prefers the start's" : "neither");
    return h("article", { class: "pair" },
      h("header", null, h("h3", null, `Step ${step} on a ${held} prompt `), asked(asks)),
      h("div", { class: "two" },
        candidate("Start", shot(["held_out", "base", `${one.uid}.webp`], `${prompt}, at the start`), trains.share === 0),
        candidate(`Step ${step}`, shot(["held_out", folder(step), `${one.uid}.webp`], `${prompt}, at step ${step}`), trains.share === 1)),
      h("div", null, one.judges.map((j) => [h("h4", null, h("bdi", null, j.judge), ` (${j.audit ? "audit" : "trains"}): ${told(j)}`), failure(j.error), j.equal ? null : verdicts(j.replies, names, false)])));
  }

  // --- browsers ----------------------------------------------------------------------------------------------------

  // entries: [{ has: outcome -> boolean, prompt, matches: () -> boolean, card: () -> element }]
  function browse(name, noun, entries, ordered) {
    let matches = [];
    let page = 0;
    const form = $(`${name}-filters`);
    const boxes = [...form.querySelectorAll("[type=checkbox]")];
    for (const box of boxes) {
      const n = entries.filter((e) => e.has(+box.value)).length;
      form.querySelector(`[data-count="${name}-${box.value}"]`).textContent = n.toLocaleString("en");
    }
    function show() {
      const pages = Math.max(1, Math.ceil(matches.length / PAGE));
      page = Math.min(Math.max(page, 0), pages - 1);
      const part = matches.slice(page * PAGE, (page + 1) * PAGE);
      fill($(`${name}-list`), part.map((e) => e.card()));
      $(`${name}-range`).textContent = part.length ? `${(page * PAGE + 1).toLocaleString("en")} to ${(page * PAGE + part.length).toLocaleString("en")}` : "";
      $(`${name}-back`).disabled = page === 0;
      $(`${name}-next`).disabled = page === pages - 1;
    }
    function refresh() {
      const outcomes = boxes.filter((b) => b.checked).map((b) => +b.value);
      const words = $(`${name}-search`).value.toLowerCase().split(/\s+/).filter(Boolean);
      matches = ordered(entries.filter((e) => (!outcomes.length || outcomes.some((o) => e.has(o))) && e.matches()
        && words.every((w) => e.prompt.toLowerCase().includes(w))));
      $(`${name}-count`).textContent = matches.length === entries.length ? `All ${plural(entries.length, noun)}` : `${matches.length.toLocaleString("en")} of ${plural(entries.length, noun)}`;
      page = 0;
      show();
    }
    let timer = 0;
    form.addEventListener("input", (e) => { clearTimeout(timer); timer = setTimeout(refresh, e.target.type === "search" ? 150 : 0); });
    form.addEventListener("reset", () => setTimeout(refresh));
    form.addEventListener("submit", (e) => e.preventDefault());
    const turn = (by) => { page += by; show(); $(`${name}-count`).scrollIntoView({ block: "start" }); };
    $(`${name}-back`).addEventListener("click", () => turn(-1));
    $(`${name}-next`).addEventListener("click", () => turn(1));
    refresh();
  }

  function rows() {
    // The last block stays parsed: a page is mostly of one.
    let last = [null, null];
    return (id) => { if (last[0] !== id) last = [id, block(id)]; return last[1]; };
  }

  function pairs() {
    const index = block("pairs-index"), read = rows();
    const entries = index.steps.flatMap(([step, outcomes, prompts]) => outcomes.map((outcome, n) => {
      const asks = index.prompts[prompts[n]];
      return {
        prompt: asks[0], has: (o) => o === outcome,
        matches: () => step + 1 >= (+$("pairs-from").value || 0) && step + 1 <= (+$("pairs-to").value || Infinity),
        card: () => pair(step, outcome, asks, read(`pairs-${step}`)[n]), step, n,
      };
    }));
    browse("pairs", "pair", entries, (list) => ($("pairs-sort").value === "late" ? list.sort((a, b) => b.step - a.step || a.n - b.n) : list));
  }

  function comparisons() {
    const index = block("held-index"), read = rows();
    const entries = index.groups.flatMap(([held, step, flags, prompts]) => flags.map((bits, n) => {
      const asks = index.prompts[prompts[n]];
      return {
        prompt: asks[0], has: (o) => Boolean(bits & (1 << o)),
        matches: () => !$("held-group").value || $("held-group").value === `${held}-${step}`,
        card: () => comparison(held, step, asks, read(`held-${held}-${step}`)[n]),
      };
    }));
    browse("held", "comparison", entries, (list) => list);
  }

  pairs();
  if ($("held-out")) comparisons();
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
})();
