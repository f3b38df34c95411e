"""The forms of a verdict in a reply: where they are, what each one says, and which one is the decision.

A *form* is whatever is written where a verdict belongs: between `<answer>` and `</answer>`, in `[[...]]`, and so on. The last one is
the decision, or there is none: an earlier form never replaces a later one that cannot be read. Forms that a reply only recites
decide nothing. docs/parsing.md has the table of what counts, with examples; the same table is the test.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

Read = Callable[[str], str | None]
"""What is in a form -> what it says, in one spelling; None where it cannot be read without guessing."""

_BLANK = r"[\s\u00a0\u200b-\u200f\u2060\ufeff\u00ad]"
_DECORATION = " \t\r\n\f\v\u00a0\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff*_~`\"'“”‘’«»()[]{}（）【】「」$"
_BOXED = re.compile(r"\\boxed\{(.*)\}", re.S)
_NOUN = re.compile(
    r"(?:the[ ]+)?(?:response|answer|candidate|assistant|option|image|edit|chatbot|model)[ ]*(?:number[ ]*|no\.?[ ]*)?#?[ ]*(?=\w+\Z)",
    re.I | re.A,
)
_LONGEST = 200
"""Characters that a form's content may have: what is longer is a text, and no verdict."""


@dataclass(frozen=True, slots=True)
class Form:
    """One form: its place in the text, its brackets or tags included, and what it says."""

    start: int
    end: int
    value: str | None
    """None: it cannot be read."""
    inside: int = 0
    """Where its content begins."""


def undecorated(content: str) -> str:
    """What is left without what changes no reading: blanks, bold, quotes, brackets, a full stop, `\\boxed{}`."""
    boxed = _BOXED.fullmatch(content.strip().strip("$*` "))
    plain = (boxed[1] if boxed else content).strip(_DECORATION)
    return plain[:-1].rstrip(_DECORATION) if plain.endswith((".", "。")) else plain


def named(content: str) -> str:
    """The same without a noun before the number or letter: `Response 1` is `1`."""
    plain = undecorated(content)
    return undecorated(_NOUN.sub("", plain)) if _NOUN.match(plain) else plain


# ---- where forms are ----


def tagged(text: str, tag: str, read: Read) -> list[Form]:
    """The forms between `<tag>` and `</tag>`, in any case and with blanks in them, in order.

    A tag that is opened and not closed is a form as well: it can be read where nothing but its content follows. A closing tag alone
    is one that cannot be read.
    """
    marks = [(m.start(), m.end(), m[1] is not None) for m in _tag(tag).finditer(text)]
    forms: list[Form] = []
    number = 0
    while number < len(marks):
        start, end, closes = marks[number]
        number += 1
        following = marks[number] if number < len(marks) else None
        if closes:
            if not forms or text[forms[-1].end : start].strip(_DECORATION):  # else the same closing tag twice
                forms.append(Form(start, end, None, start))
        elif following is None:
            forms.append(Form(start, len(text), _read(text[end:], read), end))
        elif following[2]:
            forms.append(Form(start, following[1], _read(text[end : following[0]], read), end))
            number += 1
        else:
            forms.append(Form(start, end, None, end))
    return forms


_TAGS: dict[str, re.Pattern[str]] = {}


def _tag(tag: str) -> re.Pattern[str]:
    """`<answer>` and `</answer>` as they are written: also escaped (`&lt;`, `\\<`), full-width, cut off at the very end."""
    if tag not in _TAGS:
        # At most 8 blanks: no reply may take more than linear time (test_hostile_replies_take_linear_time).
        opening, closing, blank = r"(?:\\?<|＜|&lt;)", r"(?:\\?>|＞|&gt;|\Z)", f"{_BLANK}{{0,8}}"
        _TAGS[tag] = re.compile(rf"{opening}{blank}(\\?/{blank})?{tag}{blank}{closing}", re.I | re.A)
    return _TAGS[tag]


