"""One sample of every mail, as the shop would write it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from app.kernel.money import Money
from app.notifications import links
from app.notifications.messages.accounts import (
    AccountConfirm,
    AccountKnown,
    AccountRecover,
    EmailChange,
    EmailChanged,
    FactorChange,
    FactorChanged,
    OrganisationInvitation,
    PasswordChanged,
)
from app.notifications.messages.complaints import ComplaintAnswered, ComplaintOutcome, ComplaintReceived
from app.notifications.messages.direct import DirectCertified, DirectRefused
from app.notifications.messages.facts import Facts
from app.notifications.messages.orders import (
    BoughtLine,
    CertificatesReady,
    Consent,
    OnBehalfOf,
    OrderLate,
    OrderPaid,
    OrderRefused,
    PaymentFailed,
    PaymentProcessing,
    PriceParts,
    Proof,
    ReadyCertificate,
    RefundCause,
    RefundMade,
    RefusedLine,
    RemedyOffered,
    SellerShare,
)
from app.notifications.messages.sellers import (
    LowStock,
    NamedOffer,
    OfferReturned,
    OffersApproved,
    OffersEnded,
    OffersFrozen,
    ParticipantNews,
    SaleMade,
    SellerNews,
    SoldLine,
)
from app.notifications.models import Mail
from app.notifications.states import MailState

START = datetime(2026, 11, 22, 10, 36, 0, tzinfo=UTC)
ORDER_URL = "https://tonne.example/en/orders/kJx0b3nWq2-Vt8yZ7mLpAaRrSs4"
COMPLAINT_URL = "https://tonne.example/en/complaint/pQ8mWn2-Zr5tYbKx0LcVdFsE1Hg"
DIRECT_URL = "https://tonne.example/en/sell/salkhit1/cancellations/D-7KMQ-2XHD"
OFFERS_URL = "https://tonne.example/en/sell/salkhit1/offers"
TERMS_URL = "https://tonne.example/en/legal/terms?version=2026-11-01"
CONSENT = "I order the units above and pay for them.\n\nTheir cancellation cannot be undone."


def after(seconds: int) -> datetime:
    """An instant of the sample order."""
    return START + timedelta(seconds=seconds)


def usd(minor: int) -> Money:
    """Cents as money."""
    return Money(minor, "USD")


def order_paid(
    *, name: str = "Société Générale d'Énergie", purpose: str = "Our flights of 2025", **changes: object
) -> OrderPaid:
    """A receipt of two lines of two sellers, USD 10.40 in all."""
    values: dict[str, object] = {
        "reference": "T-7KMQ-2XHD",
        "order_url": ORDER_URL,
        "is_demonstration": True,
        "lines": (
            BoughtLine(
                project_reference="IN-1514",
                project_title="Wind power in Tamil Nadu",
                unit_type="CER",
                commitment_period=1,
                units=5,
                unit_price=usd(38),
                amount=usd(190),
                provider_name="Demonstration seller A",
            ),
            BoughtLine(
                project_reference="BR-22",
                project_title="Landfill gas at Salvador da Bahia",
                unit_type="CER",
                commitment_period=2,
                units=1,
                unit_price=usd(850),
                amount=usd(850),
                provider_name="Demonstration seller B",
            ),
        ),
        "total": usd(1040),
        "parts": PriceParts(
            sellers=(
                SellerShare(provider_name="Demonstration seller A", amount=usd(178)),
                SellerShare(provider_name="Demonstration seller B", amount=usd(798)),
            ),
            payment_cost=usd(60),
            tax=usd(3),
            platform_fee=usd(1),
        ),
        "beneficiary": OnBehalfOf(
            name=name, purpose=purpose, intent="contribution", country="FR", is_name_public=False
        ),
        "consent": Consent(
            version="2026-11-22", text=CONSENT, given_at=after(5), terms_version="2026-11-01", terms_url=TERMS_URL
        ),
        "proof": Proof(paid_at=after(61)),
        "promise_minutes": 10,
    }
    return OrderPaid(**{**values, **changes})  # type: ignore[arg-type]  # values are given by name


def certificates_ready(count: int = 2) -> CertificatesReady:
    """The proof of an order of `count` projects."""
    return CertificatesReady(
        reference="T-7KMQ-2XHD",
        order_url=ORDER_URL,
        is_demonstration=True,
        certificates=tuple(
            ReadyCertificate(
                number=f"TN{n}/2026",
                project_reference=f"IN-{n}",
                project_title=f"Wind power {n}",
                unit_type="CER",
                units=n,
                verify_url=f"https://tonne.example/en/verify/TN{n}-2026",
                download_url=f"{ORDER_URL}/certificates/TN{n}-2026.pdf",
            )
            for n in range(1, count + 1)
        ),
        summary_url=f"{ORDER_URL}/summary.pdf" if count > 1 else None,
        proof=Proof(paid_at=after(61), sent_at=after(62), cancelled_at=after(64), certified_at=after(125)),
    )


def payment_processing() -> PaymentProcessing:
    """A bank transfer that is under way."""
    return PaymentProcessing(
        reference="T-7KMQ-2XHD",
        order_url=ORDER_URL,
        is_demonstration=True,
        total=usd(1040),
        held_until=START + timedelta(days=14),
    )


def refund_made(cause: RefundCause = RefundCause.SOLD_OUT, project_title: str | None = None) -> RefundMade:
    """USD 1.90 on its way back."""
    return RefundMade(
        reference="T-7KMQ-2XHD",
        order_url=ORDER_URL,
        is_demonstration=True,
        amount=usd(190),
        cause=cause,
        project_title=project_title,
    )


def order_refused(*, is_whole: bool = False, is_disputed: bool = False) -> OrderRefused:
    """The registry refused five units."""
    line = RefusedLine(
        project_reference="IN-1514",
        project_title="Wind power in Tamil Nadu",
        unit_type="CER",
        units=5,
        amount=usd(190),
    )
    return OrderRefused(
        reference="T-7KMQ-2XHD",
        order_url=ORDER_URL,
        is_demonstration=True,
        is_whole=is_whole,
        lines=(line,),
        refund=usd(190),
        is_disputed=is_disputed,
    )


def remedy_offered() -> RemedyOffered:
    """Units that were not cancelled, and a choice until three days later."""
    refused = order_refused(is_whole=False)
    return RemedyOffered(
        reference=refused.reference,
        order_url=ORDER_URL,
        is_demonstration=True,
        lines=refused.lines,
        decide_by=START + timedelta(days=3),
    )


def order_late() -> OrderLate:
    """The registry has not answered for longer than ten minutes."""
    return OrderLate(
        reference="T-7KMQ-2XHD",
        order_url=ORDER_URL,
        is_demonstration=True,
        promise_minutes=10,
        proof=Proof(paid_at=after(61), sent_at=after(62)),
    )


def payment_failed() -> PaymentFailed:
    """A bank transfer that never came."""
    return PaymentFailed(
        reference="T-7KMQ-2XHD",
        order_url=ORDER_URL,
        is_demonstration=True,
        total=usd(1040),
        pay_until=START + timedelta(days=3),
    )


def complaint_received() -> ComplaintReceived:
    """A complaint that waits for its answer."""
    return ComplaintReceived(
        reference="C3/2026", is_demonstration=True, complaint_url=COMPLAINT_URL, answer_by=date(2026, 12, 6)
    )


def complaint_answered(outcome: ComplaintOutcome = ComplaintOutcome.UPHELD) -> ComplaintAnswered:
    """A complaint with its answer."""
    return ComplaintAnswered(
        reference="C3/2026",
        is_demonstration=True,
        complaint_url=COMPLAINT_URL,
        outcome=outcome,
        reply="Your second payment came back to us.\n\nIt is on its way to you.",
    )


def direct_certified() -> DirectCertified:
    """A holder's own units, cancelled and certified."""
    return DirectCertified(
        reference="D-7KMQ-2XHD",
        is_demonstration=True,
        page_url=DIRECT_URL,
        project_reference="MN-1",
        project_title="Salkhit Wind Farm",
        unit_type="CER",
        units=300,
        number="TN13/2026",
        verify_url="https://tonne.example/en/verify/TN13-2026",
        requested_at=START,
        sent_at=after(2),
        cancelled_at=after(3),
        certified_at=after(4),
    )


