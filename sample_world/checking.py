"""Claims about a scene, and what somebody who looked into them found out.

A claim is supported or refuted by the scene, or it is about something that no picture of it can show. What
is found out is true of the scene, and the verdict stands in a sentence of its own.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from sample_world.scene import Scene
from sample_world.scenes import pick
from sample_world.villages import HOUSES, Village

Verdict = Literal["supported", "refuted", "NEI"]

_WORDS: Final[dict[Verdict, tuple[str, ...]]] = {
    "supported": ("True.", "TRUE:", "Correct Attribution."),
    "refuted": ("False.", "FALSE:", "Miscaptioned."),
    "NEI": ("Unproven.", "UNDETERMINED:", "Research In Progress."),
}
"""How fact checkers say a verdict in a sentence of its own."""

_UNSEEN: Final = (
    "The {} was bought yesterday.",
    "Somebody will take the {} away tomorrow.",
    "The {} is hollow.",
)


class Checked(NamedTuple):
    """A claim, the verdict, and what was found out: `findings` without `word`, the verdict in words.

    `before` says whether the verdict comes before the findings.
    """

    claim: str
    verdict: Verdict
    findings: tuple[str, ...]
    word: str
    before: bool

    @property
    def sentences(self) -> tuple[str, ...]:
        """The findings and the verdict, in order."""
        return (self.word, *self.findings) if self.before else (*self.findings, self.word)


def of_twins(scene: Scene, twin: Scene) -> Checked:
    """A claim on which the scene and its twin differ: supported by the one, refuted by the other.

    The twin is given the same claim, whichever of the two is asked about first.
    """
    denied = {statement.text for statement in twin.statements if not statement.label}
    affirmed = {statement.text for statement in twin.statements if statement.label}
    told = next(
        statement
        for statement in scene.statements
        if statement.text in (denied if statement.label else affirmed)
    )
    return _checked(scene, told.text, "supported" if told.label else "refuted")


def unseen(scene: Scene) -> Checked:
    """A claim on which no picture has anything to say."""
    thing = scene.things[pick(len(scene.things), scene.number, "unseen")]
    form = _UNSEEN[pick(len(_UNSEEN), scene.number, "form")]
    return _checked(scene, form.format(thing.name), "NEI")


def of_shown(shown: Scene | Village, twin: Scene | Village, *, seen: bool) -> Checked:
    """A claim about what a picture shows.

    Args:
        twin: what its twin shows, also a scene or also a village.
        seen: whether the claim should be on what differs. Where words do not tell that, it is not.
    """
    if isinstance(shown, Village):
        return of_villages(shown, twin) if isinstance(twin, Village) else of_villages(shown, shown)
    if seen and isinstance(twin, Scene) and shown.statements != twin.statements:
        return of_twins(shown, twin)
    return unseen(shown)


def of_villages(village: Village, twin: Village) -> Checked:
    """A claim on what has happened in a village or its twin, the same for both."""
    struck = min(village.kind, twin.kind)
    verdict: Verdict = "supported" if struck == village.kind else "refuted"
    claim = f"{'An' if struck[0] in 'aeiou' else 'A'} {struck} has struck this village."
    findings = ("We looked at the picture.", f"The houses that stand are {HOUSES - village.ruins}.")
    return Checked(claim, verdict, findings, _WORDS[verdict][0], before=False)


def _checked(scene: Scene, claim: str, verdict: Verdict) -> Checked:
    words = _WORDS[verdict]
    findings = ("We looked at the picture.", scene.captions[2], scene.captions[6])
    word = words[pick(len(words), scene.number, "word")]
    return Checked(claim, verdict, findings, word, before=pick(2, scene.number, "before") == 0)
