"""How the pages are served: headers, escaping, pages of one's own, and a log that knows nobody."""

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import pytest
import structlog
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.config import BadSetting, Settings
from engine.telemetry.logs import set_up_logs
from engine.wiring.web import equipment_of
from tests.support.website import ADDRESS, Away, Website, survey, token

EVIL = '<script>alert("1")</script>"\'&'
FORM = {"form": "preferences", "score": "7"}


@pytest.fixture
def log() -> Iterator[StringIO]:
    stream = StringIO()
    set_up_logs("json", "debug", stream)
    yield stream
    structlog.reset_defaults()


async def fail(request: Request) -> Response:
    """A bug of ours."""
    raise RuntimeError(request.url.path)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/unsubscribe/{token()}"),
        ("POST", f"/unsubscribe/{token()}"),
        ("GET", f"/preferences/{token()}"),
        ("POST", f"/preferences/{token()}"),
        ("GET", f"/survey/{survey()}/7"),
        ("POST", f"/survey/{survey()}"),
        ("GET", "/unsubscribe/forged"),
        ("GET", "/nothing"),
        ("PUT", f"/unsubscribe/{token()}"),
        ("GET", "/feedback/broken"),
    ],
)
def test_every_answer_keeps_the_link_secret_and_the_page_out_of_frames(method: str, path: str) -> None:
    with Website(feedback=[Route("/feedback/broken", fail)]).open() as browser:
        headers = browser.request(method, path).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert "noindex" in headers["x-robots-tag"]
    assert "set-cookie" not in headers
    assert "server" not in headers


