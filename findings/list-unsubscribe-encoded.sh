#!/usr/bin/env bash
# Python's email package (3.11.7, EmailMessage with policy.SMTP) writes a List-Unsubscribe whose link is longer than a line
# as encoded words (=?utf-8?q?…?=), though all of it is ASCII. RFC 2047 allows these in text and not in such a field,
# and not all readers undo them there: npm's mailparser 3.14.2 finds no link, and takes the encoded one for the name of
# the mailto address before it. A signed token of 60 characters is enough. Tests in Python show nothing, as Python's
# own parser undoes it: the button "unsubscribe" is missing at receivers. policy.SMTP with max_line_length=998
# leaves the field alone.
#
# Output seen:
#   Python 3.11.7
#   default policy:      read by Python: link, read by mailparser: no link
#   max_line_length=998: read by Python: link, read by mailparser: link
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund mailparser@3.14.2 >/dev/null

cat >write.py <<'PY'
import email
import json
import platform
from email.message import EmailMessage
from email.policy import SMTP

LINK = "https://shop.example/unsubscribe/" + "abcdef0123456789" * 4
POLICIES = {"default policy:": SMTP, "max_line_length=998:": SMTP.clone(max_line_length=998)}

print(json.dumps(f"Python {platform.python_version()}"))
for name, policy in POLICIES.items():
    message = EmailMessage(policy=policy)
    message["From"] = "shop@shop.example"
    message["To"] = "anna@mail.example"
    message["Subject"] = "We miss you"
    message["List-Unsubscribe"] = f"<mailto:unsubscribe@shop.example>, <{LINK}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content("Come back!")
    read = email.message_from_bytes(message.as_bytes(), policy=SMTP)["List-Unsubscribe"]
    found = "link" if f"<{LINK}>" in read else "no link"
    print(json.dumps({"name": name, "mail": message.as_string(), "link": LINK, "python": found}))
PY
cat >read.js <<'JS'
const { simpleParser } = require("mailparser");
(async () => {
  const [version, ...mails] = require("fs").readFileSync(0, "utf8").trim().split("\n").map((line) => JSON.parse(line));
  console.log(version);
  for (const { name, mail, link, python } of mails) {
    const field = (await simpleParser(mail)).headers.get("list").unsubscribe;
    const found = field.url === link ? "link" : "no link";
    console.log(`${name.padEnd(20)} read by Python: ${python}, read by mailparser: ${found}`);
  }
})();
JS
python3 write.py | node read.js >seen
cat seen
diff seen - <<'SEEN'
Python 3.11.7
default policy:      read by Python: link, read by mailparser: no link
max_line_length=998: read by Python: link, read by mailparser: link
SEEN
