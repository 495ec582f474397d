"""Beam search and greedy decoding with a cache of keys and values.

Which hypotheses are found, in which order and with which scores, is as in fairseq's
`SequenceGenerator`, which OFA uses: twice as many candidates as beams a step; a candidate that
ends counts only among the best `beams`; a sentence is done when it has `beams` hypotheses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ofa.constraints import Constraint
from ofa.decoder import DecoderState
from ofa.encoder import Encoded
from ofa.model import OFA
from schemas.errors import BuildError


class Hypothesis(NamedTuple):
    """One answer: its ids without `<s>` and `</s>`, and its score (natural logarithm)."""

    tokens: list[int]
    score: float


@dataclass(frozen=True)
class Search:
    """How to search.

    Attributes:
        beams: hypotheses kept a step and returned; 1 is greedy decoding.
        longest: most ids of an answer, `</s>` not counted.
        shortest: fewest ids of an answer.
        normalise: divide scores by (ids with `</s>`) ** `length_penalty`.
        no_repeat_ngram: an answer holds no sequence of this many ids twice; 0 allows it.
    """

    beams: int = 5
    longest: int = 200
    shortest: int = 1
    normalise: bool = True
    length_penalty: float = 1.0
    no_repeat_ngram: int = 0

    def __post_init__(self) -> None:
        if self.beams < 1 or not 0 <= self.shortest <= self.longest:
            raise BuildError(
                "such a search finds nothing",
                got=f"{self.beams} beams, {self.shortest} to {self.longest} ids",
                expected="at least one beam, and a shortest answer no longer than the longest",
            )


GREEDY = Search(beams=1)


@torch.no_grad()
def generate(
    model: OFA,
    source: Tensor,
    pictures: Tensor | None = None,
    has_picture: Tensor | None = None,
    *,
    search: Search = GREEDY,
    constraint: Constraint | None = None,
    writes_codes: bool = False,
) -> list[list[Hypothesis]]:
    """For each row of a batch, its answers, best first.

    Args:
        model: in evaluation mode.
        source, pictures, has_picture: as in `OFA.forward`.
        constraint: what answers may be; anything if absent.
        writes_codes: the answers are image codes.

    Raises:
        BuildError: as `OFA.forward`; answers may become longer than the model can write; or a row
            has no answer that is allowed.
    """
    encoded = model.encode(source, pictures, has_picture)
    return generate_from(model, encoded, search=search, constraint=constraint, writes_codes=writes_codes)


@torch.no_grad()
def generate_from(
    model: OFA,
    encoded: Encoded,
    *,
    search: Search = GREEDY,
    constraint: Constraint | None = None,
    writes_codes: bool = False,
) -> list[list[Hypothesis]]:
    """As `generate`, of what `OFA.encode` gave: several searches need it only once."""
    model.check_target(search.longest + 1, some_codes=writes_codes)
    return _Run(model, encoded, search, constraint, writes_codes).run()


class _Run:
    """One search; rows are the beams of the sentences that are not done, side by side."""

    def __init__(
        self, model: OFA, encoded: Encoded, search: Search, constraint: Constraint | None, codes: bool
    ) -> None:
        count = encoded.states.shape[0]
        device = encoded.states.device
        self.model = model
        self.search = search
        self.constraint = constraint
        self.state: DecoderState = model.decoder.start(encoded, search.longest + 1, codes)
        self.sentences = torch.arange(count, device=device)
        self.tokens = torch.full((count * search.beams, 1), model.config.bos, device=device)
        # All beams of a sentence are equal at first: only one of them may lead anywhere.
        self.scores = torch.full((count, search.beams), -torch.inf, device=device)
        self.scores[:, 0] = 0.0
        self.found: list[list[Hypothesis]] = [[] for _ in range(count)]

    def run(self) -> list[list[Hypothesis]]:
        for step in range(self.search.longest + 1):
            if self._step(step):
                break
        for index, hypotheses in enumerate(self.found):
            if not hypotheses:
                raise BuildError(
                    "the search found no answer",
                    where=f"row {index} of the batch",
                    got="no sequence that both the search and the constraint allow",
                    next_step="allow longer answers; if there is no constraint, look for NaN in the weights",
                )
            hypotheses.sort(key=lambda hypothesis: -hypothesis.score)
        return self.found

    def _step(self, step: int) -> bool:
        """One more id for every row; true when all sentences are done."""
        beams = self.search.beams
        logprobs = self._logprobs(step)
        vocabulary = logprobs.shape[-1]
        totals = (logprobs.view(-1, beams, vocabulary) + self.scores[:, :, None]).flatten(1)
        scores, places = totals.topk(2 * beams)
        tokens = places % vocabulary
        rows = places // vocabulary + torch.arange(len(self.sentences), device=places.device)[:, None] * beams
        ends = (tokens == self.model.config.eos) & scores.isfinite()
        self._collect(step, ends[:, :beams], scores, rows)
        # Candidates that end go last; there are never so many that fewer than `beams` go on.
        going_on = ends.int().argsort(dim=1, stable=True)[:, :beams]
        self.scores, tokens, rows = (kind.gather(1, going_on) for kind in (scores, tokens, rows))
        open_ = self._open(step)
        if not open_.any():
            return True
        if not open_.all():
            kept = open_.nonzero().squeeze(1)
            self.sentences, self.scores = self.sentences[kept], self.scores[kept]
            tokens, rows = tokens[kept], rows[kept]
            self.state.keep(kept)
        rows = rows.flatten()
        self.tokens = torch.cat([self.tokens[rows], tokens.view(-1, 1)], dim=1)
        self.state.reorder(rows)
        return False

    def _logprobs(self, step: int) -> Tensor:
        """Log-probabilities (rows, vocabulary) of the next id; -inf where the search forbids it."""
        config, search = self.model.config, self.search
        logits = self.model.decoder.step(self.tokens[:, -1], self.state).float()
        if self.constraint is not None:
            sentences = self.sentences.repeat_interleave(search.beams)
            allowed = self.constraint.allowed(self.tokens[:, 1:], sentences)
            logits = logits.masked_fill(~allowed, -torch.inf)
        logprobs = logits.log_softmax(-1)
        # A hypothesis without hope may be left without any id that is allowed.
        logprobs.masked_fill_(logprobs.isnan(), -torch.inf)
        logprobs[:, config.pad] = -torch.inf
        if step >= search.longest:
            ending = logprobs[:, config.eos].clone()
            logprobs.fill_(-torch.inf)[:, config.eos] = ending
        elif step < search.shortest:
            logprobs[:, config.eos] = -torch.inf
        if search.no_repeat_ngram:
            _forbid_repeats(logprobs, self.tokens, search.no_repeat_ngram)
        return logprobs

    def _collect(self, step: int, ends: Tensor, scores: Tensor, rows: Tensor) -> None:
        """Notes the hypotheses that end among the best `beams` candidates of each sentence."""
        search = self.search
        length = (step + 1) ** search.length_penalty if search.normalise else 1.0
        for index, place in ends.nonzero().tolist():
            found = self.found[int(self.sentences[index])]
            if len(found) < search.beams:
                tokens = self.tokens[rows[index, place], 1:].tolist()
                found.append(Hypothesis(tokens, scores[index, place].item() / length))

    def _open(self, step: int) -> Tensor:
        """Bool (sentences,): not yet done, and with a hypothesis that can go on."""
        if step >= self.search.longest:
            return torch.zeros_like(self.sentences, dtype=torch.bool)
        wanting = [len(self.found[sentence]) < self.search.beams for sentence in self.sentences.tolist()]
        return torch.tensor(wanting, device=self.scores.device) & self.scores.isfinite().any(1)


def _forbid_repeats(logprobs: Tensor, tokens: Tensor, size: int) -> None:
    """Sets to -inf every id that would complete a sequence of `size` ids for the second time."""
    if tokens.shape[1] < size:
        return
    windows = tokens.unfold(1, size, 1)
    tail = tokens[:, tokens.shape[1] - size + 1 :]
    rows, places = (windows[:, :, :-1] == tail[:, None, :]).all(-1).nonzero(as_tuple=True)
    logprobs[rows, windows[rows, places, -1]] = -torch.inf
