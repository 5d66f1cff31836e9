"""The programs that most shops and services run, in one rule file, told as stories on a virtual clock."""

import pytest

from engine.core.durations import milliseconds
from engine.model import Event
from engine.testing import START, Simulator
from tests.support.coupons import SHOWN, shown, told
from tests.support.journeys import span
from tests.support.stories import WAYS, Stories

PROGRAMS = """\
version: 1
defaults: { channel: email, purpose: marketing }
segments:
  - { id: subscriber, if: profile.email_opt_in }
  - { id: activated, if: events.project_created.count() >= 1 and events.invite_sent.count() >= 2 }
coupons:
  - { id: birthday_gift, code: "BDAY-{10}", valid: 14d }
rules:
  - id: welcome # consent starts it, not sign-up: double opt-in comes later
    when: { segment: subscriber, moves: in }
    reentry: once
    exit: { segment: subscriber, moves: out }
    goal: { event: purchase, within: 30d }
    steps:
      - send: hello
      - wait: { days: 2, until: "10:00" }
      - send: story
      - wait: { days: 3, until: "10:00" }
      - { send: first_offer, if: events.purchase.count() == 0 }

  - id: browse-left # no `match`: `event` is the product seen last
    when: { abandoned: { after: product_viewed, without: [cart_updated, purchase], within: 4h } }
    if: events.product_viewed.count("30d") >= 2
    reentry: after 7d
    send: { template: browse_left, expires: 12h }

  - id: cart # any purchase ends it; the emptied cart must be this one
    when: { abandoned: { after: cart_updated, without: [purchase, cart_emptied], within: 1h, match: cart_id } }
    reentry: after 7d
    goal: { event: purchase }
    exit: { event: cart_emptied, match: cart_id }
    steps:
      - send: { template: cart_left, expires: 6h }
      - wait: 23h
      - id: text
        send: { template: cart_left, channel: sms, purpose: sms_offers, expires: 6h }
        if: profile.phone != null
      - wait: 2d
      - { send: cart_offer, if: event.amount >= 50 }

  - id: review # one run an order
    match: order_id
    when: { event: delivered }
    purpose: survey
    exit: { event: refund, match: order_id }
    goal: { event: review_written, match: order_id }
    steps:
      - wait: { days: 10, until: "10:00" }
      - send: review_please
      - wait: 7d
      - { send: review_reminder, if: steps.review_please.sent }

  - id: refill # buying it again ends this run and begins the next
    match: sku
    when: { event: line_bought, where: event.supply_days > 5 }
    exit: { event: line_bought, match: sku }
    steps:
      - wait: { days: event.supply_days - 5, until: "10:00" }
      - send: { template: refill, expires: 2d }

  - id: birthday # both mails show the same code
    when: { date: { field: profile.birthday, every: year, at: "10:00" } }
    reentry: after 300d
    goal: { event: purchase, within: 14d }
    steps:
      - send: birthday
      - wait: { days: 11, until: "10:00" }
      - { send: birthday_ends, if: steps.birthday.sent }

  - id: back-in-stock # works if the shop tells it per customer
    match: sku
    when: { event: stock_alert_wanted }
    purpose: service
    steps:
      - wait: { event: back_in_stock, match: sku, within: 90d }
        then:
          - send: { template: back_in_stock, expires: 1d }

  - id: digest # needs events.comment_received.list("7d") in the template
    when: { schedule: { every: week, on: friday, at: "09:00", among: segments.subscriber } }
    if: events.comment_received.count("7d") >= 1
    send: { template: digest, expires: 1d }

  - id: trial
    when: { event: trial_started }
    reentry: once
    goal: { event: subscribed }
    exit: { event: trial_cancelled }
    steps:
      - send: trial_hello
      - wait: { event: project_created, within: 2d }
        else:
          - send: make_a_project
      - id: active
        wait: { segment: activated, moves: in, within: 5d }
        then: [ { send: invite_team } ]
        else: [ { send: need_help } ]
  - id: trial-usage
    when: { milestone: { count: report_made, reaches: [10, 50] } }
    send: usage
  - id: trial-ending
    when: { expiring: { ends: profile.trial_ends_at, in: 3d, at: "09:00" } }
    exit: { event: subscribed }
    purpose: service
    send: { template: trial_ending, expires: 2d }
"""
EVENTS = """\
version: 1
events:
  signed_up: { profile: all }
  changed: { profile: all }
  purchase: { properties: { amount: number } }
  product_viewed: { properties: { sku: string } }
  cart_updated: { properties: { cart_id: string, amount: number } }
  cart_emptied: { properties: { cart_id: string } }
  delivered: { properties: { order_id: string } }
  refund: { properties: { order_id: string } }
  review_written: { properties: { order_id: string } }
  line_bought: { properties: { sku: string, supply_days: number } }
  stock_alert_wanted: { properties: { sku: string } }
  back_in_stock: { properties: { sku: string } }
  comment_received: { properties: { text: string } }
  trial_started: { properties: { email_opt_in: boolean }, profile: { email_opt_in: email_opt_in } }
  trial_cancelled: {}
  project_created: {}
  invite_sent: {}
  subscribed: {}
  report_made: {}
profile: { email_opt_in: boolean, sms_ok: boolean, phone: string, birthday: date, trial_ends_at: time }
"""
POLICY = """\
version: 1
zone: Europe/Berlin
consent: { marketing: { email: profile.email_opt_in }, sms_offers: profile.sms_ok }
"""
CODE = SHOWN.replace("gift", "birthday_gift")
TEXTS = {
    "browse_left": "You looked at {{ event.sku }}",
    "cart_left": "{{ event.cart_id }} waits for you",
    "review_please": "How was {{ event.order_id }}?",
    "refill": "Time for more {{ event.sku }}",
    "birthday": CODE,
    "birthday_ends": CODE,
    "back_in_stock": "{{ event.sku }} is back",
    "digest": "{% for one in events.comment_received.list('7d') %}{{ one.text }}, {% endfor %}",
    "usage": "{{ events.report_made.count() }} reports",
}
OTHERS = (
    "hello", "story", "first_offer", "cart_offer", "review_reminder", "trial_hello", "make_a_project", "invite_team",
    "need_help", "trial_ending",
)  # fmt: skip
MAIL = "{{% block subject %}}Hi{{% endblock %}}{{% block text %}}{}{{% endblock %}}\n"
TEXT_MESSAGE = "{% block text %}{{ event.cart_id }} waits{% endblock %}\n"


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Stories:
    files = {"programs.yaml": PROGRAMS, "events.yaml": EVENTS, "policy.yaml": POLICY}
    mails = {f"{name}.email.j2": MAIL.format(TEXTS.get(name, "Dear customer")) for name in (*TEXTS, *OTHERS)}
    return Stories(tmp_path_factory.mktemp("programs"), files | mails | {"cart_left.sms.j2": TEXT_MESSAGE})


