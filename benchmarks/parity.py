"""Is our model the reference model? Compares it with a fixture that the reference code wrote.

    python -m benchmarks.parity ../shared/vectors/ofa_parity_tiny.pt
    python -m benchmarks.parity ../shared/vectors/vqgan_parity.pt

Prints the largest absolute difference of each case and exits 1 if one is beyond its tolerance.

The fixtures' attention is sharp on purpose: a difference in the last bit of one product of matrices
grows a hundredfold on its way to the logits. So OFA is run twice:

    double precision   what the model computes, the same on every processor; what it differs by from a
                       fixture is what the reference's own single precision has rounded away
    as it is used      single precision, with the kernels that PyTorch chooses

The first is held to little more than what the shared fixture shows: its logits lie 7.7e-5 from those of
double precision without pictures and 1.7e-4 with them. The second is held to the note's tolerance for
pictures in all cases. The note's own 1e-5 without pictures asks for the reference's last bits, which no
other processor has: on one, six choices of matrix kernels give logits that are 5e-5 to 1.8e-4 off.
The note says nothing of the loss, of gradients and of scores of beams: the loss a token and the scores are
held to the tolerance for pictures.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ofa import vqgan, weights
from ofa.codes import pictures_of
from ofa.config import OFAConfig
from ofa.generate import Search, generate
from ofa.model import OFA
from ofa.positions import code_positions, image_buckets, token_buckets
from schemas.errors import BuildError

TOLERANCE = 2e-3
"""Of logits and encoder states in single precision, where the note does not say otherwise."""

TEXT_ROUNDING, IMAGE_ROUNDING = 1e-4, 2e-4
"""Of the same in double precision: how far the reference's own rounding takes it. The note gives none."""

GRADIENT_TOLERANCE = 1e-3
"""Of gradient norms, relative to their size. The note gives none."""

GRADIENT_FLOOR = 1e-4
"""Absolute differences below it are rounding: the bias of keys has gradient 0 in exact arithmetic."""

EXACT = "double precision"
USED = "as it is used"


class Result(NamedTuple):
    """One comparison: the largest difference that was found, and the largest that is allowed."""

    case: str
    what: str
    difference: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Not NaN, and within the tolerance."""
        return self.difference <= self.tolerance

    def __str__(self) -> str:
        mark = "ok" if self.passed else "FAIL"
        return f"{mark:<4}  {self.case:<28} {self.what:<42} {self.difference:9.2e}  of {self.tolerance:.0e}"


def main(arguments: list[str] | None = None) -> int:
    """Runs the comparisons of one fixture; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.parity", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("fixture", type=Path, metavar="FILE.pt")
    path = parser.parse_args(arguments).fixture
    torch.set_num_threads(1)
    try:
        fixture = _read(path)
        results = list(vqgan_results(fixture) if "cases" in fixture else ofa_results(fixture))
    except BuildError as error:
        print(error)
        return 1
    except KeyError as error:
        print(f"{path} is no fixture of the known layouts: it lacks {error}")
        return 1
    for result in results:
        print(result)
    failed = sum(not result.passed for result in results)
    print(f"{len(results) - failed} of {len(results)} comparisons within tolerance")
    return 1 if failed or not results else 0


def _read(path: Path) -> Mapping[str, Any]:
    try:
        fixture = torch.load(path, weights_only=True)
    except Exception as error:  # a damaged file may raise anything at all
        raise BuildError("no fixture can be read", where=path, got=error) from error
    if not isinstance(fixture, Mapping):
        raise BuildError("this is no fixture", where=path, got=type(fixture).__name__)
    return fixture


def ofa_results(fixture: Mapping[str, Any]) -> Iterator[Result]:
    """Everything that a fixture of the layout of `ofa_parity_tiny.pt` holds."""
    config = ofa_config(fixture["config"])
    # Loaded under fairseq's names: the key map is compared as well.
    names = fixture["fairseq_key_of"]
    state = {names[name]: tensor for name, tensor in fixture["state_dict"].items()}
    exact, used = weights.model_of(state, config).eval().double(), weights.model_of(state, config).eval()
    yield from _buckets(fixture["buffers_sha256_int64"], config)
    for run, model in ((EXACT, exact), (USED, used)):
        yield from _features(fixture, model, run)
        for case in fixture["outputs"]:
            if case != "resnet_features":
                yield from _outputs(fixture, model, case, run)
    yield from _loss(fixture, exact)
    yield from _searches(fixture, used)


