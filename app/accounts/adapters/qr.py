"""The QR code that an authenticator app reads, drawn here: a secret goes to nobody else."""

from __future__ import annotations


def qr_svg(text: str, title: str) -> str:
    """`text` as inline SVG on white, announced as `title`."""
    import segno  # noqa: PLC0415 - 2 MB that a web process holds with its first QR code, not before

    code = segno.make(text, error="m", micro=False, boost_error=False)
    drawn: str = code.svg_inline(border=4, scale=5, dark="#17181c", light="#ffffff", title=title, lineclass=None)
    return drawn
