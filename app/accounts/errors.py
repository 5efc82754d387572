"""Why something cannot be done with an account or an organisation."""

from __future__ import annotations

from app.kernel.errors import Refusal


class WrongSignIn(Refusal):
    """Address and password do not belong together, or too many were tried. It never says which."""

    code = "wrong_sign_in"


class WrongPassword(Refusal):
    """The present password of somebody who is signed in is another one."""

    code = "wrong_password"


class WrongCode(Refusal):
    """The code is none of now, was used before, or too many were tried."""

    code = "wrong_code"


class WrongPasskey(Refusal):
    """The browser's answer does not prove a passkey of this place."""

    code = "wrong_passkey"


class PasskeyKnown(Refusal):
    """The passkey is registered already."""

    code = "passkey_known"


class WeakPassword(Refusal):
    """The password is easy to guess; `weakness` says why."""

    code = "weak_password"


class LinkGone(Refusal):
    """The link was used, is too old, or never was."""

    code = "link_gone"


class AddressTaken(Refusal):
    """The address belongs to an account."""

    code = "address_taken"


class FactorNeeded(Refusal):
    """This way in is the last one that the account must have."""

    code = "factor_needed"


class NoSuchThing(Refusal):
    """There is no such passkey, sign-in, invitation or member, or it is somebody else's."""

    code = "no_such_thing"


class LastOwner(Refusal):
    """An organisation keeps at least one owner."""

    code = "last_owner"


class OtherPerson(Refusal):
    """The invitation is for another address."""

    code = "other_person"


class AlreadyMember(Refusal):
    """The address belongs to a member already."""

    code = "already_member"


class TooManyInvitations(Refusal):
    """So many invitations are open that no more are sent; `most` says how many."""

    code = "too_many_invitations"


class InvitedOften(Refusal):
    """The address got so many invitations of late that it gets no more for a while, whoever sends them."""

    code = "invited_often"


class NoSuchPerson(Refusal):
    """Nobody has an account with this address."""

    code = "no_such_person"


class OwnAccount(Refusal):
    """An operator cannot close the account that they are signed in with."""

    code = "own_account"
