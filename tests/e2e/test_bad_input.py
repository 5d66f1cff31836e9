"""What a careless colleague, a broken producer or an attacker may hand in: one clear finding, and the rest goes on."""

import gzip
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Ran, engine, lines_of
from tests.support.project_files import write_project

EVENTS = """\
version: 1
sources:
  - { topic: shop.events, id: event_id, customer: customer_id, time: ts, properties: "." }
events:
  purchase: { properties: { amount: number, note: any } }
"""
POLICY = "version: 1\nfresh_for: off\n"
RULES = """\
version: 1
rules:
  - id: thanks
    when: { event: purchase, where: event.amount > 0 }
    send: thanks
"""
TEMPLATE = "{% block subject %}Thank you{% endblock %}{% block text %}You paid {{ event.amount }}{% endblock %}\n"
PROJECT = {"events.yaml": EVENTS, "policy.yaml": POLICY, "rules.yaml": RULES, "thanks.email.j2": TEMPLATE}

BOMB = "version: 1\na: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{after}: &{after} [{','.join([f'*{before}'] * 10)}]\n" for before, after in pairwise("abcdefghi")
)
NOT_RULES = {
    "not YAML": (b"{{{ what\n", ":1:"),
    "empty": (b"", "no content"),
    "only a comment": (b"# later\n", "no content"),
    "a bomb": (BOMB.encode(), "aliases"),
    "10 MB of aliases": (b"version: 1\na: &a [1]\nb:\n" + b"- *a\n" * 2_000_000, "larger than"),
    "tabs": (RULES.replace("    ", "\t").encode(), ":4:1: error[yaml-syntax] a tab character"),
    "not UTF-8": (RULES.replace("thanks", "danke sch\xf6n").encode("latin-1"), ":3:18: error[not-utf8]"),
    "a zero byte": (RULES.replace("thanks", "tha\0nks", 1).encode(), ":3:12: error[yaml-syntax] control character"),
    "nested 10,000 deep": (b"version: 1\nrules: " + b"[" * 10_000 + b"]" * 10_000 + b"\n", "levels of nesting"),
    "a key twice": (RULES.replace("    send", "    id: other\n    send").encode(), ":5:5: error[duplicate-key]"),
    "two documents": (RULES.encode() + b"---\n" + RULES.encode(), ":6:1: error[several-documents]"),
    "a Python object": (b"version: 1\nrules: !!python/object/apply:os.system ['true']\n", "error[unsupported-tag]"),
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path, PROJECT)


def event(id: str = "e-1", customer: str = "c-1", **more: Any) -> bytes:
    fields = {"event_id": id, "customer_id": customer, "type": "purchase", "ts": "2026-03-02T10:00:00Z", "amount": 20}
    return json.dumps(fields | more).encode()


def without(name: str) -> bytes:
    return json.dumps({key: value for key, value in json.loads(event()).items() if key != name}).encode()


def replay(folder: Path, events: bytes, *args: object) -> Ran:
    (folder / "events.jsonl").write_bytes(events)
    outputs = ("--out", "out.jsonl", "--outcomes", "outcomes.jsonl", "--dead-letters", "dead.jsonl")
    return engine("replay", "events.jsonl", *outputs, *args, folder=folder)


def customers(folder: Path) -> list[str]:
    """Who was written to."""
    return [line["customer"] for line in lines_of(folder / "out.jsonl")]