def bracketed(text: str, read: Read) -> list[Form]:
    """The forms between `[[` and `]]`, in order; one that is opened and not closed is a form as well, or closed and not opened."""
    forms, end = [], len(text.rstrip(_DECORATION))
    for m in _BRACKETS.finditer(text):
        if m[1] is None:
            forms.append(Form(m.start(), m.end(), None, m.start()))
            continue
        closed = m[2] is not None or m.end() >= end
        forms.append(Form(m.start(), m.end(), _read(m[1], read) if closed else None, m.start(1)))
    return forms


_BRACKETS = re.compile(
    r"\\?\[\\?\[((?:(?!\\?\[\\?\[|\\?\]\\?\])[^\n]){0,200})(\\?\]\\?\])?|(?<![^\s:*_`\"'])[^\s\[\]:*_`\"'][^\s\[\]]{0,20}\\?\]\\?\]"
)


def matched(text: str, pattern: re.Pattern[str], read: Read) -> list[Form]:
    """The forms that a pattern finds; its first group that matched is their content."""
    forms = []
    for m in pattern.finditer(text):
        group = next(n for n in range(1, pattern.groups + 1) if m[n] is not None)
        forms.append(Form(m.start(), m.end(), _read(m[group], read), m.start(group)))
    return forms


def alone(text: str, read: Read) -> list[Form]:
    """The text as a single form."""
    value = _read(text, read)
    return [Form(0, len(text), value, 0)] if value is not None else []


def _read(content: str, read: Read) -> str | None:
    # A block of verdicts on criteria has many lines, and may be longer.
    return read(content) if len(content) <= _LONGEST or "\n" in content.strip() else None


# ---- which of them decides ----


def decision(text: str, forms: Sequence[Form]) -> Form | None:
    """The form that decides, or None.

    >>> text = "At first <answer>2</answer>.\\nBut the sign says STOP.\\n<answer>1</answer>"
    >>> decision(text, tagged(text, "answer", named)).value
    '1'
    """
    if not forms or forms[-1].value is None:
        return None
    last = forms[-1]
    begin = _passage(text, last.start)
    if any(f.value not in (None, last.value) for f in forms if f.start >= begin):
        return None  # two different forms in one sentence or line
    if _DENIED.search(text[max(begin, last.start - 80) : last.start]) or _recited(text, forms):
        return None
    return None if _labels_a_criterion(text, forms) else last


_GOES_ON = re.compile(
    rf"(?:[,;(/|–—-]|\b(?:or|and|not|nor|but|than|versus|vs\.?|either|neither))[*_`\"']*{_BLANK}*\Z", re.I
)


def _passage(text: str, offset: int) -> int:
    """Where the line of an offset begins, or the sentence that runs on into it from the lines before."""
    begin = text.rfind("\n", 0, offset) + 1
    for _ in range(_SENTENCE_LINES):
        earlier = text.rfind("\n", 0, max(begin - 1, 0)) + 1
        if not begin or not _GOES_ON.search(text[max(earlier, begin - 80) : begin]):
            break
        begin = earlier
    return begin


_SENTENCE_LINES = 8
"""Lines over which a sentence may run."""


_DENIED = re.compile(
    r"(?:\b(?:not|never|nor|cannot|hardly|rather than|instead of|as opposed to|reject(?:ed)?|ruled? out|dismiss(?:ed)?|discard(?:ed)?|"
    r"against|over|unlike|(?:would|could|might) have \w+)|n[’']t)\s+"
    r"(?:(?:be|choose|chose|pick|picked|select|selected|give|say|answer|output|prefer|think|thought|believe|find|consider|mean|"
    r"the|a|an|my|it|that|this|verdict|is|was|true|right|correct|case|so|clear)\s+)*[*_`\"'“]*\Z",
    re.I,
)

