#!/usr/bin/env bash
# RFC 8058 has a receiver offer one-click unsubscribe only if the DKIM signature covers both List-Unsubscribe and
# List-Unsubscribe-Post. The signers dkimpy 1.1.8, mailauth 4.13.3 and utils-mail-dkim 3.2.1 (of Simple Java Mail) have
# their fields from the older RFC 6376, which knows the first alone: List-Unsubscribe is signed, List-Unsubscribe-Post
# is not. The mail has both and its signature is valid, so a test of either sees nothing; but a receiver that keeps to
# the RFC shows no button, and whoever wants to leave has "spam" left. nodemailer signs both since 10.6.1. With the
# others the fields can be named (dkimpy's include_headers, mailauth's headerList).
#
# Output seen (fields in h= of one mail, signed with nothing set but domain, selector and key):
#   dkimpy 1.1.8: List-Unsubscribe yes, List-Unsubscribe-Post no
#   mailauth 4.13.3: List-Unsubscribe yes, List-Unsubscribe-Post no
#   utils-mail-dkim 3.2.1: List-Unsubscribe yes, List-Unsubscribe-Post no
#   nodemailer 10.6.1: List-Unsubscribe yes, List-Unsubscribe-Post yes
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet dkimpy==1.1.8
npm install --silent --no-audit --no-fund mailauth@4.13.3 nodemailer@10.6.1 >/dev/null
cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>dkim</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.simplejavamail</groupId><artifactId>utils-mail-dkim</artifactId><version>3.2.1</version></dependency>
  </dependencies>
</project>
XML
mvn --quiet --batch-mode dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=lib

cat >mail.eml <<'MAIL'
Date: Mon, 02 Mar 2026 09:00:00 +0000
From: shop@shop.example
To: anna@mail.example
Message-ID: <1@shop.example>
Subject: We miss you
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii
List-Unsubscribe: <https://shop.example/unsubscribe/1>
List-Unsubscribe-Post: List-Unsubscribe=One-Click

Come back!
MAIL
sed -i 's/$/\r/' mail.eml
cat >key.js <<'JS'
const { privateKey } = require("crypto").generateKeyPairSync("rsa", { modulusLength: 2048 });
require("fs").writeFileSync("key.pem", privateKey.export({ type: "pkcs1", format: "pem" }));
require("fs").writeFileSync("key.der", privateKey.export({ type: "pkcs8", format: "der" }));
JS
cat >sign.py <<'PY'
from pathlib import Path

import dkim

message = Path("mail.eml").read_bytes()
Path("dkimpy").write_bytes(dkim.sign(message, b"s", b"shop.example", Path("key.pem").read_bytes()) + message)
PY
cat >sign.js <<'JS'
const fs = require("fs");
const { dkimSign } = require("mailauth/lib/dkim/sign");
const { createTransport } = require("nodemailer");
(async () => {
  const message = fs.readFileSync("mail.eml");
  const privateKey = fs.readFileSync("key.pem", "utf8");
  const signatureData = [{ signingDomain: "shop.example", selector: "s", privateKey }];
  fs.writeFileSync("mailauth", (await dkimSign(message, { signatureData })).signatures + message);
  const dkim = { domainName: "shop.example", keySelector: "s", privateKey };
  const envelope = { from: "shop@shop.example", to: "anna@mail.example" };
  const sent = await createTransport({ streamTransport: true, buffer: true, dkim }).sendMail({ raw: message, envelope });
  fs.writeFileSync("nodemailer", sent.message);
})();
JS
cat >Sign.java <<'JAVA'
import jakarta.mail.Session;
import jakarta.mail.internet.MimeMessage;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.interfaces.RSAPrivateKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Properties;
import org.simplejavamail.utils.mail.dkim.DkimMessage;
import org.simplejavamail.utils.mail.dkim.DkimSigner;

class Sign {
  public static void main(String[] none) throws Exception {
    var key = new PKCS8EncodedKeySpec(Files.readAllBytes(Path.of("key.der")));
    var signer = new DkimSigner("shop.example", "s", (RSAPrivateKey) KeyFactory.getInstance("RSA").generatePrivate(key));
    signer.setCheckDomainKey(false); // else it asks DNS for the public key
    var message = new MimeMessage(Session.getInstance(new Properties()), new FileInputStream("mail.eml"));
    new DkimMessage(message, signer).writeTo(new FileOutputStream("utils-mail-dkim"));
  }
}
JAVA
node key.js
venv/bin/python sign.py
node sign.js
java -cp 'lib/*' Sign.java 2>log
cat >fields.py <<'PY'
import email
import re
from pathlib import Path

FIELDS = "List-Unsubscribe", "List-Unsubscribe-Post"

for signer in "dkimpy 1.1.8", "mailauth 4.13.3", "utils-mail-dkim 3.2.1", "nodemailer 10.6.1":
    signature = email.message_from_bytes(Path(signer.split()[0]).read_bytes())["DKIM-Signature"]
    signed = re.search(r"\bh=([^;]*)", re.sub(r"\s", "", signature))[1].lower().split(":")
    print(f"{signer}:", ", ".join(f"{field} {'yes' if field.lower() in signed else 'no'}" for field in FIELDS))
PY
venv/bin/python fields.py >seen
cat seen
diff seen - <<'SEEN'
dkimpy 1.1.8: List-Unsubscribe yes, List-Unsubscribe-Post no
mailauth 4.13.3: List-Unsubscribe yes, List-Unsubscribe-Post no
utils-mail-dkim 3.2.1: List-Unsubscribe yes, List-Unsubscribe-Post no
nodemailer 10.6.1: List-Unsubscribe yes, List-Unsubscribe-Post yes
SEEN