def ofa_config(given: Mapping[str, Any]) -> OFAConfig:
    """The configuration that a fixture names with the Hugging Face port's words.

    Raises:
        BuildError: the fixture is of a variant that is not built here.
    """
    fixed = {
        "activation": "gelu",
        "normformer": True,
        "add_type_embedding": True,
        "layernorm_embedding": True,
        "patch_layernorm_embedding": True,
        "code_layernorm_embedding": True,
        "scale_embedding": False,
        "entangle_position_embedding": False,
    }
    other = {key: given[key] for key, value in fixed.items() if given.get(key, value) != value}
    if other:
        raise BuildError("a variant of OFA that is not built here", where="config", got=other, expected=fixed)
    first, second, third = given["resnet_layers"]
    return OFAConfig(
        d_model=given["d_model"],
        encoder_layers=given["encoder_layers"],
        decoder_layers=given["decoder_layers"],
        encoder_heads=given["encoder_attention_heads"],
        decoder_heads=given["decoder_attention_heads"],
        encoder_ffn=given["encoder_ffn_dim"],
        decoder_ffn=given["decoder_ffn_dim"],
        resnet_layers=(first, second, third),
        vocabulary=given["vocab_size"],
        max_positions=given["max_position_embeddings"],
        token_buckets=given["token_bucket_size"],
        image_grid=given["image_bucket_size"],
        attention_scale_factor=given["attn_scale_factor"],
        code_image_size=given["code_image_size"],
        pad=given["pad"],
        bos=given["bos"],
        eos=given["eos"],
    )


def _buckets(expected: Mapping[str, str], config: OFAConfig) -> Iterator[Result]:
    codes = code_positions(config.code_image_size, config.image_grid)
    tables = {
        "token_rp_bucket": token_buckets(config.token_buckets),
        "image_rp_bucket": image_buckets(config.image_grid),
        # fairseq's has one more row of its tail.
        "fairseq decoder.image_position_idx": torch.cat([codes, codes[-1:]]),
        "hf decoder.image_position_idx": codes,
    }
    for name, digest in expected.items():
        table = tables[name.split("(")[0]]
        same = sha256(table.numpy().astype("<i8").tobytes()).hexdigest() == digest
        yield Result("positions", name, 0.0 if same else 1.0, 0.0)


def _features(fixture: Mapping[str, Any], model: OFA, run: str) -> Iterator[Result]:
    with torch.no_grad():
        features = model.encoder.embed_images(_like(fixture["inputs"]["patch_images"], model))
    difference = _largest(features - fixture["outputs"]["resnet_features"])
    yield Result("image trunk", f"features, {run}", difference, _noted(fixture))


def _like(levels: Tensor, model: OFA) -> Tensor:
    """In the precision of the model."""
    return levels.to(model.encoder.embed_tokens.weight.dtype)


def _noted(fixture: Mapping[str, Any]) -> float:
    """The note's tolerance for pictures."""
    found = re.search(r"image cases (\d[\d.e-]*\d)", fixture["note"])
    return float(found[1]) if found else TOLERANCE


def _source(fixture: Mapping[str, Any], case: str, model: OFA) -> dict[str, Any]:
    inputs = fixture["inputs"]
    source = {"source": inputs["src_tokens"]}
    if case != "text_only":
        mask = "patch_masks_one_masked" if "one_masked" in case else "patch_masks_all"
        source |= {"pictures": _like(inputs["patch_images"], model), "has_picture": inputs[mask]}
    return source


def _outputs(fixture: Mapping[str, Any], model: OFA, case: str, run: str) -> Iterator[Result]:
    expected = fixture["outputs"][case]
    source = _source(fixture, case, model)
    targets = fixture["inputs"]["prev_output_tokens"]
    codes = torch.ones(targets.shape[0], dtype=torch.bool) if "code_masks" in case else None
    with torch.no_grad():
        encoded = model.encode(**source)
        logits = model(target_inputs=targets, writes_codes=codes, **source)
    read = ~expected["encoder_padding_mask"]
    written = targets != model.config.pad
    rounding = TEXT_ROUNDING if case == "text_only" else IMAGE_ROUNDING
    tolerance = rounding if run == EXACT else _noted(fixture)
    padding = (encoded.padding != expected["encoder_padding_mask"]).float()
    positions = encoded.positions - expected["position_embeddings"]
    yield Result(case, f"padding, {run}", _largest(padding), 0.0)
    yield Result(case, f"positions, {run}", _largest(positions), tolerance)
    states = (encoded.states - expected["encoder_out_BxTxC"])[read]
    yield Result(case, f"encoder output, {run}", _largest(states), tolerance)
    yield Result(case, f"logits, {run}", _largest((logits - expected["logits"])[written]), tolerance)


def _loss(fixture: Mapping[str, Any], model: OFA) -> Iterator[Result]:
    expected = fixture["label_smoothed_loss"]
    inputs = fixture["inputs"]
    sums = model.loss(
        target_inputs=inputs["prev_output_tokens"],
        targets=inputs["target"],
        **_source(fixture, "image_text_one_masked", model),
    )
    torch.autograd.backward(sums.loss)
    tolerance = _noted(fixture)
    yield Result("loss", "target tokens", abs(sums.tokens - expected["ntokens"]), 0)
    for what, value, wanted in (
        ("label-smoothed, a token", sums.loss, expected["loss_sum"]),
        ("negative log-likelihood, a token", sums.nll, expected["nll_sum"]),
    ):
        yield Result("loss", what, abs(value.item() - wanted) / sums.tokens, tolerance)
    yield from _gradients(expected, model)


