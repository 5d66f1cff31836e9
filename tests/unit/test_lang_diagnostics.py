import json

from engine.lang.diagnostics import Diagnostic, as_json, exit_code, github, human, one_of

ERROR = Diagnostic("rules/a.yaml", 7, 38, 3, "error", "unknown-field", "'fro' is not a field", "did you mean 'for'?")
WARNING = Diagnostic("rules/a.yaml", 1, 1, 1, "warning", "no-rules", "the file has no rules")


def at(source: str, column: int, length: int) -> list[str]:
    """The excerpt that is shown of a line."""
    return Diagnostic("a", 7, column, length, "error", "c", "m", source=source).human().splitlines()[1:]


def test_the_caret_stands_under_the_word() -> None:
    assert at("a: { fro: 1 }", 6, 3) == [" 7 | a: { fro: 1 }", "   |      ^^^"]


def test_the_caret_stands_under_the_word_after_tabs_and_wide_letters() -> None:
    assert at("\ta: 日本 x", 8, 1) == [" 7 | \ta: 日本 x", "   | \t        ^"]


def test_of_a_very_long_line_the_part_around_the_word_is_shown() -> None:
    line, caret = at("x" * 500 + " here " + "y" * 500, 502, 4)
    assert len(line) < 180
    assert line[caret.index("^") :].startswith("here")


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in "".join(at("\x1b[31mred", 1, 1))


def test_nothing_wrong_is_0_errors_are_1_and_warnings_alone_are_3() -> None:
    assert [exit_code([]), exit_code([ERROR]), exit_code([WARNING]), exit_code([WARNING, ERROR])] == [0, 1, 3, 1]


def test_a_program_reads_every_field() -> None:
    assert json.loads(as_json([ERROR]))[0] == {
        "file": "rules/a.yaml",
        "line": 7,
        "column": 38,
        "length": 3,
        "severity": "error",
        "code": "unknown-field",
        "message": "'fro' is not a field",
        "help": "did you mean 'for'?",
        "source": "",
    }


def test_github_shows_it_beside_the_line() -> None:
    assert github([ERROR, WARNING]).splitlines() == [
        "::error file=rules/a.yaml,line=7,col=38,endColumn=41,title=unknown-field::"
        "'fro' is not a field (did you mean 'for'?)",
        "::warning file=rules/a.yaml,line=1,col=1,endColumn=2,title=no-rules::the file has no rules",
    ]


def test_github_commands_cannot_be_injected() -> None:
    nasty = Diagnostic("a,b:c.yaml", 1, 1, 1, "error", "c", "50%\n::error::x")
    assert github([nasty]) == "::error file=a%2Cb%3Ac.yaml,line=1,col=1,endColumn=2,title=c::50%25%0A::error::x"


def test_nothing_to_say_is_nothing_said() -> None:
    assert (human([]), github([]), as_json([])) == ("", "", "[]")


def test_the_nearest_name_is_offered() -> None:
    assert one_of("fields", "fro", ["of", "for"]) == "fields: of, for; did you mean 'for'?"
    assert one_of("fields", "zzz", []) == ""
