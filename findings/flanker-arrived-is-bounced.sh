#!/usr/bin/env bash
# flanker 0.9.11 (Mailgun's reader of mail, for Python) says of a mail whether it is a bounce, with is_bounce() and a score. A
# report about delivery (RFC 3464) says in Action what became of the mail: failed, delayed, delivered, relayed. flanker
# counts which fields are there and does not read Action, so each report is a bounce with a score of 0.88, also the one
# that says that the mail has arrived, as comes to whoever asks for it (NOTIFY=SUCCESS), and the warning that a server will
# go on trying. So those whose mail has arrived, and all customers of a provider that is slow for an afternoon, are kept from
# further mail. Nothing tells them apart but the text of Status, which begins with 2 or 4. flufl.bounce 6.0.0 finds
# the address in the failed one, and nobody in the delivered and relayed ones. (No issue about it was found.)
#
# Output seen (Action, Status; what flanker says; which addresses flufl.bounce has, temporary and permanent):
#   failed 5.1.1: flanker bounce 0.88; flufl temporary 0, permanent 1
#   delayed 4.4.1: flanker bounce 0.88; flufl temporary 1, permanent 0
#   delivered 2.0.0: flanker bounce 0.88; flufl temporary 0, permanent 0
#   relayed 2.1.9: flanker bounce 0.88; flufl temporary 0, permanent 0
#   no report, an answer of a customer: flanker no bounce 0.0; flufl temporary 0, permanent 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet flanker==0.9.11 flufl.bounce==6.0.0
cat >reports.py <<'PY'
from email import message_from_string

from flanker import mime
from flufl.bounce import all_failures

REPORT = """\
From: Mail Delivery System <MAILER-DAEMON@mx.example.net>
To: mail@shop.example
Subject: Delivery report
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=part

--part
Content-Type: text/plain

This is a report about your mail.

--part
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
Arrival-Date: Mon, 30 Nov 2026 05:00:00 +0000

Final-Recipient: rfc822; ann@customer.example
Action: {}
Status: {}
Remote-MTA: dns; mx.customer.example
Diagnostic-Code: smtp; {}

--part
Content-Type: message/rfc822

From: mail@shop.example
To: ann@customer.example
Subject: Your order

It is on its way.

--part--
"""
ANSWER = "From: ann@customer.example\nTo: mail@shop.example\nSubject: Re: Your order\n\nThank you.\n"


def tell(name, text):
    found = mime.from_string(text)
    temporary, permanent = all_failures(message_from_string(text))
    bounce = "bounce" if found.is_bounce() else "no bounce"
    print(f"{name}: flanker {bounce} {found.bounce.score:.2}; flufl temporary {len(temporary)}, permanent {len(permanent)}")


for action, status, answer in (
    ("failed", "5.1.1", "550 5.1.1 no such mailbox"),
    ("delayed", "4.4.1", "no answer from host"),
    ("delivered", "2.0.0", "250 2.0.0 ok"),
    ("relayed", "2.1.9", "250 2.1.9 ok"),
):
    tell(f"{action} {status}", REPORT.format(action, status, answer))
tell("no report, an answer of a customer", ANSWER)
PY
venv/bin/python reports.py 2>log >seen
cat seen
diff seen - <<'SEEN'
failed 5.1.1: flanker bounce 0.88; flufl temporary 0, permanent 1
delayed 4.4.1: flanker bounce 0.88; flufl temporary 1, permanent 0
delivered 2.0.0: flanker bounce 0.88; flufl temporary 0, permanent 0
relayed 2.1.9: flanker bounce 0.88; flufl temporary 0, permanent 0
no report, an answer of a customer: flanker no bounce 0.0; flufl temporary 0, permanent 0
SEEN
