"""How fast a run is and when it will end: one line that is drawn over on a terminal, a line a minute in a log."""

from __future__ import annotations

import multiprocessing
import sys
import time
from dataclasses import dataclass, field
from typing import TextIO

REDRAW_SECONDS = 0.5
LOG_SECONDS = 60.0


@dataclass
class Pace:
    """Tells where a run is; speeds are those since it was started or resumed, evaluations left out."""

    label: str
    num_steps: int
    batch_tokens: int
    flops_per_token: int
    peak: float
    """FLOP/s of all devices of the run."""
    out: TextIO = field(default_factory=lambda: sys.stderr)
    begun: float = field(default_factory=time.monotonic)
    told: float = 0.0
    first: int | None = None

    def tell(self, done: int, loss: float, seconds: float) -> None:
        """``done`` steps are done, those of this process in ``seconds``; says so where it is time to."""
        drawn = self.out.isatty() and multiprocessing.parent_process() is None
        now, last = time.monotonic(), done == self.num_steps
        if self.first is None:
            self.first, self.told = done - 1, now if not drawn else 0.0
        if not last and now - self.told < (REDRAW_SECONDS if drawn else LOG_SECONDS):
            return
        self.told = now
        steps = done - self.first
        left = (now - self.begun) / steps * (self.num_steps - done)
        end = time.strftime("%d %b %H:%M:%S", time.localtime(time.time() + left))
        speed = tokens_per_second(steps * self.batch_tokens, seconds)
        text = (
            f"{self.label}: step {done:,} of {self.num_steps:,}, loss {loss:.4f}, {speed:,.0f} tokens/s, "
            f"MFU {mfu(speed, self.flops_per_token, self.peak):.1%}, ends {end}"
        )
        self.out.write(f"\r\x1b[K{text}{chr(10) if last else ''}" if drawn else f"{text}\n")
        self.out.flush()


def tokens_per_second(num_tokens: int, seconds: float) -> float:
    """0 where no time has passed."""
    return num_tokens / seconds if seconds else 0.0


def mfu(speed: float, flops_per_token: int, peak: float) -> float:
    """Model FLOPs utilisation: what the model asks for, of what the devices could do (Chowdhery et al. 2022)."""
    return speed * flops_per_token / peak
