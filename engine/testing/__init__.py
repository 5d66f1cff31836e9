"""The public interface for testing rules from pytest: customers on a virtual clock, deciding with the real engine.

Users' tests and `engine test` import it. It never sleeps and opens no network connection.

project = load_project("rules", "templates")
sim = project.simulator()
sim.event("purchase", "0d", amount=20)
sim.run("27d")
assert [outreach.rule for outreach in sim.outreach] == ["win-back"]
"""

from engine.testing.project import Project, RulesBroken, load_project
from engine.testing.rule_tests import TestResult, run_test_file
from engine.testing.simulator import START, Simulator

__all__ = ["START", "Project", "RulesBroken", "Simulator", "TestResult", "load_project", "run_test_file"]