class TestRules:
    """Nothing runs on rules that have an error, and the error says where."""

    @pytest.mark.parametrize(("content", "said"), NOT_RULES.values(), ids=NOT_RULES)
    def test_a_file_that_holds_no_rules_is_refused(self, project: Path, content: bytes, said: str) -> None:
        (project / "rules/rules.yaml").write_bytes(content)
        for command in (["check"], ["test"], ["replay", "nothing.jsonl"], ["explain", "c-1"]):
            ran = engine(*command, folder=project)
            assert (ran.code, "rules/rules.yaml:" in ran.said, said in ran.said) == (1, True, True), ran

    @pytest.mark.parametrize("name", ["events.yaml", "policy.yaml", "rules.test.yaml"])
    def test_so_are_the_other_files(self, project: Path, name: str) -> None:
        (project / "rules" / name).write_bytes(b"version: 1\nnonsense: [")
        ran = engine("check", folder=project)
        assert ran.code == 1
        assert f"rules/{name}:3:1: error[yaml-syntax]" in ran.said

    @pytest.mark.parametrize("start", [b"\xef\xbb\xbf", b"\xef\xbb\xbf# Windows\n"])
    def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(self, project: Path, start: bytes) -> None:
        for path in (project / "rules").iterdir():
            path.write_bytes(start + path.read_bytes().replace(b"\n", b"\r\n"))
        assert engine("check", folder=project).code == 0
        assert replay(project, event()).code == 0
        assert customers(project) == ["c-1"]

    @pytest.mark.parametrize(
        "expression",
        [
            "__import__('os').system('true')",
            "profile.__class__",
            "event.__class__.__mro__",
            "events.purchase.__init__.__globals__",
            "().__class__.__bases__",
            "eval('1')",
            "open('/etc/passwd')",
            "[x for x in (1, 2)]",
            "(lambda: 1)()",
            "f'{event.amount}'",
            "9 ** 9 ** 9 ** 9 > 1",
            "'a' * 1000000000 == ''",
            "event.amount << 1000000000",
            "event.amount > 0 " + "and event.amount > 0 " * 20_000,
            "(" * 500 + "event.amount" + ")" * 500 + " > 0",
            "not " * 5_000 + "event.amount",
            "event.amount" + ".real" * 5_000,
            "events.purchase.count('99999999999999999999d') > 1",
            "(yield)",
            "event.amount > 0; import os",
        ],
    )
    def test_an_expression_that_wants_more_than_the_customer_is_an_error(self, project: Path, expression: str) -> None:
        text = RULES.replace("event.amount > 0 }", f"{json.dumps(expression)} }}")
        (project / "rules/rules.yaml").write_text(text)
        ran = engine("check", folder=project)
        assert ran.code == 1
        assert "rules/rules.yaml:4:" in ran.said


class TestTemplates:
    """A template reads the customer and nothing else, and ends."""

    @pytest.mark.parametrize(
        "text",
        [
            "{{ ''.__class__.__mro__ }}",
            "{{ rule.__init__.__globals__ }}",
            "{{ event['__class__'] }}",
            "{{ event|attr('__class__') }}",
            "{{ self.__class__ }}",
            "{{ cycler.__init__.__globals__.os.popen('true').read() }}",
            "{{ '{0.__class__}'.format(event) }}",
            "{% include '/etc/passwd' %}",
            "{% include '../rules/events.yaml' %}",
            "{% import 'os' as os %}",
            "{{ request.environ }}",
            "{{ 'a' * 10000000000 }}",
            "{{ 9 ** 9 ** 9 ** 9 }}",
            "{{ 'x'.ljust(10000000000) }}",
            "{{ '%10000000000d' % 1 }}",
            "{% for a in range(1000000000) %}{% endfor %}",
            "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
            "{% for a in range(9999) %}{% for b in range(9999) %}{% set c = b %}{% endfor %}{% endfor %}",
            "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}",
            "{{ lipsum(n=100000) }}",
            "{{ [1, 2].append(3) }}",
            "{{ event.amount.real.conjugate.__self__ }}",
            "{{ nothing.at.all }}",
            "{% for a in",
        ],
    )
    def test_what_is_not_for_templates_reaches_no_customer(self, project: Path, text: str) -> None:
        """Found by `check`; what only shows when it runs fails for that message, with the reason, and no other."""
        other = RULES.replace("thanks", "other").replace("version: 1\nrules:\n", "")
        (project / "rules/rules.yaml").write_text(RULES + other)
        (project / "templates/other.email.j2").write_text(TEMPLATE.replace("You paid {{ event.amount }}", text))
        if engine("check", folder=project).code == 1:
            assert "templates/other.email.j2:1:" in engine("check", folder=project).said
            return
        assert replay(project, event()).code == 0
        assert [line["rule"] for line in lines_of(project / "out.jsonl")] == ["thanks"]
        failed = [one for one in lines_of(project / "outcomes.jsonl") if one["rule"] == "other"]
        assert [(one["outcome"], one["reason"].split(":")[0]) for one in failed] == [("failed", "template other")]

    def test_a_subject_cannot_bring_a_header_of_its_own(self, project: Path) -> None:
        (project / "templates/thanks.email.j2").write_text(TEMPLATE.replace("Thank you", "Thanks {{ event.note }}"))
        replay(project, event(note="x\r\nBcc: everybody@example.com\n\n<p>"))
        subjects = [line["subject"] for line in lines_of(project / "out.jsonl")]
        assert not [subject for subject in subjects if "\n" in subject or "\r" in subject]

    def test_what_a_customer_writes_is_text_in_html(self, project: Path) -> None:
        html = "{% block html %}<p>{{ event.note }}</p>{% endblock %}"
        (project / "templates/thanks.email.j2").write_text(TEMPLATE + html)
        replay(project, event(note="<script>alert(1)</script>"))
        assert "<script>" not in lines_of(project / "out.jsonl")[0]["html"]


