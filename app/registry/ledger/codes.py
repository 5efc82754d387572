"""Codes of the Kyoto data exchange standard, as data: accounts, units, periods, transactions and their states.

Codes and names are those of the Data Exchange Standards for registry systems under the Kyoto Protocol, as the
United Kingdom's registry implements them (github.com/UKGovernmentBEIS/ukets-registry; shared/domain.md 3.2, 4.1,
4.3 and 4.4). What the standard has no code for has one of ours, from 900 on, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from app.catalog import number_forms
from app.catalog.number_forms import Numbering
from app.kernel.errors import Fault


class WayForbidden(Fault):
    """A transaction of this type never goes from such an account to such an account."""


class Use(StrEnum):
    """What an account is for."""

    PENDING = "pending"  # issued, and not anybody's yet
    HOLDING = "holding"
    RESERVE = "reserve"
    CANCELLATION = "cancellation"
    RETIREMENT = "retirement"
    REPLACEMENT = "replacement"
    LEVY = "levy"  # what a mechanism takes of an issuance


@dataclass(frozen=True)
class AccountType:
    """A type of account; `holder` is what such an account of the registry itself is called."""

    code: int
    name: str
    use: Use
    holder: str = ""


PENDING_ACCOUNT = 110
HOLDING_ACCOUNT = 100
VOLUNTARY_CANCELLATION_ACCOUNT = 230
ADAPTATION_FUND_ACCOUNT = 910
MITIGATION_ACCOUNT = 920

ACCOUNT_TYPES: Mapping[int, AccountType] = {
    account.code: account
    for account in (
        AccountType(HOLDING_ACCOUNT, "Party holding account", Use.HOLDING),
        AccountType(PENDING_ACCOUNT, "Pending account", Use.PENDING, "Pending account of the registry"),
        AccountType(120, "Former operator holding account", Use.HOLDING),
        AccountType(121, "Person holding account", Use.HOLDING),
        AccountType(130, "Previous period surplus reserve account", Use.RESERVE),
        AccountType(210, "Net source cancellation account", Use.CANCELLATION),
        AccountType(220, "Non-compliance cancellation account", Use.CANCELLATION),
        AccountType(
            VOLUNTARY_CANCELLATION_ACCOUNT,
            "Voluntary cancellation account",
            Use.CANCELLATION,
            "Voluntary cancellation account",
        ),
        AccountType(240, "Excess issuance cancellation account", Use.CANCELLATION),
        AccountType(241, "CCS net reversal cancellation account", Use.CANCELLATION),
        AccountType(242, "CCS non-submission of verification report cancellation account", Use.CANCELLATION),
        AccountType(250, "Mandatory cancellation account", Use.CANCELLATION),
        AccountType(260, "Administrative cancellation account", Use.CANCELLATION),
        AccountType(270, "Article 3.7 ter cancellation account", Use.CANCELLATION),
        AccountType(280, "Ambition increase cancellation account", Use.CANCELLATION),
        AccountType(300, "Retirement account", Use.RETIREMENT),
        AccountType(411, "tCER replacement account for expiry", Use.REPLACEMENT),
        AccountType(421, "lCER replacement account for expiry", Use.REPLACEMENT),
        AccountType(422, "lCER replacement account for reversal of storage", Use.REPLACEMENT),
        AccountType(423, "lCER replacement account for non-submission of certification report", Use.REPLACEMENT),
        # Ours: the standard knows the account for the share of proceeds by its name only.
        AccountType(ADAPTATION_FUND_ACCOUNT, "Adaptation Fund account", Use.LEVY, "Adaptation Fund: share of proceeds"),
        AccountType(
            MITIGATION_ACCOUNT,
            "Cancellation account for overall mitigation",
            Use.CANCELLATION,
            "Cancellation for overall mitigation in global emissions",
        ),
    )
}


@dataclass(frozen=True)
class UnitKind:
    """A unit of the standard; the CDM issues those of codes 5, 6 and 7."""

    code: int
    name: str


UNIT_KINDS: Mapping[int, UnitKind] = {
    unit.code: unit
    for unit in (
        UnitKind(0, "Not a Kyoto unit"),
        UnitKind(1, "AAU, assigned amount unit"),
        UnitKind(2, "RMU, removal unit"),
        UnitKind(3, "ERU, emission reduction unit converted from an AAU"),
        UnitKind(4, "ERU, emission reduction unit converted from an RMU"),
        UnitKind(5, "CER, certified emission reduction"),
        UnitKind(6, "tCER, temporary certified emission reduction"),
        UnitKind(7, "lCER, long-term certified emission reduction"),
    )
}
TEMPORARY_UNIT = 6
LONG_TERM_UNIT = 7


@dataclass(frozen=True)
class CommitmentPeriod:
    """A commitment period, both days included."""

    code: int
    starts_on: date
    ends_on: date


# The third is a placeholder of the implementations: no Party has a commitment for it.
COMMITMENT_PERIODS: Mapping[int, CommitmentPeriod] = {
    1: CommitmentPeriod(1, date(2008, 1, 1), date(2012, 12, 31)),
    2: CommitmentPeriod(2, date(2013, 1, 1), date(2020, 12, 31)),
    3: CommitmentPeriod(3, date(2021, 1, 1), date(2030, 12, 31)),
}


@dataclass(frozen=True)
class TransactionType:
    """A type of transaction, and between which accounts this registry carries it out.

    `supplementary` names the kinds within it by supplementary code. A way begins at None where units enter the
    books; a type without ways is one that this registry knows and does not carry out.
    """

    code: int
    name: str
    supplementary: Mapping[int, str] = field(default_factory=dict)
    ways: frozenset[tuple[Use | None, Use]] = frozenset()


ISSUANCE = 1
CANCELLATION = 4
INTERNAL_TRANSFER = 10

_INTO_BOOKS = (None, Use.HOLDING)  # an opening balance

TRANSACTION_TYPES: Mapping[int, TransactionType] = {
    kind.code: kind
    for kind in (
        TransactionType(ISSUANCE, "Issuance", ways=frozenset({(None, Use.PENDING)})),
        TransactionType(2, "Conversion", {56: "Conversion to ERUs", 57: "Conversion to ERUs"}),
        TransactionType(3, "External transfer", {47: "Share of proceeds", 49: "Share of proceeds"}),
        TransactionType(
            CANCELLATION,
            "Cancellation",
            {0: "Voluntary", 45: "Article 3.7 ter", 46: "Ambition increase", 48: "Mandatory"},
            frozenset({(Use.PENDING, Use.CANCELLATION), (Use.HOLDING, Use.CANCELLATION)}),
        ),
        TransactionType(5, "Retirement"),
        TransactionType(6, "Replacement of tCERs and lCERs"),
        TransactionType(7, "Carry-over", {38: "CERs and ERUs", 39: "AAUs"}),
        TransactionType(8, "Change of the expiry date of tCERs and lCERs"),
        TransactionType(
            INTERNAL_TRANSFER,
            "Internal transfer",
            ways=frozenset({_INTO_BOOKS, (Use.PENDING, Use.HOLDING), (Use.PENDING, Use.LEVY)}),
        ),
    )
}


@dataclass(frozen=True)
class State:
    """A state of a transaction, and which may follow; `is_local` ones are no part of the standard."""

    code: int
    name: str
    following: frozenset[int] = frozenset()
    is_local: bool = False

    @property
    def is_final(self) -> bool:
        """Whether nothing can follow."""
        return not self.following


PROPOSED = 1
COMPLETED = 4
TERMINATED = 5

# What a notification leads to: 2, 8 and 9 to completion, 3 and 10 to termination.
STATES: Mapping[int, State] = {
    state.code: state
    for state in (
        State(-1, "Failed", is_local=True),
        State(0, "Awaiting approval", frozenset({PROPOSED}), is_local=True),
        State(PROPOSED, "Proposed", frozenset({2, 3, 7})),
        State(2, "Checked, no discrepancy", frozenset({COMPLETED, 6, 7, 8, 9, 10})),
        State(3, "Checked, discrepancy", frozenset({TERMINATED})),
        State(COMPLETED, "Completed"),
        State(TERMINATED, "Terminated"),
        State(6, "Rejected"),
        State(7, "Cancelled by the transaction log"),
        State(8, "Accepted", frozenset({COMPLETED, 7})),
        State(9, "Checked by the supplementary log, no discrepancy", frozenset({COMPLETED, 7})),
        State(10, "Checked by the supplementary log, discrepancy", frozenset({TERMINATED})),
        State(20, "Reversed", is_local=True),
        State(30, "Delayed", frozenset({PROPOSED}), is_local=True),
        State(40, "Manually cancelled", is_local=True),
        State(92, "Corrected", is_local=True),
    )
}

CANCELLATION_ACCOUNT_IDENTIFIER = "CDM-230-1"


def is_holding(account_type: int) -> bool:
    """Whether accounts of a type are a participant's, who may have units of it cancelled."""
    return account_type in ACCOUNT_TYPES and ACCOUNT_TYPES[account_type].use is Use.HOLDING


