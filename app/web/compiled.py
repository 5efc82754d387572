"""Templates as code, kept on the disk: to compile those of one page takes longer than to draw it.

Whoever writes such code runs in this process. So a file counts only if it carries our signature under SECRET_KEY,
for this template and this source; any other, torn or planted, is compiled anew.
"""

from __future__ import annotations

import hashlib
import logging
from contextlib import suppress
from pathlib import Path

from flask import Flask
from itsdangerous import BadSignature, Signer
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

from app.config import Settings
from app.web.writing import EDITION

log = logging.getLogger(__name__)


class SignedCode(BytecodeCache):
    """What Jinja compiled, one file for each template."""

    def __init__(self, directory: Path, secret: str) -> None:
        self._directory = directory
        self._secret = secret

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take what was compiled before, if it was us; a changed source has another checksum and is compiled."""
        with suppress(OSError, BadSignature):
            bucket.bytecode_from_string(self._signer(bucket).unsign(self._file(bucket).read_bytes()))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a compiled template. Where nothing can be written only time is lost."""
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file(bucket).write_bytes(self._signer(bucket).sign(bucket.bytecode_to_string()))
        except OSError as error:
            log.warning("compiled template not kept", extra={"facts": {"error": type(error).__name__}})

    def _file(self, bucket: Bucket) -> Path:
        return self._directory / bucket.key

    def _signer(self, bucket: Bucket) -> Signer:
        salt = f"compiled {EDITION} {bucket.key}"
        return Signer(self._secret, salt=salt, key_derivation="hmac", digest_method=hashlib.sha256)


def directory(settings: Settings) -> Path:
    """Where compiled templates lie. Nothing in it is worth a backup."""
    return settings.instance_path / "compiled"


def init_app(app: Flask) -> None:
    """Keep the templates of this application."""
    settings: Settings = app.extensions["tonne.settings"]
    app.jinja_env.bytecode_cache = SignedCode(directory(settings), settings.secret_key)
