#!/usr/bin/env bash
# Jinja 3.1.6 makes Python out of a template, and some templates that are right for Jinja make Python that Python refuses: 21
# loops in each other, or 99 conditions. What comes then is Python's SyntaxError or IndentationError, about a line that
# the template does not have, and not Jinja's TemplateSyntaxError. These are no TemplateError: a service that takes
# templates from people and catches what Jinja documents ends there. `Environment.parse` says nothing.
#
# Output seen (Python 3.11):
#   20 loops: works
#   21 loops: SyntaxError, TemplateError: False, line 71 of 1; parse: fine
#   99 conditions: IndentationError, TemplateError: False, line 208 of 1; parse: fine
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet jinja2==3.1.6
cat >nest.py <<'PY'
from jinja2 import Environment, TemplateError

LOOPS = "{{% for x{0} in [1] %}}", "{% endfor %}"
CONDITIONS = "{{% if {0} >= 0 %}}", "{% endif %}"

environment = Environment()
for name, count, (start, end) in ("loops", 20, LOOPS), ("loops", 21, LOOPS), ("conditions", 99, CONDITIONS):
    source = "".join(start.format(n) for n in range(count)) + "works" + end * count
    environment.parse(source)
    try:
        print(f"{count} {name}: {environment.from_string(source).render()}")
    except Exception as error:
        kind = f"{type(error).__name__}, TemplateError: {isinstance(error, TemplateError)}"
        print(f"{count} {name}: {kind}, line {error.lineno} of 1; parse: fine")
PY
venv/bin/python nest.py >seen
cat seen
diff seen - <<'SEEN'
20 loops: works
21 loops: SyntaxError, TemplateError: False, line 71 of 1; parse: fine
99 conditions: IndentationError, TemplateError: False, line 208 of 1; parse: fine
SEEN
