"""``kubectl quarterdeck <TAB>``: kubectl asks the program ``kubectl_complete-quarterdeck`` on PATH what could follow.

It is called with the words behind ``kubectl quarterdeck``, the last one being the one that is typed, and prints a
completion per line, then a line of ``:`` and cobra's directive (kubectl documentation, "Extend kubectl with plugins",
"Adding support for command-line completion").
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Final

from console.cli.completion import completing

_NO_FILES: Final = 4
"""ShellCompDirectiveNoFileComp."""
_PROGRAM: Final = "quarterdeck"


def main() -> int:
    """Print the completions of the words that kubectl hands over."""
    words = sys.argv[1:] or [""]
    print("".join(f"{one}\n" for one in completions(words)), end="")
    print(f":{_NO_FILES}")
    return 0


def completions(words: Sequence[str]) -> list[str]:
    """Return what the last of these words could be."""
    from argcomplete.finders import CompletionFinder

    *before, typed = words
    # Not through argcomplete.autocomplete, which is for shells and uses two file descriptors.
    finder = CompletionFinder(completing(_PROGRAM, list(words)), always_complete_options=False)
    complete: Callable[..., list[str]] = finder._get_completions
    return [one.strip() for one in complete([_PROGRAM, *before], typed, "", None)]
