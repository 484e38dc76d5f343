"""Running: a confirmed plan from its intent to its result, everything recorded before it is done."""
