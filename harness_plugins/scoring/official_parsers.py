"""How the scripts of Proxy-GRM, R1-Reward and lmms-eval read a verdict from a reply, with their fallbacks.

Each takes a reply and gives the position that its script takes, 1 or 2; OTHER where the script takes something that is
neither and so never right; None where it takes nothing. They are here to reproduce published figures, and nothing else:
our own verdicts are parsed strictly (`evaluators.replies.parsing`). All are linear in the length of the reply.
"""

from __future__ import annotations

import re
from collections.abc import Callable

OTHER = 3
"""A position that no candidate of a pair has."""

_DIGIT = re.compile(r"[12]")
_NAMED = re.compile(r"Answer\s*(\d+)\s*is\s*(?:the\s*)?(?:slightly\s*)?better", re.I)
_ANCHOR = re.compile(r"Overall Judgment|Therefore", re.I)


def _tagged(text: str) -> str | None:
    """What `<answer>(.*?)</answer>` finds first, over line breaks."""
    _, opened, after_tag = text.partition("<answer>")
    inside, closed, _ = after_tag.partition("</answer>")
    return inside.strip() if opened and closed else None


def _last_digit(text: str) -> int | None:
    digits = _DIGIT.findall(text)
    return int(digits[-1]) if digits else None


def _last_digit_of_a_line(text: str) -> int | None:
    """What `[12](?!.*[12])` finds first: the last 1 or 2 of the first line that has one."""
    return next((n for line in text.split("\n") if (n := _last_digit(line)) is not None), None)


def proxy_grm_loose(text: str) -> int | None:
    """Proxy-GRM, eval/vl_reward_bench.py: a tag that holds one of the two digits, else the last of the reply, else nothing."""
    inside = _tagged(text)
    if inside is not None and ("1" in inside) != ("2" in inside):
        return 1 if "1" in inside else 2
    return _last_digit(text)


def proxy_grm_exact(text: str) -> int | None:
    """Proxy-GRM, eval/multimodal_reward_bench.py: a tag that is 1 or 2, else the last digit of the reply, else 2."""
    inside = _tagged(text)
    return int(inside) if inside in ("1", "2") else _last_digit(text) or 2


def proxy_grm_line(text: str) -> int | None:
    """Proxy-GRM, eval/mmrlhf_reward_bench.py: a tag that is 1 or 2, else the last digit of the first line with one, else 2."""
    inside = _tagged(text)
    return int(inside) if inside in ("1", "2") else _last_digit_of_a_line(text) or 2


def _as_number(text: str) -> int:
    try:
        return 1 if float(text) == 1 else 2
    except ValueError:
        return 2


def r1_reward(text: str) -> int | None:
    """R1-Reward on VL-RewardBench and Multimodal RewardBench: a tag that is the number 1 (1.0 too) or else 2; without a tag the
    last digit of the reply, else 2."""
    inside = _tagged(text)
    return _as_number(inside) if inside is not None else _last_digit(text) or 2


def r1_reward_line(text: str) -> int | None:
    """R1-Reward on MM-RLHF-RewardBench: the same, but the last digit of the first line that has one."""
    inside = _tagged(text)
    return _as_number(inside) if inside is not None else _last_digit_of_a_line(text) or 2


def lmms_eval_judgment(text: str) -> int | None:
    """lmms-eval's `vl_rewardbench`: the last "Answer N is better" behind the first anchor, in any case. Where there is none, it
    asks an LLM and then tosses an unseeded coin: None."""
    # lmms-eval takes line breaks away without a blank, so words of two lines may join. That is part of its figures.
    plain = text.strip().replace("\n", "").replace("*", "")
    anchor = _ANCHOR.search(plain)
    numbers = _NAMED.findall(plain, anchor.end()) if anchor else []
    return {"1": 1, "2": 2}.get(numbers[-1].lstrip("0"), OTHER) if numbers else None


def lmms_eval_bracket(text: str) -> int | None:
    """lmms-eval's `multimodal_rewardbench`: [[A]], else [[B]], else A, since it seeds its coin again for each row."""
    return 2 if "[[A]]" not in text and "[[B]]" in text else 1


_RESPONSE = re.compile(r"\*{0,99}response (\d{1,9})\*{0,99} is better")


def lmms_eval_response(text: str) -> int | None:
    """lmms-eval's `multi_crit`, as the benchmark's own script: the first "response N is better" in the last three lines, in any case.
    Where there is none, or N is neither, it asks an LLM: None."""
    match = _RESPONSE.search("\n".join(text.strip().split("\n")[-3:]).lower())
    return {"1": 1, "2": 2}.get(match[1].lstrip("0")) if match else None


PARSERS: dict[str, Callable[[str], int | None]] = {
    "proxy_grm_loose": proxy_grm_loose,
    "proxy_grm_exact": proxy_grm_exact,
    "proxy_grm_line": proxy_grm_line,
    "r1_reward": r1_reward,
    "r1_reward_line": r1_reward_line,
    "lmms_eval_judgment": lmms_eval_judgment,
    "lmms_eval_bracket": lmms_eval_bracket,
    "lmms_eval_response": lmms_eval_response,
}
