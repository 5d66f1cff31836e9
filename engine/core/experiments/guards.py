"""The guards of experiments and of the policy's holdout, asked after all others.

A customer counts as exposed when a rule would act under at least one variant and nothing else stops it; also one who
gets nothing because of their variant. Comparing only those who got something would compare the willing.
"""

from engine.core.book import RuleBook
from engine.core.experiments.model import NONE, acts_under, decided_by, is_held_out, is_kept_back, own_variants
from engine.core.firing import Candidate
from engine.core.guards import PASS, HoldOut, Stop, Verdict
from engine.core.state.model import State
from engine.model import Outcome


def experiment(book: RuleBook, state: State, candidate: Candidate) -> Verdict:
    """Keep back what only another variant gets. The guard `condition` has let it pass until here."""
    if not candidate.experiments:
        return PASS
    own = own_variants(book, state, candidate)
    if acts_under(state, candidate, own):
        return PASS
    exposed = tuple(decided_by(book, state, candidate, own))
    # Of several `none` each alone changes nothing, so that none of them exposes: it would, more often in `none`.
    stops = exposed or [id_ for id_ in own if own[id_] == NONE]
    reason = ", ".join(f"in variant {own[id_]} of experiment {id_}" for id_ in stops)
    if is_kept_back(book, state, candidate, own):
        return HoldOut(reason, exposed)
    return Stop(Outcome.SUPPRESSED, reason, exposed)


def holdout(book: RuleBook, state: State, candidate: Candidate) -> Verdict:
    """Keep back everything from customers in the policy's holdout."""
    return HoldOut("in the holdout") if is_held_out(book.policy.holdout, candidate.customer) else PASS
