"""Whatever is killed, whenever: the result is the same bytes."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds workers in /proc")


def command(store: Path, workers: int) -> list[str]:
    run = [sys.executable, "-m", "winnow.cli", "run", "demo", "--json", "--failure-budget", "0.2"]
    return [*run, "--store", str(store), "--out", str(store / "out"), "--workers", str(workers)]


def start(store: Path, workers: int = 2) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command(store, workers), start_new_session=True, stdout=subprocess.DEVNULL)


def tables(store: Path) -> dict[str, str]:
    return {path.parent.name: json.loads(path.read_text())["digest"] for path in store.glob("*/manifest.json")}


def shards(store: Path) -> dict[str, bytes]:
    return {str(path.relative_to(store)): path.read_bytes() for path in sorted(store.glob("*/shards/*"))}


def workers_of(run: subprocess.Popen[bytes]) -> list[int]:
    """Processes that do tasks: forked by the server that the run started, not by one another, as the extractor's
    sandboxes are, whose death is that of the page they look at."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            server = parent_of(int(process.name))
            if parent_of(server) == run.pid and b"forkserver" in Path(f"/proc/{server}/cmdline").read_bytes():
                found.append(int(process.name))
        except (OSError, ValueError):
            continue
    return found


def parent_of(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[1])


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("reference")
    assert start(store).wait() == 0
    return store


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_any_number_of_workers_makes_the_same_bytes(reference: Path, tmp_path: Path, workers: int) -> None:
    assert start(tmp_path, workers).wait() == 0
    assert shards(tmp_path) == shards(reference)


def test_a_run_killed_ten_times_makes_the_same_bytes(reference: Path, tmp_path: Path) -> None:
    moments = random.Random(20)
    kills, stores = 0, 1
    while kills < 10:
        store = tmp_path / str(stores)
        run = start(store)
        while not workers_of(run) and run.poll() is None:  # on a slow machine the start takes seconds
            time.sleep(0.05)
        time.sleep(moments.uniform(0.0, 1.5))
        workers = [] if kills % 2 else workers_of(run)
        if run.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it was done in this moment
                os.kill(moments.choice(workers or [run.pid]), signal.SIGKILL)
                kills += 1
        if run.wait() == 0:  # it was done, or got over the death of a worker: the next run starts anew
            assert shards(store) == shards(reference)
            stores += 1
    assert start(tmp_path / str(stores)).wait() == 0
    assert tables(tmp_path / str(stores)) == tables(reference)
    assert shards(tmp_path / str(stores)) == shards(reference)
