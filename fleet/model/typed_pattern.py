"""Regular expressions that a person types."""

from __future__ import annotations

import re
import warnings


def typed_pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    """Compile a typed regular expression. Raises re.error.

    Python warns of some (``[[``) that they may mean something else one day: words for programmers, in the midst of a
    screen.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return re.compile(text, flags)