_ITEM = re.compile(
    r"(?:[\s>*_]|#+\s)*(?:[-*+]\s|[•·|①-⑳]|\(?\d{1,2}[.):、．）]|\(?(?:[a-z]|[ivx]{2,4})[.)）])\s*(?=\S)", re.I
)
"""What begins a line of a list: a bullet, a number, a letter, also as a heading or in bold."""
_CONDITION = re.compile(
    r"\b(?:if|when|where|whenever|in case|should|for a|for an|means|meaning|indicates|stands for|denotes|otherwise|"
    r"wenn|falls|sonst|sinon|cuando|quand|quando|si|se|если|когда|иначе)\b|如果|若|假如|否则|もし|場合|なら|만약|경우",
    re.I,
)
"""Words of a line that says when a form would be given: only where two such lines follow each other."""
_GLUE = re.compile(r"(?:\b(?:or|and|to|either|versus|vs|then|option|options)\b|[^\w<\[]|\b\d{1,2}[.):])*", re.I)
_SIDE = re.compile(r"\b(?:[1-9]|[a-i]|first|second|third|one|two|three|left|right)\b", re.I)


def _recited(text: str, forms: Sequence[Form]) -> bool:
    """Whether the last form is the end of a list of forms that were only offered."""
    # Version 1 took the last of such a list for the verdict, in 532 real replies.
    last, group = forms[-1], [forms[-1]]
    for form in reversed(forms[:-1]):
        if not _adjacent(text, form, group[-1]):
            break
        group.append(form)
    group.reverse()
    others = [f for f in group[:-1] if f.value not in (None, last.value)]
    if not others or _answers_a_line(text, group):
        return False
    if others[-1] is group[-2] and _GLUE.fullmatch(text[others[-1].end : last.start]):
        return True
    line, other = _line(text, last), _line(text, others[-1])
    decides, listed = bool(_DECIDES.search(line)), _is_listed(line)
    if listed and _is_listed(other):
        return not decides or bool(_DECIDES.search(other))
    if len({f.value for f in group} - {None}) > 2 and not decides and listed == _is_listed(other):
        return True
    return bool(_CONDITION.search(line) and _CONDITION.search(other)) or _shape(line) == _shape(other)


def _answers_a_line(text: str, group: Sequence[Form]) -> bool:
    """Whether the last form is alone on its line, and says again one of several that the line before offers."""
    *_, previous, last = group
    begin, above = (text.rfind("\n", 0, f.start) + 1 for f in (last, previous))
    offered = {f.value for f in group[-_NEIGHBOURS:-1] if f.start >= above} - {None}
    alone = begin >= previous.end and _line(text, last).strip(_DECORATION + ".") == ""
    return alone and last.value in offered and len(offered) > 1


def _is_listed(line: str) -> bool:
    """Whether a line (`[]` its form) is an item of a list, or explains the form that it begins with: `[]: the first is better`."""
    return bool(_ITEM.match(line) or _EXPLAINED.match(line))


_EXPLAINED = re.compile(r"[\s*_`\"']*\[\][*_`\"']*\s*(?:[:：=→(（]|[–—-]+>?\s)")


def _adjacent(text: str, form: Form, following: Form) -> bool:
    """Whether no line of text is between the lines of two forms; `or`, a rule and a fence are no text."""
    between = text[form.end : following.start].split("\n")[1:-1]
    return all(_GLUE.fullmatch(line) for line in between)


def _line(text: str, form: Form) -> str:
    """The line in which a form begins, the form itself shown as `[]`."""
    begin = text.rfind("\n", 0, form.start) + 1
    end = text.find("\n", form.end)
    return f"{text[begin : form.start]}[]{text[form.end : end if end >= 0 else len(text)]}"


def _shape(line: str) -> str:
    return _SIDE.sub("#", " ".join(line.lower().split()))


