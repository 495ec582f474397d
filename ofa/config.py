"""What an OFA model is made of, and the five published sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Final, Literal

from schemas.errors import BuildError

BatchNorm = Literal["trained", "frozen"]


@dataclass(frozen=True)
class OFAConfig:
    """Sizes and training settings of one model; the defaults are what all published sizes share.

    Attributes:
        d_model: width of the states.
        encoder_layers, decoder_layers: number of layers.
        encoder_heads, decoder_heads: attention heads; each divides `d_model`.
        encoder_ffn, decoder_ffn: width inside the feed-forward blocks.
        resnet_layers: bottleneck blocks of the three stages of the image trunk.
        patch_image_size: side in pixels that pictures are squashed to for this size.
        vocabulary: rows of the tied token embedding.
        max_positions: longest text, on either side.
        token_buckets: distances below half of it have a bias of their own, longer ones share.
        image_grid: most patches along a side of the picture.
        attention_scale_factor: queries are scaled by (head width times this) ** -0.5.
        code_image_size: side in pixels of a picture that is written as image codes.
        entangled_positions: position embeddings are also added to the embeddings of text and patches, on
            both sides. The published sizes know positions from attention biases alone.
        pad, bos, eos: ids with a meaning of their own.
        dropout, attention_dropout, activation_dropout: rates while training.
        encoder_drop_path, decoder_drop_path, resnet_drop_path: rate of the last layer; it grows
            linearly from 0 and drops whole rows of a batch.
        batch_norm: `trained` uses the statistics of the batch while training, `frozen` never.
        gradient_checkpointing: recompute layers in the backward pass instead of keeping them.
    """

    d_model: int
    encoder_layers: int
    decoder_layers: int
    encoder_heads: int
    decoder_heads: int
    encoder_ffn: int
    decoder_ffn: int
    resnet_layers: tuple[int, int, int]
    patch_image_size: int = 480
    vocabulary: int = 59_457
    max_positions: int = 1_024
    token_buckets: int = 256
    image_grid: int = 42
    attention_scale_factor: float = 2.0
    code_image_size: int = 128
    entangled_positions: bool = False
    pad: int = 1
    bos: int = 0
    eos: int = 2
    dropout: float = 0.1
    attention_dropout: float = 0.0
    activation_dropout: float = 0.0
    encoder_drop_path: float = 0.0
    decoder_drop_path: float = 0.0
    resnet_drop_path: float = 0.0
    batch_norm: BatchNorm = "trained"
    gradient_checkpointing: bool = False

    def __post_init__(self) -> None:
        for side, heads in (("encoder", self.encoder_heads), ("decoder", self.decoder_heads)):
            if heads < 1 or self.d_model % heads:
                raise BuildError(
                    f"the {side}'s heads do not divide the width of the model",
                    where="OFAConfig",
                    got=f"{heads} heads, width {self.d_model}",
                    expected="a number of heads that divides the width",
                )

    def to_json(self) -> dict[str, Any]:
        """Its fields as JSON values."""
        return asdict(self) | {"resnet_layers": list(self.resnet_layers)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> OFAConfig:
        """The inverse of `to_json`.

        Raises:
            BuildError: a field is unknown or missing.
        """
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(values) - known)
        try:
            if unknown:
                raise TypeError(f"unknown fields: {', '.join(unknown)}")
            return cls(**{**values, "resnet_layers": tuple(values.get("resnet_layers", ()))})
        except TypeError as error:
            raise BuildError("not the configuration of an OFA model", where="OFAConfig", got=error) from error


def _size(
    width: int,
    layers: tuple[int, int],
    heads: int,
    resnet_layers: tuple[int, int, int],
    patch_image_size: int,
) -> OFAConfig:
    return OFAConfig(
        d_model=width,
        encoder_layers=layers[0],
        decoder_layers=layers[1],
        encoder_heads=heads,
        decoder_heads=heads,
        encoder_ffn=4 * width,
        decoder_ffn=4 * width,
        resnet_layers=resnet_layers,
        patch_image_size=patch_image_size,
    )


SIZES: Final[Mapping[str, OFAConfig]] = MappingProxyType(
    {
        "tiny": _size(256, (4, 4), 4, (3, 4, 6), 256),
        "medium": _size(512, (4, 4), 8, (3, 4, 23), 256),
        "base": _size(768, (6, 6), 12, (3, 4, 23), 384),
        "large": _size(1024, (12, 12), 16, (3, 8, 36), 480),
        "huge": _size(1280, (24, 12), 16, (3, 8, 36), 480),
    }
)
"""The published sizes (OFA paper, table of model sizes, and the model cards for the picture sizes)."""


def size(name: str, **settings: Any) -> OFAConfig:
    """The published size `name`, with settings changed by field name.

    Raises:
        BuildError: there is no such size.
    """
    if name not in SIZES:
        raise BuildError("no such size of OFA", got=name, expected=", ".join(SIZES))
    return replace(SIZES[name], **settings)
