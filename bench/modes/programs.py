"""What segments and journeys cost, and what they cost rules that use none."""

from bench.modes.context import Context
from bench.table import Goal, Section, Value, figure
from tests.support.job import project

HOW = (
    "The job (a smaller one) with its three rules; then with 20 segments and 20 journeys besides, of which a purchase"
    " or a visit concerns 3 (two segments and a journey), and which send nothing. One worker; events/s as in the job."
    " The better of the two runs without them counts."
)
RUNS = {"none": 0, "20 segments, 20 journeys": 20, "none again": 0}
SEGMENTS = """\
segments:
  - { id: loyal, if: events.purchase.count("90d") >= 3 }
  - id: tier
    levels:
      low: events.purchase.sum("amount", "180d") >= 100
      high: events.purchase.sum("amount", "180d") >= 500
  - { id: active, if: events.site_visit.count("30d") >= 1 }
  - { id: busy, if: events.site_visit.count("7d") >= 3 }
"""
JOURNEYS = """\
  - id: bought
    when: { milestone: { count: purchase, reaches: [1] } }
    goal: { event: subscribed }
    steps:
      - wait: 60d
      - stop: true
  - id: gone
    when: { inactivity: { of: site_visit, for: 45d } }
    steps:
      - wait: { event: site_visit, within: 30d }
      - stop: true
"""
OTHER_SEGMENT = """\
  - { id: other_{number}, if: events.other_{number}.count("30d") >= 1 }
"""
OTHER_JOURNEY = """\
  - id: other_{number}
    when: { event: other_{number} }
    steps:
      - wait: 30d
      - stop: true
"""


def run(context: Context) -> Section:
    """A row a run."""
    job = context.small_job
    rows = [
        dict[str, Value](besides=name) | context.work_off(job, name.split(" ")[-1], _project(job.topic, number))
        for name, number in RUNS.items()
    ]
    first, most, again = (figure(row, "events/s") for row in rows)
    ratio = most / max(first, again)
    return Section(
        "Segments and journeys", HOW, rows, [Goal("throughput with 20 of each, of that with none", ratio, 0.7)]
    )


def _project(topic: str, number: int) -> dict[str, str]:
    files = project(topic)
    if number:
        others = [str(other) for other in range(number - 2)]
        files["events.yaml"] += "".join(f"  other_{other}: {{}}\n" for other in others)
        segments = SEGMENTS + "".join(OTHER_SEGMENT.replace("{number}", other) for other in others[2:])
        files["lifecycle.yaml"] = files["lifecycle.yaml"].replace("rules:\n", f"{segments}rules:\n")
        files["lifecycle.yaml"] += JOURNEYS + "".join(OTHER_JOURNEY.replace("{number}", other) for other in others)
    return files
