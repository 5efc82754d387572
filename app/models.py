"""Every model in one import, for migrations and tests; defines nothing."""

from app.catalog.models import Issuance, Mechanism, Project, ProjectParty, UnitType
from app.certificates.models import Certificate, CertificateCounter, Document, DocumentRequest
from app.checkout.models import Basket, BasketLine, Beneficiary, Order, OrderLine
from app.db import StateEvent
from app.notifications.models import Mail
from app.offers.models import Offer, OfferPrice, Reservation
from app.payments.adapters.testpay_models import TestpayEvent, TestpayRefund, TestpaySession
from app.payments.models import Payment, Refund, WebhookDelivery
from app.providers.models import Provider
from app.registry.ledger.models import LedgerAccount, LedgerBlock, LedgerTransaction, LedgerTransactionBlock
from app.registry.models import Cancellation, CancelledBlock, RegistryAttempt
from app.web.models import RateLimit

__all__ = [
    "Basket",
    "BasketLine",
    "Beneficiary",
    "Cancellation",
    "CancelledBlock",
    "Certificate",
    "CertificateCounter",
    "Document",
    "DocumentRequest",
    "Issuance",
    "LedgerAccount",
    "LedgerBlock",
    "LedgerTransaction",
    "LedgerTransactionBlock",
    "Mail",
    "Mechanism",
    "Offer",
    "OfferPrice",
    "Order",
    "OrderLine",
    "Payment",
    "Project",
    "ProjectParty",
    "Provider",
    "RateLimit",
    "Refund",
    "RegistryAttempt",
    "Reservation",
    "StateEvent",
    "TestpayEvent",
    "TestpayRefund",
    "TestpaySession",
    "UnitType",
    "WebhookDelivery",
]
