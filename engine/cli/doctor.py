"""`engine doctor`: checks brokers, topics, store, clocks and lag, and prints findings with advice."""

from engine.cli.findings import report
from engine.cli.options import AsJson, Namespace, RulesDir, Store, TemplatesDir, settings_of
from engine.operate.doctor import examine
from engine.wiring.installation import installation_of


def doctor(
    rules: RulesDir = None,
    templates: TemplatesDir = None,
    store: Store = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
) -> None:
    """Check all that workers need: connections, topics, partitioner, clocks, lag, overdue timers; with advice.

    Changes nothing, and can be run while workers run. Exits 0 when all is well, 1 when something fails, 3 with
    only warnings.

    Example: engine doctor --store redis://redis:6379/0
    """
    settings = settings_of(rules=rules, templates=templates, store=store, namespace=namespace)
    report(examine(installation_of(settings)), as_json=as_json)
