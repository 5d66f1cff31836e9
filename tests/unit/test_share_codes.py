"""A code in a share link: it names its customer to us and to nobody else."""

from base64 import urlsafe_b64decode

import pytest

from engine.errors import BadToken
from engine.wire.formats import MAX_CUSTOMER_BYTES
from engine.wire.link_tokens import LinkToken, make_token
from engine.wire.share_codes import make_code, read_code


@pytest.mark.parametrize("customer", ["c-1042", "zoë@shop.example", "x" * MAX_CUSTOMER_BYTES, "\ud800"])
def test_a_customer_has_one_code_and_it_leads_back_to_them(customer: str) -> None:
    code = make_code(["s"], customer)
    assert code == make_code(["s"], customer)
    assert read_code(["s"], code) == customer
    assert set(code) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


def test_who_has_a_friend_s_link_cannot_read_who_they_are() -> None:
    code = make_code(["s"], "zoe@shop.example")
    assert b"zoe" not in urlsafe_b64decode(code + "==")
    assert code[:8] != make_code(["s"], "zoe@shop.exemple")[:8]


def test_codes_survive_a_change_of_the_secret() -> None:
    assert read_code(["new", "old"], make_code(["old"], "c-1")) == "c-1"


@pytest.mark.parametrize(
    "code", ["", "a", "c-1042", "A" * 5_000, "ü", make_code(["other"], "c-1"), make_code(["s"], "c-1")[:-4]]
)
def test_what_we_have_not_made_names_nobody(code: str) -> None:
    with pytest.raises(BadToken):
        read_code(["s"], code)


def test_a_code_with_one_letter_changed_and_a_token_of_another_kind_are_refused() -> None:
    code = make_code(["s"], "c-1")
    for place, letter in enumerate(code[:-1]):
        changed = "B" if letter == "A" else "A"
        with pytest.raises(BadToken, match="forged"):
            read_code(["s"], code[:place] + changed + code[place + 1 :])
    with pytest.raises(BadToken):
        read_code(["s"], make_token(["s"], LinkToken("c-1", "email", "0a", "marketing", "o-1", 0)))
