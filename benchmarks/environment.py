"""What the benchmarks share: the peers' own environment, the documents, the machine, the results file."""

from __future__ import annotations

import io
import json
import os
import platform
import subprocess
import venv
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import zstandard

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
CACHE = ROOT / ".bench"
REQUIREMENTS = Path(__file__).parent / "peers.txt"


def peer_python(cache: Path, requirements: Path = REQUIREMENTS) -> Path:
    """The interpreter of an environment that holds what a file requires, made where it is missing or the file changed.

    Raises CalledProcessError with pip's words where something cannot be installed.
    """
    home = cache / requirements.stem
    python, installed = home / "bin" / "python", home / "installed.txt"
    if not installed.exists() or installed.read_text() != requirements.read_text():
        venv.create(home, with_pip=True)
        command = [str(python), "-m", "pip", "install", "-q", "-r", str(requirements)]
        subprocess.run(command, check=True, stderr=subprocess.PIPE, text=True)
        installed.write_text(requirements.read_text())
    return python


def read_texts(path: Path, number: int | None = None) -> list[str]:
    """The texts of a ``.jsonl.zst`` file, ``number`` of them evenly spaced."""
    content = zstandard.ZstdDecompressor().stream_reader(path.read_bytes(), read_across_frames=True)
    texts = [json.loads(line)["text"] or "" for line in io.TextIOWrapper(content, "utf-8")]
    step = 1 if number is None else max(1, len(texts) // number)
    return texts[::step][:number]


def machine() -> str:
    """One line on the machine: processor, cores, memory, Python."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}"


def peak_memory(work: Callable[[], object]) -> float:
    """MB that work needs at most beyond what this process has."""

    def resident(name: str) -> float:
        lines = Path("/proc/self/status").read_text().splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith(name)))

    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    work()
    return (resident("VmHWM") - before) / 1024


def write_results(name: str, table: str) -> None:
    """Print a table and keep it under ``results`` with the machine, the date and the command."""
    now = datetime.now(UTC)
    header = f"# {name}\n\n{machine()}; {now:%Y-%m-%d}; `python benchmarks/{name}.py`\n\n"
    path = ROOT / "benchmarks" / "results" / f"{name}_{os.cpu_count()}core_{now:%Y%m}.md"
    path.write_text(header + table + "\n")
    print(table)
