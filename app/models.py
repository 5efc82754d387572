"""Every model in one import, for migrations and tests; defines nothing."""

from app.catalog.models import Issuance, Mechanism, Project, ProjectParty, PublishedCancellation, UnitType
from app.catalog.search_models import SearchDocument
from app.certificates.models import (
    Certificate,
    CertificateCounter,
    Document,
    DocumentRequest,
    RegisterBlock,
    RegisterEntry,
    RegisterProject,
    RegisterTotal,
    RegisterWord,
)
from app.checkout.models import Basket, BasketLine, Beneficiary, Order, OrderLine
from app.claims.models import WordingReview
from app.complaints.models import Complaint, ComplaintCounter
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
    "Complaint",
    "ComplaintCounter",
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
    "PublishedCancellation",
    "RateLimit",
    "Refund",
    "RegisterBlock",
    "RegisterEntry",
    "RegisterProject",
    "RegisterTotal",
    "RegisterWord",
    "RegistryAttempt",
    "Reservation",
    "SearchDocument",
    "StateEvent",
    "TestpayEvent",
    "TestpayRefund",
    "TestpaySession",
    "UnitType",
    "WebhookDelivery",
    "WordingReview",
]
