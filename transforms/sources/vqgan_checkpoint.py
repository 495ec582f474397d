"""The weights that write pictures as OFA's image codes. They fill no table.

A build never fetches them by itself; `multiinstruct build --source vqgan_checkpoint` does.
"""

from __future__ import annotations

from typing import Final

from schemas.source import Licence, RemoteFile, Source

_SHARE: Final = "https://heibox.uni-heidelberg.de/d/2e5662443a6b4307b470"

SOURCE: Final = Source(
    title="VQ-GAN (Gumbel, factor 8, 8,192 codes) trained on OpenImages",
    homepage="https://github.com/CompVis/taming-transformers",
    # The code is MIT. The weights state no terms of their own.
    licence=Licence(
        name="MIT (code; the weights state no terms)",
        url="https://github.com/CompVis/taming-transformers/blob/master/License.txt",
    ),
    citation="""\
@inproceedings{esser2021taming,
  title = {Taming Transformers for High-Resolution Image Synthesis},
  author = {Esser, Patrick and Rombach, Robin and Ommer, Bj{\\"o}rn},
  booktitle = {Proceedings of the IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  pages = {12873--12883},
  year = {2021}
}""",
    kind="auxiliary",
    files={
        # Nobody has published a checksum. The weights that are used are 276 MB of it; the rest
        # belongs to the loss of its training.
        "weights": RemoteFile(urls=(f"{_SHARE}/files/?p=%2Fckpts%2Flast.ckpt&dl=1",), about_bytes=376_000_000)
    },
)
