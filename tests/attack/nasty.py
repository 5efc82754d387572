"""What nobody should type, and what programs send that look for holes."""

from __future__ import annotations

# Stands in everything that would be markup, a header or a link, so that the judge finds it again.
MARK = "xq7"
# The product of a template that was run instead of shown.
RUN = "1336337"
ELSEWHERE = f"{MARK}.example"

NUMBERS = (
    "", " ", "0", "-1", "-0", "+5", "1.5", "1,5", "1e3", "1e309", "NaN", "Infinity", "0x10", "1_000", "07",
    "999999999",
    "2147483648", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "9" * 400, "٣٤", "１２", "²",
    "Ⅷ",
    "½", "1\u00a0000", "1\u202f000",
)  # fmt: skip
DAYS = (
    "2026-02-30",
    "0000-00-00",
    "9999-12-31",
    "10000-01-01",
    "2026-13",
    "2026-1-1",
    "0001-01",
    "31/12/2026",
    "２026-01",
)
MARKUP = (
    f"<script>{MARK}</script>", f'"><img src={MARK} onerror={MARK}>', f"'><svg/onload={MARK}>", f"</textarea><{MARK}>",
    f"</title><{MARK}>", f'" onfocus="{MARK}" autofocus="', f"javascript:{MARK}", f"data:text/html,{MARK}",
    f"<!--{MARK}",
    f"&lt;{MARK}&gt;", f"]]><{MARK}/>", "\u2028\u2029", f"＜script＞{MARK}",
)  # fmt: skip
TEMPLATES = (
    "{{ 1103 * 1213 - 1602 }}", "{% raise %}", "${1103*1213-1602}", "%(name)s", "%s%n%x", "{0.__class__}", "{name}",
    "{{ config }}", "{{ self.__init__.__globals__ }}",
)  # fmt: skip
STATEMENTS = (
    "' OR '1'='1' --", '" OR ""="', "1; DROP TABLE person --", "1) UNION SELECT password_hash FROM person --",
    "%' ESCAPE '",
    "\\", "%", "_", "'||(SELECT 1)||'", "NEAR(a b)", '"unclosed', "a* OR b:", "^a", "- - -",
)  # fmt: skip
PLACES = (
    "../../../../etc/passwd", "..\\..\\boot.ini", "/etc/passwd", "file:///etc/passwd", f"//{ELSEWHERE}",
    f"https://{ELSEWHERE}/",
    f"/\\{ELSEWHERE}", f"https:{ELSEWHERE}", f"\t//{ELSEWHERE}", f"http://127.0.0.1@{ELSEWHERE}",
    "http://169.254.169.254/",
)  # fmt: skip
LETTERS = (
    "a\x00b", f"a\r\nSet-Cookie: {MARK}=1", "a\nb", "\x1b[31m", "\u202eabc\u2066", "\ufeff", "\u200b",
    "a" + "\u0301" * 300,
    "İıßŉ", "ﷺ" * 30, "👩‍👩‍👧‍👦" * 40, "\U0010ffff", "\ufffe", "=cmd|' /C calc'!A1", "true", "null", "[]", '{"a": 1}',
    "None",
    "a@b", "a@b@c", f"a@[{MARK}]", "a@" + "b" * 300 + ".example", "x" * 501, "ж" * 5_000,
)  # fmt: skip
TEXTS = NUMBERS + DAYS + MARKUP + TEMPLATES + STATEMENTS + PLACES + LETTERS

# As they come over the wire, in an address: no text at all, too long a way to say "/", half a character.
RAW = (
    b"\xff\xfe", b"\xc0\xaf", b"\xc0\xae\xc0\xae\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x00",
    b"..;/", b"%2e%2e%2f", b"%00", b"%u0041", b"a/../b", b"//", b"\\", b"a" * 4_000, b"\r\nX: 1", b"\x7f", b" ",
    b";jsessionid=1",
)  # fmt: skip

MEGABYTE = "m" * 1_000_000

