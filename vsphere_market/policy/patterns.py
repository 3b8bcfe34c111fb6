"""Shell patterns over a column of texts, fast enough for thousands of VMs and hundreds of patterns.

Letters match without regard to case. What most patterns are – a plain name, ``db-*``, ``*-db`` –
is answered by binary search in a sorted vocabulary; the rest by a regular expression in which
each ``*`` stands in an atomic group, so that no pattern can make it backtrack without end.
"""

from __future__ import annotations

import fnmatch
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

import numpy as np

from vsphere_market.units import BoolArray, IndexArray

_SPECIAL = frozenset("*?[")
#: How many neighbours on each side are looked at in search of a near miss.
_NEIGHBOURS = 10


def is_literal(pattern: str) -> bool:
    """It has no wildcard, so it names one thing."""
    return _SPECIAL.isdisjoint(pattern)


class Vocabulary:
    """Sorted distinct texts, casefolded, and which of them a pattern fits."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._written: dict[str, str] = {}
        for text in texts:
            self._written.setdefault(text.casefold(), text)
        self._texts = sorted(self._written)
        self._mirrored: list[tuple[str, int]] = []
        self._cache: dict[str, IndexArray] = {}

    def like(self, asked: str) -> list[str]:
        """Some texts that may have been meant, as they were first written.

        All of them when they are few, else those that stand next to the asked one in order, read
        forwards and backwards: they share most of its beginning or end.
        """
        texts, asked = self._texts, asked.casefold()
        if len(texts) > 4 * _NEIGHBOURS:
            at = bisect_left(texts, asked)
            texts = texts[max(0, at - _NEIGHBOURS) : at + _NEIGHBOURS]
            mirror = self._mirror()
            at = bisect_left(mirror, asked[::-1], key=lambda pair: pair[0])
            near = mirror[max(0, at - _NEIGHBOURS) : at + _NEIGHBOURS]
            texts = [*texts, *(self._texts[place] for _, place in near)]
        return [self._written[text] for text in texts if text]

    def codes(self, texts: Sequence[str]) -> IndexArray:
        """The place of each text in the vocabulary, which must have it."""
        places = {text: place for place, text in enumerate(self._texts)}
        return np.array([places[text.casefold()] for text in texts], dtype=np.int64)

    def hits(self, patterns: Iterable[str]) -> BoolArray:
        """Mask over the vocabulary: at least one pattern fits, and the text is not empty."""
        mask = np.zeros(len(self._texts), dtype=np.bool_)
        for pattern in patterns:
            mask[self._fitting(pattern)] = True
        if self._texts and not self._texts[0]:
            mask[0] = False
        return mask

    def _fitting(self, pattern: str) -> IndexArray:
        pattern = pattern.casefold()
        found = self._cache.get(pattern)
        if found is None:
            found = self._cache[pattern] = np.array(self._search(pattern), dtype=np.int64)
        return found

    def _search(self, pattern: str) -> Sequence[int]:
        texts = self._texts
        if is_literal(pattern):
            at = bisect_left(texts, pattern)
            return [at] if at < len(texts) and texts[at] == pattern else []
        if pattern == "*":
            return range(len(texts))
        head, tail = pattern[:-1], pattern[1:]
        if pattern[-1] == "*" and is_literal(head):
            return _with_prefix(texts, head)
        if pattern[0] == "*" and is_literal(tail):
            mirror, tail = self._mirror(), tail[::-1]
            first = bisect_left(mirror, tail, key=lambda pair: pair[0])
            last = bisect_right(mirror, tail, key=lambda pair: pair[0][: len(tail)])
            return [place for _, place in mirror[first:last]]
        # The longest plain piece sorts out most texts before the slower regular expression.
        piece = max(re.split(r"(?s)[*?]|\[.*", pattern), key=len)
        fits = re.compile(fnmatch.translate(pattern)).match
        return [at for at, text in enumerate(texts) if piece in text and fits(text)]

    def _mirror(self) -> list[tuple[str, int]]:
        """The texts read backwards, in order, each with its place."""
        if not self._mirrored:
            self._mirrored = sorted((text[::-1], at) for at, text in enumerate(self._texts))
        return self._mirrored


def _with_prefix(texts: Sequence[str], prefix: str) -> range:
    size = len(prefix)
    return range(
        bisect_left(texts, prefix), bisect_right(texts, prefix, key=lambda text: text[:size])
    )


class TextColumnIndex:
    """One text per row, "" for none: which rows does a pattern fit?

    No pattern fits the absence of a text: ``cluster: "*"`` is about VMs that are in a cluster.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._vocabulary = Vocabulary(texts)
        self._codes = self._vocabulary.codes(texts)

    def rows(self, patterns: Iterable[str]) -> BoolArray:
        """Mask of the rows that at least one pattern fits."""
        mask: BoolArray = self._vocabulary.hits(patterns)[self._codes]
        return mask

    def known(self, pattern: str) -> bool:
        """Some row has a text that the pattern fits."""
        return bool(self._vocabulary.hits((pattern,)).any())

    def like(self, asked: str) -> list[str]:
        """Some texts that may have been meant."""
        return self._vocabulary.like(asked)


class WordsColumnIndex:
    """Several texts per row: which rows have one that a pattern fits?"""

    def __init__(self, words: Sequence[Sequence[str]]) -> None:
        self._length = len(words)
        flat = [word for row in words for word in row]
        self._vocabulary = Vocabulary(flat)
        self._codes = self._vocabulary.codes(flat)
        self._rows = np.repeat(np.arange(len(words)), [len(row) for row in words])

    def rows(self, patterns: Iterable[str]) -> BoolArray:
        """Mask of the rows of which one text fits at least one pattern."""
        mask = np.zeros(self._length, dtype=np.bool_)
        mask[self._rows[self._vocabulary.hits(patterns)[self._codes]]] = True
        return mask

    def known(self, pattern: str) -> bool:
        """Some row has a text that the pattern fits."""
        return bool(self._vocabulary.hits((pattern,)).any())

    def like(self, asked: str) -> list[str]:
        """Some texts that may have been meant."""
        return self._vocabulary.like(asked)
