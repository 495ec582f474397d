"""A fine-tuning run: how a model is trained, on which rows, and what each update of it says."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

Size = Literal["tiny", "medium", "base", "large", "huge"]
Precision = Literal["fp32", "bf16", "fp16"]

TRAINING: Final = "training.json"
METRICS: Final = "metrics.jsonl"
TRAINED: Final = "trained.json"
ENDED: Final = ".ended.json"
"""Why a process of several has ended before its run did."""

STOP: Final = ".stop"
"""Whoever puts a file of this name into a run's folder asks it to stop after the update that it is at."""

AVERAGED: Final = "average.safetensors"
"""Averaged weights, beside `model.safetensors`."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Shape(_Part):
    """A model that is none of the published sizes; its vocabulary is that of the shards.

    Attributes:
        width: of the states.
        encoder_layers, decoder_layers: number of layers.
        heads: attention heads of either side; they divide the width.
        ffn: width inside the feed-forward blocks.
        resnet_layers: bottleneck blocks of the three stages of the image trunk.
        picture_side: pixels on a side that pictures are squashed to.
        positions: longest text in ids, on either side.
        entangled_positions: position embeddings are added to those of text and patches as well (OFA without
            `--disable-entangle`). The published sizes have them in attention biases alone.
        init_std: standard deviation of drawn weights. Where a narrow model begins with the 0.02 of the
            published sizes, the first updates add the same to all embeddings, and tell them apart no more.
    """

    width: int = Field(gt=0)
    encoder_layers: int = Field(gt=0)
    decoder_layers: int = Field(gt=0)
    heads: int = Field(gt=0)
    ffn: int = Field(gt=0)
    resnet_layers: tuple[int, int, int]
    picture_side: int = Field(ge=16, le=672)
    positions: int = Field(default=1_024, gt=0, le=1_024)
    entangled_positions: bool = False
    init_std: float = Field(default=0.02, gt=0)

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"{self.heads} heads do not divide a width of {self.width}")
        return self


class Recipe(_Part):
    """`ofa/recipes/<name>.toml`: everything that decides what is learnt from given rows.

    Attributes:
        summary: one sentence, what it is for and where its numbers are from.
        mixture: the mixture that it is meant for.
        size: published size of the model, if it is one.
        shape: of the model, if it is none of the published sizes.
        from_scratch: begin with drawn weights where no checkpoint is named.
        epochs: passes over the rows of each stage.
        rows: of one update, over all processes and accumulation.
        learning_rate: the highest, after warm-up.
        final_learning_rate: of the last update; the rate falls to it on a straight line.
        warmup: share of the updates of a stage over which the rate rises to the highest.
        betas, epsilon, weight_decay: of AdamW; the decay is decoupled, and of every parameter (fairseq Adam).
        clip_norm: the gradient is scaled down to this length; 0 leaves it as it is.
        smoothing: see `ofa.loss.label_smoothed`.
        dropout: of states.
        drop_path: rate of the last layer of encoder and decoder.
        batch_norm: whether the image trunk's batch norms are trained.
        freeze_embeddings: leave the token embedding, and with it the output projection, as it is.
        average: decay of the moving average of the weights that is stored beside them; 0 stores none.
        precision: of the products of matrices; the weights are kept in fp32 always.
        gradient_checkpointing: compute layers again in the backward pass instead of keeping them.
        save_every: updates between two checkpoints; there is one at the end of each epoch, too.
    """

    summary: str = Field(min_length=1)
    mixture: str = Field(min_length=1)
    size: Size | None = None
    shape: Shape | None = None
    from_scratch: bool = False
    epochs: int = Field(gt=0)
    rows: int = Field(gt=0)
    learning_rate: float = Field(gt=0)
    final_learning_rate: float = Field(default=0.0, ge=0)
    warmup: float = Field(default=0.0, ge=0, lt=1)
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = Field(default=1e-8, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    clip_norm: float = Field(default=1.0, ge=0)
    smoothing: float = Field(default=0.1, ge=0, lt=1)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    drop_path: float = Field(default=0.0, ge=0, lt=1)
    batch_norm: Literal["trained", "frozen"] = "trained"
    freeze_embeddings: bool = False
    average: float = Field(default=0.0, ge=0, lt=1)
    precision: Precision = "fp32"
    gradient_checkpointing: bool = False
    save_every: int = Field(default=500, gt=0)

    @model_validator(mode="after")
    def _one_model(self) -> Self:
        if (self.size is None) == (self.shape is None):
            raise ValueError("a recipe names either a published size or a shape")
        return self

    @model_validator(mode="after")
    def _rates_fall(self) -> Self:
        if self.final_learning_rate > self.learning_rate:
            raise ValueError("the final learning rate is above the highest")
        return self


class TrainedStage(_Part):
    """Some tasks that are trained on together, before the next stage.

    Attributes:
        tasks: rows of each, by name.
        updates: how many it takes, over all epochs.
        blind: black pictures are shown in place of theirs.
    """

    name: str
    tasks: dict[str, int]
    updates: int = Field(gt=0)
    blind: bool = False

    @property
    def rows(self) -> int:
        """Rows of an epoch."""
        return sum(self.tasks.values())


class Training(_Part):
    """`training.json`: what a run trains, written before its first update. Other settings are another run.

    Attributes:
        name: of the run and its folder.
        build: id of the build whose shards are read.
        mixture: name of the mixture.
        collection: folder of the shards, as seen from the lake.
        start: name and sha256 of the weights that the run begins with; None for drawn ones.
        blind: black pictures are shown in place of all, as a control.
        seed: of every draw: weights, order, instructions, dropout.
        stages: in order.
    """

    format: Literal["multiinstruct-training-1"] = "multiinstruct-training-1"
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")
    build: str
    mixture: str
    collection: str
    recipe: Recipe
    start: str | None
    blind: bool = False
    seed: int = Field(default=0, ge=0)
    stages: tuple[TrainedStage, ...] = Field(min_length=1)

    @property
    def updates(self) -> int:
        """Updates of all stages."""
        return sum(stage.updates for stage in self.stages)


class Update(_Part):
    """A line of `metrics.jsonl`: one update, over all processes.

    Attributes:
        kind: tells the line from others.
        update: its number, from 1, over all stages.
        stage: name of the stage.
        epoch: of the stage, from 1.
        loss: with label smoothing, of a target id.
        nll: without, in nats of a target id.
        rows, ids: instances, and ids of their sources and targets without padding.
        learning_rate: that it was made with.
        gradient: length of the gradient before it was clipped; None where fp16 overflowed and nothing
            was learnt.
        seconds: that it took, of which `waited` for data.
    """

    kind: Literal["update"] = "update"
    update: int
    stage: str
    epoch: int
    loss: float
    nll: float
    rows: int
    ids: int
    learning_rate: float
    gradient: float | None
    seconds: float
    waited: float


class Validated(_Part):
    """A line of `metrics.jsonl`: what the weights at the end of an epoch make of validation rows.

    Attributes:
        update: the last update before it.
        nll: of a target id, in nats.
        rows: how many, the same ones always.
    """

    kind: Literal["validation"] = "validation"
    update: int
    stage: str
    epoch: int
    nll: float
    rows: int


LINE: Final[TypeAdapter[Update | Validated]] = TypeAdapter(
    Annotated[Update | Validated, Field(discriminator="kind")]
)
"""Reads a line of `metrics.jsonl`."""


class Trained(_Part):
    """`trained.json`: how a run ended. Written last.

    Attributes:
        files: sha256 of each file of weights, by name.
        peak_memory: bytes, of the GPU where there is one, of the process otherwise; the largest process.
        processes: that took part in the last part of the run.
        device: that they ran on.
    """

    format: Literal["multiinstruct-trained-1"] = "multiinstruct-trained-1"
    updates: int
    files: dict[str, str]
    peak_memory: int
    processes: int
    device: str


class Ended(_Part):
    """`.ended.json`: why a process could not go on, and the exit code that says so."""

    why: str
    code: int