_DECIDES = re.compile(
    r"\b(?:verdict|overall|final|finally|answer|winner|decision|decide|conclusion|choice|choose|preference|preferred|judge?ment|result|"
    r"total|summary|therefore|thus|hence|so|output|pick|vote|select(?:ion|ed)|chosen|recommend(?:ation|ed)|evaluation|assessment|rating|"
    r"urteil|fazit|ergebnis|veredicto|décision|вердикт|итог|вывод|ответ)\b|最终|结论|答案|判断|总体|综合|总结|结果|选择|最終|結論|判定",
    re.I,
)
_OPTION = re.compile(
    r"\b(?:better|best|superior|wins?|ties?|tied|both|neither|equal|equally|favou?red)\b|更好|平局", re.I
)
"""Words of a label that says what an option means: `1. Model A is better: [[A>B]]`."""
_CRITERION = re.compile(r"\b(?:criteri(?:on|a)|aspect|dimension)\b|标准|维度", re.I)
_LABEL = re.compile(r"([^.!?。！？:：|]{1,60}?)[*_`]*\s*(?:[:：=→|]|[–—-]+>?)[\s*_`\"'“(]*\Z")
_CONCERNS = re.compile(
    r"\s*((?:for|in terms of|regarding|on|as to|as for|concerning)\s+"
    r"(?!(?:these|this|that|all)\b)[^.!?。！？:：|]{1,40}?),?\s*[*_`\"'“(]*\Z",
    re.I,
)
"""`In terms of tone, [[B]]`."""
_EXPLAINED_LABEL = re.compile(r"([^.!?。！？:：|]{1,40})[*_`]*[:：][^\n]{1,400}\Z")
"""`Tone: the second is warmer.`, as an item of a list with a form behind it."""


def _labels_a_criterion(text: str, forms: Sequence[Form]) -> bool:
    """Whether the last form is behind the name of a single criterion: `4. Tone: [[B]]`."""
    label = _label(text, forms[-1])
    if label is None or _DECIDES.search(label.words) or _OPTION.search(label.words):
        return False
    if label.listed or _CRITERION.search(label.words):
        return True
    earlier = (_label(text, f) for f in forms[-_NEIGHBOURS:-1])
    return any(
        e is not None and e.words.lower() != label.words.lower() and not _DECIDES.search(e.words) for e in earlier
    )


_NEIGHBOURS = 12
"""Forms that are looked at for labels like the last one's."""


@dataclass(frozen=True, slots=True)
class _Label:
    """The few words that label a form, and whether its line is an item of a list."""

    words: str
    listed: bool


def _label(text: str, form: Form) -> _Label | None:
    """What labels a form; None without such words.

    Where the form begins its line, they may be all of the line above.
    """
    begin = text.rfind("\n", 0, form.start) + 1
    lead = text[begin : form.start]
    if not lead.strip(_DECORATION) and begin:
        above = text[max(0, begin - _LONGEST) : begin].rstrip()
        lead = above[above.rfind("\n") + 1 :]
        if lead.lstrip().startswith("#"):
            lead += ":"
        elif not lead.rstrip("*_` ").endswith((":", "：")):
            return None
    if len(lead) > 2 * _LONGEST:
        return None
    item = _ITEM.match(lead)
    content = lead[item.end() if item else 0 :]
    label = (
        _LABEL.fullmatch(content)
        or _CONCERNS.fullmatch(content)
        or (item and not _DECIDES.search(content) and _EXPLAINED_LABEL.fullmatch(content))
    )
    words = label[1].strip(_DECORATION + "#>") if label else ""
    return _Label(words, item is not None) if words and len(words.split()) <= 8 else None


# ---- reasoning that comes before the reply ----

