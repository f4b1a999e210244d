"""The load generator's arrivals."""

import itertools
import random
from collections.abc import Callable
from datetime import datetime

import pytest
from conftest import Application

from rag_app.load import PROFILES, calls, main, seconds


@pytest.mark.parametrize("profile", ["steady", "long-prompts"])
def test_arrivals_come_at_the_rate(profile: str) -> None:
    asked = list(calls(PROFILES[profile], 2, 3600, random.Random(1)))
    assert len(asked) == pytest.approx(7200, rel=0.05)
    assert all(a.at < b.at for a, b in itertools.pairwise(asked))


def test_a_burst_is_eight_times_as_dense() -> None:
    asked = [c.at % 300 for c in calls(PROFILES["burst"], 2, 3600, random.Random(1))]
    inside = sum(60 <= at < 90 for at in asked) / 30
    outside = sum(not 60 <= at < 90 for at in asked) / 270
    assert inside / outside == pytest.approx(8, rel=0.15)


@pytest.mark.parametrize("name", PROFILES)
def test_no_moment_exceeds_the_peak(name: str) -> None:
    profile = PROFILES[name]
    day = datetime(2026, 11, 22)
    moments = itertools.product(range(0, 7200, 7), range(24))
    assert max(profile.factor(since, day.replace(hour=hour)) for since, hour in moments) <= profile.peak + 1e-9


def test_askers_differ() -> None:
    asked = list(calls(PROFILES["mixed"], 2, 3600, random.Random(1)))
    assert {c.stream for c in asked} == {True, False}
    assert 0 < sum(c.patience is not None for c in asked) < len(asked) / 10
    assert 0 < sum("The log says" in c.question for c in asked) < len(asked) / 5
    assert max(len(c.question) for c in asked) <= 8000


@pytest.mark.parametrize(("text", "value"), [("90", 90), ("90s", 90), ("10m", 600), ("1.5h", 5400)])
def test_durations_are_read_as_people_write_them(text: str, value: float) -> None:
    assert seconds(text) == value


def test_it_asks_and_tells_what_became_of_it(
    start: Callable[..., Application], capsys: pytest.CaptureFixture[str]
) -> None:
    app = start()
    assert main(["--url", str(app.client.base_url), "--profile", "steady", "--rate", "20", "--duration", "1s"]) == 0
    told = capsys.readouterr().out
    assert " 200; p50 " in told
    assert app.value("rag_request_duration_seconds_count", outcome="ok") >= 10


def test_nobody_there_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", "http://127.0.0.1:9", "--rate", "20", "--duration", "1s"]) == 1
    assert "ConnectError" in capsys.readouterr().out
