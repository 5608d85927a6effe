"""How fast are others at the same work? Both are given what makes them quick, and two processes, as we have."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from ops.bench import processes
from ops.bench.drain import watch
from ops.bench.world import BUILD, World
from ops.local.home import ROOT

NODE = ROOT / "ops" / "bench" / "bullmq"


class NotHere(Exception):
    """A peer that this machine cannot run; the message says why."""


def celery(world: World, count: int) -> float:
    """Deliveries a second of the textbook: one task a message, the ORM for each step."""
    world.clear()
    words = [sys.executable, "-m", "ops.bench.textbook.enqueue", str(count)]
    subprocess.run(words, cwd=ROOT, check=True, env={**os.environ, "SINK_URL": world.sink.url})  # noqa: S603
    worker = ("-m", "celery", "-A", "ops.bench.textbook.tasks", "worker", "-c", "2", "-P", "prefork")
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "WARNING")
    with processes.running({"celery": (*worker, *quiet)}, BUILD, SINK_URL=world.sink.url) as pids:
        return watch(world, count, pids).rate


def bullmq(world: World, count: int) -> float:
    """The engine under several notification services: jobs in Valkey, workers in Node."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise NotHere("Node is not installed")
    world.clear()
    folder = _installed(npm)
    environment = {**os.environ, "SINK_URL": world.sink.url, "COUNT": str(count)}
    program = str(folder / "peer.mjs")
    subprocess.run([node, program, "fill"], cwd=folder, env=environment, check=True)  # noqa: S603
    started = [
        subprocess.Popen([node, program, "work"], cwd=folder, env=environment)  # noqa: S603
        for _ in range(2)
    ]
    try:
        return watch(world, count, {f"bullmq {n}": p.pid for n, p in enumerate(started, start=1)}).rate
    finally:
        for process in started:
            process.kill()
            process.wait()


def _installed(npm: str) -> Path:
    folder = BUILD / "bullmq"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "peer.mjs"):
        shutil.copy(NODE / name, folder / name)
    wanted: Any = json.loads((folder / "package.json").read_text())["dependencies"]["pg"]
    have = folder / "node_modules" / "pg" / "package.json"
    if not have.exists() or json.loads(have.read_text())["version"] != wanted:
        done = subprocess.run([npm, "ci", "--silent", "--ignore-scripts"], cwd=folder, capture_output=True, text=True)  # noqa: S603
        if done.returncode != 0:
            raise NotHere(f"npm could not install BullMQ: {done.stderr.strip()[-200:]}")
    return folder
