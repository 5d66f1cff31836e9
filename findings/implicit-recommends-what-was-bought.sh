#!/usr/bin/env bash
# implicit 0.7.3 (recommendations from purchases): recommend() leaves out what a customer has had already, by
# filter_already_liked_items, its default. It gives N things, though: where fewer are left, it fills up with just those.
# With AlternatingLeastSquares and BayesianPersonalizedRanking they have the smallest score there is, -3.4e+38, with
# CosineRecommender a 0. So the best customers of a small shop, who have had most of it, are mailed what they have.
# Nothing is logged, and for a customer who has had little all is right. Look at each score before its id is used.
# (Issue 365 of the project, closed, is about a filter that did nothing at all.)
#
# Output seen (4 of 8 things for Bo, who has had 3 of them, and for Ann, who has had 6, with the scores of those she has had):
#   AlternatingLeastSquares: Bo new, new, new, new; Ann new, new, had -3e+38, had -3e+38
#   BayesianPersonalizedRanking: Bo new, new, new, new; Ann new, new, had -3e+38, had -3e+38
#   CosineRecommender: Bo new, new, new, new; Ann new, new, had 0, had 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet implicit==0.7.3 numpy==2.4.6 scipy==1.17.1
cat >recommend.py <<'PY'
import numpy
from implicit.als import AlternatingLeastSquares
from implicit.bpr import BayesianPersonalizedRanking
from implicit.nearest_neighbours import CosineRecommender
from scipy.sparse import csr_matrix

random = numpy.random.default_rng(1)
bought = numpy.zeros((30, 8), dtype=numpy.float32)
for customer in bought:
    customer[random.choice(8, 3, replace=False)] = 1
bought[0] = [1, 1, 1, 1, 1, 1, 0, 0]  # Ann
bought = csr_matrix(bought)
models = [
    AlternatingLeastSquares(factors=4, random_state=1, num_threads=1),
    BayesianPersonalizedRanking(factors=4, random_state=1, num_threads=1),
    CosineRecommender(num_threads=1),
]


def said(model, customer):
    things, scores = model.recommend(customer, bought[customer], N=4)
    had = set(bought[customer].indices)
    return ", ".join(f"had {score:.1g}" if thing in had else "new" for thing, score in zip(things, scores))


for model in models:
    model.fit(bought, show_progress=False)
    print(f"{type(model).__name__}: Bo {said(model, 1)}; Ann {said(model, 0)}")
PY
OPENBLAS_NUM_THREADS=1 venv/bin/python -W ignore recommend.py >seen
cat seen
diff seen - <<'SEEN'
AlternatingLeastSquares: Bo new, new, new, new; Ann new, new, had -3e+38, had -3e+38
BayesianPersonalizedRanking: Bo new, new, new, new; Ann new, new, had -3e+38, had -3e+38
CosineRecommender: Bo new, new, new, new; Ann new, new, had 0, had 0
SEEN
