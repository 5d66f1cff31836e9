#!/usr/bin/env bash
# Inliners of CSS are run on mail templates, before the customer's data goes in. css-inline 0.24.0 (Python, and the same core
# for JavaScript and Rust), inline-css 4.0.3 (npm) and go-premailer 1.38.0 read the template as HTML 5, which has no text
# between the rows of a table: `{% if vip %}` and `{% for %}` go in front of the table, and the rows stay. So the row for
# some customers is for all, here with the code of a discount, and a list of three things is one row with nothing in
# it. No error is given, Liquid and Mustache give none either, and a test customer who gets the row sees no
# difference. Mustache finds the customer's name where the thing's was. juice 11.1.1 and premailer 3.10.0 leave the
# conditions in their place, and so does inlining what is already filled in. (No issue about it was found.)
#
# Output seen (the cells for Ann, who is no VIP and has three things in her cart):
#   as written:   tea / jam / milk
#   css-inline:   (empty) / 20 % off: VIP20; Mustache: Ann / 20 % off: VIP20
#   inline-css:   (empty) / 20 % off: VIP20; Mustache: Ann / 20 % off: VIP20
#   go-premailer: (empty) / 20 % off: VIP20; Mustache: Ann / 20 % off: VIP20
#   juice:        tea / jam / milk; Mustache: tea / jam / milk
#   premailer:    tea / jam / milk; Mustache: tea / jam / milk
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet chevron==0.14.0 css-inline==0.24.0 premailer==3.10.0 python-liquid==2.3.6
npm install --silent --no-audit --no-fund inline-css@4.0.3 juice@11.1.1 >/dev/null
cat >liquid.html <<'HTML'
<html><head><style>td { color: red }</style></head><body><table>
{% for thing in things %}<tr><td>{{ thing.name }}</td></tr>{% endfor %}
{% if vip %}<tr><td>20 % off: VIP20</td></tr>{% endif %}
</table></body></html>
HTML
sed -e 's/{% for .* in things %}/{{#things}}/' -e 's/{% endfor %}/{{\/things}}/' -e 's/{% if vip %}/{{#vip}}/' \
  -e 's/{% endif %}/{{\/vip}}/' -e 's/thing\.name/name/' liquid.html >mustache.html
cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"

	"github.com/vanng822/go-premailer/premailer"
)

func main() {
	for _, template := range []string{"liquid", "mustache"} {
		inliner, err := premailer.NewPremailerFromFile(template+".html", premailer.NewOptions())
		if err != nil {
			panic(err)
		}
		inlined, err := inliner.Transform()
		if err != nil {
			panic(err)
		}
		if err := os.WriteFile("go-premailer."+template, []byte(inlined), 0o600); err != nil {
			panic(err)
		}
	}
	fmt.Println("inlined")
}
GO
export GOPATH="$folder/gopath" GOFLAGS=-modcacherw
go mod init inline 2>/dev/null
go get github.com/vanng822/go-premailer/premailer@v1.38.0 2>/dev/null
go run . >/dev/null 2>log
cat >inline.js <<'JS'
const fs = require("fs");
const inlineCss = require("inline-css");
const juice = require("juice");

(async () => {
  for (const template of ["liquid", "mustache"]) {
    const html = fs.readFileSync(`${template}.html`, "utf8");
    fs.writeFileSync(`juice.${template}`, juice(html));
    fs.writeFileSync(`inline-css.${template}`, await inlineCss(html, { url: "file:///" }));
  }
})();
JS
node inline.js
cat >fill.py <<'PY'
import re
from pathlib import Path

import chevron
import css_inline
import premailer
from liquid import Environment

ANN = {"name": "Ann", "vip": False, "things": [{"name": "tea"}, {"name": "jam"}, {"name": "milk"}]}
FILL = {"liquid": lambda text: Environment().from_string(text).render(**ANN), "mustache": lambda text: chevron.render(text, ANN)}

for template in FILL:
    text = Path(f"{template}.html").read_text()
    Path(f"as written.{template}").write_text(text)
    Path(f"css-inline.{template}").write_text(css_inline.inline(text))
    Path(f"premailer.{template}").write_text(premailer.transform(text))
for inliner in ("as written", "css-inline", "inline-css", "go-premailer", "juice", "premailer"):
    seen = []
    for template, fill in FILL.items():
        cells = re.findall("<td.*?>(.*?)</td>", fill(Path(f"{inliner}.{template}").read_text()))
        seen.append(" / ".join(cell or "(empty)" for cell in cells))
    print(f"{inliner}:".ljust(13), seen[0] + (f"; Mustache: {seen[1]}" if inliner != "as written" else ""))
PY
venv/bin/python fill.py >seen
cat seen
diff seen - <<'SEEN'
as written:   tea / jam / milk
css-inline:   (empty) / 20 % off: VIP20; Mustache: Ann / 20 % off: VIP20
inline-css:   (empty) / 20 % off: VIP20; Mustache: Ann / 20 % off: VIP20
go-premailer: (empty) / 20 % off: VIP20; Mustache: Ann / 20 % off: VIP20
juice:        tea / jam / milk; Mustache: tea / jam / milk
premailer:    tea / jam / milk; Mustache: tea / jam / milk
SEEN
