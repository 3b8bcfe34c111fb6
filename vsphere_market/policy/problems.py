"""What is wrong with policies: sentences with a place and a cure, all of them at once."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from vsphere_market.errors import MarketError, PolicyError
from vsphere_market.port import Finding, Severity

#: More lines than this help nobody; what is left out is counted.
MAX_LINES = 100
#: Longer texts of a document are cut when they are quoted.
MAX_QUOTE = 80


class PolicyProblems(PolicyError):
    """Policies that cannot be used, with everything that was found wrong. Raised by ``policy``.

    ``str()`` is one line per finding, errors before warnings.

    Args:
        findings: at least one of them an error; their subjects are ``file#/json/pointer``.
    """

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(sorted(findings, key=lambda f: f.severity is not Severity.ERROR))
        first = self.findings[0]
        super().__init__(first.what, where=first.subject, cure=first.cure)

    def sentence(self) -> str:
        """One line per finding."""
        lines = [finding_text(finding) for finding in self.findings[:MAX_LINES]]
        more = len(self.findings) - len(lines)
        return "\n".join([*lines, f"… and {more} more."] if more else lines)


def finding_text(finding: Finding) -> str:
    """A finding in one line, ``file#/pointer: what. Cure.``, for people."""
    return MarketError(finding.what, where=finding.subject, cure=finding.cure).sentence()


def error(code: str, where: str, what: str, cure: str = "") -> Finding:
    """A finding that makes the policies unusable."""
    return Finding(code, Severity.ERROR, printable(where), printable(what), printable(cure))


def warning(code: str, where: str, what: str, cure: str = "") -> Finding:
    """A finding that is probably a mistake, but clear in its effect."""
    return Finding(code, Severity.WARNING, printable(where), printable(what), printable(cure))


def hint(code: str, where: str, what: str, cure: str = "") -> Finding:
    """A finding that is mostly right as it is, and now and then a slip of the pen."""
    return Finding(code, Severity.INFO, printable(where), printable(what), printable(cure))


def refuse_errors(findings: Sequence[Finding]) -> None:
    """Raise PolicyProblems when one of the findings is an error."""
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise PolicyProblems(findings)


def pointer(*parts: str | int) -> str:
    """A JSON pointer (RFC 6901) from keys and list positions; "" for none."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def quote(value: Any) -> str:
    """A value of a document as JSON in one line, cut when long."""
    if isinstance(value, str):
        value = value[: MAX_QUOTE + 1]  # json.dumps of a huge text would be wasted
    elif isinstance(value, dict):
        return "an object"
    elif isinstance(value, list):
        return "a list"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_QUOTE else text[: MAX_QUOTE - 1] + "…"


def printable(text: str) -> str:
    """Escape what a terminal, a log line or UTF-8 cannot take: controls and lone surrogates."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def near_miss(asked: str, known: Iterable[str]) -> str:
    """The known name that ``asked`` most probably meant, or ""."""
    folded = asked[:MAX_QUOTE].casefold()
    names = {name[:MAX_QUOTE].casefold(): name for name in known}
    found = difflib.get_close_matches(folded, names, n=1, cutoff=0.6)
    return names[found[0]] if found else ""


def did_you_mean(asked: str, known: Iterable[str]) -> str:
    """``did you mean "tier"?``, or "" when nothing known is near."""
    near = near_miss(asked, known)
    return f'did you mean "{near}"?' if near else ""


def counted(number: int, thing: str) -> str:
    """``1 VM``, ``3 VMs``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def listed(names: Sequence[str], most: int = 3) -> str:
    """``a, b, c and 4 more``."""
    shown = ", ".join(names[:most])
    more = len(names) - most
    return f"{shown} and {more} more" if more > 0 else shown
