"""A program that judges: of two responses it prefers the one that shares more words with the rubric, else the shorter one.

It stands in for a program of your own: the prompt comes on standard input, the reply goes to standard output.
"""

import re
import sys

prompt = sys.stdin.read()
sections = dict(re.findall(r"^\[((?:response \d|rubric)) \w+\]\n(.*?)\n^\[end of ", prompt, re.MULTILINE | re.DOTALL))


def words(section: str) -> set[str]:
    return set(re.findall(r"[a-z]{4,}|\d+", sections.get(section, "").lower()))


def points(section: str) -> tuple[int, int]:
    return len(words(section) & words("rubric")), -len(sections[section])


better = max(("response 1", "response 2"), key=points)
print(f"{better.capitalize()} does better by what is asked for.\n<answer>{better[-1]}</answer>")
