import hmac
from datetime import UTC, date, datetime


def bad(_log, person, key, body, signature):
    # ruleid: logs-name-nobody
    _log.info("mail sent to %s", person.email)
    # ruleid: logs-name-nobody
    _log.warning("link opened", extra={"facts": {"link": person.reset_token}})
    # ruleid: time-is-aware-and-the-applications
    now = datetime.utcnow()
    # ruleid: time-is-aware-and-the-applications
    today = date.today()
    # ruleid: time-is-aware-and-the-applications
    aware = datetime.now(UTC)
    # ruleid: secrets-are-compared-in-constant-time
    first = hmac.new(key, body, "sha256").hexdigest() == signature
    # ruleid: secrets-are-compared-in-constant-time
    second = signature == body
    return now, today, aware, first, second


def good(_log, person, current, key, body, signature):
    # ok: logs-name-nobody
    _log.info("mail sent", extra={"facts": {"person": person.id}})
    # ok: time-is-aware-and-the-applications
    now = current.now()
    # ok: secrets-are-compared-in-constant-time
    same = hmac.compare_digest(hmac.new(key, body, "sha256").hexdigest(), signature)
    return now, same
