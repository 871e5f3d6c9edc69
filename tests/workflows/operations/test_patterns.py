"""Regular expressions: which are taken, and that none of those that are takes long or much memory."""

import re
import resource
import time

import pytest

from container.workflows.operations.nodes import Misfit
from container.workflows.operations.patterns import MAX_EXPANDED, MAX_PATTERN, Pattern, found

TAKEN = [
    "",
    r"^[A-Z0-9._%+-]{1,64}@[a-z]{1,255}\.[a-z]{2,24}$",
    r"\d{4}-\d{2}-\d{2}",
    r"(?i)person|car",
    r"(?im-s:a.b)(?-i:c)",
    r"^(?:car|truck)s?$",
    r"(?P<one>x)(?P=one)\1",
    r"(a)?(?(1)b|c)",
    r"(?=a)(?!b)(?<=c)(?<!d)(?>e*)",
    r"\{x\}\(\)[(){]",
    r"[]{]a[^]]",
    r"a{5}?b{5}+c{,3}d{3,}",
    "[:,]",
]
ENDLESS = [
    r"(a+)+$",
    r"(?:a|aa)+$",
    r"((a*)*)*$",
    r"(a|b)*?" * 140 + "$",
    r"(.*)(.*)(.*)(.*)\1\2\3\4b",
    r"(?:.{0,90}){0,40}z",
    r"(|)*" * 100,
    r"(?<=(a+)+)b",
]


@pytest.mark.parametrize("pattern", TAKEN)
def test_what_python_reads_too_is_taken(pattern: str) -> None:
    assert re.compile(pattern) is not None
    assert Pattern().convert(pattern).pattern == pattern


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (5, ""),
        ("a" * (MAX_PATTERN + 1), ""),
        ("[", "is no regular expression that can be read"),
        ("(?P<a>", "is no regular expression that can be read"),
        ("(" * 400 + ")" * 400, "is no regular expression that can be read"),
        (r"\L<x>", "is no regular expression that can be read"),
        ("a{5}{6}", "is no regular expression that can be read"),
        ("(?R)", "has a group '(?R)', which is not taken"),
        ("(a(?1)?)", "has a group '(?1)', which is not taken"),
        ("(?P>a)", "has a group '(?P>', which is not taken"),
        ("(?&a)", "has a group '(?&a', which is not taken"),
        ("(?x)a #b", "has a group '(?x)', which is not taken"),
        ("(?V1)a", "has a group '(?V1', which is not taken"),
        ("(*FAIL)", "has a group '(*FA', which is not taken"),
        ("(?#a)b", "has a group '(?#a', which is not taken"),
        ("(?:abc){e<=5}", r"has a { that begins no count such as {2,5}; write \{ for the character"),
        (r"\p{L}", r"has a { that begins no count such as {2,5}; write \{ for the character"),
        ("[[:alpha:][]x(?R)?]", r"has a class such as [:alpha:], which is not taken; write [a-z], \d or \w"),
        *(
            (pattern, f"repeats so much that it is more than {MAX_EXPANDED:,} characters when written out")
            for pattern in (
                "(a?){999999999}$",
                "(?:a{1000}){1000}",
                "((a{1,100}){1,100}){1,100}",
                "a{99999999999999999999}",
                "(?:(?:ab){200}){,200}",
            )
        ),
    ],
)
def test_what_is_refused(pattern: object, message: str) -> None:
    with pytest.raises(ValueError) as refused:
        Pattern().convert(pattern)
    assert (refused.value.what if isinstance(refused.value, Misfit) else str(refused.value)) == message


@pytest.mark.parametrize("pattern", ENDLESS)
def test_no_search_takes_long_or_much_memory(pattern: str) -> None:
    compiled = Pattern().convert(pattern)
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    for text in ("a" * 50_000 + "c", "ab" * 25_000):
        try:
            found(compiled, text)
        except TimeoutError:
            pass
    assert time.monotonic() - begun < 5  # 0.1 s each, on a machine that may be busy
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # KiB