NOT_EVENTS = {
    "no customer": (without("customer_id"), "missing-customer"),
    "no time": (without("ts"), "missing-time"),
    "no type": (without("type"), "missing-type"),
    "an empty id": (event(""), "missing-id"),
    "an empty customer": (event(customer=""), "missing-customer"),
    "a list for a customer": (event(customer_id=["c-1"]), "bad-customer"),
    "a customer of 257 bytes": (event(customer="é" + "c" * 255), "bad-customer"),
    "an id of 100,000 characters": (event("e" * 100_000), "bad-id"),
    "a type of 100,000 characters": (event(type="t" * 100_000), "bad-type"),
    "a number for a type": (event(type=7), "missing-type"),
    "the year 9999": (event(ts="9999-12-31T23:59:59Z"), "time-in-future"),
    "the year 1970": (event(ts="1970-01-01T00:00:00Z"), "time-too-old"),
    "seconds for milliseconds": (event(ts=1_772_445_600), "time-too-old"),
    "a time of 300 digits": (event(ts=10**300), "time-in-future"),
    "a time of 5,000 digits": (event(ts=0).replace(b'"ts": 0', b'"ts": ' + b"9" * 5000), "not-decodable"),
    "a time that is none": (event(ts="yesterday"), "bad-time"),
    "true for a time": (event(ts=True), "bad-time"),
    "NaN": (event(amount=float("nan")), "not-decodable"),
    "Infinity": (event(amount=float("inf")), "not-decodable"),
    "1e999": (event(amount=0).replace(b'"amount": 0', b'"amount": 1e999'), "not-decodable"),
    "a string for an amount": (event(amount="20"), "wrong-type"),
    "a boolean for an amount": (event(amount=True), "wrong-type"),
    "1 MB of properties": (event(note="x" * 1_000_000), "too-large"),
    "20 MB without a line end": (b"x" * 20_000_000, "too-large"),
    "a lone surrogate": (event(customer="\ud800"), "not-decodable"),
    "nested 100,000 deep": (b"[" * 100_000 + b"]" * 100_000, "not-decodable"),
    "bytes that are not UTF-8": (event().replace(b"c-1", b"c-\xff"), "not-decodable"),
    "UTF-16": (event().decode().encode("utf-16-le"), "not-decodable"),
    "no JSON": (b"hello", "not-decodable"),
    "half an object": (event()[:30], "not-decodable"),
    "a list": (b"[]", "not-an-object"),
    "nothing": (b"null", "not-an-object"),
    "an object without anything": (b"{}", "missing-type"),
}