def at(when: str, type: str, **properties: object) -> Event:
    key = "".join(f"-{value}" for value in properties.values())
    return Event(f"{type}-{when}{key}", type, "c-1", START + milliseconds(when), properties)


def times(number: int, day: int, type: str, **properties: object) -> list[Event]:
    """So many of one kind, an hour apart, from that day on."""
    return [at(f"{day * 24 + hour}h", type, **properties) for hour in range(number)]


YES = at("0h", "signed_up", email_opt_in=True)
NO = at("0h", "signed_up", email_opt_in=False)
BUYER = at("0h", "signed_up", email_opt_in=False, sms_ok=True, phone="+491701234567")
WELCOME = ["0d hello", "2d9h story", "5d9h first_offer"]

STORIES = {
    "who signs up and buys nothing is welcomed, told a story and made an offer": ([YES], WELCOME),
    "who has bought by then gets no offer, and nothing more": (
        [YES, at("3d", "purchase", amount=20)],
        ["0d hello", "2d9h story"],
    ),
    "consent begins the welcome, not the sign-up": (
        [NO, at("4d", "changed", email_opt_in=True)],
        ["4d hello", "6d9h story", "9d9h first_offer"],
    ),
    "who takes consent back hears nothing more": (
        [YES, at("1d", "changed", email_opt_in=False)],
        ["0d hello"],
    ),
    "who looks twice and leaves is reminded once a week": (
        [YES, at("1h", "product_viewed", sku="mug"), at("2h", "product_viewed", sku="cup"),
         at("2d", "product_viewed", sku="pot"), at("9d", "product_viewed", sku="pan")],
        ["0d hello", "0d6h browse_left", "2d9h story", "5d9h first_offer", "9d4h browse_left"],
    ),
    "a cart left is reminded of by mail, by text message, and with an offer": (
        [YES, at("0h", "changed", sms_ok=True, phone="+491701234567"),
         at("1d", "cart_updated", cart_id="a", amount=60)],
        ["0d hello", "1d1h cart_left", "2d text", "2d9h story", "4d cart_offer", "5d9h first_offer"],
    ),
    "a small cart gets no offer": (
        [BUYER, at("1d", "cart_updated", cart_id="a", amount=20)],
        ["2d text"],
    ),
    "any purchase ends the cart": (
        [BUYER, at("1d", "cart_updated", cart_id="a", amount=60), at("1d30m", "purchase", amount=5)],
        [],
    ),
    "emptying this cart ends it, and emptying another one does not": (
        [BUYER, at("1d", "cart_updated", cart_id="a", amount=60), at("1d30m", "cart_emptied", cart_id="b"),
         at("9d", "cart_updated", cart_id="c", amount=60), at("9d2h", "cart_emptied", cart_id="c")],
        ["2d text"],
    ),
    "each order is asked about once, and a refund takes the question back": (
        [NO, at("1d", "delivered", order_id="o-1"), at("2d", "delivered", order_id="o-2"),
         at("3d", "refund", order_id="o-2")],
        ["11d9h review_please", "18d9h review_reminder"],
    ),
    "who has written the review is not reminded of it": (
        [NO, at("1d", "delivered", order_id="o-1"), at("12d", "review_written", order_id="o-1")],
        ["11d9h review_please"],
    ),
    "a refill is due five days before it runs out, and buying it again begins anew": (
        [YES, at("1d", "line_bought", sku="oil", supply_days=30), at("10d", "line_bought", sku="oil", supply_days=30),
         at("11d", "line_bought", sku="soap", supply_days=60), at("12d", "line_bought", sku="mug", supply_days=0)],
        [*WELCOME, "35d9h refill", "66d9h refill"],
    ),
    "who wants to know hears that it is back, once": (
        [NO, at("1d", "stock_alert_wanted", sku="mug"), at("2d", "back_in_stock", sku="cup"),
         at("3d", "back_in_stock", sku="mug"), at("4d", "back_in_stock", sku="mug")],
        ["3d back_in_stock"],
    ),
    "a subscriber with comments gets a digest on friday at nine": (
        [YES, at("2d", "comment_received", text="nice"), at("3d", "comment_received", text="so nice")],
        ["0d hello", "2d9h story", "5d9h first_offer", "8d8h digest"],
    ),
    "a trial without a project gets help to make one, and then with the rest": (
        [NO, at("0h", "changed", email_opt_in=True), at("1d", "trial_started")],
        ["0d hello", "1d trial_hello", "2d9h story", "3d make_a_project", "5d9h first_offer", "8d need_help"],
    ),
    "a trial that is used is asked to bring the team": (
        [YES, at("1d", "trial_started"), at("2d", "project_created"), *times(2, 4, "invite_sent")],
        ["0d hello", "1d trial_hello", "2d9h story", "4d1h invite_team", "5d9h first_offer"],
    ),
    "who subscribes or cancels hears nothing more of the trial": (
        [YES, at("1d", "trial_started"), at("2d", "subscribed")],
        ["0d hello", "1d trial_hello", "2d9h story", "5d9h first_offer"],
    ),
    "the tenth report is worth a word": (
        [YES, *times(11, 10, "report_made")],
        [*WELCOME, "10d9h usage"],
    ),
    "a trial's end is told three days before, at nine": (
        [NO, at("1d", "changed", trial_ends_at=START + milliseconds("20d"))],
        ["17d8h trial_ending"],
    ),
    "a trial's end is not told to who has subscribed": (
        [NO, at("1d", "changed", trial_ends_at=START + milliseconds("20d")), at("5d", "subscribed")],
        [],
    ),
}  # fmt: skip


