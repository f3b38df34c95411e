// The browser of items. Data come from JSON blocks and reach the page as text nodes alone, never as markup.
//
// Any link on the page opens items by its address (`items.address` in Python makes one):
//   #items?show=fixed&writer=grm&judge=alpha&benchmark=demo&arm=transferred
//   show       fixed, broken, flipped, leak, unread or missing (the keys of `items.CHIPS`); none: all items
//   writer     whose rubrics; none: the first writer
//   judge      none: any model, or any judge where no model judged
//   arm        what the judge reads; none: the writer's rubric for the item
//   benchmark, category; none: all
//   q          words that all occur in an item, its rubrics or its answers
//   item       a uid: this item is open
//   cell_judge, cell_arm   the cell of the board that is open, where a reader chose one
// As many items match as the tables count: fixed is their `gained`, broken their `lost`.
"use strict";
(() => {
  const PAGE = 50;
  const NAMED_JUDGES = 6;
  const PHONE = 736;
  const LONG = 1600;
  const BIT = { fixed: 1, broken: 2, flipped: 4, leak: 8 };
  const STATE = { unread: "U", missing: "M" };
  const LISTS = ["writer", "arm", "judge", "benchmark", "category"];
  const ADDRESS = ["show", ...LISTS, "q", "cell_judge", "cell_arm", "item"];
  const GLYPHS = { R: "●", H: "◐", W: "○", U: "?", M: "–", N: "·", X: "–" };
  const $ = (id) => document.getElementById(id);
  const block = (id) => JSON.parse($(id).textContent);

  if (!$("index")) { document.documentElement.dataset.ready = "0"; return; }
  const index = block("index");
  const items = index.items.map(([uid, benchmark, source, category, excerpt, codes], n) => ({ n, uid, benchmark, source, category, excerpt, codes }));
  const places = new Map(items.map((i) => [i.uid, i.n]));
  const armFacts = new Map(index.arms.map(([arm, word, about, donors]) => [arm, { word, about, donors }]));
  const models = index.judges.filter(([, baseline]) => !baseline).map(([name]) => name);
  const everyone = models.length ? models : index.judges.map(([name]) => name);
  const words = new Array(items.length);
  const chips = [...document.querySelectorAll("[data-show]")];
  let state = blank();
  let matches = [];
  let page = 0;
  let note = "";

  function blank() {
    return { show: "", q: "", writer: index.writers[0] ?? "", arm: index.arm, judge: "", benchmark: "", category: "", item: "", cell_judge: "", cell_arm: "" };
  }

  // elements.js
  const hidden = (text) => h("span", { class: "vh" }, text);
  const letter = (n) => "ABCDEFGHI"[n];
  const count = (n) => n.toLocaleString("en");
  const plural = (n, noun) => `${count(n)} ${noun}${n === 1 ? "" : "s"}`;
  const list = (names) => (names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : names[0] ?? "");
  const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
  const whose = (writer) => `${writer}’s rubric`;

  // --- cells and states --------------------------------------------------------------------------------------------

  const cellNumbers = index.benchmarks.map((b) => new Map(b.cells.map(([judge, arm, writer], c) => [JSON.stringify([judge, arm, writer]), c])));

  function cellOf(item, judge, arm) {
    const numbers = cellNumbers[item.benchmark];
    return numbers.get(JSON.stringify([judge, arm, state.writer])) ?? numbers.get(JSON.stringify([judge, arm, null]));
  }
  const stateAt = (item, c) => (c === undefined ? "X" : item.codes[2 * c]);
  const bitsAt = (item, c) => (c === undefined ? 0 : parseInt(item.codes[2 * c + 1], 16));
  const judges = () => (state.judge ? [state.judge] : everyone);

  // A figure's filter asks for one cell of many: which cells, for each benchmark, is settled once a filter.
  function cellsOf(arm) {
    return index.benchmarks.map((b, n) => judges().map((judge) => cellOf({ benchmark: n }, judge, arm)).filter((c) => c !== undefined));
  }
  function ownCells() {
    return index.benchmarks.map((b) => b.cells.flatMap(([, , writer], c) => (writer !== null && writer === state.writer ? [c] : [])));
  }

  function tests() {
    const withArm = cellsOf(state.arm), without = cellsOf("none"), own = ownCells();
    const bit = (cells, b) => (i) => cells[i.benchmark].some((c) => bitsAt(i, c) & b);
    const either = (letters) => (i) => [withArm, without].some((cells) => cells[i.benchmark].some((c) => stateAt(i, c) === letters));
    return {
      "": () => true, fixed: bit(withArm, BIT.fixed), broken: bit(withArm, BIT.broken), flipped: bit(withArm, BIT.flipped),
      leak: bit(own, BIT.leak), unread: either(STATE.unread), missing: either(STATE.missing),
    };
  }

  // --- filtering ---------------------------------------------------------------------------------------------------

  function haystack(n) {
    if (words[n] === undefined) {
      const body = block(`i${n}`), i = items[n];
      const texts = [i.uid, i.source, i.category, body.prompt, ...body.candidates.map((c) => c.text ?? ""), ...body.reasons.flat(3)];
      const rubrics = new Set(Object.values(body.cells).flat().map((t) => t[5]).filter((r) => r !== null));
      for (const r of rubrics) texts.push(...block(`r${r}`).text.map((t) => (typeof t === "string" ? t : t[0])));
      words[n] = texts.flat(3).join("\n").toLowerCase();
    }
    return words[n];
  }

  // Texts are made ready for the search while nobody waits, so that the first search is as quick as the second.
  const idle = window.requestIdleCallback ?? ((work) => setTimeout(() => work({ timeRemaining: () => 8 }), 50));
  function prepare(n) {
    idle((deadline) => {
      while (n < items.length && deadline.timeRemaining() > 4) haystack(n++);
      if (n < items.length) prepare(n);
    });
  }

  function filter() {
    const wanted = state.q.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const base = items.filter((i) =>
      (!state.benchmark || index.benchmarks[i.benchmark].name === state.benchmark)
      && (!state.category || i.category === state.category)
      && wanted.every((word) => haystack(i.n).includes(word)));
    const passes = tests();
    matches = base.filter(passes[state.show]);
    for (const chip of chips) {
      const key = chip.dataset.show;
      chip.setAttribute("aria-pressed", String(key === state.show));
      chip.querySelector(".n").textContent = count(base.filter(passes[key]).length);
    }
  }

  // --- the list ----------------------------------------------------------------------------------------------------

  function address(item) {
    const p = new URLSearchParams(), usual = blank();
    for (const name of ADDRESS) {
      const value = name === "item" ? item : state[name];
      // The writer is always named: which one is first may change when the page is made again.
      if (value && (value !== usual[name] || name === "writer")) p.set(name, value);
    }
    return `#items?${p}`;
  }

  // Names of judges without what all of them share at either end: "mock-alpha" and "mock-beta" are alpha and beta.
  const short = (() => {
    const shared = (all) => { let n = 0; while (all.length > 1 && all.every((x) => n < x.length && x[n] === all[0][n])) n += 1; return n; };
    const edge = (text) => Math.max(...[..."-_/:."].map((c) => text.lastIndexOf(c))) + 1;
    const front = edge(everyone[0]?.slice(0, shared(everyone)) ?? "");
    const back = everyone.map((x) => [...x].reverse().join(""));
    const end = edge(back[0]?.slice(0, shared(back)) ?? "");
    const cut = (name) => name.slice(front, name.length - end);
    const usable = everyone.every((name) => cut(name).length > 1);
    return (name) => (everyone.includes(name) ? usable ? cut(name) : name.slice(front) : name);
  })();

  function orders(item, body) {
    const asked = body ? Math.max(0, ...Object.values(body.board).map((b) => b.filter(Boolean).length)) : 2;
    return asked === 1 ? "" : asked === 2 ? " in both orders" : " in all orders";
  }
  const stateWords = (s) => ({ R: "right in every order", H: "right in some orders", W: "not right", U: "an answer unread", M: "an answer missing", N: "no right answer", X: "not asked" })[s];

  function change(item, judge) {
    const c = cellOf(item, judge, state.arm), none = cellOf(item, judge, "none");
    const bits = bitsAt(item, c);
    return { c, before: stateAt(item, none), after: c === undefined || state.arm === "none" ? null : stateAt(item, c), way: bits & BIT.fixed ? "up" : bits & BIT.broken ? "down" : "" };
  }

  function glyphs(item) {
    const all = judges().map((judge) => [judge, change(item, judge)]).filter(([, x]) => x.before !== "X" || x.c !== undefined);
    // A judge that reads no rubric has nothing to compare; it is on the board.
    const compared = all.filter(([, x]) => x.after !== null), changes = compared.length ? compared : all;
    if (changes.length > NAMED_JUDGES) {
      const right = (name) => changes.filter(([, x]) => (x[name] ?? x.before) === "R").length;
      const [before, after] = [right("before"), right("after")];
      const way = after > before ? "up" : after < before ? "down" : "";
      return h("span", { class: "glyphs" }, h("span", { class: way }, h("b", null, `● ${before}→${after}`), ` of ${changes.length} judges`));
    }
    return h("span", { class: "glyphs" }, changes.map(([judge, x]) => h("span", { class: x.way, role: "img", "aria-label": `${judge}: ${stateWords(x.before)}${x.after ? `, then ${stateWords(x.after)}` : ""}.`, title: judge },
      h("span", { class: "name" }, short(judge)), " ", h("b", null, GLYPHS[x.before], x.after ? `→${GLYPHS[x.after]}` : null))));
  }

  function drawList() {
    page = Math.max(0, Math.min(page, Math.ceil(matches.length / PAGE) - 1));
    const from = page * PAGE, part = matches.slice(from, from + PAGE);
    $("list").replaceChildren(...(part.length ? part.map((i) => h("li", null,
      h("a", { href: address(i.uid), "data-uid": i.uid, "aria-current": i.uid === state.item ? "true" : null },
        h("span", { class: "start" }, h("bdi", { class: "id" }, i.source), " ", h("bdi", null, i.excerpt || "(no prompt)")), glyphs(i)))) : [h("li", { class: "empty" }, "Nothing matches.")]));
    $("list").scrollTop = 0;
    $("count").textContent = `${matches.length === items.length ? `All ${plural(items.length, "item")}` : `${count(matches.length)} of ${plural(items.length, "item")}`}${note}`;
    $("range").textContent = matches.length ? `${count(from + 1)}–${count(from + part.length)} of ${count(matches.length)}` : "";
    $("back").disabled = page === 0;
    $("next").disabled = from + PAGE >= matches.length;
    $("back").parentElement.hidden = matches.length <= PAGE;
  }

  function markCurrent() {
    for (const a of $("list").querySelectorAll("a")) {
      if (a.dataset.uid !== state.item) { a.removeAttribute("aria-current"); continue; }
      a.setAttribute("aria-current", "true");
      const box = $("list"), top = a.parentElement.offsetTop - box.offsetTop;
      if (top < box.scrollTop || top + a.offsetHeight > box.scrollTop + box.clientHeight) box.scrollTop = top - box.clientHeight / 3;
    }
  }

  function refresh() {
    note = "";
    filter();
    page = 0;
    drawList();
    open(matches.some((i) => i.uid === state.item) ? state.item : matches[0]?.uid ?? "");
  }

  function remember() {
    try { history.replaceState(null, "", address(state.item)); } catch { /* some viewers keep no address */ }
  }

  // --- texts and pictures ------------------------------------------------------------------------------------------

  // A long text scrolls in a box of its own, so that the verdicts stay near what they are about.
  function text(value) {
    const [start, length] = typeof value === "string" ? [value, null] : value;
    const box = start.length > LONG ? { class: "text long", dir: "auto", tabindex: "0", role: "region", "aria-label": `${start.slice(0, 40)}…` } : { class: "text", dir: "auto" };
    return [h(start.length > LONG ? "div" : "p", box, start), length ? h("p", { class: "cut" }, `The first ${count(start.length - 1)} of ${count(length)} characters.`) : null];
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
    return h("li", null, h("button", { type: "button", onclick: show, title: `${caption} (${data.dataset.size})`, "aria-label": `Enlarge ${alt}` }, h("img", { src: source, alt, decoding: "async" })));
  }

  const gallery = (media, what) => (media?.length ? h("ul", { class: "media" }, media.map((m) => picture(m, what))) : null);

  // --- what changed ------------------------------------------------------------------------------------------------

  function names(judges, all) {
    const listed = list(judges);
    return judges.length > 1 && (judges.length > 4 || listed.length > 80) ? `${judges.length} of ${all} judges` : listed;
  }

  function whatChanged(item, body) {
    const changes = judges().map((judge) => ({ judge, ...change(item, judge) })).filter((x) => x.before !== "X" || (x.after ?? "X") !== "X");
    const inOrders = orders(item, body), all = changes.length;
    const some = (test) => changes.filter(test).map((x) => x.judge);
    const say = (judges, singular, several = singular) => (judges.length ? `${names(judges, all)} ${judges.length > 1 ? several : singular}` : "");
    if (!all) return ["No verdict was asked for on this item with these filters.", "flat"];
    if (!Object.values(body.board).flat(2).some((code) => code && code[0] !== "=")) return [`${verdictOfPeople(body).replace(/\.$/, "")}, so no answer counts as right or wrong.`, "flat"];
    const compared = changes.some((x) => x.after !== null);
    if (!compared) {
      return [[say(some((x) => x.before === "R"), `is right${inOrders}`, `are right${inOrders}`), say(some((x) => "HW".includes(x.before)), `is not right${inOrders}`, `are not right${inOrders}`),
        say(some((x) => x.before === "U"), "gave an answer that is no verdict"), say(some((x) => x.before === "M"), "lacks an answer", "lack an answer")].filter(Boolean).map((s) => `${s}.`).join(" ") + " No rubric was read.", "flat"];
    }
    if (!Object.entries(body.cells).some(([c]) => changes.some((x) => String(x.c) === c))) return [absent(state.arm), "flat"];
    const several = Object.values(body.board).some((b) => b.some((draws) => draws?.length > 1));
    const up = some((x) => x.way === "up"), down = some((x) => x.way === "down");
    const lack = some((x) => x.before === "M" || x.after === "M"), others = changes.filter((x) => !x.way && !lack.includes(x.judge) && "RHWU".includes(x.after));
    const right = others.filter((x) => x.after === "R").map((x) => x.judge), never = others.filter((x) => x.after !== "R").map((x) => x.judge);
    const more = several ? "right more often" : `right${inOrders}`;
    const lead = `With ${reading(state.arm)} `;
    const parts = [];
    if (up.length) parts.push(`${names(up, all)} became ${more}`);
    if (down.length) parts.push(several ? `${names(down, all)} ${down.length > 1 ? "are" : "is"} right less often` : `${names(down, all)} ${down.length > 1 ? "are" : "is"} no longer right${inOrders}`);
    const sentences = [parts.length ? `${lead}${parts.join("; ")}` : `${lead}nothing changed`,
      say(right, "was right already", "were right already"), say(never, `stays not right${inOrders}`, `stay not right${inOrders}`), say(lack, "lacks an answer", "lack an answer"), control(item, up, down)];
    return [sentences.filter(Boolean).map((s) => `${s}.`).join(" "), down.length > up.length ? "down" : up.length ? "" : "flat"];
  }

  function reading(arm) {
    const facts = armFacts.get(arm), writer = state.writer;
    const phrases = { transferred: whose(writer), self: "the judge’s own rubric", shuffled: `${writer}’s rubric for another item`, generic: "a generic rubric", repeat: "the same question asked again", advice: `${writer}’s verdict alone`, crossed: `${writer}’s rubric from the other order` };
    return phrases[arm] ?? `${index.writers.length ? `${whose(writer)}, ` : ""}${facts?.word ?? arm}`;
  }

  const absent = (arm) => (arm === "transferred" ? `${state.writer} has no rubric for this item: the verdict without one counts.`
    : `For this item there is nothing to read under “${armFacts.get(arm).word}”: the verdict without a rubric counts.`);

  // What other items' rubrics did to the judges that changed: the control that lies beside them.
  function control(item, up, down) {
    const arm = index.arms.find(([name, , , donors]) => donors && name !== state.arm)?.[0];
    if (!arm || armFacts.get(state.arm)?.donors || !(up.length || down.length)) return "";
    const cells = judges().map((judge) => [judge, cellOf(item, judge, arm)]).filter(([, c]) => c !== undefined && "RHWU".includes(stateAt(item, c)));
    if (!cells.length) return "";
    const moved = (bit) => cells.filter(([, c]) => bitsAt(item, c) & bit).map(([judge]) => judge);
    const too = up.length ? moved(BIT.fixed).filter((j) => up.includes(j)) : moved(BIT.broken).filter((j) => down.includes(j));
    if (too.length) return `Another item’s rubric does so too for ${names(too, judges().length)}`;
    return moved(BIT.fixed | BIT.broken).length ? "Another item’s rubric does not" : "Another item’s rubric changes nothing";
  }

  // --- verdicts ----------------------------------------------------------------------------------------------------

  // An outcome of the board: + right, - not right, = neither; then a letter or a word.
  function outcome(code) {
    const [sign, value] = [code[0], code.slice(1)];
    if (value === "missing") return h("span", { class: "v none" }, "–", hidden("missing"));
    if (sign === "=" && value.length > 1) return h("span", { class: "v unread", title: value }, value === "tie" || value === "both bad" ? value : "?", hidden(` ${value}`));
    if (sign === "=") return h("span", { class: "v" }, value);
    return h("span", { class: sign === "+" ? "v right" : "v wrong" }, `${sign === "+" ? "✓" : "✗"} ${value}`);
  }

  function draws(codes) {
    if (!codes) return h("span", { class: "v none" }, "–", hidden("not asked"));
    if (codes.every((c) => c === codes[0])) return outcome(codes[0]);
    const right = codes.filter((c) => c[0] === "+").length;
    return h("span", { class: right ? "v right" : "v wrong" }, `✓ ${right}/${codes.length}`);
  }

  const inWords = (codes, order) => `${order[0]} first: ${[...new Set(codes)].map((c) => `${{ "+": "right, ", "-": "not right, ", "=": "" }[c[0]]}${c.slice(1)}`).join(" or ")}`;
  const orderNames = (body) => body.candidates.map((_, n) => body.candidates.map((__, m) => letter((n + m) % body.candidates.length)).join(""));

  function board(item, body, cell) {
    const shown = index.benchmarks[item.benchmark].cells;
    const ranked = index.judges.map(([name]) => name).sort((a, b) => everyone.includes(b) - everyone.includes(a));
    const rows = ranked.filter((judge) => shown.some(([j, , writer]) => j === judge && (writer === null || writer === state.writer)));
    const arms = index.arms.map(([arm]) => arm).filter((arm) => rows.some((judge) => cellOf(item, judge, arm) !== undefined));
    const turns = orderNames(body), asked = turns.filter((_, n) => Object.values(body.board).some((b) => b[n]));
    const button = (judge, arm) => {
      const c = cellOf(item, judge, arm), outcomes = body.board[c];
      if (c === undefined || !outcomes) return h("td", null, h("span", { class: "v none" }, "–", hidden("not judged")));
      const pairs = outcomes.map((codes, n) => [codes, turns[n]]).filter(([codes]) => codes);
      const right = pairs.filter(([codes]) => codes.every((x) => x[0] === "+")).length;
      const face = pairs.length > 3 ? h("span", { class: right === pairs.length ? "v right" : "v wrong" }, `✓ ${right} of ${pairs.length}`) : pairs.map(([codes], n) => [n ? " / " : "", draws(codes)]);
      const borrowed = !body.cells[c];
      return h("td", null, h("button", {
        type: "button", id: `cell-${c}`, class: borrowed ? "borrowed" : null, "aria-pressed": String(judge === cell.judge && arm === cell.arm),
        "aria-label": `${judge}, ${armFacts.get(arm).word}: ${pairs.map(([codes, order]) => inWords(codes, order)).join("; ")}${borrowed ? "; there is no rubric, so the verdict without one counts" : ""}`,
        title: borrowed ? "No rubric for this item: the verdict without one counts." : null,
        onclick: () => { state.cell_judge = judge; state.cell_arm = arm; open(item.uid); },
      }, face));
    };
    const alone = Object.values(body.cells).flat().some((t) => t[7]?.candidate !== undefined);
    const corner = alone ? "scored alone" : asked.length > 3 ? "orders right" : asked.map((o) => `${o[0]} first`).join(" / ");
    return h("div", { class: "scroll board", role: "region", tabindex: "0", "aria-label": "Verdicts of every judge, by what it read" }, h("table", null, h("caption", { class: "vh" }, "Verdicts of every judge, by what it read"),
      h("thead", null, h("tr", null, h("th", { scope: "col" }, corner), arms.map((arm) => h("th", { scope: "col", title: armFacts.get(arm).about }, armFacts.get(arm).word)))),
      h("tbody", null, rows.map((judge) => h("tr", { class: everyone.includes(judge) ? null : "baseline" }, h("th", { scope: "row" }, h("bdi", null, judge)), arms.map((arm) => button(judge, arm)))))));
  }

  function openCell(item, body) {
    const shown = (judge, arm) => body.board[cellOf(item, judge, arm)] !== undefined;
    const able = (judge) => index.arms.some(([arm]) => shown(judge, arm));
    const moved = { fixed: BIT.fixed, broken: BIT.broken, flipped: BIT.flipped }[state.show] ?? BIT.fixed | BIT.broken;
    const changed = judges().find((judge) => bitsAt(item, cellOf(item, judge, state.arm)) & moved);
    const judge = [state.cell_judge, state.judge, changed, ...everyone.filter((j) => shown(j, state.arm)), ...everyone, ...index.judges.map(([name]) => name)].find((j) => j && able(j));
    const usual = body.cells[cellOf(item, judge, state.arm)] ? state.arm : null;
    const arm = judge && [state.cell_arm, usual, "none", ...index.arms.map(([name]) => name)].find((a) => a && shown(judge, a));
    return arm ? { judge, arm, c: cellOf(item, judge, arm), none: cellOf(item, judge, "none") } : null;
  }

  // The tag that carries the verdict reads as what it says.
  function decided(said) {
    const tag = typeof said === "string" ? said.match(/\s*<answer>\s*(\d)\s*<\/answer>\s*$/) : null;
    return tag ? [tag.index ? text(said.slice(0, tag.index)) : null, h("p", null, `→ Response ${tag[1]}`)] : text(said);
  }

  function answer(t, body) {
    const [, , choice, , p, , reason, details = {}] = t;
    const facts = [];
    if (details.candidate !== undefined) facts.push(details.score === null ? `${letter(details.candidate)}, alone: no score` : `${letter(details.candidate)}, alone: score ${details.score}`);
    if (details.ranks) facts.push(`ranking ${details.ranks.map((r, n) => [r, letter(n)]).sort((a, b) => a[0] - b[0]).map((x) => x[1]).join(" > ")}`);
    if (p !== null) facts.push(`P(Response 1) = ${p.toFixed(3)}`);
    if (details.edited !== undefined) facts.push(`${Math.round(100 * details.edited)} % of the rubric’s words were changed`);
    const [said, reasoning] = reason === null ? [null, null] : body.reasons[reason];
    return [facts.length ? h("p", { class: "small" }, facts.join(" · ")) : null,
      details.error ? h("p", { class: "small" }, `It never answered: ${details.error}`) : null,
      details.criteria ? h("ul", { class: "by-criterion" }, details.criteria.map(([name, weight, verdict]) => h("li", null, h("bdi", null, name), ` (weight ${weight}): ${verdict}`))) : null,
      said !== null ? h("div", { class: "says" }, decided(said)) : null,
      reasoning ? h("details", null, h("summary", null, "what it thought before"), h("div", { class: "says" }, text(reasoning))) : null,
      said === null && !details.criteria && !details.error && choice !== null ? h("p", { class: "small" }, "It gave no reasons.") : null];
  }

  function verdict(body, cell, order, trials) {
    const n = orderNames(body).indexOf(order);
    const alone = trials.some((t) => t[7]?.candidate !== undefined);
    const numbers = [...order].map((x, k) => `Response ${k + 1} is ${x}`);
    const label = (t) => (new Set(trials.map((x) => `${x[7]?.draw ?? 0}/${x[7]?.sample ?? 0}`)).size > 1 ? h("p", { class: "small" }, h("b", null, `Answer ${(t[7]?.draw ?? 0) + 1}.${(t[7]?.sample ?? 0) + 1}: ${t[3] === null ? t[1] : letter(t[3])}`)) : null);
    const before = cell.arm === "none" ? null : (body.cells[cell.none] ?? []).filter((t) => t[0] === order);
    return h("div", { class: "verdict" },
      h("h4", null, alone ? "Each scored alone: " : `${order[0]} shown first: `, draws(body.board[cell.c]?.[n])),
      alone ? null : h("p", { class: "small" }, `${list(numbers)}.`),
      trials.length ? trials.map((t) => [label(t), answer(t, body)]) : h("p", { class: "small" }, "No answer came."),
      before && body.board[cell.none] ? h("details", { class: "without" }, h("summary", null, "without a rubric: ", draws(body.board[cell.none][n])), before.map((t) => answer(t, body))) : null);
  }

  // --- rubrics -----------------------------------------------------------------------------------------------------

  function bar(share) {
    const make = (tag, attributes) => { const x = document.createElementNS("http://www.w3.org/2000/svg", tag); for (const [k, v] of Object.entries(attributes)) x.setAttribute(k, v); return x; };
    const drawing = make("svg", { "aria-hidden": "true" });
    drawing.append(make("rect", { class: "whole", width: "100%", height: "100%" }), make("rect", { class: "part", width: `${(100 * share).toFixed(1)}%`, height: "100%" }));
    return drawing;
  }

  function origin(r) {
    const facts = [];
    if (r.shared) facts.push("one rubric for all items");
    if (r.saw === "nothing") facts.push("written without the responses");
    else if (r.saw) facts.push(`written with ${r.saw[0]} first${r.verdict ? `; it preferred ${r.saw[r.verdict - 1]}` : ""}`);
    if (r.edited) facts.push(`as the arm ${r.edited} changed it`);
    if (r.violations) facts.push(`form: ${r.violations.join(", ")}`);
    return facts.join(" · ");
  }

  function rubric(r, item, when) {
    const donor = r.of && r.of[0] !== item.uid ? r.of : null;
    const sum = (r.criteria ?? []).reduce((s, c) => s + c[2], 0);
    const fixed = r.uid.startsWith("generic/") ? "A generic rubric, the same for all items of its kind" : "A line that tells the answer";
    const title = donor ? ["Written for another item: ", h("a", { href: address(donor[0]) }, h("bdi", null, donor[1]))] : r.writer ? h("bdi", null, whose(r.writer)) : fixed;
    const facts = [...(r.about ?? []).map(([k, v]) => `${k} ${v}`), r.uid].join(" · ");
    const whole = [h("div", { class: "text", dir: "auto" }, pieces(r.text)), r.length ? h("p", { class: "cut" }, `Cut: the rubric has ${count(r.length)} characters.`) : null];
    return h("div", { class: donor ? "rubric donor" : "rubric" }, h("h4", null, title), when ? h("p", { class: "small" }, when) : null,
      donor ? h("p", { class: "small", dir: "auto" }, donor[2] ? `“${donor[2]}”` : "(that item has no prompt)") : null,
      h("p", { class: "small" }, origin(r)),
      r.criteria ? h("ol", { class: "criteria" }, r.criteria.map(([name, about, weight]) => h("li", null,
        h("span", { class: "weight" }, sum > 0 ? [`${Math.round(100 * weight / sum)} %`, bar(weight / sum)] : `${+weight.toFixed(2)}`),
        h("span", { dir: "auto" }, h("b", null, pieces(name)), pieces(about))))) : h("div", { class: "says" }, whole),
      r.leaks ? h("p", { class: "leak" }, `Leaks by its words: ${r.leaks.join(", ")}.`) : null,
      h("details", null, h("summary", null, r.criteria ? "as the judge read it" : "where it comes from"), r.criteria ? h("div", { class: "says" }, whole) : null, h("p", { class: "small" }, facts)));
  }

  // The rubrics that were written for this item, whichever of the writer's cells read them.
  function ownRubrics(item, body) {
    const cells = index.benchmarks[item.benchmark].cells;
    const numbers = Object.entries(body.cells).flatMap(([c, trials]) => (cells[c][2] === state.writer ? trials.map((t) => t[5]) : [])).filter((r) => r !== null);
    return [...new Set(numbers)].filter((r) => { const entry = block(`r${r}`); return !entry.edited && (entry.of?.[0] ?? item.uid) === item.uid; });
  }

  function beside(item, body, cell) {
    const trials = body.cells[cell.c] ?? [];
    if (!trials.length) return h("p", { class: "small" }, absent(cell.arm));
    const asked = orderNames(body).filter((o) => trials.some((t) => t[0] === o));
    const same = trials.every((t) => t[7]?.candidate !== undefined) && new Set(asked.map((o) => JSON.stringify(trials.filter((t) => t[0] === o).map((t) => [t[5], t[6], t[7]])))).size === 1;
    const shownOrders = same ? asked.slice(0, 1) : asked;
    const groups = [...new Set(trials.map((t) => t[5]))];
    const rows = groups.map((r) => {
      const mine = trials.filter((t) => t[5] === r), its = shownOrders.filter((o) => mine.some((t) => t[0] === o));
      const when = groups.length > 1 && its.length < shownOrders.length ? `read with ${list(its.map((o) => o[0]))} first` : null;
      const left = r === null ? h("div", { class: "rubric" }, h("h4", null, capital(armFacts.get(cell.arm).word)), h("p", null, armFacts.get(cell.arm).about)) : rubric(block(`r${r}`), item, when);
      const verdicts = its.map((o) => verdict(body, cell, o, mine.filter((t) => t[0] === o)));
      return h("div", { class: its.length === 2 ? "beside" : "beside single" }, left, its.length > 2 ? h("div", { class: "orders" }, verdicts) : verdicts);
    });
    const more = body.more[cell.c] ? h("p", { class: "small" }, `${plural(body.more[cell.c], "more answer")} of this cell are not on the page.`) : null;
    const own = ownRubrics(item, body).filter((r) => !groups.includes(r));
    const folded = own.length && !groups.some((r) => r !== null && !block(`r${r}`).of && block(`r${r}`).writer === state.writer)
      ? h("details", { class: "own" }, h("summary", null, `${whose(state.writer)} for this item`), own.map((r) => rubric(block(`r${r}`), item, null))) : null;
    return [...rows.slice(0, 2), rows.length > 2 ? h("details", null, h("summary", null, plural(rows.length - 2, "more rubric")), rows.slice(2)) : null, more, folded];
  }

  // --- one item ----------------------------------------------------------------------------------------------------

  function candidate(c, n, body) {
    const chosen = body.preferred === n;
    const rank = body.ranks ? h("span", { class: "small" }, ` people’s rank ${body.ranks[n] + 1}`) : null;
    return h("div", { class: chosen ? "candidate chosen" : "candidate" },
      h("h4", null, `Response ${letter(n)} `, chosen ? h("span", { class: "choice" }, "✓ people’s choice") : null, rank),
      c.text ? text(c.text) : c.media ? null : h("p", { class: "small" }, "(empty)"), gallery(c.media, `Response ${letter(n)}`));
  }

  const verdictOfPeople = (body) => ({ tie: "People called it a tie.", both_bad: "People found both bad." })[body.label] ?? (body.preferred === null ? "People preferred no single response." : "");

  function step(by, label, sign, id) {
    const at = matches.findIndex((i) => i.uid === state.item);
    return h("button", { type: "button", id, "aria-label": label, disabled: !matches[at + by], onclick: () => go(by) }, sign);
  }

  function article(item) {
    const body = block(`i${item.n}`);
    const cell = openCell(item, body), [line, tone] = whatChanged(item, body);
    const at = matches.findIndex((i) => i.uid === item.uid);
    const where = h("span", { class: "small where" }, at < 0 ? `not among the ${count(matches.length)}` : `${count(at + 1)} of ${count(matches.length)}`);
    const facts = [index.benchmarks[item.benchmark].name, item.category, body.criterion ? `criterion: ${body.criterion}` : ""].filter(Boolean).join(" · ");
    const more = [item.uid, `row ${body.row}`, body.group ? `group ${body.group}` : "", body.revision ? `revision ${body.revision.slice(0, 12)}` : "", `stored in the order ${body.stored.map((s, n) => [s, letter(n)]).sort((a, b) => a[0] - b[0]).map((x) => x[1]).join(", ")}`].filter(Boolean);
    const pictures = body.candidates.some((c) => c.media), people = verdictOfPeople(body);
    return [
      h("header", { class: "head" }, h("h3", { id: "item-title", tabindex: "-1", dir: "auto" }, item.source || item.uid), h("span", { class: "small" }, facts),
        h("span", { class: "steps" }, step(-1, "Previous item", "↑", "up"), where, step(1, "Next item", "↓", "down"))),
      h("p", { class: `what ${tone}`, id: "what" }, line),
      h("div", { class: pictures || body.candidates.length > 2 ? "shown wide" : "shown" },
        h("div", { class: "prompt" }, body.prompt.length ? text(body.prompt) : h("p", { class: "small" }, "(no prompt)"), gallery(body.media, "The request"),
          body.missing ? h("p", { class: "small" }, "Media of this item were missing when the run was made.") : null, people ? h("p", { class: "small" }, people) : null),
        h("div", { class: "candidates" }, body.candidates.map((c, n) => candidate(c, n, body)))),
      ...(cell ? [board(item, body, cell), h("p", { class: "cell" }, h("bdi", null, cell.judge), `, ${armFacts.get(cell.arm).word}`), beside(item, body, cell)] : [h("p", null, "No verdict on this item is in the run.")]),
      h("p", { class: "small record" }, more.join(" · ")),
      h("div", { class: "foot" }, step(-1, "Previous item", "↑ previous", "foot-up"), h("button", { type: "button", id: "to-list", onclick: toList }, "list"), step(1, "Next item", "next ↓", "foot-down")),
    ];
  }

  function toList() {
    $("count").scrollIntoView();
    $("list").querySelector("[aria-current]")?.focus({ preventScroll: true });
  }

  function open(uid, recorded = true) {
    const n = places.get(uid), focused = $("item").contains(document.activeElement) ? document.activeElement.id : "";
    state.item = n === undefined ? "" : uid;
    markCurrent();
    fill($("item"), n !== undefined ? article(items[n]) : h("h3", { id: "item-title", tabindex: "-1" }, uid ? `The item ${uid} is not on this page` : "No item matches"));
    const again = focused && $(focused);
    if (again) (again.disabled ? $("item-title") : again).focus({ preventScroll: true });
    $("spoken").textContent = n === undefined ? "" : `${items[n].source}. ${$("what").textContent}`;
    if (recorded) remember();
  }

  function go(by) {
    const at = matches.findIndex((i) => i.uid === state.item), to = matches[at < 0 ? 0 : at + by];
    if (!to) return;
    const inList = $("list").contains(document.activeElement), wanted = Math.floor(matches.indexOf(to) / PAGE);
    state.item = to.uid;
    if (wanted !== page) { page = wanted; drawList(); }
    open(to.uid);
    if (inList) $("list").querySelector("[aria-current]")?.focus({ preventScroll: true });
    bring();
  }

  // The item's head is brought into view where it is not: below the list on a phone, beside it else.
  function bring() {
    const { top } = $("item").getBoundingClientRect();
    if (top < 0 || top > innerHeight * 0.6) $("item").scrollIntoView({ block: "start" });
  }

  // --- controls ----------------------------------------------------------------------------------------------------

  function fromAddress() {
    if (!location.hash.startsWith("#items?")) return false;
    const p = new URLSearchParams(location.hash.slice("#items?".length));
    const known = {
      show: [...Object.keys(BIT), ...Object.keys(STATE)], writer: index.writers, judge: index.judges.map(([name]) => name), arm: index.arms.map(([arm]) => arm),
      benchmark: index.benchmarks.map((b) => b.name), category: items.map((i) => i.category),
    };
    state = blank();
    note = "";
    for (const name of ADDRESS) {
      const value = p.get(name);
      if (!value) continue;
      if (known[name] && !known[name].includes(value)) note += `. The page has no ${name} ${value}`;
      else state[name] = value;
    }
    return true;
  }

  function showState() {
    for (const name of LISTS) if ($(name)) $(name).value = state[name];
    $("search").value = state.q;
  }

  function arrive() {
    const linked = fromAddress();
    showState();
    filter();
    const at = matches.findIndex((i) => i.uid === state.item);
    page = at < 0 ? 0 : Math.floor(at / PAGE);
    drawList();
    const jump = linked && state.item && innerWidth < PHONE;
    open(state.item || matches[0]?.uid || "", linked);
    if (linked) $(jump ? "item" : "items").scrollIntoView();
  }

  function choose(name, value) {
    state[name] = value;
    if (name === "judge") state.cell_judge = "";
    if (name === "arm") state.cell_arm = "";
    showState();
    refresh();
  }

  let timer = 0;
  const search = () => { clearTimeout(timer); if (state.q !== $("search").value) choose("q", $("search").value); };
  $("search").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(search, 80); });
  $("filters").addEventListener("submit", (e) => { e.preventDefault(); search(); });
  for (const name of LISTS) $(name)?.addEventListener("change", () => choose(name, $(name).value));
  for (const chip of chips) chip.addEventListener("click", () => choose("show", chip.dataset.show));
  $("back").addEventListener("click", () => { page -= 1; drawList(); });
  $("next").addEventListener("click", () => { page += 1; drawList(); });
  $("list").addEventListener("click", (e) => {
    const link = e.target.closest("a");
    if (!link || e.ctrlKey || e.metaKey || e.shiftKey) return;
    e.preventDefault();
    open(link.dataset.uid);
    bring();
  });
  $("list").addEventListener("keydown", (e) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (by) { e.preventDefault(); go(by); }
  });

  // Single keys work where the items are seen, and nowhere that text is typed.
  function seen(target) {
    if ($("items").contains(target)) return true;
    const { top, bottom } = $("items").getBoundingClientRect();
    return target === document.body && top < innerHeight && bottom > 0;
  }
  addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || $("zoom").open || !seen(e.target)) return;
    if (e.target.matches("input, select, textarea")) { if (e.key === "Escape" && e.target === $("search")) e.target.blur(); return; }
    if (e.key === "j") go(1);
    else if (e.key === "k") go(-1);
    else if (e.key === "/") { e.preventDefault(); $("search").focus(); }
    else if (e.key === "w" && index.writers.length > 1) choose("writer", index.writers[(index.writers.indexOf(state.writer) + 1) % index.writers.length]);
    else if (chips[Number(e.key) - 1]) choose("show", chips[Number(e.key) - 1].dataset.show);
  });
  addEventListener("hashchange", () => { if (location.hash.startsWith("#items?")) arrive(); });
  document.addEventListener("click", (e) => {
    // The same link a second time changes no address, so no event follows.
    const link = e.target.closest?.("a[href^='#items?']");
    if (link && !$("list").contains(link) && link.getAttribute("href") === location.hash) arrive();
  });
  const opened = [];
  addEventListener("beforeprint", () => { for (const d of document.querySelectorAll("details:not([open])")) { d.open = true; opened.push(d); } });
  addEventListener("afterprint", () => { for (const d of opened.splice(0)) d.open = false; });
  $("browser").hidden = false;
  arrive();
  prepare(0);
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
})();
