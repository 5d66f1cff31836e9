#!/usr/bin/env bash
# Apache's avro 1.12.2 for Python writes a dict into a union as the last branch that it fits, fastavro 1.13.1 as the first of
# those that fit equally well. A purchase has a customer and an amount; a refund has both, and a reason that may be
# missing. So where a topic carries [Purchase, Refund], avro writes every purchase as a refund, and where it carries
# [Refund, Purchase], fastavro does: each reader, in whatever language, is told that money went back. Nothing is said, and
# tests with a reason show nothing. fastavro takes a pair of name and dict, which is safe; avro has no way to name the
# branch. (AVRO-1777 and fastavro's issue 401 are about such choices.)
#
# Output seen (the record that is read back by fastavro, which tells its name):
#   avro, [Purchase, Refund]:     {amount} Refund, {amount, reason} Refund
#   avro, [Refund, Purchase]:     {amount} Purchase, {amount, reason} Refund
#   fastavro, [Purchase, Refund]: {amount} Purchase, {amount, reason} Refund
#   fastavro, [Refund, Purchase]: {amount} Refund, {amount, reason} Refund
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet avro==1.12.2 fastavro==1.13.1
cat >write.py <<'PY'
import io
import json

import avro.io
import avro.schema
import fastavro


def record(name, *more):
    fields = [{"name": "customer", "type": "string"}, {"name": "amount", "type": "double"}, *more]
    return {"type": "record", "name": name, "fields": fields}


PURCHASE = record("Purchase")
REFUND = record("Refund", {"name": "reason", "type": ["null", "string"], "default": None})
EVENTS = {"customer": "anna", "amount": 20.0}, {"customer": "anna", "amount": 20.0, "reason": "too small"}


def by_avro(file, union, event):
    avro.io.DatumWriter(avro.schema.parse(json.dumps(union))).write(event, avro.io.BinaryEncoder(file))


def by_fastavro(file, union, event):
    fastavro.schemaless_writer(file, fastavro.parse_schema(union), event)


for library, write in {"avro": by_avro, "fastavro": by_fastavro}.items():
    for union in [PURCHASE, REFUND], [REFUND, PURCHASE]:
        seen = []
        for event in EVENTS:
            file = io.BytesIO()
            write(file, union, event)
            file.seek(0)
            name, _ = fastavro.schemaless_reader(file, fastavro.parse_schema(union), return_record_name=True)
            seen.append(f"{{{', '.join(list(event)[1:])}}} {name}")
        print(f"{library}, [{', '.join(branch['name'] for branch in union)}]:".ljust(29), ", ".join(seen))
PY
venv/bin/python write.py >seen
cat seen
diff seen - <<'SEEN'
avro, [Purchase, Refund]:     {amount} Refund, {amount, reason} Refund
avro, [Refund, Purchase]:     {amount} Purchase, {amount, reason} Refund
fastavro, [Purchase, Refund]: {amount} Purchase, {amount, reason} Refund
fastavro, [Refund, Purchase]: {amount} Refund, {amount, reason} Refund
SEEN
