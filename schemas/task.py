"""What a task declares about itself in the TOML head of its SQL file."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

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
    "language",
]
"""The ten categories of MultiInstruct (Xu et al., ACL 2023, Figure 2), and `language` for tasks without any
picture, which are none of the 62."""

Output = Literal["text", "option", "region", "regions", "region_option", "image"]
Metric = Literal["accuracy", "rouge_l", "iou", "iou_accuracy"]


class TaskHead(BaseModel):
    """One task.

    Attributes:
        summary: one sentence, what is asked.
        category: one of the ten categories, or `language`.
        origin: `existing` if a dataset already poses this task, `derived` if it is made from others.
        confidence: how sure `origin` is: the paper's own word, or reconstructed from its totals.
        role: `train` or `eval`.
        output: what a right answer is made of.
        metrics: how answers are scored; pictures are not.
        blank: the picture is shown with its `<region_0>` grey, which is the part that is asked for.
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
    metrics: tuple[Metric, ...]
    blank: bool = False
    reference: str | None = None
    balance: bool = False
    truncate: str | None = None
    extra: bool = False

    @model_validator(mode="after")
    def _is_consistent(self) -> TaskHead:
        if bool(self.metrics) == (self.output == "image"):
            raise ValueError("answers are scored by at least one metric, pictures by none")
        if self.blank and self.output != "image":
            raise ValueError("a part of the picture is blanked only where it is the answer")
        return self
