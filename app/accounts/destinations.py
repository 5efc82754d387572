"""Where somebody is led after a sign-in: to a page of ours, and nowhere else."""

from __future__ import annotations

import re

LONGEST = 500
# Letters, digits and the signs that addresses of ours have; no backslash, which browsers read as a slash.
_OWN = re.compile(r"/(?!/)[A-Za-z0-9/_.~%?&=+,:;@!$'()*-]*", re.ASCII)


def own_path(typed: str) -> str:
    """`typed` if it is a path of this site; empty for everything else."""
    return typed if len(typed) <= LONGEST and _OWN.fullmatch(typed) else ""
