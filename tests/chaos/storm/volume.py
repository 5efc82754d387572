"""The disk of the product's machine, which can be filled to the last byte, and has room again."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterable
from pathlib import Path

LARGE = 6 * 2**30
PAGE = 4096
LEFT = 16 * PAGE  # some writes still succeed: a full disk strikes in the middle


class Volume:
    """A file system in memory of its own; whoever may not mount one limits what the product's processes write.

    Then a write fails with EFBIG instead of ENOSPC.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(exist_ok=True)
        # A storm that was interrupted may have left it there, and full.
        self._mount(f"remount,size={LARGE}" if path.is_mount() else f"size={LARGE},mode=755")

    def fill(self, processes: Iterable[int]) -> None:
        """Nothing more can be written."""
        if self.path.is_mount():
            found = os.statvfs(self.path)
            used = (found.f_blocks - found.f_bfree) * found.f_frsize
            self._mount(f"remount,size={used + LEFT}")
        else:
            _limit(processes, 0)

    def make_room(self, processes: Iterable[int]) -> None:
        """There is room again."""
        if self.path.is_mount():
            self._mount(f"remount,size={LARGE}")
        else:
            _limit(processes, resource.RLIM_INFINITY)

    def remove(self) -> None:
        """Give the memory back."""
        if self.path.is_mount():
            subprocess.run(["umount", "--lazy", self.path], check=False)

    def _mount(self, options: str) -> None:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tonne-storm", self.path], check=False, capture_output=True
        )


def _limit(processes: Iterable[int], size: int) -> None:
    for process in processes:
        try:
            resource.prlimit(process, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        except ProcessLookupError:
            continue
