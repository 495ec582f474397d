"""What is irregular in MOCHEG's tables and pictures, each a claim of its own of the training part.

padded             its picture's name has the claim's number with zeros before it
other_picture      a picture of another claim, whose number begins with this one's
document_picture   its only picture stood in an article, and is no proof of anything
no_picture         none
several_pictures   three, the third a PNG
picture_unreadable a file that is no picture
markup             what was found out is HTML: paragraphs, entities, a script, a line break, a lone `<`
spelling           quotes, an emoji, line breaks and a comma in the claim
claim_repeated     what was found out says the claim again
only_verdict       what was found out is the verdict alone
no_outline         nothing was found out
long_cell          a cell of more than 131,072 characters
differing          a further row gives another verdict
empty_claim        the claim is blank
bad_id             the number of the claim is none
bad_verdict        the verdict is no known one
lost_cell          rows with a cell too few
other_part         the part for validation has the claim and its picture as well
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

Claim = dict[str, Any]
"""One claim: its `rows`, and the names of its `pictures`."""


def _every(column: str, value: str) -> Callable[[Claim], None]:
    """Changes a column of all rows; `{}` stands for what was there."""

    def spoil(claim: Claim) -> None:
        for row in claim["rows"]:
            row[column] = value.replace("{}", row[column])

    return spoil


def _unchanged(claim: Claim) -> None:
    """It stays as it is."""


def _pictures(*forms: str) -> Callable[[Claim], None]:
    """Gives it other pictures: `{}` stands for the claim's number."""

    def spoil(claim: Claim) -> None:
        number = int(claim["rows"][0]["claim_id"])
        claim["pictures"] = [form.format(number) for form in forms]

    return spoil


def _claim_repeated(claim: Claim) -> None:
    for row in claim["rows"]:
        row["ruling_outline"] = f"{row['Claim']} {row['ruling_outline']}"


def _only_verdict(claim: Claim) -> None:
    for row in claim["rows"]:
        row["ruling_outline"] = "<p>False.</p>"


def _differing(claim: Claim) -> None:
    rows = claim["rows"]
    other = "refuted" if rows[0]["cleaned_truthfulness"] == "supported" else "supported"
    rows.append({**rows[0], "cleaned_truthfulness": other})


def _lost_cell(claim: Claim) -> None:
    for row in claim["rows"]:
        del row["Origin"]


CLAIMS: Final[dict[str, Callable[[Claim], None]]] = {
    "padded": _pictures("{:05}-proof-00-a.jpg"),
    "other_picture": _pictures("{}1-proof-00-a.jpg"),
    "document_picture": _pictures("{}-17-00-waterproof-proof.jpg"),
    "no_picture": _pictures(),
    "several_pictures": _pictures("{}-proof-02-c.png", "{}-proof-00-a b.jpg", "{}-proof-01-é.jpg"),
    "picture_unreadable": _unchanged,
    "markup": _every(
        "ruling_outline",
        "<div><p>One &amp; two are &lt; 4.</p><script>var a = '<p>no</p>';</script>"
        "<p class='b'>A <b>b</b>ig<br/>thing, 3 < 4.</p></div>{}",
    ),
    "spelling": _every("Claim", 'He said "{}",\nand 😀 said ""\r\nnothing, too'),
    "claim_repeated": _claim_repeated,
    "only_verdict": _only_verdict,
    "no_outline": _every("ruling_outline", ""),
    "long_cell": _every("Origin", "{} " * 4_000),
    "differing": _differing,
    "empty_claim": _every("Claim", " "),
    "bad_id": _every("claim_id", "x{}"),
    "bad_verdict": _every("cleaned_truthfulness", "mixture"),
    "lost_cell": _lost_cell,
    "other_part": _unchanged,
}
"""Changes what is said of one claim, in place."""
