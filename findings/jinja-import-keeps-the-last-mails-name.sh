#!/usr/bin/env bash
# Jinja 3.1.6: a file that is imported is run once for an environment and kept. A `namespace` in it is kept too, so what
# one render puts there is what the next render finds: a mail to somebody whose name is not known greets the customer
# before. `import … with context` runs the file anew each time. The documentation says that imports are cached, as they
# usually hold macros only; it does not say that the variables of such a file go from render to render.
#
# Output seen:
#   import: Hello Ann! | Hello Ann!
#   import with context: Hello Ann! | Hello friend!
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet jinja2==3.1.6
cat >mails.py <<'PY'
from jinja2 import DictLoader, Environment

GREETING = """{% set known = namespace(name='friend') -%}
{% macro meet(name) %}{% set known.name = name %}{% endmacro -%}
{% macro greet() %}Hello {{ known.name }}!{% endmacro %}"""
MAIL = "{%% import 'greeting' as greeting %s%%}{%% if name %%}{{ greeting.meet(name) }}{%% endif %%}{{ greeting.greet() }}"

for how in ("", "with context "):
    mail = Environment(loader=DictLoader({"greeting": GREETING, "mail": MAIL % how})).get_template("mail")
    print(f"import {how}".strip() + ":", mail.render(name="Ann"), "|", mail.render())
PY
venv/bin/python mails.py >seen
cat seen
diff seen - <<'SEEN'
import: Hello Ann! | Hello Ann!
import with context: Hello Ann! | Hello friend!
SEEN
