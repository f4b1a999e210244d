"""Markdown files → chunks that are short enough to embed whole and long enough to answer from."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# all-MiniLM-L6-v2 reads 256 word pieces; English has about five characters in each.
MAX_CHARS = 1100

HEADING = re.compile(r"^(#{1,3})\s+(.+?)\s*$")
FENCE = re.compile(r"^\s*(```|~~~)")


@dataclass(frozen=True)
class Chunk:
    """A part of a page. `path` is relative to the corpus, `heading` the way to it: page > section."""

    path: str
    heading: str
    text: str

    @property
    def searchable(self) -> str:
        """What is embedded. An alert's name is one word to nobody but its author: VLLMQueueGrowing."""
        return f"{spaced(self.heading)}\n{self.text}"


def spaced(name: str) -> str:
    """Put blanks between the words of a CamelCase name."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)


def load(folder: Path) -> list[Chunk]:
    """Read all pages below a folder, in the order of their paths."""
    pages = sorted(folder.rglob("*.md"))
    if not pages:
        raise FileNotFoundError(f"no Markdown file below {folder}: RAG_CORPUS names the folder to answer from")
    return [
        chunk
        for page in pages
        for chunk in split(page.relative_to(folder).as_posix(), page.read_text(encoding="utf-8"))
    ]


def split(path: str, text: str) -> Iterator[Chunk]:
    """Cut a page at its headings, and a long section between its paragraphs."""
    trail: list[str] = []
    section: list[str] = []
    fenced = False

    def close() -> Iterator[Chunk]:
        heading = " > ".join(trail) or path
        for piece in pieces("\n".join(section)):
            yield Chunk(path, heading, piece)
        section.clear()

    for line in text.splitlines():
        if FENCE.match(line):
            fenced = not fenced
        found = None if fenced else HEADING.match(line)
        if found is None:
            section.append(line)
            continue
        yield from close()
        level = len(found[1])
        trail[level - 1 :] = [found[2]]
    yield from close()


def pieces(section: str) -> Iterator[str]:
    """Join paragraphs up to the limit. One that is longer by itself stays whole: its beginning is what is embedded."""
    held = ""
    for paragraph in re.split(r"\n\s*\n", section.strip()):
        if held and len(held) + len(paragraph) > MAX_CHARS:
            yield held
            held = ""
        held = f"{held}\n\n{paragraph}".strip()
    if held:
        yield held