_WORD = (
    r"(?:(?:start|begin|end)_(?:of_)?)?(?:\w{1,16}[:_])?(?:think|thinking|thought|thoughts|reason|reasoning|rationale|reflection|"
    r"analysis|scratchpad|monologue|cot|chain_of_thought|cot_budget_reflect)(?:_(?:start|begin|end|never_used_\w{1,40}))?"
)
_LEFT, _RIGHT = r"(?:[<◁〈＜]|&lt;|\[(?=[/\\]?th(?:ink|ought)))[|｜]?\s{0,8}", r"\s{0,8}[|｜]?(?:[>\]▷〉＞]|&gt;)"
"""In square brackets only words of thinking: `[Reasoning]` is a heading."""
_ENDS = r"(?:[/\\]\s{0,8}|(?=end_)|(?=\w{1,24}_end\b))"
"""What tells a closing mark: a slash, or the word itself."""
_OPENS = re.compile(
    rf"{_LEFT}(?!{_ENDS}){_WORD}(?:\s[^<>\[\]]{{0,80}})?{_RIGHT}|<\|inner_prefix\|>|<\|channel>\s*thought|<unused94>\s*thought",
    re.I,
)
_CLOSES = re.compile(rf"{_LEFT}{_ENDS}{_WORD}{_RIGHT}|<\|inner_suffix\|>|<channel\|>|<unused95>", re.I)
_SPECIAL = rf"(?!{_LEFT}{_WORD}{_RIGHT}|<\|channel|<\|inner_)<[|｜][\w▁:]{{1,40}}[|｜]>"
_LEADING = re.compile(
    rf"(?:[\ufeff\u200b\s*`]|</?s>|<bos>|\[BOS\]|{_SPECIAL}(?:assistant\b)?)*",
    re.I,
)
_FINAL = re.compile(r"<\|channel\|>\s*final\b[^<]{0,40}<\|message\|>", re.I)
_CHANNEL = re.compile(r"<\|channel\|>", re.I)
_END_OF_MESSAGE = re.compile(r"<\|(?:end|return|call|start)\|>", re.I)
_BARE_CHANNEL = re.compile(r"analysis(?=[A-Z\"'])")


def after_reasoning(text: str) -> str | None:
    """What follows the reasoning of a reply; None while it is still open.

    Reasoning is what its marks enclose at the *start* of a reply. Templates that open it in the prompt leave a lone closing mark, and
    everything up to the last one is reasoning. Reasoning that begins later is blanked where it is closed; an opening mark alone, later
    in a text, is quoted and belongs to it.
    """
    # Servers that keep special tokens in the text put them before the mark of reasoning.
    begun = text[_LEADING.match(text).end() :]  # type: ignore[union-attr]  # it matches the empty string
    final = _last(_FINAL.finditer(text)) if "<|" in text else None
    if final is not None:  # harmony: only its final channel is the reply
        return _END_OF_MESSAGE.split(text[final.end() :])[0]
    if _BARE_CHANNEL.match(begun):  # the same where the server dropped the marks
        _, bare, reply = begun.rpartition("assistantfinal")
        return reply if bare else None
    closes = _last(_CLOSES.finditer(text))
    if closes is None:
        return None if _OPENS.match(begun) or _CHANNEL.match(begun) else text
    opens, first = _OPENS.search(text), _CLOSES.search(text)
    if opens is None or _OPENS.match(begun) or (first is not None and first.start() < opens.start()):
        return text[closes.end() :]
    return _without_blocks(text)


def _without_blocks(text: str) -> str:
    """The text with its closed blocks of reasoning blanked, so that all offsets stay what they are."""
    pieces, offset = [], 0
    while (opens := _OPENS.search(text, offset)) is not None and (
        closes := _CLOSES.search(text, opens.end())
    ) is not None:
        pieces += [text[offset : opens.start()], " " * (closes.end() - opens.start())]
        offset = closes.end()
    return "".join([*pieces, text[offset:]])


def _last(matches: Iterator[re.Match[str]]) -> re.Match[str] | None:
    last = None
    for last in matches:  # noqa: B007
        pass
    return last