def test_the_only_style_that_browsers_accept_is_the_page_s_own() -> None:
    with Website().open() as browser:
        answer = browser.get(f"/unsubscribe/{token()}")
    style = re.search("<style>(.*)</style>", answer.text, re.DOTALL)
    assert style
    digest = b64encode(sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in answer.headers["content-security-policy"]
    assert " style=" not in answer.text
    assert "<script" not in answer.text


class Reader(HTMLParser):
    """What a screen reader needs to know: language, headings, and whether every box has a label."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def count(self, tag: str) -> int:
        return [name for name, _ in self.tags].count(tag)


@pytest.mark.parametrize(
    "path", [f"/unsubscribe/{token()}", f"/preferences/{token()}", f"/survey/{survey()}/7", "/unsubscribe/forged"]
)
def test_pages_can_be_read_on_a_telephone_and_by_a_screen_reader(path: str) -> None:
    with Website().open() as browser:
        page = Reader(browser.get(path).text)
    assert ("html", {"lang": "en"}) in page.tags
    assert [page.count(tag) for tag in ("title", "h1", "main")] == [1, 1, 1]
    assert page.count("label") == page.count("input") + page.count("textarea") - page.tags.count(
        ("input", {"type": "hidden", "name": "form", "value": "preferences"})
    )
    assert any("width=device-width" in (attrs.get("content") or "") for _, attrs in page.tags)


def test_titles_are_text_whatever_they_contain() -> None:
    with Website(preferences={"marketing": EVIL, "b": "<b>bold</b>"}).open() as browser:
        pages = [browser.request(*ask).text for ask in (
            ("GET", f"/unsubscribe/{token()}"), ("POST", f"/unsubscribe/{token()}"), ("GET", f"/preferences/{token()}"),
        )]  # fmt: skip
    for page in pages:
        assert "<script" not in page
        assert "<b>" not in page
        assert "&lt;script&gt;alert(" in page


@pytest.mark.parametrize("path", ["", "/mail"])
@pytest.mark.parametrize("page", [f"/unsubscribe/{token()}", f"/survey/{survey()}/7", f"/preferences/{token()}"])
def test_slashes_that_a_program_has_added_to_a_link_lead_to_its_page_and_never_elsewhere(path: str, page: str) -> None:
    """A redirect would lead to http://, as nothing is known here of a proxy's TLS, and no mail program follows it."""
    with Website(path=path).open() as browser:
        for link in (f"{path}{page}/", f"/{path}{page}", f"{path}//{page}", f"{path}{page.replace('/', '//')}//"):
            for method in ("GET", "HEAD"):
                assert browser.request(method, f"https://shop.example{link}").status_code == 200, link
            assert browser.get("https://shop.example/mail").status_code == 404
            assert browser.post(f"https://shop.example{link}", data=FORM).status_code == 200, link


@pytest.mark.parametrize(
    "added", ["&utm=1", "&utm_source=news&a=/b", "%26utm=1", "%3Futm=1", "&#38;", ".", ")", "%22", "/&a"]
)
@pytest.mark.parametrize("page", [f"/unsubscribe/{token()}", f"/survey/{survey()}/7", f"/preferences/{token()}"])
def test_what_a_tracking_or_mail_program_has_added_to_a_link_changes_nothing(page: str, added: str) -> None:
    with Website(path="/m+m").open() as browser:
        assert browser.get(f"/m+m{page}{added}").text == browser.get(f"/m+m{page}").text
        assert browser.post(f"/m+m{page}{added}", data=FORM).status_code == 200
        assert browser.get(f"/m+m{page[:-9]}{added}").status_code in (403, 404)


def test_a_link_that_somebody_has_added_to_is_shown_as_text() -> None:
    with Website().open() as browser:
        page = browser.get(f"/unsubscribe/{token()}%22%3E%3Cscript%3E").text
    assert "<script" not in page
    assert '">&lt;' not in page


def test_a_bug_of_ours_is_a_page_without_its_details() -> None:
    with Website(feedback=[Route("/feedback/{token}", fail)]).open() as browser:
        answer = browser.get("/feedback/secret")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "RuntimeError" not in answer.text


def test_the_log_tells_what_went_wrong_and_never_whose_link_it_was(log: StringIO) -> None:
    links = token(), token(purpose="transactional"), token(at=1), "forged-and-secret"
    for site in (Website(), Website(writer=Away())):
        with site.open() as browser:
            for page in ("unsubscribe", "preferences"):
                for link in links:
                    browser.get(f"/{page}/{link}?email=zoe@shop.example")
                    browser.post(f"/{page}/{link}", data={"form": "preferences", "wants": "offers"})
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    ours = [line for line in lines if line["logger"] == "engine.web"]
    assert {line["event"] for line in ours} == {"refused", "unavailable"}
    assert {line["code"] for line in ours if "code" in line} == {"expired-token", "not-a-token", "transactional-token"}
    for secret in (*links, "c-1042", ADDRESS, "o-1", "win-back", "zoe", "offers", "/unsubscribe", "secret"):
        assert secret not in log.getvalue()


def test_a_company_shows_pages_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "unsubscribed.html").write_text(
        '{% extends "layout.html" %}{% block content %}<h1>Tschüß</h1>{{ title }}{% endblock %}', encoding="utf-8"
    )
    (tmp_path / "style.css").write_text("h1 { color: teal }\r\n", encoding="utf-8")
    with Website(pages=tmp_path).open() as browser:
        theirs = browser.post(f"/unsubscribe/{token()}")
        ours = browser.get(f"/unsubscribe/{token()}")
    assert "<h1>Tschüß</h1>Tips" in theirs.text
    assert "Unsubscribe?" in ours.text
    digest = b64encode(sha256(b"h1 { color: teal }\n").digest()).decode()
    for answer in (theirs, ours):
        assert "teal" in answer.text
        assert digest in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<p>\n{{ customer }}", "trouble.html:2: 'customer' is undefined"),
        ("{% if %}", "trouble.html:1: Expected an expression, got 'end of statement block'"),
        ('{% extends "nothing.html" %}', "trouble.html:1: there is no nothing.html"),
        ("{{ status + 'x' }}", "trouble.html:1: unsupported operand type(s) for +: 'int' and 'str'"),
    ],
)
def test_a_page_that_cannot_be_shown_is_named_before_a_customer_finds_it(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "trouble.html").write_text(text, encoding="utf-8")
    with pytest.raises(BadSetting) as refused:
        equipment_of(Settings(pages=tmp_path, token_secret=SecretStr("for-this-test-only")))
    assert str(refused.value) == f"ENGINE_PAGES: {said}"
