"""QR codes as inline SVG."""

from __future__ import annotations


def qr_svg(text: str, title: str) -> str:
    """`text` as a QR code with its quiet zone: inline SVG that scales, announced as `title`.

    Error correction M survives a fold or a stain over about 15 % of the code.
    """
    import segno  # noqa: PLC0415 - 2 MB that a web process holds with its first QR code, not before

    code = segno.make(text, error="m", micro=False, boost_error=False)
    drawn: str = code.svg_inline(
        border=4, dark="#17233c", title=title, svgclass="certificate__qr", lineclass=None, omitsize=True
    )
    return drawn
