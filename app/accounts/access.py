"""Who asks, and the mark by which a view says who may see it. `app/accounts/guard.py` compares them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar, cast

from flask import current_app, g, has_request_context, request, session
from sqlalchemy import select, update

from app.accounts.models import Membership, Organisation, Passkey, Person, SignIn
from app.accounts.roles import Role
from app.current import now
from app.db import db, transaction

if TYPE_CHECKING:
    from app.audit.service import Actor

View = TypeVar("View", bound=Callable[..., Any])

SESSION_KEY = "sign_in"
SEEN_EVERY = timedelta(minutes=5)
# A browser that was not used for so long is signed out.
IDLE = timedelta(days=14)
# For so long after everything was shown, ways to sign in may be changed without showing it again.
FRESH = timedelta(minutes=10)


@dataclass(frozen=True)
class Me:
    """The person who is signed in with this browser. `is_strong`: a second factor or a passkey was shown.

    `has_second_factor`: there is an authenticator app or a passkey to be shown. `is_fresh`: everything that this
    person has was shown within the last minutes (`FRESH`).
    """

    id: int
    email: str
    name: str
    locale: str
    is_operator: bool
    has_second_factor: bool
    is_strong: bool
    is_fresh: bool
    sign_in_id: int

    @property
    def is_whole(self) -> bool:
        """Whether everything was shown that this person has: with a second factor, a password alone is half."""
        return self.is_strong or not self.has_second_factor

    @property
    def actor(self) -> Actor:
        """This person for the trail of acts."""
        from app.audit.service import Actor  # noqa: PLC0415 - who only looks needs no tables of acts

        return Actor(self.id, self.email)


@dataclass(frozen=True)
class Seat:
    """What the signed-in person may do for the organisation that the address names."""

    organisation_id: int
    code: str
    name: str
    role: Role


@dataclass(frozen=True)
class Access:
    """Who may see a view: `role` is the least role in the organisation of the address.

    `strong` asks for a second factor. Whoever has one must have shown it, unless `half` lets them in
    with the password alone: the page that asks for it, and the way out. `fresh` asks for everything anew
    when it was shown a while ago.
    """

    operator: bool = False
    role: Role | None = None
    strong: bool = False
    half: bool = False
    fresh: bool = False


def public(view: View) -> View:
    """A page of a guarded room that everybody may see. It carries no mark of privacy of its own."""
    view.is_public = True  # type: ignore[attr-defined]  # functions take attributes
    return view


def signed_in(view: View | None = None, *, strong: bool = False, half: bool = False, fresh: bool = False) -> Any:
    """For whoever is signed in; `strong` asks for a second factor too, `half` does not even ask those who have one.

    `fresh` guards ways to sign in: whoever found an open browser must not make it theirs for good.
    """
    return _mark(view, Access(strong=strong, half=half, fresh=fresh))


def operators_only(view: View) -> View:
    """For operators, with their second factor."""
    return cast(View, _mark(view, Access(operator=True, strong=True)))


def members(role: Role) -> Callable[[View], View]:
    """For people with at least this role in the organisation whose code stands in the address as `organisation`.

    They have shown a second factor: whoever sells moves other people's money.
    """

    def marked(view: View) -> View:
        return cast(View, _mark(view, Access(role=role, strong=True)))

    return marked


def _mark(view: Any, access: Access) -> Any:
    def mark(view: Any) -> Any:
        view.access = access
        return view

    return mark if view is None else mark(view)


def token_hash(token: str) -> str:
    """How a random token of a cookie or a mail is kept: whoever reads the table cannot use it."""
    return hashlib.sha256(token.encode()).hexdigest()


def known_token(token: str) -> str:
    """What a browser keeps when its sign-in is over, to be known again; `token` cannot be told from it."""
    return hashlib.sha256(f"known browser {token}".encode()).hexdigest()


def find_me() -> Me | None:
    """Who is signed in with this browser, if anybody. One query for each request that carries a sign-in."""
    if not has_request_context():
        return None
    if "me" not in g:
        g.me = _read_me()
    return cast("Me | None", g.me)


def get_me() -> Me:
    """Who is signed in, in a view that the guard let through. Raises LookupError elsewhere."""
    me = find_me()
    if me is None:
        raise LookupError("nobody is signed in")
    return me


def get_seat() -> Seat:
    """The organisation of the address and one's role in it, in a view marked `members`.

    Raises LookupError elsewhere.
    """
    seat: Seat | None = g.get("seat")
    if seat is None:
        raise LookupError("this page belongs to no organisation")
    return seat


def seats_of_me() -> list[Seat]:
    """Every organisation of the person who is signed in, by name."""
    me = find_me()
    return [] if me is None else seats_where(Membership.person_id == me.id)


def forget_me() -> None:
    """After a sign-in or a sign-out within this request."""
    g.pop("me", None)


def _read_me() -> Me | None:
    # A visitor without our cookie has no session to look into, and the answer does not vary by one.
    if current_app.config["SESSION_COOKIE_NAME"] not in request.cookies:
        return None
    token = session.get(SESSION_KEY)
    if not isinstance(token, str):
        return None
    at = now()
    has_passkey = select(Passkey.id).where(Passkey.person_id == Person.id).exists()
    row = db.session.execute(
        select(SignIn, Person, has_passkey)
        .join(Person, Person.id == SignIn.person_id)
        .where(
            SignIn.token_hash == token_hash(token),
            SignIn.ended_at.is_(None),
            SignIn.expires_at > at,
            SignIn.last_seen_at > at - IDLE,
            Person.suspended_at.is_(None),
        )
    ).one_or_none()
    if row is None:
        return None
    sign_in, person, is_with_passkey = row
    me = Me(
        id=person.id,
        email=person.email,
        name=person.name,
        locale=person.locale,
        is_operator=person.is_operator,
        has_second_factor=person.totp_confirmed_at is not None or is_with_passkey,
        is_strong=sign_in.strong_at is not None,
        is_fresh=sign_in.proved_at is not None and at - sign_in.proved_at < FRESH,
        sign_in_id=sign_in.id,
    )
    if at - sign_in.last_seen_at >= SEEN_EVERY:
        with transaction() as writing:
            writing.execute(update(SignIn).where(SignIn.id == me.sign_in_id).values(last_seen_at=at))
    return me


def seats_where(*conditions: Any) -> list[Seat]:
    """Seats of people in organisations, by name of the organisation."""
    rows = db.session.execute(
        select(Organisation, Membership.role)
        .join(Membership, Membership.organisation_id == Organisation.id)
        .where(*conditions)
        .order_by(Organisation.name, Organisation.id)
    ).all()
    return [Seat(organisation.id, organisation.code, organisation.name, role) for organisation, role in rows]
