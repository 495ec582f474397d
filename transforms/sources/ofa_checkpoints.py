"""OFA's pretrained weights in five sizes, in fairseq's format. They fill no table.

A build never fetches them by itself; `multiinstruct build --source ofa_checkpoints` does.
"""

from __future__ import annotations

from typing import Final

from schemas.source import Licence, RemoteFile, Source

_PLACE: Final = "https://ofa-beijing.oss-cn-beijing.aliyuncs.com/checkpoints"
_SIZES: Final = ("tiny", "medium", "base", "large", "huge")

SOURCE: Final = Source(
    title="OFA's pretrained weights",
    homepage="https://github.com/OFA-Sys/OFA",
    licence=Licence(name="Apache-2.0", url="https://github.com/OFA-Sys/OFA/blob/main/LICENSE"),
    citation="""\
@inproceedings{wang2022ofa,
  title = {{OFA}: Unifying Architectures, Tasks, and Modalities Through a Simple
           Sequence-to-Sequence Learning Framework},
  author = {Wang, Peng and Yang, An and Men, Rui and Lin, Junyang and Bai, Shuai and Li, Zhikang and
            Ma, Jianxin and Zhou, Chang and Zhou, Jingren and Yang, Hongxia},
  booktitle = {Proceedings of the 39th International Conference on Machine Learning},
  year = {2022}
}""",
    kind="auxiliary",
    # Nobody has published checksums or sizes.
    files={size: RemoteFile(urls=(f"{_PLACE}/ofa_{size}.pt",)) for size in _SIZES},
)
