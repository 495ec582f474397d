"""What computing position biases once, fused attention and a cache are worth.

    python -m benchmarks.step                 # OFA-base at 384 pixels
    python -m benchmarks.step --device cuda --bfloat16 --size large --rows 16

Times a forward pass, a training step (forward, loss, backward and the norm of the gradient; no
optimiser) and greedy generation of the same model with the same weights, against the straightforward
formulation in the same run, turn by turn: biases gathered for every layer and row, attention as
products and a softmax, and generation that decodes the whole prefix anew for each id. The outputs of
both are compared as well: logits; loss and norm; ids.

`share` is the rate of a step's multiplications and additions, as PyTorch's counter counts those of
the straightforward formulation, over the rate of a large product of matrices measured here.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from ofa import bias, config
from ofa.attention import Attention
from ofa.generate import Search, generate
from ofa.model import OFA

MATRIX = {"cpu": 2_048, "cuda": 8_192}
"""Side of the square matrices whose product gives the rate of the machine."""


class Batch(NamedTuple):
    """One batch of random ids and pictures; the last row is shorter than the others."""

    source: Tensor
    target_inputs: Tensor
    targets: Tensor
    pictures: Tensor


def main(arguments: list[str] | None = None) -> None:
    """Prints one line a measurement."""
    options = _options(arguments)
    device = torch.device(options.device)
    torch.manual_seed(0)
    settings = config.size(options.size, dropout=0.0)
    model = OFA(settings).to(device)
    batch = _batch(options, settings, device)
    print(
        f"OFA-{options.size}, {settings.patch_image_size} pixels, {options.rows} rows, "
        f"{options.source} ids in, {options.target} out, {'bf16' if options.bfloat16 else 'fp32'}, "
        f"{device}, {torch.get_num_threads()} threads, median of {options.repeats}"
    )
    precision = torch.autocast(device.type, torch.bfloat16, enabled=options.bfloat16)
    measurements: dict[str, Callable[[], Tensor]] = {
        "forward": lambda: _forward(model, batch),
        "step": lambda: _step(model, batch),
        "generation": lambda: _generate(model, batch, options.target),
    }
    with precision:
        with straightforward(options.rows), FlopCounterMode(display=False) as counter:
            _step(model, batch)
        for name, run in measurements.items():
            ours, theirs, difference = _compare(run, name, options, batch, model)
            tokens = batch.source.numel() + batch.target_inputs.numel()
            line = f"{name:<11} {ours:8.3f} s, straightforward {theirs:8.3f} s, ratio {theirs / ours:5.2f}"
            line += f", difference {difference:.1e}, {tokens / ours:,.0f} ids/s"
            if name == "step":
                line += _cost(counter.get_total_flops(), ours, device, options.bfloat16)
                line += _memory(run, device)
            print(line)


def _cost(operations: int, seconds: float, device: torch.device, bfloat16: bool) -> str:
    """A step's operations, and their rate as a share of the machine's."""
    rate = _matrix_rate(device, torch.bfloat16 if bfloat16 else torch.float32)
    share = f"{operations / seconds / rate:.0%} of {rate / 1e9:,.0f} GFLOP/s"
    return f", {operations / 1e9:,.0f} GFLOP, share {share}"


def _memory(run: Callable[[], Tensor], device: torch.device) -> str:
    """What our step takes at its peak, where the device counts it."""
    if device.type != "cuda":
        return ""
    torch.cuda.reset_peak_memory_stats()
    run()
    return f", {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB"


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.step", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--size", default="base", choices=sorted(config.SIZES))
    parser.add_argument("--rows", type=int, default=4)
    parser.add_argument("--source", type=int, default=64, help="ids of the source")
    parser.add_argument("--target", type=int, default=32, help="ids of the target, and of a generated answer")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--bfloat16", action="store_true")
    return parser.parse_args(arguments)


def _batch(options: argparse.Namespace, settings: config.OFAConfig, device: torch.device) -> Batch:
    source = torch.randint(4, settings.vocabulary, (options.rows, options.source))
    source[-1, options.source // 2 :] = settings.pad
    written = torch.randint(4, settings.vocabulary, (options.rows, options.target))
    inputs = torch.cat([torch.full((options.rows, 1), settings.bos), written[:, :-1]], dim=1)
    side = settings.patch_image_size
    pictures = torch.rand(options.rows, 3, side, side) * 2 - 1
    return Batch(*(tensor.to(device) for tensor in (source, inputs, written, pictures)))


def _forward(model: OFA, batch: Batch) -> Tensor:
    model.eval()
    with torch.no_grad():
        logits: Tensor = model(batch.source, batch.target_inputs, batch.pictures)
    return logits


def _step(model: OFA, batch: Batch) -> Tensor:
    model.train()
    model.zero_grad()
    sums = model.loss(batch.source, batch.target_inputs, batch.targets, batch.pictures)
    torch.autograd.backward(sums.loss / sums.tokens)
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    return torch.stack([sums.loss.detach() / sums.tokens, nn.utils.get_total_norm(gradients)])


def _generate(model: OFA, batch: Batch, longest: int) -> Tensor:
    model.eval()
    # Random weights may end an answer at once; what is timed is an answer of full length.
    search = Search(beams=1, longest=longest, shortest=longest)
    answers = generate(model, batch.source, batch.pictures, search=search)
    return torch.tensor([row[0].tokens for row in answers])


@torch.no_grad()
def generate_anew(model: OFA, batch: Batch, longest: int) -> Tensor:
    """Greedy answers of `longest` ids, decoding the whole prefix for each of them."""
    model.eval()
    encoded = model.encode(batch.source, batch.pictures)
    written = batch.target_inputs[:, :1]
    for _ in range(longest):
        logits = model.decoder.logits(model.decoder(written, encoded))[:, -1]
        logits[:, [model.config.pad, model.config.eos]] = -torch.inf
        written = torch.cat([written, logits.argmax(-1, keepdim=True)], dim=1)
    return written[:, 1:].cpu()


def _compare(
    run: Callable[[], Tensor], name: str, options: argparse.Namespace, batch: Batch, model: OFA
) -> tuple[float, float, float]:
    """Median seconds of ours and of the straightforward formulation, and how far the outputs lie apart."""

    def theirs() -> Tensor:
        with straightforward(options.rows):
            return generate_anew(model, batch, options.target) if name == "generation" else run()

    difference = (run().float() - theirs().float()).abs().max().item()
    seconds = [
        (_seconds(run, options.device), _seconds(theirs, options.device)) for _ in range(options.repeats)
    ]
    ours, straight = zip(*seconds, strict=True)
    return statistics.median(ours), statistics.median(straight), difference


def _seconds(run: Callable[[], Any], device: str) -> float:
    _wait(device)
    start = time.perf_counter()
    run()
    _wait(device)
    return time.perf_counter() - start


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def _matrix_rate(device: torch.device, kind: torch.dtype) -> float:
    """Multiplications and additions a second of a product of large square matrices: the best of five."""
    side = MATRIX[device.type]
    one, other = (torch.randn(side, side, device=device, dtype=kind) for _ in range(2))
    return 2 * side**3 / min(_seconds(lambda: one @ other, device.type) for _ in range(5))


@contextmanager
def straightforward(rows: int) -> Iterator[None]:
    """Makes every OFA model compute as the reference does, for batches of `rows`."""

    def absolute(queries: Tensor, keys: Tensor, *others: Any) -> Tensor:
        return bias.absolute_bias(queries.expand(rows, -1, -1), keys.expand(rows, -1, -1), *others)

    def layers(
        common: Tensor, blocks: Sequence[tuple[slice, nn.ModuleList, Tensor]], kind: torch.dtype
    ) -> Iterator[Tensor]:
        for layer in range(len(blocks[0][1])):
            whole = common.clone()
            for place, tables, buckets in blocks:
                gathered = functional.embedding(buckets.expand(rows, -1, -1), tables[layer].weight)  # type: ignore[arg-type]
                whole[:, :, place, place] += gathered.permute(0, 3, 1, 2)
            yield whole.to(kind)

    def attend(self: Attention, queries: Tensor, keys: Tensor, values: Tensor, added: Tensor) -> Tensor:
        logits = self.split(self.q_proj(queries) * self.scale) @ keys.transpose(-1, -2) + added
        mixed = logits.softmax(-1, dtype=torch.float32).to(values.dtype) @ values
        mixed = mixed * self.c_attn[:, None, None].to(mixed.dtype)
        projected: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        return projected

    with ExitStack() as changes:
        for module in ("ofa.encoder", "ofa.decoder"):
            changes.enter_context(patch(f"{module}.absolute_bias", absolute))
            changes.enter_context(patch(f"{module}.layer_biases", layers))
        changes.enter_context(patch.object(bias.Kept, "get", lambda _self, _key, _parameters, make: make()))
        changes.enter_context(patch.object(Attention, "attend", attend))
        yield


if __name__ == "__main__":
    main()
