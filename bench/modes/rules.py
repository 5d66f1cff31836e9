"""What rules cost that an event does not concern."""

from bench.job import Loaded, judge, seconds_between, sent_on
from bench.modes.context import Context
from bench.table import Goal, Section, Value, figure
from tests.e2e.job import project

HOW = (
    "The job (a smaller one) with its three rules, and with others beside them that listen to other event types."
    " One worker; events/s as in the job."
)
NUMBERS = (3, 30, 300)
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
    """A row for each number of rules."""
    job = context.load("rules-events", context.sizes.rules_events)
    rows = [_measure(context, job, number) for number in NUMBERS]
    ratio = figure(rows[-1], "events/s") / figure(rows[0], "events/s")
    return Section("Rules", HOW, rows, [Goal("throughput with 300 rules, of that with 3", ratio, 0.8)])


def _measure(context: Context, job: Loaded, number: int) -> dict[str, Value]:
    with context.servers.crew(f"rules-{number}", job.topic, _project(job.topic, number)) as crew:
        meter = crew.start()
        crew.work_off(job.records)
        cpu, peak = meter.cpu(), crew.peak_mebibytes()
        outreach = list(sent_on(crew.bus, crew.outreach))
    verdict = judge(outreach, job.wanted)
    return {
        "rules": f"{number} rules",
        "events/s": round(job.events / seconds_between(outreach)),
        "worker CPU s/M": round(cpu["worker"] / job.events * 1e6, 1),
        "peak MiB": round(peak),
        "wrong ids": len(verdict.missing) + len(verdict.extra) + verdict.repeated,
    }


def _project(topic: str, number: int) -> dict[str, str]:
    files = project(topic)
    others = range(number // 3 - 1)
    files["events.yaml"] += "".join(f"  other_{other}: {{}}\n" for other in others)
    files["lifecycle.yaml"] += "".join(THREE.format(number=other) for other in others)
    return files
