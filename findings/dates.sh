#!/usr/bin/env bash
# Babel 2.18.0 knows that Swiss French writes money with a point (CLDR's currencyDecimal) and does not use it.
#
# CLDR has two decimal separators for fr_CH: a comma for numbers and a point for money. ICU, and with it JavaScript's
# Intl.NumberFormat("fr-CH", {style: "currency", currency: "CHF"}), writes "1 234.50 CHF". Babel carries the symbol in its
# data, but format_currency writes "1 234,50 CHF" with the comma. Likewise CLDR's minimumGroupingDigits: ICU writes
# "1234,50 €" in Spain, Portugal, Poland and Latvia, Babel "1.234,50 €".
#
# Output seen:
#   Babel 2.18.0
#   symbol for money in fr_CH: '.'
#   written:                   '1\u202f234,50\xa0CHF'
#   written in es_ES:          '1.234,50\xa0\u20ac'
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q install babel==2.18.0
"$folder/venv/bin/python" - <<'PYTHON'
import babel
from babel import Locale, numbers

symbol = Locale("fr", "CH").number_symbols["latn"]["currencyDecimal"]
written = numbers.format_currency(1234.5, "CHF", locale="fr_CH")
spanish = numbers.format_currency(1234.5, "EUR", locale="es_ES")
print("Babel", babel.__version__)
print("symbol for money in fr_CH:", ascii(symbol))
print("written:                  ", ascii(written))
print("written in es_ES:         ", ascii(spanish))
assert symbol == "." and written == "1\u202f234,50\xa0CHF", "Babel uses currencyDecimal now"
assert spanish == "1.234,50\xa0€", "Babel uses minimumGroupingDigits now"
PYTHON
