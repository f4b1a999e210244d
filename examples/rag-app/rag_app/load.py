"""Questions as people ask them: `python -m rag_app.load --profile burst --rate 2 --duration 10m`.

Arrivals are a Poisson process whose rate follows a profile, the waves of the vLLM simulator's
(tools/simulator/traffic): a call never waits for the one before, so a slow answer does not slow down the load that made
it slow.
"""

import argparse
import asyncio
import math
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import httpx2


@dataclass(frozen=True)
class Wave:
    """More or less of everything, for `lasts` out of every `every` seconds."""

    every: float
    lasts: float
    offset: float
    factor: float


@dataclass(frozen=True)
class Profile:
    """How load changes with time, and what the askers are like."""

    waves: tuple[Wave, ...] = ()
    daily: float = 0.0  # amplitude of the day's rhythm, which peaks at 15:00
    long: float = 0.05  # share of questions with a log pasted in
    impatient: float = 0.02  # share of askers that hang up
    streams: float = 0.5

    def factor(self, since: float, now: datetime) -> float:
        """The rate at a moment, as a multiple of the mean that was asked for."""
        hour = now.hour + now.minute / 60
        factor = 1 + self.daily * math.cos((hour - 15) / 24 * 2 * math.pi)
        for w in self.waves:
            if (since + w.every - w.offset) % w.every < w.lasts:
                factor *= w.factor
        return factor

    @property
    def peak(self) -> float:
        """No factor is larger."""
        return (1 + self.daily) * math.prod(max(1.0, w.factor) for w in self.waves)


PROFILES = {
    "steady": Profile(),
    "burst": Profile(waves=(Wave(every=300, lasts=30, offset=60, factor=8),)),
    "long-prompts": Profile(long=0.4, impatient=0.05),
    "mixed": Profile(waves=(Wave(420, 40, 120, 3.5), Wave(3660, 180, 2400, 4)), daily=0.5),
}

QUESTIONS = (
    "What do I check first when the queue of waiting requests keeps growing?",
    "KV cache usage is at 100 %, what can I do?",
    "Why are requests preempted again and again, and which flag helps?",
    "The engine is dead. How do I find out whether it ran out of GPU memory?",
    "Time to first token has doubled since noon. Where do I look?",
    "One replica gets far more requests than the others, why?",
    "The prefix cache hit rate has collapsed after a deployment. What changed?",
    "How do I know whether a GPU is throttled by heat or by its power limit?",
    "Prometheus cannot scrape vLLM any more. What are the usual reasons?",
    "Traces have stopped arriving although requests are served. What now?",
    "What does vLLM refuse requests for, and who is to blame?",
    "Speculative decoding accepts few drafts. Should I switch it off?",
    "All LoRA slots are taken. What is the fix?",
    "How is the time outside the engine of a request computed?",
    "What is the meaning of an Xid error in the kernel log?",
)

LOG_LINE = (
    "INFO 11-22 02:41:07 [loggers.py:257] Engine 000: Avg prompt throughput: {} tokens/s, Avg generation throughput: {}"
    " tokens/s, Running: {} reqs, Waiting: {} reqs, GPU KV cache usage: {}%, Prefix cache hit rate: {}%\n"
)


@dataclass
class Call:
    """One question, before it is asked."""

    at: float  # seconds after the beginning
    question: str
    stream: bool
    max_tokens: int
    patience: float | None  # seconds until the asker hangs up