def direct_refused(*, is_by_registry: bool = True) -> DirectRefused:
    """A holder's own units that were not cancelled."""
    return DirectRefused(
        reference="D-7KMQ-2XHD",
        is_demonstration=True,
        page_url=DIRECT_URL,
        project_reference="MN-1",
        project_title="Salkhit Wind Farm",
        unit_type="CER",
        units=300,
        is_by_registry=is_by_registry,
    )


def named_offer(number: int = 1, **changes: object) -> NamedOffer:
    """An offer of wind power with 87 units left."""
    values: dict[str, object] = {
        "code": f"SALKHIT1-{number}",
        "project_reference": f"MN-{number}",
        "project_title": "Salkhit Wind Farm",
        "unit_type": "CER",
        "unit_price": usd(250),
        "units_left": 87,
    }
    return NamedOffer(**{**values, **changes})  # type: ignore[arg-type]  # values are given by name


def offers_approved(*offers: NamedOffer) -> OffersApproved:
    """One offer on sale, and one that opens later."""
    shown = offers or (named_offer(), named_offer(2, opens_at=after(86_400)))
    return OffersApproved(reference="Salkhit Wind LLC", is_demonstration=True, offers_url=OFFERS_URL, offers=shown)


def offer_returned() -> OfferReturned:
    """An offer that an operator did not want like that."""
    return OfferReturned(
        reference="Salkhit Wind LLC",
        is_demonstration=True,
        offers_url=OFFERS_URL,
        offer=named_offer(),
        reason="The text promises more than a unit is.\n\nSay what the project does.",
    )


