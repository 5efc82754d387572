"""Why something cannot be done with a batch, a response file or an attestation."""

from app.kernel.errors import Refusal


class BatchEmpty(Refusal):
    """A batch without a line has nothing to hand over."""

    code = "batch_empty"


class BatchMovedOn(Refusal):
    """The batch is not in a state that allows this; its `state`."""

    code = "batch_moved_on"


class BatchHeldBack(Refusal):
    """After a restore nothing is handed over before operators have looked: it may have been handed over before."""

    code = "batch_held_back"


class NoSuchLine(Refusal):
    """An attestation names a line that is not in the batch or that the registry has not processed."""

    code = "no_such_line"


class NotAPdf(Refusal):
    """The file is empty, too large, or does not begin as a PDF does: `problem`."""

    code = "not_a_pdf"


class SignatureWrong(Refusal):
    """A response file carries a signature that the shared secret does not make."""

    code = "signature_wrong"


class AcknowledgementMissing(Refusal):
    """The administrator's reference is empty or too long."""

    code = "acknowledgement_missing"
