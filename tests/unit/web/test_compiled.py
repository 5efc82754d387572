"""Compiled templates are kept between starts, and only what this house compiled is ever run."""

from __future__ import annotations

import marshal
import stat
from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment
from jinja2.bccache import Bucket, bc_magic

from app.web.compiled import SignedCode

SECRET = "one-secret-of-the-house"


class Kitchen(Environment):
    """Jinja with one template, that counts how often it compiles."""

    def __init__(self, directory: Path, source: str = "Hello {{ 6 * 7 }}", secret: str = SECRET) -> None:
        super().__init__(
            loader=DictLoader({"greeting": source, "other": "Good bye"}), bytecode_cache=SignedCode(directory, secret)
        )
        self.compiled = 0

    def compile(self, *arguments: object, **names: object) -> object:  # type: ignore[override]  # passed on as it comes
        self.compiled += 1
        return super().compile(*arguments, **names)  # type: ignore[call-overload]  # as above

    def draw(self, name: str = "greeting") -> str:
        return self.get_template(name).render()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The kept code of a process that has ended."""
    directory = tmp_path / "compiled"
    assert Kitchen(directory).draw() == "Hello 42"
    return directory


def only_file(directory: Path) -> Path:
    (path,) = directory.iterdir()
    return path


def test_the_next_start_compiles_nothing(directory: Path) -> None:
    kitchen = Kitchen(directory)
    assert (kitchen.draw(), kitchen.compiled) == ("Hello 42", 0)


def test_nobody_else_can_look_into_the_directory(directory: Path) -> None:
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_a_changed_template_is_compiled_anew_and_kept(directory: Path) -> None:
    kitchen = Kitchen(directory, "Hi {{ 6 * 7 }}")
    assert (kitchen.draw(), kitchen.compiled) == ("Hi 42", 1)
    again = Kitchen(directory, "Hi {{ 6 * 7 }}")
    assert (again.draw(), again.compiled) == ("Hi 42", 0)


def test_planted_code_is_not_run(directory: Path, tmp_path: Path) -> None:
    planted = compile("raise SystemExit('planted code was run')", "greeting", "exec")
    path = only_file(directory)
    honest = path.read_bytes()
    # All of Jinja's own checks pass: the head with the source's checksum is the honest one.
    head = honest[: len(bc_magic)] + honest[len(bc_magic) :].partition(b".")[0] + b"."
    path.write_bytes(head + marshal.dumps(planted) + honest[honest.rindex(b".") :])
    kitchen = Kitchen(directory)
    assert (kitchen.draw(), kitchen.compiled) == ("Hello 42", 1)
    assert path.read_bytes() == honest, "and the honest code is back"


def test_code_under_another_secret_is_not_run(directory: Path) -> None:
    kitchen = Kitchen(directory, secret="somebody else's")
    assert (kitchen.draw(), kitchen.compiled) == ("Hello 42", 1)


def test_code_of_another_template_is_not_run(directory: Path) -> None:
    greeting = only_file(directory)
    kitchen = Kitchen(directory)
    kitchen.draw("other")
    (other,) = set(directory.iterdir()) - {greeting}
    bucket = Bucket(kitchen, greeting.name, "")
    other.rename(greeting)
    assert kitchen.bytecode_cache is not None
    kitchen.bytecode_cache.load_bytecode(bucket)
    assert bucket.code is None


def test_half_a_file_is_compiled_anew(directory: Path) -> None:
    path = only_file(directory)
    path.write_bytes(path.read_bytes()[:100])
    kitchen = Kitchen(directory)
    assert (kitchen.draw(), kitchen.compiled) == ("Hello 42", 1)


def test_where_nothing_can_be_written_the_page_is_drawn_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "compiled").write_text("a file where the directory should be")
    assert Kitchen(tmp_path / "compiled").draw() == "Hello 42"
    assert caplog.messages == ["compiled template not kept"]
