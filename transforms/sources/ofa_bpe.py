"""The text half of OFA's vocabulary. It fills no table."""

from __future__ import annotations

from typing import Final

from schemas.source import Licence, Pin, RemoteFile, Source

_GPT2: Final = "https://dl.fbaipublicfiles.com/fairseq/gpt2_bpe"
_WITNESS: Final = "git object of utils/BPE in OFA-Sys/OFA at a36b91ce86ff105ac8d9e513aa88f42b85e33479"

SOURCE: Final = Source(
    title="OFA's byte-pair vocabulary",
    homepage="https://github.com/OFA-Sys/OFA",
    # The repository is Apache-2.0. The files come from GPT-2 (modified MIT) and fairseq (MIT); they
    # state no terms of their own.
    licence=Licence(
        name="Apache-2.0 (repository), MIT (origin of the files)",
        url="https://github.com/OFA-Sys/OFA/blob/main/LICENSE",
    ),
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
    files={
        "encoder": RemoteFile(
            urls=(f"{_GPT2}/encoder.json",),
            pin=Pin(
                sha256="196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
                bytes=1_042_301,
                witness=_WITNESS,
            ),
        ),
        "merges": RemoteFile(
            urls=(f"{_GPT2}/vocab.bpe",),
            pin=Pin(
                sha256="1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
                bytes=456_318,
                witness=_WITNESS,
            ),
        ),
        "dictionary": RemoteFile(
            urls=(f"{_GPT2}/dict.txt",),
            pin=Pin(
                sha256="2c31c5b236661067fe8626775eb995ef5fe808ac87d2ad4a6ddbef68550f5cc6",
                bytes=603_290,
                witness=_WITNESS,
            ),
        ),
    },
)