# What headers say that nobody needs; a server hands on what is no line break.
HEADERS = {
    "Accept": ("", "*/*", "application/json", "application/problem+json", "text/html;q=0, application/json", "a/b;q=x",
               ",,,;;;", "*", "text/html;" + "q=1;" * 500, f"text/{MARK}"),
    "Accept-Language": ("", "*", "fr;q=2", "xx-YY", "en;q=-1, es;q=nan", "fr-" + "a" * 3_000, ",,;q=", f"<{MARK}>"),
    "Cookie": ("", "=", ";;;", "a", "lang=xx", f"lang=<{MARK}>", "basket=" + "b" * 3_000, "basket=\xff\xfe",
               "tonne_5000=e30.x.y", "tonne_5000=.eJw.x.y", "tonne_5000=" + "." * 500, "__Host-tonne=1",
               'lang="\\101"'),
    "Range": ("bytes=0-0", "bytes=-1", "bytes=9-1", "bytes=0-,0-,0-", "bytes=99999999999999999999-", "lines=1",
    "bytes=a-b"),
    "If-None-Match": ("*", '"a"', 'W/"a", "b"', '"' + "a" * 3_000, ",,", f'"<{MARK}>"'),
    "If-Modified-Since": ("0", "Sat, 30 Feb 2026 00:00:00 GMT", "Fri, 01 Jan 99999 00:00:00 GMT", MARK),
    "Content-Type": ("", "application/json", "text/plain", "multipart/form-data", "multipart/form-data; boundary=",
                     "application/x-www-form-urlencoded; charset=utf-7", "a", "image/svg+xml; charset=\xff",
                     "multipart/form-data; boundary=" + "b" * 300),
    "User-Agent": ("", "a" * 3_000, f"<script>{MARK}</script>", "\xff\xfe", "=1+1"),
    "Referer": (f"https://{ELSEWHERE}/", "javascript:1", "\xff"),
    "X-Forwarded-For": (ELSEWHERE, "127.0.0.1, ::1", "a" * 3_000),
    "X-Forwarded-Host": (ELSEWHERE,),
    "X-Forwarded-Proto": ("javascript",),
    "X-Forwarded-Prefix": (f"//{ELSEWHERE}",),
    "X-HTTP-Method-Override": ("DELETE", "POST"),
    "X-Original-URL": ("/en/desk",),
    "X-Request-ID": (f"<{MARK}>", "a" * 3_000, "\xff"),
    "Origin": ("null", f"https://{ELSEWHERE}"),
    "Authorization": ("Basic !!!", "Bearer " + "a" * 3_000, "Basic Og==", "Digest username=a"),
}  # fmt: skip

# Bodies that are no form.
BODIES = (
    b"", b"{}", b"[]", b"null", b"{", b'{"a":' * 2_000, b'{"id": "\\ud800"}', b'{"id": 1e999}', b'{"id": NaN}',
    b"\xff\xfe\x00",
    b"--\r\n\r\n", b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
    b"a=1&a=2&a",
    b"&&&===", b"%ff=%00&%C0%AF=1", b"\x00" * 1_000,
)  # fmt: skip

# Files by what they pretend to be.
FILES = (
    ("a.csv", "text/csv", b""), ("a.csv", "text/csv", b"\xff\xfe\x00"), ("a.csv", "text/csv", b'"unclosed\n'),
    ("a.csv", "text/csv", b"code,units\n" + b"a," * 3_000), ("a.csv", "text/csv", b"\xef\xbb\xbf;;;\n;;;"),
    ("a.csv", "text/csv", ("code,units,unit_price\n" + "\n".join(TEXTS).replace("\x00", "")).encode()),
    ("a.pdf", "application/pdf", b"%PDF-1.7\n<script>"), ("a.pdf", "application/pdf", b"GIF89a/*%PDF-1.7*/"),
    ("a.svg", "image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
    ("a.png", "image/png", b"\x89PNG\r\n"),
    ("a.zip", "application/zip", b"PK\x03\x04" + b"\x00" * 60), ("a.xml", "text/xml", BODIES[11]),
    ("a.json", "application/json", b'{"a":' * 2_000),
    ("../../../tmp/a.pdf", "application/pdf", b"%PDF-1.7"), ("a\x00.pdf", "application/pdf", b"%PDF-1.7"),
    ("", "", b"%PDF-1.7"),
    ("x" * 3_000 + ".pdf", "application/pdf", b"%PDF-1.7"), (f'<{MARK}>".pdf', f"text/{MARK}", b"%PDF-1.7\n"),
    ("a.exe", "application/pdf", b"MZ"),
)  # fmt: skip
