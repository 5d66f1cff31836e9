#!/usr/bin/env bash
# flufl.bounce 6.0.0 (of Mailman) sorts bounces into temporary and permanent ones by the report's Action alone: `delayed` is
# temporary, `failed` is permanent. Its Status, which RFC 3463 has for this, is not read. A mail server that has tried for
# some days and gives up says `failed` with a Status of 4: the mailbox is full, the customer's host was down, the sender
# is sent too much. RFC 3463 calls that persistent transient: it may go well later. So after one long outage of a large
# provider all of its customers are among the permanent failures, and whoever keeps those from all further mail
# loses them, the same as with a Status of 5 about the message (too large, refused as spam) and not about the address.
# With the library, look at Status yourself. (No issue about it was found.)
#
# Output seen (what RFC 3463 says of the status, and where all_failures has the customer):
#   delayed 4.4.1 (no answer from host, tries go on): temporary
#   failed 4.4.1 (no answer from host, has given up): permanent
#   failed 4.4.7 (delivery time expired): permanent
#   failed 4.2.2 (mailbox full): permanent
#   failed 4.7.1 (too much mail for now): permanent
#   failed 5.3.4 (message too big): permanent
#   failed 5.1.1 (no such mailbox): permanent
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet flufl.bounce==6.0.0
cat >bounce.py <<'PY'
from email import message_from_string

from flufl.bounce import all_failures

REPORT = """\
From: MAILER-DAEMON@mx.example
To: bounces@shop.example
Subject: Delivery report
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="part"

--part
Content-Type: text/plain

The mail could not be delivered.

--part
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; ann@customer.example
Action: {action}
Status: {status}

--part--
"""
CASES = [
    ("delayed", "4.4.1", "no answer from host, tries go on"),
    ("failed", "4.4.1", "no answer from host, has given up"),
    ("failed", "4.4.7", "delivery time expired"),
    ("failed", "4.2.2", "mailbox full"),
    ("failed", "4.7.1", "too much mail for now"),
    ("failed", "5.3.4", "message too big"),
    ("failed", "5.1.1", "no such mailbox"),
]

for action, status, meaning in CASES:
    failures = dict(zip(("temporary", "permanent"), all_failures(message_from_string(REPORT.format(action=action, status=status)))))
    print(f"{action} {status} ({meaning}):", *(kind for kind, addresses in failures.items() if b"ann@customer.example" in addresses))
PY
venv/bin/python bounce.py >seen
cat seen
diff seen - <<'SEEN'
delayed 4.4.1 (no answer from host, tries go on): temporary
failed 4.4.1 (no answer from host, has given up): permanent
failed 4.4.7 (delivery time expired): permanent
failed 4.2.2 (mailbox full): permanent
failed 4.7.1 (too much mail for now): permanent
failed 5.3.4 (message too big): permanent
failed 5.1.1 (no such mailbox): permanent
SEEN