def messages(sim: Simulator) -> list[str]:
    return [f"{span(one.moment)} {one.step or one.template}" for one in sim.outreach]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("story", STORIES)
def test_the_story_is_the_same_however_it_is_told(stories: Stories, story: str, way: str) -> None:
    events, wanted = STORIES[story]
    assert messages(stories.tell(way, events, "80d")) == wanted


def test_nothing_is_wrong_with_the_file(stories: Stories) -> None:
    assert [each.human() for each in stories.project.loaded.diagnostics] == []


def test_both_birthday_mails_show_one_code_and_next_year_brings_another(stories: Stories) -> None:
    guest = at("0h", "signed_up", email_opt_in=True, birthday="1990-01-20")
    sim = stories.tell("twice and reloaded", [guest], "400d")
    mails = [one for one in sim.outreach if one.rule == "birthday"]
    assert [f"{span(one.moment)} {one.step}" for one in mails] == [
        "19d9h birthday", "30d9h birthday_ends", "384d9h birthday", "395d9h birthday_ends",
    ]  # fmt: skip
    codes = [shown(one) for one in mails]
    assert codes[0] == codes[1] != codes[2] == codes[3]
    assert len(told(sim)) == 2


def test_the_digest_lists_what_was_said_this_week(stories: Stories) -> None:
    events = STORIES["a subscriber with comments gets a digest on friday at nine"][0]
    more = at("10d", "comment_received", text="still nice")
    sim = stories.tell("twice and reloaded", [*events, more], "16d")
    digests = [one.text for one in sim.outreach if one.template == "digest"]
    assert digests == ["so nice, nice,", "still nice,"]
