"""What is written elsewhere about the application is true of it."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from rag_app import corpus
from rag_app.metrics import Metrics
from rag_app.settings import DOCS, Settings

HERE = Path(__file__).parent.parent
ROOT = HERE.parent.parent
README = (HERE / "README.md").read_text(encoding="utf-8")
OURS = "rag_"


def table(heading: str) -> list[list[str]]:
    """The cells of the rows of the first table below a heading of the README."""
    rows = README.split(f"\n## {heading}\n")[1].split("\n## ")[0].splitlines()
    return [[c.strip() for c in r.strip("|").split("|")] for r in rows if r.startswith("| `")]


def test_the_readme_explains_every_metric() -> None:
    said = {(name.strip("`"), tuple(re.findall(r"\w+", labels)), text) for name, labels, text in table("Metrics")}
    meant = set()
    for collector in (v for v in vars(Metrics()).values() if hasattr(v, "_labelnames")):
        (family,) = collector.describe()
        name = family.name + ("_total" if family.type == "counter" else "")
        meant.add((name, tuple(collector._labelnames), family.documentation))
    assert said == meant


def test_the_readme_explains_every_setting() -> None:
    said = {name.strip("`"): (default.strip("`"), text) for name, default, text in table("Settings")}
    meant = {}
    for name, setting in Settings.model_fields.items():
        default = setting.default
        if isinstance(default, SecretStr):
            default = default.get_secret_value()
        text = f"{default:g}" if isinstance(default, float) else str(default)
        meant[f"RAG_{name.upper()}"] = ("this repository's `docs" if default == DOCS else text, setting.description)
    assert said == meant


def test_every_metric_is_drawn() -> None:
    board = (ROOT / "dashboards" / "vllm-rag.json").read_text(encoding="utf-8")
    missing = [
        name for name, *_ in table("Metrics") if not re.search(rf"\b{name.strip('`')}(_bucket|_sum|_count)?\b", board)
    ]
    assert missing == []


def test_what_the_image_copies_exists_and_is_let_in() -> None:
    copied = re.findall(r"^COPY (\S+) ", (HERE / "Dockerfile").read_text(), re.MULTILINE)
    assert len(copied) == 3
    let_in = (HERE / "Dockerfile.dockerignore").read_text()
    for path in copied:
        assert (ROOT / path).exists()
        assert f"\n!{path}" in let_in


def test_all_of_the_documentation_can_be_indexed() -> None:
    chunks = corpus.load(DOCS)
    assert {c.path for c in chunks} >= {"join.md", "runbooks/VLLMQueueGrowing.md"}
    assert all(c.text for c in chunks)


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_everything_that_is_installed_is_pinned_by_hash(file: str) -> None:
    requirements = re.split(r"\n(?=[a-z])", (HERE / file).read_text().replace("\\\n", " "))
    named = [r for r in requirements if r[:1].isalpha()]
    assert len(named) > 30
    for requirement in named:
        assert "==" in requirement.split()[0]
        assert "--hash=sha256:" in requirement
    assert "torch" not in {r.split("==")[0] for r in named}
