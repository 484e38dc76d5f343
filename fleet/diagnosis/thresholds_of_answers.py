"""Thresholds of answers and of the clients who ask for them, and of what replicas and GPUs have in common."""

from __future__ import annotations

from fleet.diagnosis.threshold import Threshold

GPU_APART = Threshold(
    "gpu-apart",
    "Share by which the power of one GPU differs from all others of its engine before it is called uneven.",
    "SRE practice: a skew of 25 % within a group that works together.",
    chat=0.25,
)
GPU_ALIKE = Threshold(
    "gpu-alike",
    "Share by which the power of those others differs among themselves at most: else all of them are uneven by design.",
    "SRE practice: 5 to 10 % within a group is normal.",
    chat=0.10,
)
CACHE_SMALLER = Threshold(
    "cache-smaller",
    "Share of the KV cache of its peers below which that of a replica is too small.",
    "Replicas of one revision on the same GPUs differ by less than a hundredth.",
    chat=0.85,
)
REFUSED = Threshold(
    "refused",
    "Share of requests that engines refuse as invalid (4xx) from which it is reported.",
    "Clients make mistakes all the time; half of all requests at once is one mistake of many.",
    chat=0.5,
)
ANSWERED = Threshold(
    "answered",
    "Minimum finished requests per second for a meaningful mean of their answers.",
    "Thirty within a minute.",
    chat=0.5,
)
ANSWERS_TIMES = Threshold(
    "answers-times",
    "Times the usual answers per request from which they explain slow tokens.",
    "",
    chat=1.5,
)
ANSWER_SHORT = Threshold(
    "answer-short",
    "Share of the usual tokens of an answer below which answers are almost empty.",
    "",
    chat=0.2,
)
ANSWER_LONG = Threshold(
    "answer-long",
    "Times the usual tokens of an answer from which answers run on.",
    "",
    chat=1.5,
)
ANSWER_WORTH = Threshold(
    "answer-worth",
    "Usual tokens of an answer below which it cannot become almost empty: classifiers and rankers answer with one.",
    "",
    chat=20.0,
)
CUT_OFF = Threshold(
    "cut-off",
    "Share of answers that reach their limit from which they run on without an end.",
    "",
    chat=0.5,
)
ABORTED = Threshold(
    "aborted",
    "Share of requests that their clients give up from which it is reported, if it is three times the usual.",
    "SRE practice: a tenth, and three times what is usual.",
    chat=0.1,
    batch=0.5,
)
POOL_FULL = Threshold(
    "pool-full",
    "Saturation of one half of a pool (prefill or decode) from which it holds up the other.",
    "llm-d's flow control stops sending at 1.0.",
    chat=0.95,
)
POOL_ROOM = Threshold(
    "pool-room",
    "Saturation of the other half below which it has room.",
    "",
    chat=0.6,
)

OF_ANSWERS = (
    GPU_APART,
    GPU_ALIKE,
    CACHE_SMALLER,
    REFUSED,
    ANSWERED,
    ANSWERS_TIMES,
    ANSWER_SHORT,
    ANSWER_LONG,
    ANSWER_WORTH,
    CUT_OFF,
    ABORTED,
    POOL_FULL,
    POOL_ROOM,
)
"""All of them."""
