"""Every model in one import, for migrations and tests; defines nothing."""

from app.accounts.models import (
    Invitation,
    MailedLink,
    Membership,
    Organisation,
    Passkey,
    Person,
    RecoveryCode,
    SignIn,
)
from app.audit.models import Act, HouseRule, Note, Proposal
from app.catalog.models import Issuance, LevyRule, Mechanism, Project, ProjectParty, PublishedCancellation, UnitType
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
from app.checkout.models import Basket, BasketLine, Beneficiary, Order, OrderLine, Remedy
from app.claims.models import WordingReview
from app.complaints.models import Complaint, ComplaintCounter
from app.db import StateEvent
from app.direct.models import DirectCancellation
from app.jobs.models import Heartbeat, RestorationHold
from app.notifications.models import Mail
from app.offers.models import Offer, OfferInterest, OfferPrice, PriceChange, Reservation
from app.payments.adapters.testpay_models import TestpayEvent, TestpayRefund, TestpaySession
from app.payments.models import Payment, Payout, Refund, WebhookDelivery
from app.providers.models import Application, BeneficialOwner, Evidence, Payee, ProjectAuthority, Provider
from app.reconciliation.models import ClosedSum, ReconciledAccount, ReconciliationFinding, ReconciliationRun
from app.registry.batch.models import (
    AccountStatement,
    Attestation,
    Batch,
    BatchBlock,
    BatchLine,
    RegistryMessage,
    StatedHolding,
)
from app.registry.ledger.history.models import LedgerFile, LedgerSource
from app.registry.ledger.models import (
    LedgerAccount,
    LedgerBlock,
    LedgerIssuance,
    LedgerTransaction,
    LedgerTransactionBlock,
)
from app.registry.models import (
    Cancellation,
    CancelledBlock,
    ForgottenSubmission,
    RegistryAccount,
    RegistryAttempt,
    RegistryLease,
    StrayBlock,
    StrayCancellation,
)
from app.screening.models import SanctionsList, SanctionsName, ScreeningMatch
from app.web.models import RateLimit

__all__ = [
    "AccountStatement",
    "Act",
    "Application",
    "Attestation",
    "Basket",
    "BasketLine",
    "Batch",
    "BatchBlock",
    "BatchLine",
    "BeneficialOwner",
    "Beneficiary",
    "Cancellation",
    "CancelledBlock",
    "Certificate",
    "CertificateCounter",
    "ClosedSum",
    "Complaint",
    "ComplaintCounter",
    "DirectCancellation",
    "Document",
    "DocumentRequest",
    "Evidence",
    "ForgottenSubmission",
    "Heartbeat",
    "HouseRule",
    "Invitation",
    "Issuance",
    "LedgerAccount",
    "LedgerBlock",
    "LedgerFile",
    "LedgerIssuance",
    "LedgerSource",
    "LedgerTransaction",
    "LedgerTransactionBlock",
    "LevyRule",
    "Mail",
    "MailedLink",
    "Mechanism",
    "Membership",
    "Note",
    "Offer",
    "OfferInterest",
    "OfferPrice",
    "Order",
    "OrderLine",
    "Organisation",
    "Passkey",
    "Payee",
    "Payment",
    "Payout",
    "Person",
    "PriceChange",
    "Project",
    "ProjectAuthority",
    "ProjectParty",
    "Proposal",
    "Provider",
    "PublishedCancellation",
    "RateLimit",
    "ReconciledAccount",
    "ReconciliationFinding",
    "ReconciliationRun",
    "RecoveryCode",
    "Refund",
    "RegisterBlock",
    "RegisterEntry",
    "RegisterProject",
    "RegisterTotal",
    "RegisterWord",
    "RegistryAccount",
    "RegistryAttempt",
    "RegistryLease",
    "RegistryMessage",
    "Remedy",
    "Reservation",
    "RestorationHold",
    "SanctionsList",
    "SanctionsName",
    "ScreeningMatch",
    "SearchDocument",
    "SignIn",
    "StateEvent",
    "StatedHolding",
    "StrayBlock",
    "StrayCancellation",
    "TestpayEvent",
    "TestpayRefund",
    "TestpaySession",
    "UnitType",
    "WebhookDelivery",
    "WordingReview",
]
