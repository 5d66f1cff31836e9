#!/usr/bin/env bash
# Jinja 3.1.6: `{{ 19.99|round(2, 'floor') }}` prints 19.98, and `{{ 1.1|round(2, 'ceil') }}` 1.11. The filter multiplies by
# 100 first, and the product of a price that has two digits already is a little less or more than a whole number. Of
# all prices from 0.01 to 999.99, 4,586 come out a cent lower by floor, and 4,589 a cent higher by ceil.
# The documentation promises only that floor rounds down and ceil up. 'common' and Decimals are not affected.
#
# Output seen:
#   19.99 floor 19.98, 2.3 floor 2.29, 1.1 ceil 1.11
#   of 99,999 prices: floor changes 4,586, ceil changes 4,589, common changes 0
#   Decimals: floor changes 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet jinja2==3.1.6
cat >prices.py <<'PY'
from decimal import Decimal

from jinja2 import Environment

environment = Environment()
shown = ("19.99", "floor"), ("2.3", "floor"), ("1.1", "ceil")
template = ", ".join(f"{price} {method} {{{{ {price}|round(2, '{method}') }}}}" for price, method in shown)
print(environment.from_string(template).render())


def changed(method, number):
    rounded = environment.from_string("{% for price in prices %}{{ price|round(2, method) }} {% endfor %}")
    prices = [number(f"{cents // 100}.{cents % 100:02}") for cents in range(1, 100_000)]
    return sum(Decimal(text) != Decimal(str(price)) for text, price in zip(rounded.render(vars()).split(), prices))


counts = ", ".join(f"{method} changes {changed(method, float):,}" for method in ("floor", "ceil", "common"))
print("of 99,999 prices:", counts)
print(f"Decimals: floor changes {changed('floor', Decimal)}")
PY
venv/bin/python prices.py >seen
cat seen
diff seen - <<'SEEN'
19.99 floor 19.98, 2.3 floor 2.29, 1.1 ceil 1.11
of 99,999 prices: floor changes 4,586, ceil changes 4,589, common changes 0
Decimals: floor changes 0
SEEN
