"""What a task declares about itself in the TOML head of its SQL file."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Category = Literal[
    "visual_relationship",
    "vqa",
    "temporal_ordering",
    "grounded_generation",
    "grounded_matching",
    "region_understanding",
    "image_understanding",
    "image_text_matching",
    "miscellaneous",
    "commonsense_reasoning",
]
"""The ten categories of MultiInstruct (Xu et al., ACL 2023, Figure 2)."""

Output = Literal["text", "option", "region", "regions", "region_option"]
Metric = Literal["accuracy", "rouge_l", "iou", "iou_accuracy"]


class TaskHead(BaseModel):
    """One task.

    Attributes:
        summary: one sentence, what is asked.
        category: one of the ten categories.
        origin: `existing` if a dataset already poses this task, `derived` if it is made from others.
        confidence: how sure `origin` is: the paper's own word, or reconstructed from its totals.
        role: `train` or `eval`.
        output: what a right answer is made of.
        metrics: how answers are scored.
        reference: the task's name in the published code, where it has one.
        balance: keep as many rows of either label in each split; the surplus is rejected.
        truncate: the slot that may lose its oldest words when a row is too long.
        extra: not one of the 62.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    summary: str = Field(min_length=1)
    category: Category
    origin: Literal["existing", "derived"]
    confidence: Literal["certain", "reconstructed"] = "reconstructed"
    role: Literal["train", "eval"]
    output: Output
    metrics: tuple[Metric, ...] = Field(min_length=1)
    reference: str | None = None
    balance: bool = False
    truncate: str | None = None
    extra: bool = False
