"""Where a certificate stands."""

from __future__ import annotations

from enum import StrEnum

from app.kernel.states import Transitions


class CertificateState(StrEnum):
    """A superseded certificate stays readable and names its successor."""

    ISSUED = "issued"
    SUPERSEDED = "superseded"


CERTIFICATE = Transitions(
    "certificate",
    {CertificateState.ISSUED: {CertificateState.SUPERSEDED}, CertificateState.SUPERSEDED: set()},
)