class TestEvents:
    """What cannot be an event is dead-lettered with its place; everybody else is served."""

    @pytest.mark.parametrize(("line", "code"), NOT_EVENTS.values(), ids=NOT_EVENTS)
    def test_what_is_no_event_is_set_aside_and_nobody_else_suffers(self, project: Path, line: bytes, code: str) -> None:
        ran = replay(project, b"\n".join([event("e-1", "before"), line, event("e-2", "after"), b""]))
        assert ran.code == 0
        assert f"1 record rejected, {code}" in ran.said
        assert sorted(customers(project)) == ["after", "before"]
        [letter] = lines_of(project / "dead.jsonl")
        assert letter["code"] == code
        assert letter["place"].startswith("events.jsonl#")
        assert letter["place"].endswith(":2")
        assert len(letter["reason"]) < 500
        assert len(letter["value"]) <= 2000

    def test_all_of_it_at_once_changes_nothing_for_the_others_in_a_real_store(self, project: Path) -> None:
        lines = [both for n, (line, _) in enumerate(NOT_EVENTS.values()) for both in (line, event(f"e-{n}", f"c-{n}"))]
        ran = replay(project, b"\n".join(lines), "--store", "embedded")
        assert ran.code == 0
        assert customers(project) == [f"c-{n}" for n in range(len(NOT_EVENTS))]
        assert [one["code"] for one in lines_of(project / "dead.jsonl")] == [code for _, code in NOT_EVENTS.values()]

    def test_an_event_without_an_id_counts_wherever_it_stands(self, project: Path) -> None:
        replay(project, b"\n".join([without("event_id"), without("event_id")]))
        assert customers(project) == ["c-1", "c-1"]

    def test_a_field_given_twice_has_its_last_value(self, project: Path) -> None:
        replay(project, event().replace(b'"amount": 20', b'"amount": "a lot", "amount": 21'))
        assert lines_of(project / "out.jsonl")[0]["text"] == "You paid 21"

    @pytest.mark.parametrize(
        "note",
        ["[" * 900 + "]" * 900, '{"a":' * 300 + "1" + "}" * 300, "9" * 30, "-" + "9" * 400, '"\\u0000\\u001b[31m"'],
        ids=["deep lists", "deep objects", "a large number", "a very large number", "control characters"],
    )
    def test_what_an_event_says_beside_cannot_stop_others(self, project: Path, note: str) -> None:
        """The newest event is kept for the template, so it has to go into the state, or else be set aside."""
        (project / "templates/thanks.email.j2").write_text(
            TEMPLATE.replace("event.amount", "events.purchase.last.note")
        )
        lines = [event("e-1", "before", note="")]
        lines += [event("e-2", "odd", note=0).replace(b'"note": 0', f'"note": {note}'.encode())]
        lines += [event("e-3", "after", note="")]
        ran = replay(project, b"\n".join(lines), "--store", "embedded")
        assert ran.code == 0
        assert [name for name in customers(project) if name != "odd"] == ["before", "after"]
        outcomes = [one["outcome"] for one in lines_of(project / "outcomes.jsonl") if one["customer"] == "odd"]
        assert outcomes in (["fired"], ["failed"]) or lines_of(project / "dead.jsonl")

    def test_customers_are_told_apart_by_ids_of_any_kind(self, project: Path) -> None:
        ids = [
            "{c}",
            "{engine:0}:c:1",
            "a b",
            "a\nb",
            " a ",
            "\0",
            "*",
            "[red]",
            "[/]",
            "\U0001f600",
            "é",
            "e\u0301",
            "\u202e",
        ]
        ids += ["../../etc/passwd", "'; drop table customers", "c" * 256, "\x1b[2J", "7"]
        ran = replay(project, b"\n".join(event(f"e-{n}", id) for n, id in enumerate(ids)), "--store", "embedded")
        assert ran.code == 0
        assert customers(project) == ids
        for id in ids:
            if "\0" not in id:  # which no command line can carry
                shown = engine("explain", "--json", "--events", "events.jsonl", "--", id, folder=project)
                assert json.loads(shown.out)["events"] == {"purchase": 1}
                assert "1 purchase" in engine("explain", "--", id, folder=project).said

    def test_a_number_for_a_customer_is_the_same_customer_as_its_digits(self, project: Path) -> None:
        replay(project, b"\n".join([event("e-1", "7"), event("e-2", customer_id=7)]))
        assert customers(project) == ["7", "7"]


