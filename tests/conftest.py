"""What every test starts from: a migrated database, on both engines, and a clock that stands still."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from hypothesis import settings

from app.catalog.mechanisms import ensure_mechanisms
from app.config import Settings
from app.db import db
from app.factory import create_app
from app.fulfilment.process import Collaborators, run_due
from app.kernel import checkpoints
from app.kernel.clock import Clock, FixedClock
from tests.builders import NOW
from tests.fakes import FakeGateway, FakeMailer, FakeRenderer, scripted
from tests.lasting import LastingDatabase
from tests.postgres import FOR_A_MOMENT, PrivateCluster, locked, shared_cluster
from tests.sharing import COMPILED_TEMPLATES, CONNECTIONS

ROOT = Path(__file__).parent.parent
SECRET = "a-secret-of-tests-that-is-long-enough-0001"
LONGEST_NAME = 200

AppMaker = Callable[..., Flask]

# Property tests look for counterexamples, not for a busy machine. Here, because it holds for what is imported later.
settings.register_profile("tonne", deadline=None)
settings.load_profile("tonne")


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a case by the beginning of a long text: a file of megabytes would travel in each report of a test."""
    if isinstance(val, str | bytes) and len(val) > LONGEST_NAME:
        return ascii(val[:LONGEST_NAME])[1:-1]
    return None


def pytest_collection_finish() -> None:
    """Spare the collector of cycles what stays for the whole run, and call it less often.

    A third of the time of a test run went into walking through modules, tables and tests that never become garbage.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)


def environment(tmp_path: Path, url: str, **changes: str) -> dict[str, str]:
    """The settings of a test copy, as an environment."""
    return {
        "ENVIRONMENT": "testing",
        "INSTANCE_PATH": str(tmp_path),
        "DATABASE_URL": url,
        "SECRET_KEY": SECRET,
        "TESTPAY_SECRET": SECRET[::-1],
        "PUBLIC_BASE_URL": "http://127.0.0.1:5000",
        "LIMIT_CHECKOUT": "10000/minute",
        "LIMIT_VERIFY": "10000/minute",
        "LIMIT_RESEND": "10000/minute",
        "LIMIT_COMPLAINT": "10000/minute",
        "LIMIT_SIGN_IN": "10000/minute",
        "LIMIT_ACCOUNT_MAIL": "10000/minute",
        "LIMIT_FILES": "10000/minute",
        # A test changes the shop and looks again within the same second.
        "PAGE_CACHE_MILLISECONDS": "0",
        **changes,
    }


def application(env: dict[str, str], clock: Clock | None = None) -> Flask:
    """An application over one database, without a pool that would keep a dropped one open."""
    app = create_app(Settings.from_environment(env), clock=clock or FixedClock(NOW))
    app.testing = True
    app.jinja_env.bytecode_cache = COMPILED_TEMPLATES
    return app


@pytest.fixture(scope="session")
def common(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that all test processes of a run share."""
    root = tmp_path_factory.getbasetemp()
    return root.parent if "PYTEST_XDIST_WORKER" in os.environ else root


@pytest.fixture(scope="session")
def cluster(common: Path) -> Iterator[PrivateCluster]:
    """One PostgreSQL server for all test processes."""
    with shared_cluster(common, configuration=FOR_A_MOMENT) as shared:
        yield shared


def _migrate(url: str, directory: Path) -> None:
    app = application(environment(directory, url))
    with app.app_context():
        upgrade(directory=str(ROOT / "migrations"))
        # As every copy has them once it was loaded; pages without them ask for them again and again.
        ensure_mechanisms()
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(scope="session")
def sqlite_template(common: Path) -> Path:
    """A migrated SQLite file to copy from, which the first test process makes."""
    path = common / "template.sqlite"
    with locked(common / "template.lock"):
        if not path.exists():
            _migrate(f"sqlite:///{path}", common)
    return path


@pytest.fixture(scope="session")
def postgres_template(cluster: PrivateCluster, common: Path) -> str:
    """The name of a migrated PostgreSQL database to copy from, which the first test process makes."""
    # Noted with the server: when all who used it are gone, the next one starts another.
    name = "template_of_tests"
    made = cluster.directory / name
    with locked(common / "template.lock"):
        if not made.exists():
            _migrate(cluster.create_database(name), common)
            made.touch()
    return name


@pytest.fixture(scope="session")
def lasting(cluster: PrivateCluster, postgres_template: str) -> Iterator[LastingDatabase]:
    """The PostgreSQL database of this process."""
    found = LastingDatabase(cluster, postgres_template, CONNECTIONS)
    yield found
    found.drop()


@pytest.fixture(params=["sqlite", "postgresql"])
def db_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh migrated database; every test that uses it runs on both engines."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        path = tmp_path / "tonne.sqlite"
        shutil.copy(template, path)
        yield f"sqlite:///{path}"
        return
    lasting: LastingDatabase = request.getfixturevalue("lasting")
    yield lasting.url
    lasting.restore()


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands at the builders' NOW."""
    return FixedClock(NOW)


@pytest.fixture
def make_app(db_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[AppMaker]:
    """Make an application over the fresh database with changed settings."""
    made: list[Flask] = []

    def make(**changes: str) -> Flask:
        app = application(environment(tmp_path, db_url, **changes), clock)
        made.append(app)
        return app

    yield make
    for app in made:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


@pytest.fixture
def app(make_app: AppMaker) -> Flask:
    """An application over a fresh database, with the test gateway and the embedded ledger."""
    return make_app()


@pytest.fixture
def context(app: Flask) -> Iterator[Flask]:
    """The application with its context pushed, for tests of services."""
    with app.app_context():
        yield app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without a screen."""
    return app.test_client()


@pytest.fixture
def world(context: Flask, clock: FixedClock) -> Collaborators:
    """The outside world in memory: gateway, registry with scripted answers, renderer, mailer."""
    return Collaborators(
        gateway=FakeGateway(),
        registries=scripted(context.extensions["tonne.registries"]),
        renderer=FakeRenderer(),
        mailer=FakeMailer(),
        settings=context.extensions["tonne.settings"],
        clock=clock,
    )


@pytest.fixture
def work(world: Collaborators) -> Callable[[], int]:
    """Do everything that is due."""
    return lambda: run_due(world)


@pytest.fixture(autouse=True)
def no_observers() -> Iterator[None]:
    """No test leaves an observer behind."""
    yield
    checkpoints.forget_observers()
