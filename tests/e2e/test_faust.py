"""The example Faust app, run as its users run it."""

import re
import signal

import pytest

from tests.services.processes import wait_until
from tests.support.command import REPOSITORY
from tests.support.faults import Stage
from tests.support.job import make_job, project
from tests.support.referral_stage import ReferralStage, purchases, signups
from tests.support.workers import Worker

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]


class FaustApp(Worker):
    """`faust worker` on a stage. The app's brokers are the engine's, too."""

    def __init__(self, stage: Stage) -> None:
        engine = {f"ENGINE_{name.upper()}": str(value) for name, value in stage.settings.items()}
        bootstrap = engine.pop("ENGINE_KAFKA_BOOTSTRAP")
        faust = {
            "PYTHONPATH": str(REPOSITORY),
            "BROKER_URL": f"kafka://{bootstrap}",
            "BROKER_SESSION_TIMEOUT": "6",  # the app is killed, and the next one waits as long
            "APP_VERSION": "2",
            "APP_ID_FORMAT": stage.name + "{id}",
            "APP_DATADIR": str(stage.folder / "faust"),
        }
        super().__init__("app", engine | faust | {"ENGINE_KAFKA_SESSION_TIMEOUT": "6"}, stage.folder / "app.log")
        worker = list(self.command).index("-c")
        command = ["-m", "faust", "-A", "examples.faust_app", "worker", "--without-web", "-l", "info"]
        self.command = [*self.command[:worker], *command]

    @property
    def seen(self) -> set[str]:
        """Ids that the agent has printed."""
        return set(re.findall(r"\b([0-9a-f]{32}) to customer-", self.said))


@pytest.fixture
def app(stage: Stage) -> FaustApp:
    app = FaustApp(stage)
    stage.workers["app"] = app
    return app


def test_a_faust_app_sends_exactly_what_it_must_though_it_is_killed(stage: Stage, app: FaustApp) -> None:
    job = make_job(20_000, 2_000)
    half = len(job.entries) // 2
    stage.use(project(stage.topics.events))
    stage.load(job.entries[:half])
    app.start()
    stage.until(lambda: len(app.seen) > 100, "the agent sees outreach")
    stage.kill9(app)

    stage.load(job.entries[half:])
    app.start()
    assert stage.finish_exactly(job.wanted).repeated <= stage.in_flight
    sent = {one.identity for one in stage.outreach()}
    stage.until(lambda: app.seen >= sent, "the agent has seen all outreach")
    assert app.seen == sent

    app.end(signal.SIGTERM)
    assert app.code == 0


def test_who_brought_a_friend_is_thanked_by_the_worker_in_an_app_though_it_is_killed(referrals: ReferralStage) -> None:
    app, pairs = FaustApp(referrals), 200
    referrals.workers["app"] = app
    referrals.load(signups(referrals, pairs))
    app.start()
    referrals.until_processed(2 * pairs + 1)
    referrals.load(purchases(referrals, pairs))
    referrals.until(lambda: bool(referrals.credited()), "the first is thanked")
    referrals.kill9(app)
    app.start()
    referrals.until(lambda: len(referrals.credited()) >= pairs, "all are thanked")
    assert referrals.credited() == {f"ada-{pair}": 1 for pair in range(pairs)}


def test_a_worker_that_cannot_go_on_ends_the_app_and_says_why(stage: Stage, app: FaustApp) -> None:
    stage.use(project(stage.topics.events, rules="version: 1\nrules: [{ id: broken }]\n"))
    app.start()
    wait_until(lambda: app.died, "the app ends")
    app.end(signal.SIGTERM)
    assert app.code != 0
    assert "error[missing-field] rule needs" in app.said
