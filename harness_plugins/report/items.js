// The browser of items. Data come from JSON blocks and reach the page as text nodes alone, never as markup.
"use strict";
(() => {
  const PAGE = 50;
  const BIT = { judged: 1, right: 2, wrong: 4, fixed: 8, broken: 16, flipped: 32, leak: 64, incomplete: 128 };
  const NAMES = { fixed: "rubric fixed it", broken: "rubric broke it", flipped: "flipped with order", leak: "leak suspected", incomplete: "incomplete" };
  const TONE = { fixed: "good", broken: "bad", flipped: "flip", leak: "leak", incomplete: "warn" };
  const SHOWS = Object.keys(NAMES);
  const SELECTS = ["judge", "writer", "arm", "benchmark", "category", "sort"];
  const $ = (id) => document.getElementById(id);
  const block = (id) => JSON.parse($(id).textContent);

  if (!$("index")) { document.documentElement.dataset.ready = "0"; return; }
  const index = block("index");
  const items = index.items.map(([uid, benchmark, source, category, excerpt, hex], n) => ({
    n, uid, benchmark, source, category, excerpt,
    flags: hex.match(/../g)?.map((x) => parseInt(x, 16)) ?? [],
  }));
  const places = new Map(items.map((i) => [i.uid, i.n]));
  let state = blank();
  let matches = [];
  let page = 0;
  let texts = null;

  function blank() {
    return { show: new Set(), q: "", judge: "", writer: "", arm: "", benchmark: "", category: "", sort: "data", item: "" };
  }

  // elements.js
  const badge = (name, text) => h("span", { class: `badge ${TONE[name] ?? name}` }, text);
  const letter = (n) => "ABCDEFGHI"[n];
  const nth = (n) => ["", "1st", "2nd", "3rd"][n] ?? `${n}th`;
  const plural = (n, one) => `${n.toLocaleString("en")} ${one}${n === 1 ? "" : "s"}`;

  // --- filtering ---------------------------------------------------------------------------------------------------

  function chosenCells(s) {
    return index.benchmarks.map((b) => b.cells.map(([judge, arm, writer]) =>
      (!s.judge || judge === s.judge) && (!s.arm || arm === s.arm)
      && (!s.writer || writer === s.writer || (writer === null && s.arm === arm))));
  }

  function union(item, cells) {
    let all = 0;
    const chosen = cells[item.benchmark];
    item.flags.forEach((f, c) => { if (chosen[c]) all |= f; });
    return all;
  }

  function times(item, cells, bit) {
    return item.flags.reduce((n, f, c) => n + (cells[item.benchmark][c] && f & bit ? 1 : 0), 0);
  }

  function haystack(n) {
    texts ??= new Array(items.length);
    if (texts[n] === undefined) {
      const one = block(`i${n}`), i = items[n];
      const words = [i.uid, i.source, i.category, one.prompt, ...one.candidates.map((c) => c.text ?? ""), ...one.reasons.flat(3)];
      const rubrics = new Set(Object.values(one.cells).flat().map((t) => t[5]).filter((r) => r !== null));
      for (const r of rubrics) words.push(...block(`r${r}`).text.map((t) => (typeof t === "string" ? t : t[0])));
      texts[n] = words.flat(3).join("\n").toLowerCase();
    }
    return texts[n];
  }

  function filter() {
    const cells = chosenCells(state);
    const q = state.q.trim().toLowerCase();
    const base = items.filter((i) =>
      (state.benchmark === "" || i.benchmark === Number(state.benchmark))
      && (!state.category || i.category === state.category)
      && (!(state.judge || state.writer || state.arm) || union(i, cells) & (BIT.judged | BIT.incomplete))
      && (!q || q.split(/\s+/).every((word) => haystack(i.n).includes(word))));
    const has = (i, shows) => { const all = union(i, cells); return shows.every((s) => all & BIT[s]); };
    matches = base.filter((i) => has(i, [...state.show]));
    for (const s of SHOWS) {
      const counter = document.querySelector(`[data-count="${s}"]`);
      if (counter) counter.textContent = base.filter((i) => has(i, [...new Set([...state.show, s])])).length.toLocaleString("en");
    }
    if (BIT[state.sort]) {
      const weight = new Map(matches.map((i) => [i.n, times(i, cells, BIT[state.sort])]));
      matches.sort((a, b) => weight.get(b.n) - weight.get(a.n) || a.n - b.n);
    } else if (state.sort === "id") {
      matches.sort((a, b) => a.source.localeCompare(b.source, "en", { numeric: true }) || a.n - b.n);
    }
  }

  // --- the list ----------------------------------------------------------------------------------------------------

  function address(item) {
    const p = new URLSearchParams();
    if (state.show.size) p.set("show", SHOWS.filter((s) => state.show.has(s)).join(","));
    for (const s of ["q", ...SELECTS]) if (state[s] && state[s] !== "data") p.set(s, state[s]);
    if (item) p.set("item", item);
    return `#items?${p}`;
  }

  function list() {
    const cells = chosenCells(state);
    page = Math.max(0, Math.min(page, Math.ceil(matches.length / PAGE) - 1));
    const from = page * PAGE;
    const part = matches.slice(from, from + PAGE);
    $("list").replaceChildren(...part.map((i) => {
      const all = union(i, cells);
      const said = SHOWS.filter((s) => all & BIT[s]).map((s) => {
        const n = times(i, cells, BIT[s]);
        return [badge(s, n > 1 ? `${NAMES[s]} × ${n}` : NAMES[s]), " "];
      });
      return h("li", null, h("a", { href: address(i.uid), "data-uid": i.uid, "aria-current": i.uid === state.item ? "true" : null },
        h("span", { class: "of" }, [i.source, i.category].filter(Boolean).join(" · ")), h("bdi", null, i.excerpt || "(no prompt)"), h("span", { class: "of" }, said)));
    }));
    $("count").textContent = matches.length === items.length ? `All ${plural(items.length, "item")} match.`
      : `${matches.length.toLocaleString("en")} of ${plural(items.length, "item")} match${matches.length === 1 ? "es" : ""}.`;
    $("range").textContent = matches.length ? `${from + 1}–${from + part.length} of ${matches.length.toLocaleString("en")}` : "none";
    $("back").disabled = page === 0;
    $("next").disabled = from + PAGE >= matches.length;
  }

  function refresh() {
    filter();
    page = 0;
    list();
    remember();
  }

  function remember() {
    try { history.replaceState(null, "", address(state.item)); } catch { /* some viewers keep no address */ }
  }

  // --- one item ----------------------------------------------------------------------------------------------------

  function text(value, attributes = { class: "text", dir: "auto" }) {
    if (typeof value === "string") return h("p", attributes, value);
    const [start, length] = value;
    return [h("p", attributes, start), h("p", { class: "cut" }, `The first ${start.length - 1} of ${length.toLocaleString("en")} characters.`)];
  }

  const pieces = (parts) => parts.map((p) => (typeof p === "string" ? p : h("mark", { title: `leak: ${p[1]}` }, p[0])));

  function picture([name, place, frame], what) {
    const caption = [frame, name].filter(Boolean).join(" · ");
    if (frame === "more") return h("li", null, h("p", { class: "gone" }, name));
    if (place === null) return h("li", null, h("p", { class: "gone" }, `${name}: no file was found when the run was made`));
    const data = $(`p${place}`);
    if (data.dataset.gone) return h("li", null, h("p", { class: "gone" }, `${name}: ${data.dataset.gone}`));
    const source = `data:image/webp;base64,${data.textContent}`;
    const alt = `${what}${frame ? `, ${frame}` : ""}: ${name}`;
    const show = () => {
      $("zoom").querySelector("img")?.remove();
      $("zoom").append(h("img", { src: source, alt }));
      $("zoom").showModal();
    };
    return h("li", null, h("figure", null,
      h("button", { type: "button", onclick: show, "aria-label": `Enlarge ${alt}` }, h("img", { src: source, alt, decoding: "async" })),
      h("figcaption", null, `${caption} (${data.dataset.size})`)));
  }

  const gallery = (media, what) => (media?.length ? h("ul", { class: "media" }, media.map((m) => picture(m, what))) : null);

  function candidate(c, n, one) {
    const preferred = one.preferred === n;
    const rank = one.ranks ? `, rank ${one.ranks[n] + 1}` : "";
    return h("div", { class: preferred ? "candidate preferred" : "candidate" },
      h("h5", null, `Candidate ${letter(n)} `, preferred ? badge("good", "✓ preferred by people") : null, h("span", { class: "small" }, `stored ${nth(one.stored[n] + 1)}${rank}`)),
      c.text ? text(c.text) : c.media ? null : h("p", { class: "small" }, "(empty)"), gallery(c.media, `Candidate ${letter(n)}`));
  }

  function outcome(t, one) {
    const [order, status, choice, pick, p, , , rest] = t;
    if (rest?.candidate !== undefined) {
      const of = `${letter(rest.candidate)}, alone: `;
      return [of, rest.score === null ? h("span", { class: "wrong" }, status) : h("strong", null, `score ${rest.score}`)];
    }
    let said;
    if (pick === null) said = h("span", { class: "wrong" }, rest?.both_bad ? "tie: both bad" : status);
    else if (one.preferred === null) said = h("strong", null, `picked ${letter(pick)}`);
    else if (pick === one.preferred) said = h("span", { class: "right" }, `✓ right: ${letter(pick)}`);
    else said = h("span", { class: "wrong" }, `✗ wrong: ${letter(pick)}`);
    const place = choice === null ? "" : ` (shown ${nth(choice)})`;
    const ranks = rest?.ranks ? `, ranking ${rest.ranks.map((r, n) => [r, letter(n)]).sort((a, b) => a[0] - b[0]).map((x) => x[1]).join(" > ")}` : "";
    return [said, place, ranks, p === null ? "" : h("span", { class: "small" }, ` P(1st) = ${p.toFixed(3)}`)];
  }

  function verdict(t, one, names, several) {
    const rest = t[7] ?? {};
    const draw = several ? h("span", { class: "small" }, `draw ${(rest.draw ?? 0) + 1}, sample ${(rest.sample ?? 0) + 1}: `) : null;
    const read = t[5] === null ? null : h("button", { type: "button", class: "link small", onclick: () => reveal(t[5]) }, names.get(t[5]));
    const made = h("div", { class: "verdict" }, draw, outcome(t, one), read ? [" · read ", read] : null,
      rest.donor ? h("span", { class: "small" }, ` (of ${rest.donor})`) : null,
      rest.error ? h("p", { class: "small" }, `never answered: ${rest.error}`) : null);
    if (rest.criteria) {
      made.append(h("details", null, h("summary", null, `By criterion (${rest.criteria.length})`), h("ul", { class: "reason" },
        rest.criteria.map(([name, weight, said]) => h("li", null, h("bdi", null, name), ` (weight ${weight}): ${said}`)))));
    }
    if (t[6] !== null) {
      const [answer, reasoning] = one.reasons[t[6]];
      made.append(h("details", null, h("summary", null, "Reason"), h("div", { class: "reason" },
        reasoning ? [h("p", { class: "small" }, "Reasoning"), text(reasoning), h("p", { class: "small" }, "Answer")] : null, text(answer))));
    }
    return made;
  }

  function judgeTable(judge, members, item, one, names, open) {
    const orders = [...new Set(members.flatMap(([c]) => (one.cells[c] ?? []).map((t) => t[0])))].sort();
    const rows = members.map(([c, arm, writer]) => {
      const trials = one.cells[c] ?? [];
      const flags = item.flags[c];
      const several = new Set(trials.map((t) => `${t[7]?.draw ?? 0}/${t[7]?.sample ?? 0}`)).size > 1;
      const states = [...(flags & BIT.right ? [badge("good", "right in all orders")] : []), ...(flags & BIT.wrong ? [badge("bad", "wrong in all orders")] : []),
        ...SHOWS.filter((s) => flags & BIT[s]).map((s) => badge(s, NAMES[s]))];
      const none = trials.length ? null : h("td", { colspan: Math.max(1, orders.length) }, flags & BIT.incomplete ? "not judged yet" : writer === null ? "nothing asked" : "no rubric for this item: the verdict of none is kept");
      return h("tr", null, h("th", { scope: "row" }, arm, writer === null ? null : h("div", { class: "small" }, h("bdi", null, writer))),
        none ?? orders.map((o) => h("td", null, trials.filter((t) => t[0] === o).map((t) => verdict(t, one, names, several)))),
        h("td", null, states, one.more[c] ? h("p", { class: "small" }, `${one.more[c]} more verdicts are not shown`) : null));
    });
    const shown = (o) => (orders.length > 1 || o !== "AB" ? `${o} (${o[0]} shown first)` : "AB (A shown first)");
    return h("details", { class: "judge", open }, h("summary", null, h("strong", null, h("bdi", null, judge)), ` · ${plural(members.length, "arm")}`),
      h("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": `Verdicts of ${judge}` },
        h("table", { class: "verdicts" }, h("caption", { class: "small" }, `Verdicts of ${judge}`),
          h("thead", null, h("tr", null, ["arm", ...orders.map(shown), "outcome"].map((x) => h("th", { scope: "col" }, x)))), h("tbody", null, rows))));
  }

  function rubric(place, name, open) {
    const r = block(`r${place}`);
    const facts = [["writer", [r.writer ?? "a fixed text", ...(r.about ?? []).map(([k, v]) => `${k} ${v}`)].join(", ")], ["id", r.uid]];
    if (r.saw) facts.push(["its writer saw", r.saw === "nothing" ? "none of the candidates" : `the candidates in the order ${r.saw}`]);
    if (r.shared) facts.push(["shared", "one rubric for all items"]);
    if (r.edited) facts.push(["changed by the arm", r.edited]);
    if (r.verdict) facts.push(["its writer's own verdict", `the ${nth(r.verdict)} it saw`]);
    if (r.violations) facts.push(["violations of form", r.violations.join(", ")]);
    if (r.leaks) facts.push(["leak suspected", `${r.leaks.join(", ")} (marked below)`]);
    const sum = (r.criteria ?? []).reduce((s, c) => s + c[2], 0);
    const table = r.criteria ? h("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": `Criteria of ${name}` }, h("table", { class: "criteria" }, h("caption", { class: "small" }, `Criteria of ${name}`),
      h("thead", null, h("tr", null, ["criterion", "description", "weight"].map((x) => h("th", { scope: "col" }, x)))),
      h("tbody", null, r.criteria.map(([title, about, weight]) => {
        const share = sum > 0 ? weight / sum : 0;
        return h("tr", null, h("th", { scope: "row", dir: "auto" }, pieces(title)), h("td", { dir: "auto" }, pieces(about)),
          h("td", null, `${+weight.toFixed(2)}`, sum > 0 ? [" ", h("meter", { min: 0, max: 1, value: share, "aria-label": `${Math.round(100 * share)} per cent of the weight` })] : null));
      })))) : null;
    const words = [h("div", { class: "text", dir: "auto" }, pieces(r.text)), r.length ? h("p", { class: "cut" }, `Cut: the rubric has ${r.length.toLocaleString("en")} characters.`) : null];
    return h("details", { class: "rubric", id: `rubric-${place}`, open },
      h("summary", null, h("strong", null, name), " ", h("bdi", null, r.writer ?? r.uid), " ", (r.leaks ?? []).map((k) => badge("leak", `leak: ${k}`))),
      h("dl", { class: "rubric-facts" }, facts.map(([k, v]) => [h("dt", null, k), h("dd", { dir: "auto" }, v)])), table,
      r.criteria ? h("details", null, h("summary", null, "As the judge read it"), h("div", { class: "reason" }, words)) : h("div", { class: "reason" }, words));
  }

  function reveal(place) {
    const found = $(`rubric-${place}`);
    if (!found) return;
    found.open = true;
    found.querySelector("summary").focus();
    found.scrollIntoView({ block: "nearest" });
  }

  function open(uid, focus) {
    const n = places.get(uid);
    state.item = n === undefined ? "" : uid;
    for (const a of $("list").querySelectorAll("a")) {
      if (a.dataset.uid === uid) a.setAttribute("aria-current", "true");
      else a.removeAttribute("aria-current");
    }
    if (n === undefined) {
      $("item").replaceChildren(...(uid ? [h("h3", null, "This item is not on this page"), h("p", null, uid)] : []));
      return;
    }
    const item = items[n], one = block(`i${n}`), cells = index.benchmarks[item.benchmark].cells;
    const all = union(item, chosenCells(blank()));
    const judges = new Map();
    cells.forEach(([judge, arm, writer], c) => {
      if (one.cells[c] || item.flags[c]) (judges.get(judge) ?? judges.set(judge, []).get(judge)).push([c, arm, writer]);
    });
    const read = [...new Set(cells.flatMap((_, c) => (one.cells[c] ?? []).map((t) => t[5])).filter((r) => r !== null))];
    const names = new Map(read.map((r, k) => [r, `R${k + 1}`]));
    const at = matches.findIndex((i) => i.uid === uid);
    const step = (by, label) => h("button", { type: "button", disabled: !matches[at + by], onclick: () => go(matches[at + by].uid) }, label);
    const facts = [index.benchmarks[item.benchmark].name, item.category, `row ${one.row}`, one.group ? `group ${one.group}` : "", one.criterion ? `criterion: ${one.criterion}` : "", one.revision ? `revision ${one.revision.slice(0, 12)}` : ""].filter(Boolean);
    const wanted = judges.has(state.judge) ? state.judge : null;
    fill($("item"),
      h("div", { class: "steps" }, step(-1, "← Previous"), step(1, "Next →")),
      h("h3", { id: "item-title", tabindex: "-1", dir: "auto" }, item.source || item.uid),
      h("p", { class: "of" }, facts.join(" · "), " · ", h("code", null, item.uid)),
      h("p", null, SHOWS.filter((s) => all & BIT[s]).map((s) => [badge(s, NAMES[s]), " "])),
      h("h4", null, "Request"), one.prompt.length ? text(one.prompt, { class: "text prompt", dir: "auto" }) : h("p", { class: "small" }, "(no prompt)"),
      gallery(one.media, "Given with the request"), one.missing ? h("p", { class: "small" }, "Media of this item were missing when the run was made.") : null,
      h("h4", null, "Candidates"), one.preferred === null ? h("p", { class: "small" }, `Label: ${one.label.replace("_", " ")}; no candidate is preferred.`) : null,
      h("div", { class: "candidates" }, one.candidates.map((c, k) => candidate(c, k, one))),
      h("h4", null, "Verdicts"), judges.size ? [...judges].map(([judge, members], k) => judgeTable(judge, members, item, one, names, wanted ? judge === wanted : k === 0)) : h("p", null, "No verdicts."),
      h("h4", null, "Rubrics"), read.length ? read.map((r) => rubric(r, names.get(r), false)) : h("p", { class: "small" }, "No rubric was read for this item."));
    if (focus) {
      $("item-title").focus({ preventScroll: true });
      $("item").scrollIntoView({ block: "start" });
    }
  }

  function go(uid) {
    page = Math.floor(matches.findIndex((i) => i.uid === uid) / PAGE);
    list();
    open(uid, true);
    remember();
  }

  // --- controls ----------------------------------------------------------------------------------------------------

  function fromAddress() {
    const [, query] = decodeHash();
    if (query === null) return false;
    const p = new URLSearchParams(query);
    state = blank();
    for (const s of (p.get("show") ?? "").split(",")) if (BIT[s]) state.show.add(s);
    for (const s of ["q", ...SELECTS]) if (p.has(s)) state[s] = p.get(s);
    state.item = p.get("item") ?? "";
    for (const box of document.querySelectorAll("[name=show]")) box.checked = state.show.has(box.value);
    for (const s of SELECTS) {
      $(s).value = state[s];
      if ($(s).selectedIndex < 0) { state[s] = s === "sort" ? "data" : ""; $(s).value = state[s]; }
    }
    $("search").value = state.q;
    return true;
  }

  function decodeHash() {
    const at = location.hash.indexOf("?");
    return location.hash.startsWith("#items?") ? ["items", location.hash.slice(at + 1)] : [location.hash.slice(1), null];
  }

  function arrive(first) {
    const told = fromAddress();
    if (!told && !first) return;
    filter();
    const at = matches.findIndex((i) => i.uid === state.item);
    page = at < 0 ? 0 : Math.floor(at / PAGE);
    list();
    if (state.item) open(state.item, true);
    else if (matches.length) { open(matches[0].uid, false); }
    if (told && !state.item) $("items").scrollIntoView();
  }

  let timer = 0;
  $("search").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => { state.q = $("search").value; refresh(); }, 150);
  });
  for (const s of SELECTS) $(s).addEventListener("change", () => { state[s] = $(s).value; refresh(); });
  for (const box of document.querySelectorAll("[name=show]")) {
    box.addEventListener("change", () => { state.show[box.checked ? "add" : "delete"](box.value); refresh(); });
  }
  $("filters").addEventListener("submit", (e) => e.preventDefault());
  $("reset").addEventListener("click", () => { const item = state.item; history.replaceState(null, "", "#items?"); fromAddress(); state.item = item; refresh(); $("search").focus(); });
  $("back").addEventListener("click", () => { page -= 1; list(); });
  $("next").addEventListener("click", () => { page += 1; list(); });
  $("list").addEventListener("click", (e) => {
    const link = e.target.closest("a");
    if (!link || e.ctrlKey || e.metaKey || e.shiftKey) return;
    e.preventDefault();
    open(link.dataset.uid, true);
    remember();
  });
  $("list").addEventListener("keydown", (e) => {
    const links = [...$("list").querySelectorAll("a")];
    const at = links.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 }[e.key];
    if (at < 0 || to === undefined) return;
    e.preventDefault();
    links[Math.max(0, Math.min(to, links.length - 1))].focus();
  });
  addEventListener("hashchange", () => arrive(false));
  const opened = [];
  addEventListener("beforeprint", () => { for (const d of document.querySelectorAll("details:not([open])")) { d.open = true; opened.push(d); } });
  addEventListener("afterprint", () => { for (const d of opened.splice(0)) d.open = false; });
  arrive(true);
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
})();