def calls(profile: Profile, rate: float, seconds: float, chance: random.Random) -> Iterator[Call]:
    """The questions of a while, in order of time: the same seed asks the same ones (but for the time of day)."""
    at, began = 0.0, time.time()
    while True:
        # Thinning: arrivals at the peak's rate, of which those are kept that the moment's rate allows.
        at += chance.expovariate(rate * profile.peak)
        if at >= seconds:
            return
        if chance.random() * profile.peak >= profile.factor(at, datetime.fromtimestamp(began + at)):
            continue
        question = chance.choice(QUESTIONS)
        if chance.random() < profile.long:
            lines = (LOG_LINE.format(*(chance.randint(0, 99) for _ in range(6))) for _ in range(chance.randint(8, 30)))
            question = f"{question} The log says:\n{''.join(lines)}"
        yield Call(
            at=at,
            question=question,
            stream=chance.random() < profile.streams,
            max_tokens=chance.choice((64, 128, 128, 256)),
            patience=chance.lognormvariate(-0.5, 0.7) if chance.random() < profile.impatient else None,
        )


@dataclass
class Tally:
    """What became of the questions."""

    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)  # of those answered

    def __str__(self) -> str:
        parts = [f"{n} {name}" for name, n in sorted(self.outcomes.items())]
        if self.seconds:
            ordered = sorted(self.seconds)
            p50, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * q))] for q in (0.5, 0.99))
            parts.append(f"p50 {p50:.2f} s, p99 {p99:.2f} s")
        return "; ".join(parts) or "nothing yet"


async def ask(client: httpx2.AsyncClient, call: Call, tally: Tally) -> None:
    """Ask one question and count how it ended."""
    body = {"question": call.question[:8000], "stream": call.stream, "max_tokens": call.max_tokens}
    began = time.perf_counter()
    try:
        async with asyncio.timeout(call.patience):
            response = await client.post("/ask", json=body)
    except TimeoutError:
        tally.outcomes["hung up"] += 1
    except httpx2.HTTPError as e:
        tally.outcomes[type(e).__name__] += 1
    else:
        broken = call.stream and "\nevent: error\n" in response.text
        tally.outcomes["broken stream" if broken else str(response.status_code)] += 1
        if response.status_code == httpx2.codes.OK and not broken:
            tally.seconds.append(time.perf_counter() - began)


async def run(options: argparse.Namespace) -> Tally:
    """Ask until the time is over, then wait for the answers still under way."""
    tally = Tally()
    profile, chance = PROFILES[options.profile], random.Random(options.seed)
    began = told = time.monotonic()
    limits = httpx2.Limits(max_connections=options.max_in_flight)
    async with (
        httpx2.AsyncClient(base_url=options.url, timeout=180, limits=limits) as client,
        asyncio.TaskGroup() as group,
    ):
        under_way: set[asyncio.Task[None]] = set()
        for call in calls(profile, options.rate, options.duration or math.inf, chance):
            await asyncio.sleep(max(0.0, began + call.at - time.monotonic()))
            if len(under_way) >= options.max_in_flight:
                tally.outcomes["not asked: too many under way"] += 1
                continue
            task = group.create_task(ask(client, call, tally))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            if time.monotonic() - told >= options.report:
                told = time.monotonic()
                print(f"{told - began:.0f} s: {tally}", flush=True)
    return tally


def seconds(text: str) -> float:
    """90, 90s, 10m or 2h as seconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration such as 90s, 10m or 2h")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]


def main(args: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="rag_app.load", description="Asks questions the way people do.")
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="the RAG application (default %(default)s)")
    parser.add_argument("--profile", choices=PROFILES, default="mixed", help="default %(default)s")
    parser.add_argument("--rate", type=float, default=1, help="mean questions a second, before waves (default 1)")
    parser.add_argument("--duration", type=seconds, default=seconds("10m"), help="such as 10m; 0 is without end")
    parser.add_argument("--max-in-flight", type=int, default=64, help="questions under way at most (default 64)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed asks the same questions")
    parser.add_argument("--report", type=seconds, default=10.0, help="seconds between reports (default 10)")
    options = parser.parse_args(args)
    if options.rate <= 0:
        parser.error("the rate must be positive")
    try:
        tally = asyncio.run(run(options))
    except KeyboardInterrupt:
        return 130
    print(tally)
    return 0 if tally.seconds else 1


if __name__ == "__main__":
    sys.exit(main())
