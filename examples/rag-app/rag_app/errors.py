"""What can go wrong with a question, in the words that its asker and its metrics see."""

from enum import StrEnum


class Stage(StrEnum):
    """The stages of an answer, in order; also the label `stage` and the names in `timings`."""

    EMBED = "embed"
    RETRIEVE = "retrieve"
    GENERATE = "generate"


class Failure(Exception):  # noqa: N818 -- it is the outcome of a question, not a mistake in the program
    """A question that has no answer. `kind` has few values, since it is a label; `reason` is for people."""

    def __init__(self, status: int, stage: Stage, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.stage = stage
        self.kind = kind
        self.reason = reason
