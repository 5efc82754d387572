"""The words for what a CSV file did or what is wrong with it, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from app.kernel.csvtable import ImportReport, RowError
from app.web.filters import number

_LIMITS = {"minimum", "maximum"}
# One sentence for each code that `app.kernel.csvtable` or an importer gives.
SENTENCES = {
    # The file as a whole
    "file_too_large": _("The file is larger than %(maximum)s bytes. Split it."),
    "not_text": _("The file is not text in UTF-8. Save it as “CSV UTF-8”."),
    "malformed": _("The file is not a CSV file: a quotation mark is missing or stands in the wrong place."),
    "too_many_rows": _("The file has more than %(maximum)s rows. Split it."),
    "no_rows": _("The file has a header but no rows."),
    # Columns
    "unknown_column": _("Nothing is known of this column. The columns are: %(known)s."),
    "column_twice": _("The column is there twice."),
    "missing_column": _("The column is missing."),
    "surplus_cells": _("The row has %(cells)s cells and the header %(columns)s. A comma may need quotation marks."),
    # Cells
    "required": _("The cell is empty."),
    "too_long": _("The text is longer than %(maximum)s characters."),
    "wrong_form": _("Write it in the form %(example)s."),
    "not_a_whole_number": _("Write a whole number with digits only."),
    "out_of_range": _("The number must be between %(minimum)s and %(maximum)s."),
    "not_a_date": _("Write a date as year, month and day, such as 2013-01-31."),
    "not_an_instant": _("Write date, time and zone, such as 2014-09-17T12:40:06Z."),
    "not_a_choice": _("Write one of: %(options)s."),
    "not_a_country": _("Write the two-letter ISO code of a country, such as IN."),
    "country_twice": _("A country is there twice."),
    "not_a_currency": _("Write the three-letter ISO code of a currency, such as USD."),
    "not_an_amount": _("Write an amount with digits and one decimal sign, such as 0.38."),
    "too_precise": _("The currency has only %(decimals)s decimals."),
    "not_an_address": _("Write a web address that begins with https://."),
    # Rows beside each other and beside what is there
    "repeated": _("Row %(first)s names the same thing."),
    "cannot_change": _("This is part of the history and cannot be changed."),
    "approved_so": _(
        "Two operators approved this participant as it is, and a file cannot change that: write what was approved. "
        "Two operators can rename it at the desk, under Participants."
    ),
    "ends_before_start": _("The end comes before the beginning."),
    "overlap": _("These serial numbers are taken by the block %(party)s %(first)s to %(last)s."),
    "unknown_mechanism": _("There is no mechanism %(value)s."),
    "reference_party": _("The first host Party must be the one that %(reference)s begins with."),
    "party_in_use": _("Units were issued in %(parties)s. These host Parties must stay."),
    "unknown_project": _("There is no project %(value)s. Load projects first."),
    "not_a_host": _("This Party is not a host Party of %(project)s."),
    "unknown_unit_type": _("The mechanism of this project has no units of type %(value)s."),
    "not_of_mechanism": _("Units of the mechanism %(mechanism)s have no such thing. Leave the cell empty."),
    "wrong_length": _("The serial numbers are %(length)s units."),
    "in_the_future": _("This time has not come yet."),
    "before_monitoring_ended": _("Units cannot be issued before the monitoring period has ended."),
    "unknown_provider": _("There is no project participant %(value)s. Load project participants first."),
    "outside_issuance": _("The serial numbers do not lie inside one issuance of %(project)s."),
    "not_as_issued": _("The units were issued with the value %(value)s."),
    "adaptation_share": _("Units before serial number %(first)s went to the Adaptation Fund."),
    "fee_outstanding": _(
        "The share of proceeds of this issuance is not paid in full: only %(released)s of its units may leave the "
        "pending account now."
    ),
    "serials_or_sum": _(
        "Give the commitment period, the Party and both serial numbers, or the time at which a sum begins, not both."
    ),
    "other_period": _("Units of this mechanism have no such time. Leave the cell empty."),
    "before_issuance": _("These units were issued later: %(at)s."),
    "transaction_mixes": _("It is of the same transaction as row %(first)s, which has the value %(value)s here."),
    "transaction_complete": _("The transaction of this time is in the books, and has no such row."),
    "unknown_cancellation": _("No cancellation of this time, project and serial numbers is known."),
    "other_owner": _("The account %(account)s does not belong to this project participant."),
    "unknown_issuance": _("No issuance of %(project)s begins with this serial number."),
    "other_currency": _("This marketplace uses %(currency)s only."),
    "price_out_of_range": _("The price must be above zero and not absurdly high."),
    "below_taken": _("%(taken)s units of this offer are reserved or sold. It cannot have fewer."),
    "offer_closed": _("The offer was withdrawn or has expired. Give the new one another code."),
    "may_not_offer": _("The participant may not offer units of %(project)s: suspended, or without accepted authority."),
    "sale_closed": _("Units of %(project)s are not offered any more: the sale of their mechanism has closed."),
    "code_of_another": _("Another participant’s offer has this code. Choose another one."),
    "too_many_tiers": _("There can be %(most)s tiers at most."),
    # Files of a registry's administrator
    "unknown_batch": _("There is no batch %(value)s."),
    "other_batch": _("All rows of a file must be of one batch: the first is of %(batch)s."),
    "batch_not_handed_over": _("Batch %(value)s was not handed over yet."),
    "not_in_batch": _("Batch %(batch)s has no line of this reference."),
    "wrong_line": _("This reference is line %(number)s."),
    "units_differ": _("The line asks for %(units)s units."),
    "only_of_processed": _("Leave this empty for a line that was not processed."),
    "before_handed_over": _("This is before the batch was handed over."),
    "answered_otherwise": _("This line was answered otherwise before. The first answer stands."),
    "another_instant": _("All rows of %(account)s must state the same time."),
    "newer_statement": _("There is a newer statement of %(account)s."),
    "not_of_this_registry": _("The account %(account)s is not kept by this registry."),
    "more_than_held": _("Offers would promise %(offered)s units, and the account has %(available)s of this issuance."),
}


def sentence(code: str, facts: Mapping[str, object]) -> str:
    """What is wrong, as one or two sentences; the limits as the language of the page writes numbers."""
    limits = {name: number(limit) for name, limit in facts.items() if name in _LIMITS and isinstance(limit, int)}
    return str(SENTENCES[code]) % {**facts, **limits}


def problem(error: RowError) -> str:
    """What is wrong with a row, as one or two sentences."""
    return sentence(error.code, error.facts)


def line(error: RowError) -> str:
    """Where it is wrong and what, on one line."""
    if error.row == 0:
        return problem(error)
    if error.column is None:
        return gettext("Row %(row)s: %(problem)s", row=error.row, problem=problem(error))
    return gettext(
        "Row %(row)s, column %(column)s: %(problem)s", row=error.row, column=error.column, problem=problem(error)
    )


def report_line(report: ImportReport) -> str:
    """What a file changed, as one line for a person."""
    return gettext(
        "Rows: %(created)s new, %(updated)s changed, %(unchanged)s there already.",
        created=report.created,
        updated=report.updated,
        unchanged=report.unchanged,
    )
