"""Why a row of a task is left out, and what kind of rule that is."""

from __future__ import annotations

from typing import Final, Literal

Kind = Literal["fix", "leak", "person", "lack"]
"""`fix`: the row is sound in form, but a rule of ours that the published scripts lack finds it wrong, twofold
or one too many. `leak`: it would show or say what is held out. `person`: somebody marked it wrong. `lack`: it
cannot be asked at all, for want of an answer, of wrong options or of a picture, for example."""

FIXES: Final[dict[str, str]] = {
    "ambiguous_text": "the words are said of two places of the picture",
    "answer_shown": "the answer stands among what is shown",
    "balance": "one row too many of the more frequent label",
    "crowd": "some of the things have no box of their own",
    "duplicate": "the same exercise is there already",
    "few_votes": "fewer than three of five people say so",
    "repeated_step": "two of the steps are in the same words",
    "said_of_several_things": "the words do not single the thing out",
    "same_picture": "both steps have one picture",
    "same_place": "a thing is related to itself",
    "several_answers": "another answer is right as well",
    "tied_votes": "as many people say something else",
    "too_few_steps": "the method has fewer than three steps",
    "too_many_regions": "there are more than ten things to find",
}
"""Reasons whose rule the published scripts lack; with `rules = "published"` none of them is applied."""

HELD_BACK: Final = {"test": "held_out_elsewhere", "validation": "validated_elsewhere"}
"""By the split of a photograph: why its rows are not in the less strict one that their publisher gives it.
Such rows are instances all the same, for nothing is wrong with them."""

LEAKS: Final = frozenset(
    {"evaluation_text", "shown_in_evaluation", "shown_in_validation", *HELD_BACK.values()}
)
"""Reasons that keep what is held out of what is trained on."""

REPORTED: Final = "reported"
"""The reason of a row that a person has marked wrong."""


def kind_of(reason: str) -> Kind:
    """What kind of rule has left a row out for this reason."""
    if reason in FIXES:
        return "fix"
    if reason in LEAKS:
        return "leak"
    return "person" if reason == REPORTED else "lack"
