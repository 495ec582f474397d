"""What a model answers to instances of a collection of shards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from ofa.batch import Batch
from ofa.constraints import Constraint, Options
from ofa.encoder import Encoded
from ofa.examples import Examples
from ofa.generate import Hypothesis, Search, generate_from
from ofa.model import OFA
from schemas.errors import BuildError
from schemas.evaluation import Answer
from schemas.instance import Split
from shards.collection import read_collection
from shards.vocabulary import Vocabulary

PUBLISHED = Search(normalise=False)
"""The search of the evaluation published with InstrAug: five beams, at most 200 ids, and the sum of the
log-probabilities as it is, without regard to length."""


class Predictions:
    """Answers of a model to rows of the tasks of a collection.

    Args:
        model: put on the device and into evaluation mode here.
        folder: of the collection.
        search: how answers are found; no answer gets longer than the model has positions for.
        batch_size: rows at a time.
        device: a GPU where there is one, if None.
        blind: show black pictures only.

    Raises:
        BuildError: the model has another vocabulary than the shards.
    """

    def __init__(
        self,
        model: OFA,
        folder: Path,
        search: Search = PUBLISHED,
        batch_size: int = 8,
        device: str | None = None,
        blind: bool = False,
    ) -> None:
        self._vocabulary = Vocabulary.load(folder / read_collection(folder).vocabulary)
        if model.config.vocabulary != self._vocabulary.size:
            raise BuildError(
                "a model has another vocabulary than the shards",
                where=folder,
                got=f"{model.config.vocabulary} ids in the model",
                expected=f"{self._vocabulary.size}, as in the shards",
                next_step="build the shards with the vocabulary that the model was trained with",
            )
        self._device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self._model = model.to(self._device).eval()
        self._folder, self._batch_size, self._blind = folder, batch_size, blind
        self._search = replace(search, longest=min(search.longest, model.config.max_positions - 1))

    def answers(self, task: str, split: Split, instruction: int, rows: Sequence[int]) -> Iterator[Answer]:
        """One answer for each of these rows of a task, in this order.

        Where a row has options, it is asked a second time with these alone allowed.

        Args:
            instruction: its number, from 0.
            rows: places in the split, from 0.
        """
        side = self._model.config.patch_image_size
        examples = Examples(
            self._folder, split, side, tasks=[task], instruction=instruction, blind=self._blind
        )
        for first in range(0, len(rows), self._batch_size):
            some = list(rows[first : first + self._batch_size])
            encoded = self._encoded(examples[some])
            free = self._best(encoded, self._search, None)
            options = [examples.options(row) for row in some]
            chosen: list[str | None] = [None] * len(some)
            if all(options):
                longest = max(len(option) for of_row in options for option in of_row)
                among = Options(self._model.config, options)
                best = self._best(encoded, replace(self._search, longest=longest), among)
                chosen = [self._text(one) for one in best]
            for one, choice in zip(free, chosen, strict=True):
                yield Answer(self._text(one), one.score, choice)

    @torch.inference_mode()
    def _encoded(self, batch: Batch) -> Encoded:
        inputs = batch.to(self._device).inputs()
        return self._model.encode(inputs["source"], inputs["pictures"], inputs["has_picture"])

    @torch.inference_mode()
    def _best(self, encoded: Encoded, search: Search, constraint: Constraint | None) -> list[Hypothesis]:
        found = generate_from(self._model, encoded, search=search, constraint=constraint)
        return [hypotheses[0] for hypotheses in found]

    def _text(self, found: Hypothesis) -> str:
        return self._vocabulary.decode(found.tokens).strip()
