"""The bounds that keep a bad copy or a bad network from doing harm."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """How much, and for how long, `obtain` goes along with a source.

    `max_bytes` bounds a copy both as it is stored and decompressed. `stall_seconds` is how long
    nothing may arrive before a link counts as dead. A broken link is tried again `retries` times
    in a row without progress, after 1, 2, 4… times `backoff_seconds`; a copy that changes while
    it is read is begun again `restarts` times.
    """

    max_bytes: int = 64 * 2**30
    stall_seconds: float = 15.0
    retries: int = 4
    backoff_seconds: float = 1.0
    restarts: int = 3
