# %% [markdown]
# # Evaluate, prune, prove
#
# A walk in cells (VS Code, Spyder and Jupyter with jupytext show them as a notebook; `python
# examples/evaluate_and_prune.py` runs them in order). Everything here is also a command: `tamis index`, `tamis eval`,
# `tamis prune`. Needs the extras `eval` and `prune`.

# %%
"""Evaluate a pipeline and its parts, prove how much of the index may be pruned, prune it, and look at what is left."""

from __future__ import annotations

import os
from pathlib import Path

import tamis
from tamis.eval.compare import compare
from tamis.eval.evaluation import evaluate
from tamis.eval.judged import read_judged
from tamis.eval.measures import parse_measure
from tamis.eval.prune.figures import write_figures
from tamis.eval.prune.prove import Question, prove
from tamis.indexer.build import build
from tamis.indexer.certificate import Certificate
from tamis.indexer.config import IndexConfig
from tamis.indexer.corpus.open import open_corpus
from tamis.indexer.progress import Quiet
from tamis.indexer.quality.store import read_pruned
from tamis.indexer.versions import IndexFolder
from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine

# %% [markdown]
# ## What is asked
#
# A corpus, and a judged collection: questions, and which passages answer them. `pydocs` is both: Python's own
# documentation, with 300 questions for testing that avoid the words of their answers.

# %%
CORPUS = os.environ.get("CORPUS", "pydocs")
COLLECTION = os.environ.get("COLLECTION", "pydocs")
FOLDER = Path(os.environ.get("FOLDER", "walk"))
MARGIN = float(os.environ.get("MARGIN", "0.05"))  # a loss of so much of the mean is of no consequence: choose it first

judged = read_judged(COLLECTION, "test")
measures = [parse_measure("nDCG@10"), parse_measure("R@100")]
print(f"{len(judged.queries)} questions; the first: {judged.queries[0].text!r}")

# %% [markdown]
# ## Build
#
# The first build takes minutes (passages are encoded); asked again for what is there, it does nothing.

# %%
config = IndexConfig()
index = FOLDER / "index"
whole = build(open_corpus(CORPUS, config.corpus), index, config)
print(f"{whole.passages:,} passages, built in {sum(whole.seconds.values()):.0f} s")

# %% [markdown]
# ## Evaluate the pipeline and its arms
#
# The object that is evaluated is the one that is served. Each evaluation writes its run, its measures and where every
# relevant passage went.

# %%
systems = {
    "words": PipelineConfig(retrievers=("sparse",)),
    "vectors": PipelineConfig(retrievers=("dense",)),
    "both": PipelineConfig(),
}
results = {}
for name, pipeline in systems.items():
    with Engine.open(index, pipeline) as engine:
        results[name] = evaluate(engine, judged, FOLDER / "results" / name, measures, Quiet(), name=name)
    for measure, interval in results[name].intervals.items():
        mean = results[name].values[measure].mean()
        print(f"{name:8} {measure:8} {mean:.3f} [{interval.low:.3f}, {interval.high:.3f}]")

# %% [markdown]
# ## Is one better?
#
# Differences are paired by question; each sentence says what may be concluded, and "nothing" is one of the answers.

# %%
for comparison in compare([results["words"], results["vectors"], results["both"]]):
    print(comparison.conclusion)

# %% [markdown]
# ## How much may be left out?
#
# An estimator gives each passage one number without seeing a question. For rising shares the passages with the lowest
# numbers are taken out for real, all questions are asked again through words, vectors and both, and a one-sided test
# has to show for each measure that the mean falls by less than the margin. The first failure ends it.

# %%
question = Question(judged, PipelineConfig(), measures, MARGIN)
proof = prove(index, question, Quiet())
for step in proof.steps:
    worst = min(step.tests, key=lambda test: (test.pruned - test.whole) / max(test.whole, 1e-9))
    print(
        f"{step.share:.0%}: {'proved' if step.passed else 'fails'}; {step.relevant_kept:.1%} of the relevant passages "
        f"are kept; worst is {worst.pipeline} by {worst.measure}, {worst.whole:.3f} to {worst.pruned:.3f}"
    )
print(proof.certificate.sentence if proof.certificate else f"nothing is proved: {proof.reason}")
write_figures(proof.steps, FOLDER / "figures")

# %% [markdown]
# ## Prune what was proved
#
# The certificate goes into the manifest of the new version. Where nothing was proved, nothing is pruned: more questions
# or a wider margin would be needed, and the reason above says which.

# %%
if proof.certificate:
    corpus = open_corpus(CORPUS, config.corpus)
    pruned = build(corpus, index, config, certificate=Certificate.read(index))
    print(f"{whole.passages:,} passages became {pruned.passages:,}")
    left_out = sorted(read_pruned(IndexFolder(index).current()), key=lambda one: one.score)
    for one in left_out[:5]:
        print(f"  {one.score:+.2f} {one.passage.id}: {' '.join(one.passage.contents.split())[:60]!r}")

# %% [markdown]
# ## Look once more
#
# The certificate spoke of these questions; the numbers of the pruned index beside those of the whole one:

# %%
with Engine.open(index) as engine:
    after = evaluate(engine, judged, FOLDER / "results" / "pruned", measures, Quiet(), name="pruned")
for comparison in compare([results["both"], after], MARGIN):
    print(comparison.conclusion)

with tamis.open(index) as searcher:
    for hit in searcher.search(judged.queries[0].text, k=3).hits:
        print(hit.rank, hit.id, hit.stages)

# %% [markdown]
# `tamis index restore walk/index` puts everything back; only what was left out is encoded then.