class TestFiles:
    """Files that are not what they should be."""

    def test_a_file_that_breaks_off_counts_up_to_there(self, project: Path) -> None:
        whole = gzip.compress(b"\n".join(event(f"e-{n}", f"c-{n}") for n in range(5000)))
        (project / "torn.gz").write_bytes(whole[: len(whole) // 2])
        ran = engine("replay", "torn.gz", "--out", "out.jsonl", "--until", "2026-12-31", folder=project)
        assert ran.code == 1
        assert "torn.gz: the gzip data breaks off; everything before that was read" in ran.said
        assert customers(project) == [f"c-{n}" for n in range(len(customers(project)))]
        assert len(customers(project)) > 1000

    def test_when_the_file_is_mended_the_rest_follows(self, project: Path) -> None:
        whole = gzip.compress(b"\n".join(event(f"e-{n}", f"c-{n}") for n in range(5000)))
        for content, code in ((whole[: len(whole) // 2], 1), (whole, 0)):
            (project / "torn.gz").write_bytes(content)
            ran = engine("replay", "torn.gz", "--store", "embedded", "--out", "out.jsonl", folder=project)
            assert ran.code == code
        assert customers(project) == [f"c-{n}" for n in range(5000)]

    @pytest.mark.parametrize(
        ("content", "code"),
        [(b"no gzip at all", 1), (b"", 0), (gzip.compress(b"", mtime=0), 0), (b"\x1f\x8b\x08\0", 1)],
    )
    def test_a_name_that_ends_in_gz_is_taken_at_its_word(self, project: Path, content: bytes, code: int) -> None:
        (project / "events.gz").write_bytes(content)
        ran = engine("replay", "events.gz", folder=project)
        assert ran.code == code
        assert "events.gz: the gzip data" in ran.said or not code

    @pytest.mark.parametrize(
        ("args", "code", "said"),
        [
            (["nothing.jsonl"], 1, "nothing.jsonl: no such file"),
            (["rules"], 1, "rules: is a folder"),
            (["events.jsonl", "--until", "soon"], 2, "--until soon: expected ISO 8601"),
            (["events.jsonl", "--until", "2026-02-30"], 2, "--until 2026-02-30: expected ISO 8601"),
            (["events.jsonl", "--store", "rabbit"], 2, "--store rabbit: expected memory, embedded, or a URL"),
            (["events.jsonl", "--store", "http://x"], 2, "store http://x: expected redis://"),
            (
                ["events.jsonl", "--store", "redis://me:secret@127.0.0.1:1"],
                1,
                "the store at redis://127.0.0.1:1: it cannot",
            ),
            (["events.jsonl", "--source", "shop"], 2, "events.yaml declares no source shop; it has shop.events"),
            (["events.jsonl", "--out", "rules"], 1, "rules: is a directory"),
            (["events.jsonl", "--out", "events.jsonl"], 2, "events.jsonl is given twice"),
            (["events.jsonl", "--out", "o.jsonl", "--outcomes", "./o.jsonl"], 2, "o.jsonl is given twice"),
            (["events.jsonl", "--out", "-", "--outcomes", "-"], 2, "standard output is given twice"),
            (["events.jsonl", "events.jsonl"], 2, "events.jsonl is given twice"),
            (
                ["events.jsonl", "copy/events.jsonl"],
                1,
                "another file of this run has the same name and the same first line",
            ),
            (["events.jsonl", "--rules", "nowhere"], 1, "nowhere:1:1"),
            (["events.jsonl", "--data", "events.jsonl", "--store", "embedded"], 1, "embedded store in"),
        ],
    )
    def test_an_option_that_cannot_be_used_is_named(self, project: Path, args: list[str], code: int, said: str) -> None:
        (project / "copy").mkdir()
        for path in (project / "events.jsonl", project / "copy/events.jsonl"):
            path.write_bytes(event() + b"\n")
        ran = engine("replay", *args, folder=project)
        assert (ran.code, said in ran.said) == (code, True), ran
        assert "secret" not in ran.said
        assert (project / "events.jsonl").read_bytes() == event() + b"\n"

    def test_standard_input_has_to_be_named_when_there_are_several_sources(self, project: Path) -> None:
        second = EVENTS.replace("events:\n", "  - topic: other\nevents:\n")
        write_project(project, {"events.yaml": second})
        ran = engine("replay", "-", folder=project, stdin=event())
        assert ran.code == 2
        assert "say with --source which one the standard input is" in ran.said
        assert "1 event," in engine("replay", "-", "--source", "shop.events", folder=project, stdin=event()).said

    def test_a_folder_nobody_may_read_is_named(self, project: Path) -> None:
        closed = project / "closed"
        closed.mkdir(mode=0o000)
        try:
            list(closed.iterdir())
            pytest.skip("this user may read everything")
        except PermissionError:
            ran = engine("replay", "closed/events.jsonl", folder=project)
        assert ran.code == 1
        assert "closed/events.jsonl: permission denied" in ran.said