def require_way(transaction_type: int, source: int | None, target: int) -> None:
    """See that a transaction goes a way of its type; accounts are given by their types.

    Raises WayForbidden.
    """
    way = (None if source is None else ACCOUNT_TYPES[source].use, ACCOUNT_TYPES[target].use)
    if way not in TRANSACTION_TYPES[transaction_type].ways:
        raise WayForbidden(f"{TRANSACTION_TYPES[transaction_type].name}: {source} to {target}")


def account_identifier(mechanism_code: str, account_type: int, number: int = 1) -> str:
    """The identifier of an account: registry, type and number, as the standard has them."""
    return f"{mechanism_code}-{account_type}-{number}"


def serial_text(
    numbering: Numbering,
    *,
    space: str,
    project_reference: str,
    serial: int,
    commitment_period: int | None = None,
    vintage_year: int | None = None,
) -> str:
    """One serial number as certificates print it, in the form of its mechanism.

    Party and number of the project are read off the number space and the reference, whose forms have them.
    """
    values = {
        **(number_forms.read(numbering.reference_form, project_reference) or {}),
        **(number_forms.read(numbering.space_form, space) or {}),
        "unit": numbering.unit,
        "kyoto": numbering.kyoto_code,
        "lulucf": numbering.lulucf_code,
        "period": commitment_period,
        "vintage": vintage_year,
        "serial": serial,
    }
    return number_forms.fill(numbering.serial_form, values)


def transaction_identifier(number: int) -> str:
    """The identifier of a transaction: two letters of the registry and a running number."""
    return f"TN{number:08d}"
