"""What rules cost that an event does not concern."""

from bench.modes.context import Context
from bench.table import Goal, Section, Value, figure
from tests.support.job import project

HOW = (
    "The job (a smaller one) with its three rules, and with others beside them that listen to other event types."
    " One worker; events/s as in the job. The better of the two runs with three rules counts."
)
RUNS = {"3 rules": 3, "30 rules": 30, "300 rules": 300, "3 again": 3}
THREE = """\
  - id: other_milestone_{number}
    when: {{ milestone: {{ count: other_{number}, reaches: [3, 5, 10] }} }}
    send: text
  - id: other_idle_{number}
    when: {{ inactivity: {{ of: other_{number}, for: 30d }} }}
    send: text
  - id: other_seen_{number}
    when: {{ event: other_{number} }}
    send: text
"""


def run(context: Context) -> Section:
    """A row a run."""
    job = context.small_job
    rows = [
        dict[str, Value](rules=name) | context.work_off(job, name.replace(" ", "-"), _project(job.topic, number))
        for name, number in RUNS.items()
    ]
    first, _, most, again = (figure(row, "events/s") for row in rows)
    ratio = most / max(first, again)
    return Section("Rules", HOW, rows, [Goal("throughput with 300 rules, of that with 3", ratio, 0.8)])


def _project(topic: str, number: int) -> dict[str, str]:
    files = project(topic)
    others = range(number // 3 - 1)
    files["events.yaml"] += "".join(f"  other_{other}: {{}}\n" for other in others)
    files["lifecycle.yaml"] += "".join(THREE.format(number=other) for other in others)
    return files
