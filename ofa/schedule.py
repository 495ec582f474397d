"""The learning rate of each update: up on a straight line, then down on another.

The formula is fairseq's `polynomial_decay` with power 1. Fairseq learns the number of updates only where
there is a warm-up, so that without one the published runs of OFA on MultiInstruct kept their highest rate;
here the number of updates is known always.
"""

from __future__ import annotations

from schemas.training import Recipe


def learning_rate(update: int, updates: int, recipe: Recipe) -> float:
    """The rate of an update of a stage.

    Args:
        update: its number in the stage, from 0.
        updates: of the stage.
    """
    rising = round(recipe.warmup * updates)
    if update < rising:
        return recipe.learning_rate * (update + 1) / rising
    gone = (update - rising) / max(1, updates - rising - 1)
    return recipe.learning_rate + gone * (recipe.final_learning_rate - recipe.learning_rate)
