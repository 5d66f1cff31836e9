"""A shop that asks its customers one question, with all its files: rules, policy and templates."""

from collections.abc import Mapping
from pathlib import Path

from engine.lang.project import Loaded, load
from engine.render import inspect_templates
from tests.support.project_files import write_files

NPS = """\
version: 1

rules:
  - id: nps
    why: One question a week after the parcel came, no customer more often than once in 90 days.
    when: { event: delivered }
    reentry: after 90d
    exit: { event: refund, match: order_id }     # only the refund of this order
    steps:
      - wait: { days: 7, until: "10:00" }
      - send: { template: how_likely, purpose: survey, expires: 3d }

  - id: detractor
    why: Who is unhappy hears from a person within two days, and the lead hears of it when nobody does.
    when: { event: survey_answered, where: event.survey == "nps" and event.score <= 6 }
    reentry: after 30d
    goal: { event: ticket_closed }
    purpose: service
    steps:
      - send: { template: detractor_alert, channel: webhook, purpose: transactional }        # to the help desk, at once
      - send: sorry
      - wait: 2d
      - send: { template: detractor_escalated, channel: webhook, purpose: transactional }

  - id: promoter
    when: { event: survey_answered, where: event.survey == "nps" and event.score >= 9 }
    reentry: after 180d
    purpose: survey
    send: tell_a_friend
"""
EVENTS = """\
version: 1
sources:
  - topic: shop
  - { name: what customers tell us, topic: engine.feedback }
events:
  signup: { properties: { email: string }, profile: all }
  delivered: { properties: { order_id: string } }
  refund: { properties: { order_id: string } }
  ticket_closed: {}
"""
POLICY = """\
version: 1
zone: Europe/Berlin
addresses: { email: profile.email, webhook: customer.id }
preferences: { survey: One question after an order }
surveys: { nps: How likely is it that you recommend us to a friend? }
"""
_EACH = '{% for answer in survey_links("nps", 0, 10) %}'
TEMPLATES = {
    "how_likely.email.j2": f"""\
{{% block subject %}}How likely is it that you recommend us?{{% endblock %}}
{{% block text %}}
{_EACH}
{{{{ answer.score }}}}: {{{{ answer.link }}}}
{{% endfor %}}
{{{{ outreach.unsubscribe_link }}}}
{{% endblock %}}
{{% block html %}}{_EACH}<a href="{{{{ answer.link }}}}">{{{{ answer.score }}}}</a> {{% endfor %}}{{% endblock %}}
""",
    "sorry.email.j2": "{% block subject %}We are sorry{% endblock %}{% block text %}You gave us {{ event.score }}."
    "{% endblock %}",
    "tell_a_friend.email.j2": "{% block subject %}Thank you{% endblock %}{% block text %}Tell a friend.{% endblock %}",
    "detractor_alert.webhook.j2": "{% block text %}{{ customer.id }}: {{ event.score }}"
    '{% if event.comment is defined %} "{{ event.comment }}"{% endif %}{% endblock %}',
    "detractor_escalated.webhook.j2": "{% block text %}{{ customer.id }}: nobody has answered{% endblock %}",
}


def survey_shop(folder: Path, templates: Mapping[str, str] = TEMPLATES) -> Loaded:
    """The shop's project in the folders `rules` and `templates`. It must have no findings."""
    write_files(folder / "rules", {"events.yaml": EVENTS, "policy.yaml": POLICY, "nps.yaml": NPS})
    loaded = load(folder / "rules", inspect_templates(write_files(folder / "templates", templates)))
    assert loaded.book, [each.human() for each in loaded.diagnostics]
    assert not loaded.diagnostics, [each.human() for each in loaded.diagnostics]
    return loaded
