"""The page's certificate: the market's cost now, after the plan, and the bound below."""

from __future__ import annotations

from vsphere_market.assess.words import points
from vsphere_market.market import Certificate
from vsphere_market.report.charts import scale
from vsphere_market.report.html import Html, tag


def proof_of(certificate: Certificate) -> Html:
    """The three numbers on one scale, and in words, with what is before all of them."""
    # It may be dearer after the plan, where that mends mandatory rules.
    most = max(certificate.potential_before, certificate.potential_after, 1e-9)
    return tag(
        "div",
        tag("h3", "The certificate"),
        scale(
            [
                (
                    "as it stands",
                    certificate.potential_before / most,
                    "over",
                    f"{points(certificate.potential_before)} points",
                ),
                (
                    "after the plan",
                    certificate.potential_after / most,
                    "used",
                    f"{points(certificate.potential_after)} points",
                ),
                (
                    "no placement below",
                    max(certificate.lower_bound, 0.0) / most,
                    "held",
                    f"{points(certificate.lower_bound)} points",
                ),
            ],
            caption="The market's cost now, after the plan, and the lower bound",
        ),
        tag(
            "p",
            "Points measure what it costs VMs to wait for memory where they are: a MiB on an empty "
            "host costs 1, on a full one a hundred and more. The lower bound is proved: no other "
            "placement of the same VMs with the same settings costs less. The plan is within ",
            tag("b", f"{certificate.gap_pct:.1f} %"),
            " of it. Mandatory rules have no price and come before all points: ",
            f"of their breaches there are {certificate.breaches_before:,} before the plan and "
            f"{certificate.breaches_after:,} after it."
            if certificate.breaches_before
            else "none is broken.",
        ),
        class_="proof",
    )
