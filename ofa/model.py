"""OFA: one sequence-to-sequence model for pictures and text (Wang et al. 2022).

Structure after OFA-Sys/OFA `unify_transformer.py` with `--disable-entangle`; names of parameters
and buffers are those of the Hugging Face port, so that its checkpoints load as they are.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ofa.config import OFAConfig
from ofa.decoder import Decoder
from ofa.encoder import Encoded, Encoder, picture_grid
from ofa.loss import LossSums, label_smoothed
from ofa.positions import TOKEN_SPAN
from ofa.resnet import ResNet
from schemas.errors import BuildError

INIT_STD = 0.02


class OFA(nn.Module):
    """Encoder and decoder with one token embedding, initialised from scratch by `torch`'s generator.

    Args:
        init_std: of the weights of linear layers and embeddings.
    """

    def __init__(self, config: OFAConfig, init_std: float = INIT_STD) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config, self.encoder.embed_tokens)
        _initialise(self, init_std)

    def tie(self) -> None:
        """Makes the output projection the token embedding again, after a parameter was replaced."""
        self.decoder.output_projection.weight = self.encoder.embed_tokens.weight

    def forward(
        self,
        source: Tensor,
        target_inputs: Tensor,
        pictures: Tensor | None = None,
        has_picture: Tensor | None = None,
        writes_codes: Tensor | None = None,
    ) -> Tensor:
        """Logits (rows, target length, vocabulary) of each next token.

        Args:
            source: int64 (rows, source length), padded on the right.
            target_inputs: int64 (rows, target length), `<s>` and then the target, padded on the right.
            pictures: (rows, 3, height, width) in [-1, 1], one for each row.
            has_picture: bool (rows,); absent means that all rows of `pictures` count.
            writes_codes: bool (rows,), rows whose target is image codes; absent means none.

        Raises:
            BuildError: an input is too long, too large, or of the wrong shape.
        """
        return self.decoder.logits(
            self.target_states(source, target_inputs, pictures, has_picture, writes_codes)
        )

    def target_states(
        self,
        source: Tensor,
        target_inputs: Tensor,
        pictures: Tensor | None = None,
        has_picture: Tensor | None = None,
        writes_codes: Tensor | None = None,
    ) -> Tensor:
        """As `forward`, but the states (rows, target length, width) before the output projection.

        A loss projects only those that have a target: the vocabulary is wide.
        """
        self.check_target(target_inputs.shape[1], some_codes=writes_codes is not None)
        encoded = self.encode(source, pictures, has_picture)
        states: Tensor = self.decoder(target_inputs, encoded, writes_codes)
        return states

    def loss(
        self,
        source: Tensor,
        target_inputs: Tensor,
        targets: Tensor,
        pictures: Tensor | None = None,
        has_picture: Tensor | None = None,
        writes_codes: Tensor | None = None,
        smoothing: float = 0.1,
    ) -> LossSums:
        """Label-smoothed loss summed over the targets that are not padding.

        Args:
            targets: int64 (rows, target length), `target_inputs` one step ahead.
            smoothing: probability that is spread over the whole vocabulary.
        Other arguments and errors as in `forward`.
        """
        states = self.target_states(source, target_inputs, pictures, has_picture, writes_codes)
        wanted = targets != self.config.pad
        return label_smoothed(self.decoder.logits(states[wanted]), targets[wanted], smoothing)

    def encode(
        self, source: Tensor, pictures: Tensor | None = None, has_picture: Tensor | None = None
    ) -> Encoded:
        """The source as the decoder reads it; arguments and errors as in `forward`."""
        _check_text("source", source.shape[1], self.config)
        if pictures is not None:
            _check_pictures(pictures, source.shape[0], self.config)
        encoded: Encoded = self.encoder(source, pictures, has_picture)
        return encoded

    def check_target(self, length: int, some_codes: bool) -> None:
        """Raises BuildError if targets of `length` ids, `<s>` counted, are too long."""
        _check_text("target", length, self.config)
        steps = self.decoder.image_position_idx.shape[0]
        if some_codes and length > steps:
            raise BuildError("too many image codes in a target", got=length, expected=f"at most {steps}")

    def compile_layers(self) -> None:
        """Compiles the layers of both sides in place; names of parameters stay as they are.

        Worth it for training only. On one CPU core (OFA-base, 384 pixels, 2 rows) a step took 5 %
        less in fp32 and 13 % less in bf16, after 40 s of compiling; a forward pass no less.
        """
        for layer in [*self.encoder.layers, *self.decoder.layers]:
            layer.compile(dynamic=True)


def _check_text(side: str, length: int, config: OFAConfig) -> None:
    limit = min(config.max_positions, TOKEN_SPAN)
    if length > limit:
        raise BuildError(
            f"a {side} is longer than the model's position table",
            got=f"{length} ids",
            expected=f"at most {limit}",
            next_step="shorten the text slots of the instance, or leave it out",
        )


def _check_pictures(pictures: Tensor, rows: int, config: OFAConfig) -> None:
    if pictures.dim() == 5 or (pictures.dim() == 4 and pictures.shape[1] == 6):
        count = pictures.shape[1] if pictures.dim() == 5 else 2
        raise BuildError(
            "OFA reads one picture a row: its type embedding has no place for a second",
            got=f"{count} pictures a row",
            expected="pictures of shape (rows, 3, height, width)",
            next_step="join the pictures of an instance into one",
        )
    if pictures.dim() != 4 or pictures.shape[1] != 3 or pictures.shape[0] != rows:
        raise BuildError(
            "pictures do not go with the source",
            got=f"shape {tuple(pictures.shape)} for {rows} rows",
            expected=f"({rows}, 3, height, width)",
        )
    grid = picture_grid(pictures)
    if max(grid) > config.image_grid:
        raise BuildError(
            "a picture has more patches than the model's position table",
            got=f"{grid.height} x {grid.width} patches of 16 pixels",
            expected=f"at most {config.image_grid} along a side",
            next_step=f"squash pictures to {config.patch_image_size} pixels a side",
        )


@torch.no_grad()
def _initialise(model: OFA, init_std: float) -> None:
    """BERT's initialisation; He's in the image trunk (OFA `init_bert_params` and `resnet.py`)."""
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            module.weight.normal_(0.0, init_std)
            if isinstance(module, nn.Linear) and module.bias is not None:
                module.bias.zero_()
        elif isinstance(module, ResNet):
            for conv in module.modules():
                if isinstance(conv, nn.Conv2d):
                    fan_out = conv.out_channels * math.prod(conv.kernel_size)
                    conv.weight.normal_(0.0, math.sqrt(2.0 / fan_out))
    # Last: as output projection the embedding has been drawn a second time.
    model.encoder.embed_tokens.weight[model.config.pad].zero_()
