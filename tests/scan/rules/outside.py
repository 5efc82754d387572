import subprocess
import time

import httpx
import requests
import stripe


def bad(transaction, gateway, current_gateway, current_mailer, ssl, url):
    # ruleid: waiting-has-an-end
    httpx.Client(base_url=url)
    # ruleid: waiting-has-an-end
    requests.get(url)
    # ruleid: waiting-has-an-end
    stripe.RequestsClient()
    # ruleid: waiting-has-an-end
    subprocess.run(["pg_dump"], check=True)
    with transaction() as session:
        session.add(url)
        # ruleid: nothing-outside-in-a-transaction
        gateway.start_checkout(url)
    with transaction():
        if url:
            # ruleid: nothing-outside-in-a-transaction
            current_mailer().send(url)
        # ruleid: nothing-outside-in-a-transaction
        time.sleep(1)
    # ruleid: certificates-are-checked
    httpx.get(url, timeout=5, verify=False)
    # ruleid: certificates-are-checked
    mode = ssl.CERT_NONE
    # ruleid: redirects-are-not-followed
    httpx.get(url, timeout=5, follow_redirects=True)
    return mode


def good(transaction, end_reading, gateway, ssl, url):
    # ok: waiting-has-an-end
    httpx.Client(base_url=url, timeout=httpx.Timeout(5))
    # ok: waiting-has-an-end
    subprocess.run(["pg_dump"], check=True, timeout=60)
    with transaction() as session:
        session.add(url)
    end_reading()
    # ok: nothing-outside-in-a-transaction
    started = gateway.start_checkout(url)
    # ok: certificates-are-checked
    context = ssl.create_default_context()
    # ok: redirects-are-not-followed
    httpx.get(url, timeout=5, follow_redirects=False)
    return started, context
