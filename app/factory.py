"""The application, put together: reads like a table of contents."""

from __future__ import annotations

from flask import Flask

from app import front, fulfilment, jobs, models, operations, reconciliation
from app.accounts import views as account_views
from app.calculator import views as calculator_views
from app.certificates import views as certificate_views
from app.certificates.adapters import make_renderer
from app.checkout import pages as checkout_pages
from app.complaints import views as complaint_views
from app.config import Settings
from app.content import legal_views, sitemap
from app.content import views as content_views
from app.demo import design
from app.desk import pages as desk_pages
from app.direct import views as direct_views
from app.kernel.clock import Clock, clock_from
from app.notifications.adapters import make_mailer
from app.offers import pages as offer_pages
from app.offers.surroundings import MarketSurroundings
from app.payments import adapters as payment_adapters
from app.providers import pages as seller_pages
from app.providers.adapters import make_scanner
from app.providers.service import on_lost_authority, on_suspension
from app.register import views as register_views
from app.registry.adapters import make_registries
from app.reporting import seller_views as dashboard_views
from app.reporting.statistics import views as statistics_views
from app.screening import staff_views as screening_desk
from app.selling import pages as selling_pages
from app.selling.service import freeze_all, freeze_project

__all__ = ["create_app", "models"]


def create_app(settings: Settings | None = None, *, clock: Clock | None = None, with_commands: bool = True) -> Flask:
    """Make the application. Reads and checks the environment unless `settings` are given.

    A web server needs no commands.

    Raises BadSettings with everything that is wrong, before anything is served.
    """
    settings = settings or Settings.from_environment()
    clock = clock or clock_from(settings.clock_start)
    app = front.make_front(settings, clock)
    app.extensions["tonne.registries"] = make_registries(settings, clock)
    app.extensions["tonne.gateway"] = payment_adapters.make_gateway(settings)
    app.extensions["tonne.renderer"] = make_renderer()
    app.extensions["tonne.mailer"] = make_mailer(settings)
    app.extensions["tonne.scanner"] = make_scanner(settings)
    app.extensions["tonne.surroundings"] = MarketSurroundings()

    jobs.init_app(app)
    account_views.init_app(app)
    offer_pages.init_app(app)
    selling_pages.init_app(app)
    checkout_pages.init_app(app)
    certificate_views.init_app(app)
    payment_adapters.init_app(app)
    direct_views.init_app(app)
    fulfilment.init_app(app)
    complaint_views.init_app(app)
    reconciliation.init_app(app)
    legal_views.init_app(app)
    content_views.init_app(app)
    sitemap.init_app(app)
    calculator_views.init_app(app)
    register_views.init_app(app)
    screening_desk.init_app(app)
    seller_pages.init_app(app)
    on_suspension(freeze_all)
    on_lost_authority(freeze_project)
    dashboard_views.init_app(app)
    statistics_views.init_app(app)
    operations.init_app(app)
    desk_pages.init_app(app)
    design.init_app(app)
    if with_commands:
        from app import command_line  # noqa: PLC0415 - a web server starts sooner and is smaller without

        command_line.init_app(app)
    return app
