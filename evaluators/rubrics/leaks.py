"""What a rubric gives away of the pair it was written on: a lexical leak detector, and the edits that undo such leaks.

A rubric written after seeing both responses may name a winner instead of a criterion; a judge that follows it has learned
nothing. Each class is found by words alone, so it is cheap, explicable and blind to paraphrase: `performance/leaks.py` gives
its precision and recall on 200 rubrics labelled by hand (`tests/evaluators/rubrics/leaks/`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple, get_args

from evaluators.records import Item, Rubric

LeakClass = Literal["verdict", "comparison", "reference", "quote", "answer_tag"]
CLASSES: tuple[LeakClass, ...] = get_args(LeakClass)

SPAN = 5
"""Words in a row, taken from a response, that make a quote."""

_NOUN = r"(?:response|answer|reply|chatbot|assistant|candidate|output|model|completion|caption|submission|antwort|réponse|respuesta)"
# Repeats have an upper end: patterns that can share blanks out in many ways take minutes over a long run of them
# (test_no_text_takes_long).
_GAP = r"(?:[\s_*-]{1,4}[#(\[\"“]?|\s{0,2}[#(\[\"“])[*]{0,2}\s{0,2}"
_REFERENCE = re.compile(
    rf"\b(?:{_NOUN}(?:s|['’]s)?{_GAP}(?P<number>(?-i:[12AB]))|(?:response|chatbot|assistant|candidate|model|submission)"
    rf"{_GAP}(?P<word>one|two|eins|zwei))"
    rf"(?![\w%]|\s{{0,2}}(?:%|points?\b)|[:.]\d)"
    rf"(?:\s{{0,2}}(?:,|-|–|and|or|vs\.?|versus|/|&)\s{{0,2}}(?P<more>(?-i:[12AB]))(?![\w%]|[:.]\d))?"
    rf"|\b(?P<ordinal>first|second|1st|2nd|left(?:-hand)?|right-hand|erste[nrs]?|zweite[nrs]?)[\s-]{{1,3}}(?:\w{{1,30}}\s{{1,3}})?{_NOUN}\b"
    r"|\bthe\s{1,3}(?P<alone>former|latter)\b(?!\s{1,3}(?!is|was|has|does|should|must|wins?|loses?|and|or|but|on|in|for|which|who|to)[a-z])|\b(?P<short>(?-i:R))(?P<digit>[12])\b"
    r"|(?:回答|回复|答复|响应|答案|回应|助手|模型)\s{0,2}(?P<cjk>[12一二AB])|第(?P<cjk2>[一二12])个?(?:回答|回复|答复|响应|答案|回应)"
    r"|(?P<pron>前者|后者)",
    re.I,
)
_OTHER = {
    "1": "2",
    "a": "b",
    "one": "two",
    "first": "second",
    "1st": "2nd",
    "former": "latter",
    "left": "right-hand",
    "left-hand": "right-hand",
    "right-hand": "left-hand",
    "eins": "zwei",
    "一": "二",
    "前者": "后者",
    **{f"erste{e}": f"zweite{e}" for e in ("", "n", "r", "s")},
}
# Not for "right-hand", which has its other above: "left" would take its place.
_OTHER |= {v: k for k, v in _OTHER.items() if v not in _OTHER}

_GOOD = (
    r"(?:better|best|superior|stronger|correct|incorrect|wrong|right|accurate|inaccurate|mistaken|false|worse|weaker|inferior|"
    r"prefer(?:red|able)|hallucinat\w+|fabricat\w+|wins?|winner|loses?|fails?|errs?|deserves?|succeeds?|best|excels?|earns?|scores?|"
    r"should (?:be (?:chosen|preferred|selected|rewarded|rejected|penali[sz]ed|ranked|favou?red|marked)|win|lose|get|receive|score)|"
    r"must (?:be (?:rejected|preferred|penali[sz]ed|chosen)|win|lose)|gets? (?:full|no|zero|it|the|all)|receives?|misread\w*|"
    r"miss(?:es|ed)|mis(?:identif|count|stat|plac|quot|take)\w*|invent(?:s|ed)|ignor(?:es|ed)|overlook\w*|omit(?:s|ted)|incomplete|"
    r"flatter\w*|gives? up|is ahead|capped|must not|cannot|lacks?|contradict\w*|confus\w+|nails?|unsupported|supported|valid|"
    r"invalid|besser|schlechter|richtig|falsch|korrekt|gewinnt|正确|错误|更好|更准确|优于|胜)"
)
_TAKE = (
    r"(?:prefer|choose|pick|select|favou?r|award|give|reward|reject|penali[sz]e|rank|rate|credit|mark|deduct|assign|go with|"
    r"bevorzug\w*|选择?)"
)
_SENTENCE = re.compile(r"(?<=[.!?;。！？；])\s+|\n+")
_SPACES = re.compile(r"[^\S\n]{2,}|[^\S\n ]")
"""Runs of blanks: patterns with optional blanks would try every way of sharing them out."""
_CONTRAST = re.compile(
    r"\b(?:while|whereas|but|unlike|than|compared (?:to|with)|in contrast|however|only|both|instead|als|während)\b|而",
    re.I,
)
_RULE = re.compile(
    r"\b(?:rate|read|score|treat|compare|consider|label|apply|check|swap)\w*\b[^.]{0,200}\b(?:separate|full|alike|each|same|independent|order)",
    re.I,
)
_UNNAMED_COMPARISON = re.compile(
    rf"\bone (?:of (?:them|the (?:two )?{_NOUN}s)|{_NOUN})\b.{{0,200}}\b(?:the )?other\b|\bthe (?:\w+er|more \w+|less \w+) of the two\b"
    rf"|\bonly one (?:of (?:them|the (?:two )?{_NOUN}s)|{_NOUN})\b|\b(?:unlike|than|whereas|while|but|and) the other"
    rf"(?: one| {_NOUN})?\b"
    rf"|\bthe (?:longer|shorter) (?:one|{_NOUN})\b|\bthe two {_NOUN}s (?:differ|disagree|diverge)\b"
    rf"|\bthe {_NOUN}s (?:differ|disagree)\b"
    rf"|\b(?:in|to|from) the other\b|\bits (?:rival|competitor|counterpart|opponent)\b",
    re.I,
)
_UNNAMED_VERDICT = re.compile(
    rf"\bthe (?:{_NOUN}|one) (?:that|which|who|saying|claiming|stating|mentioning|calling|naming|reading|giving|arguing|with|"
    rf"using|ending|opening|beginning|in \w+)\b[^.;\n]{{0,80}}?\b(?:is|are|was|has it|deserves?|wins?|loses?|must|should|ought|gets?|"
    rf"fails?|earns?)\b[^.;\n]{{0,30}}?\b{_GOOD}"
    rf"|\bthe (?:longer|shorter|other) (?:one|{_NOUN})\b[^.;\n]{{0,40}}?\b{_GOOD}",
    re.I,
)
_CHOICE = re.compile(
    r"\b(?:choose|pick|select|prefer|go with|vote|winner|so|hence|therefore|thus|overall)\s*(?:for|is|[=:,]|->|→)*\s*"
    r"(?:the\s+)?(?:number\s+|no\.\s*|#)?(?:[12]|(?-i:[AB])|first|second|latter|former)\b(?!\s*(?:\w|%|-\w))",
    re.I,
)
_ANSWER_TAG = re.compile(
    rf"<\s*(?:answer|verdict|choice|winner)\s*>|\[\[\s*[ABC12]\s*\]\]|\\boxed\{{\s*(?:\\text\{{)?\s*[12AB]\b"
    rf"|\b(?:final |overall |my )?(?:answer|verdict|decision|winner|preference|choice|judge?ment|preferred|better)"
    rf"[\"']?\s*(?:[:=]|->|→)\s*"
    rf"[\"'<\[(*]*\s*(?:{_NOUN}\s*)?[12AB]\b|(?:最终答案|答案|结论|判定)\s*[:：]\s*(?:回答|回复)?\s*[12AB]",
    re.I,
)


# What the patterns above need at least, as it is in a text of lower-case ASCII letters: found in a fifth of the time.
_LABELLED = re.compile(
    r"(?<=[^\n])[12ab](?!\w)|[12]st|2nd|one|two|eins|zwei|first|second|left|right-hand|erste|zweite|former|latter"
)
_NAMED = re.compile(
    rf"{_NOUN}(?:s|['’]s)?{_GAP}(?:[12ab]|one|two|eins|zwei)|\br[12]|former|latter"
    rf"|(?:first|second|1st|2nd|left(?:-hand)?|right-hand|erste[nrs]?|zweite[nrs]?)[\s-]{{1,3}}(?:\w{{1,30}}\s{{1,3}})?{_NOUN}"
)
_CHOSEN = re.compile(_CHOICE.pattern.replace("(?-i:[AB])", "[ab]").partition(r"\b(?!")[0])
_JUDGED = re.compile(_UNNAMED_VERDICT.pattern)
_COMPARED = re.compile(_UNNAMED_COMPARISON.pattern)
_TAGGED = re.compile(
    r"[<\[\\]|(?:answer|verdict|decision|winner|preference|choice|judge?ment|preferred|better)[\"']?\s*(?:[:=]|->)"
)


class _May(NamedTuple):
    """Which of the patterns can find anything at all in a text."""

    reference: bool = True
    verdict: bool = True
    choice: bool = True
    comparison: bool = True

    @classmethod
    def of(cls, text: str) -> _May:
        if not text.isascii():  # other letters have cases of their own, so that all patterns must be tried
            return cls()
        low = text.lower()
        labelled = bool(_LABELLED.search(low))
        referenced = labelled and bool(_NAMED.search(low))
        return cls(
            referenced, bool(_JUDGED.search(low)), labelled and bool(_CHOSEN.search(low)), bool(_COMPARED.search(low))
        )


@dataclass(frozen=True, slots=True)
class Leak:
    kind: LeakClass
    evidence: str
    """The words that gave it away."""


def find_leaks(text: str, responses: Sequence[str] = ()) -> list[Leak]:
    """All leaks of a rubric, in the order of `CLASSES`.

    Args:
        responses: the texts of the pair it was written on, for quotes.
    """
    quotes = [Leak("quote", " ".join(span)) for span in _quotes(text, responses)]
    return sorted([*_worded(text), *quotes], key=lambda leak: CLASSES.index(leak.kind))


@lru_cache(maxsize=1024)  # a rubric that is shared is looked at for every item
def _worded(text: str) -> tuple[Leak, ...]:
    """The leaks of a rubric that its words alone show, whatever the responses."""
    text = _SPACES.sub(" ", text)
    leaks: list[Leak] = []
    labels: set[str] = set()
    may = _May.of(text)
    for sentence in filter(None, map(str.strip, _SENTENCE.split(text) if any(may) else ())):
        references = list(_REFERENCE.finditer(sentence)) if may.reference else []
        if references:
            leaks.append(Leak("reference", references[0][0]))
            leaks += _named_verdict(sentence, references)
            labels |= {(m["number"] or m["word"] or m["digit"] or m["ordinal"] or m[0]).lower() for m in references}
            if _CONTRAST.search(sentence) and not _RULE.search(sentence):
                leaks.append(Leak("comparison", sentence))
        if verdict := (may.verdict and _UNNAMED_VERDICT.search(sentence)) or (may.choice and _CHOICE.search(sentence)):
            leaks.append(Leak("verdict", verdict[0]))
        if unnamed := may.comparison and _UNNAMED_COMPARISON.search(sentence):
            leaks.append(Leak("comparison", unnamed[0]))
    tagged = not text.isascii() or _TAGGED.search(text.lower()) is not None
    tags = [m[0] for m in _ANSWER_TAG.finditer(text)] if tagged else []
    leaks += [Leak("answer_tag", tag) for tag in tags] + [Leak("verdict", tag) for tag in tags]
    if len(labels) > 1 and any(leak.kind == "verdict" for leak in leaks):
        leaks.append(Leak("comparison", "a verdict that names both responses"))
    return tuple(leaks)


def leak_classes(text: str, responses: Sequence[str] = ()) -> tuple[LeakClass, ...]:
    """The classes of leaks that a rubric has."""
    key = hash(text), hash(tuple(responses))
    if key not in _seen:
        if len(_seen) >= SEEN:
            _seen.clear()
        kinds = {leak.kind for leak in find_leaks(text, responses)}
        _seen[key] = tuple(c for c in CLASSES if c in kinds)
    return _seen[key]


SEEN = 1 << 18
_seen: dict[tuple[int, int], tuple[LeakClass, ...]] = {}
"""By the hashes of text and responses: tables ask for what scoring has asked for."""


def leaks_of(rubric: Rubric, item: Item | None) -> tuple[str, ...]:
    """The classes of leaks of a rubric on an item (None: by its words alone), as recorded where its text was left out."""
    if rubric.public is None:
        return leak_classes(rubric.text, [c.text for c in item.candidates] if item else ())
    quotes = item is not None and item.uid in rubric.public.quotes
    return tuple(c for c in CLASSES if c in rubric.public.leaks or (quotes and c == "quote"))


def _named_verdict(sentence: str, references: Sequence[re.Match[str]]) -> list[Leak]:
    """The verdict on a named response, where the words beside one of the references give one."""
    for reference in references:
        preceding = sentence[max(0, reference.start() - 60) : reference.start()]
        following = sentence[reference.end() : reference.end() + 90]
        verdict = re.search(rf"(?:\b|(?<=[^\x00-\x7f])){_GOOD}", following, re.I) or re.search(
            rf"(?:\b|(?<=[^\x00-\x7f])){_TAKE}(?:\b|(?=[^\x00-\x7f])|(?=\s))", preceding, re.I
        )
        if verdict:
            return [Leak("verdict", sentence)]
    return []


@lru_cache(maxsize=32)  # one pair's responses, for all rubrics on it
def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _spans(words: Sequence[str]) -> set[tuple[str, ...]]:
    return {tuple(words[n : n + SPAN]) for n in range(len(words) - SPAN + 1)}


def _quotes(text: str, responses: Sequence[str]) -> list[tuple[str, ...]]:
    # Most rubrics have no five words in a row that any response uses: the spans of the responses are made only where
    # there are such.
    words, response_words = _words(text), [_words(r) for r in responses]
    shared = set().union(*response_words).intersection(words)
    runs, length = [], 0
    for n, word in enumerate(words):
        length = length + 1 if word in shared else 0
        if length >= SPAN:
            runs.append(n - SPAN + 1)
    taken = set().union(*map(_spans, response_words)) if runs else set()
    return [span for span in (tuple(words[n : n + SPAN]) for n in runs) if span in taken]


def relabelled(text: str) -> str:
    """The text with Response 1 and Response 2 exchanged wherever one is named; list numbers and weights stay."""

    def exchanged(match: re.Match[str]) -> str:
        """A reference with each of its labels exchanged: `Response 1 and 2` has two of them."""
        text = match[0]
        # "more" is behind the others. It goes first: the other label may be longer, which moves what is behind it.
        for group in ("more", "number", "word", "ordinal", "alone", "digit", "cjk", "cjk2", "pron"):
            label = match[group]
            if label:
                start, end = (n - match.start() for n in match.span(group))
                text = text[:start] + _like(label, _OTHER.get(label.lower(), label)) + text[end:]
        return text

    return _REFERENCE.sub(exchanged, text)


def _like(old: str, new: str) -> str:
    return new.upper() if old.isupper() and old.isalpha() else new.capitalize() if old[:1].isupper() else new


@dataclass(frozen=True, slots=True)
class Masked:
    text: str
    edited: float
    """Share of the words that were replaced or dropped."""


def masked(text: str, responses: Sequence[str]) -> Masked:
    """The text with every named response called "a response", and without verbatim spans of five words or more."""
    taken = set().union(*(_spans(_words(r)) for r in responses)) if responses else set()
    tokens = list(re.finditer(r"\w+", text))
    words = [t[0].lower() for t in tokens]
    dropped = [False] * len(words)
    for n in range(len(words) - SPAN + 1):
        if tuple(words[n : n + SPAN]) in taken:
            dropped[n : n + SPAN] = [True] * SPAN
    pieces, offset = [], 0
    for n, token in enumerate(tokens):
        if dropped[n]:
            if not n or not dropped[n - 1]:
                pieces.append(text[offset : token.start()] + "[...]")
            offset = token.end()
    without = "".join([*pieces, text[offset:]])
    replaced = sum(len(_words(m[0])) for m in _REFERENCE.finditer(without))
    edited = (sum(dropped) + replaced) / len(words) if words else 0.0
    # "The Response 1" would become "The a response".
    return Masked(re.sub(r"\b[Tt]he (?=a response)", "", _REFERENCE.sub("a response", without)), min(1.0, edited))