def _gradients(expected: Mapping[str, Any], model: nn.Module) -> Iterator[Result]:
    norms = {
        name: 0.0 if parameter.grad is None else parameter.grad.norm().item()
        for name, parameter in model.named_parameters()
    }
    model.zero_grad()
    wanted: dict[str, float] = expected["grad_l2_norms"]
    without = set(expected["params_without_gradient"])
    differences = {name: abs(norms.get(name, math.nan) - norm) for name, norm in wanted.items()}
    relative = max(
        difference / max(wanted[name], GRADIENT_FLOOR / GRADIENT_TOLERANCE)
        for name, difference in differences.items()
    )
    absolute = GRADIENT_TOLERANCE * max(wanted.values())
    yield Result("loss", f"{len(wanted)} gradient norms, absolute", max(differences.values()), absolute)
    yield Result("loss", "gradient norms, relative", relative, GRADIENT_TOLERANCE)
    strangers = sum(name not in wanted and name not in without for name in norms)
    strangers += sum(norms[name] != 0.0 for name in without)
    yield Result("loss", f"{len(without)} parameters without gradient", strangers, 0)


def _searches(fixture: Mapping[str, Any], model: OFA) -> Iterator[Result]:
    eos = model.config.eos
    source = _source(fixture, "image_text", model)
    for case, expected in fixture["beam_search"].items():
        search = _search(expected["args"], source["source"].shape[1])
        found = generate(model, search=search, **source)
        ours = [[[*answer.tokens, eos] for answer in row] for row in found]
        theirs = [[answer["tokens"] for answer in row] for row in expected["hypos"]]
        yield Result(
            case, "rows whose tokens differ", sum(a != b for a, b in zip(ours, theirs, strict=True)), 0
        )
        scores = [
            abs(answer.score - wanted["score"])
            for row, wanted_row in zip(found, expected["hypos"], strict=True)
            for answer, wanted in zip(row, wanted_row, strict=False)
        ]
        yield Result(case, "scores", max(scores, default=math.inf), _noted(fixture))


def _search(given: Mapping[str, Any], source_length: int) -> Search:
    known = {"beam_size", "max_len_a", "max_len_b", "min_len", "normalize_scores", "len_penalty"}
    unknown = set(given) - known - {"no_repeat_ngram_size"}
    if unknown:
        raise BuildError("settings of a search that are not built here", got=sorted(unknown))
    return Search(
        beams=given.get("beam_size", 1),
        longest=int(given.get("max_len_a", 0) * source_length + given.get("max_len_b", 200)),
        shortest=given.get("min_len", 1),
        normalise=given.get("normalize_scores", True),
        length_penalty=given.get("len_penalty", 1.0),
        no_repeat_ngram=given.get("no_repeat_ngram_size", 0),
    )


def vqgan_results(fixture: Mapping[str, Any]) -> Iterator[Result]:
    """Everything that a fixture of the layout of `vqgan_parity.pt` holds."""
    model = vqgan.model_of(fixture["state_dict"])
    for case, expected in fixture["cases"].items():
        picture = expected["image_u8"].permute(2, 0, 1)[None].float() / 255 * 2 - 1
        logits = model.logits(picture)[0]
        codes = expected["codes"].long()
        yield Result(case, "codes that differ", int((logits.argmax(0) != codes).sum()), 0)
        decoded = model.decode(codes[None])[0]
        tolerance = 5e-5 if expected["dec"].dtype == torch.float32 else 2e-3
        yield Result(case, "decoded", _largest(decoded - expected["dec"].float()), tolerance)
        if codes.shape[0] == codes.shape[1]:
            levels = pictures_of(model, codes.view(1, -1))[0].int() - expected["dec_u8"].int()
            yield Result(case, "decoded levels", _largest(levels), 1)
        if "logits" in expected:
            yield Result(case, "logits", _largest(logits - expected["logits"]), 1e-3)
        if "quant_conv_out" in expected:
            states = model.states(picture)[0] - expected["quant_conv_out"]
            yield Result(case, "states before quantisation", _largest(states), 5e-4)
        if "gumbel_noise" in expected:
            drawn = (logits + expected["gumbel_noise"].float()).argmax(0)
            yield Result(case, "drawn codes that differ", int((drawn != expected["sampled_codes"]).sum()), 0)


def _largest(difference: Tensor) -> float:
    return difference.detach().abs().max().item()


if __name__ == "__main__":
    sys.exit(main())