def offers_frozen(reason: str = "books_differ", *offers: NamedOffer) -> OffersFrozen:
    """An offer that the house took off sale."""
    return OffersFrozen(
        reference="Salkhit Wind LLC",
        is_demonstration=True,
        offers_url=OFFERS_URL,
        offers=offers or (named_offer(),),
        reason=reason,
    )


def offers_ended() -> OffersEnded:
    """Two offers of a mechanism that sells nothing any more."""
    return OffersEnded(
        reference="Salkhit Wind LLC",
        is_demonstration=True,
        offers_url=OFFERS_URL,
        offers=(named_offer(), named_offer(2)),
    )


def low_stock() -> LowStock:
    """An offer with few units left."""
    return LowStock(reference="Salkhit Wind LLC", is_demonstration=True, offers_url=OFFERS_URL, offer=named_offer())


ACCOUNT_URL = "https://tonne.example/en/account"


def account_mails() -> list[Facts]:
    """Every mail about an account once."""
    common: dict[str, Any] = {"reference": "account", "is_demonstration": True}
    return [
        AccountConfirm(**common, link_url=f"{ACCOUNT_URL}/join/abc"),
        AccountKnown(**common, sign_in_url=f"{ACCOUNT_URL}/sign-in", recover_url=f"{ACCOUNT_URL}/recover"),
        AccountRecover(**common, link_url=f"{ACCOUNT_URL}/recover/abc", hours=1),
        PasswordChanged(**common, at=START, recover_url=f"{ACCOUNT_URL}/recover"),
        EmailChange(**common, link_url=f"{ACCOUNT_URL}/email/abc"),
        EmailChanged(**common, at=START, contact_url="https://tonne.example/en/contact"),
        *(
            FactorChanged(**common, at=START, change=change, security_url=f"{ACCOUNT_URL}/security")
            for change in FactorChange
        ),
        *(
            OrganisationInvitation(
                **common,
                link_url=f"{ACCOUNT_URL}/invitation/abc",
                organisation="Salkhit Wind LLC",
                role=role,
                invited_by="ana@example.org",
            )
            for role in ("owner", "seller", "viewer")
        ),
    ]


def sale_made(count: int = 2) -> SaleMade:
    """The news of a sale of `count` projects."""
    return SaleMade(
        reference="Salkhit Wind LLC",
        is_demonstration=True,
        offers_url=OFFERS_URL,
        order_reference="T-7KMQ-2XHD",
        orders_url="https://tonne.example/en/sell/salkhit1/orders",
        lines=tuple(
            SoldLine(
                project_reference=f"MN-{n}",
                project_title=f"Salkhit Wind Farm {n}",
                unit_type="CER",
                units=n,
                unit_price=usd(120),
                amount=usd(120 * n),
                share=usd(110 * n),
            )
            for n in range(1, count + 1)
        ),
        share=usd(110 * count * (count + 1) // 2),
    )


def participant_news(news: SellerNews = SellerNews.RETURNED) -> ParticipantNews:
    """What became of an application, with an operator's words where there are any."""
    told = "The document does not name the project.\n\nPlease send the page with its number."
    return ParticipantNews(
        reference="Salkhit Wind LLC",
        is_demonstration=True,
        news=news,
        room_url="https://tonne.example/en/sell/salkhit1/application",
        reason=told
        if news in {SellerNews.RETURNED, SellerNews.REFUSED, SellerNews.SUSPENDED, SellerNews.REINSTATED}
        else "",
    )


def all_facts() -> list[Facts]:
    """Every mail once."""
    return [
        order_paid(),
        certificates_ready(),
        payment_processing(),
        payment_failed(),
        refund_made(),
        order_refused(),
        remedy_offered(),
        order_late(),
        complaint_received(),
        complaint_answered(),
        *account_mails(),
        direct_certified(),
        direct_refused(),
        offers_approved(),
        offer_returned(),
        offers_frozen(),
        low_stock(),
        *map(participant_news, SellerNews),
        sale_made(),
    ]


def sample_name(facts: Facts) -> str:
    """What a test calls a sample: its kind, and which of its kind."""
    variants = (getattr(facts, part, "") for part in ("change", "role", "news"))
    return "-".join([str(facts.kind), *(str(variant) for variant in variants if variant)])


def mail_of(facts: Facts, locale: str = "en", *, key: str = "sample") -> Mail:
    """The row that `facts` would be kept in."""
    return Mail(
        id=1,
        key=key,
        kind=facts.kind.value,
        recipient="buyer@example.org",
        locale=locale,
        facts=links.sealed(facts.to_json()),
        state=MailState.DUE,
        created_at=START,
    )
