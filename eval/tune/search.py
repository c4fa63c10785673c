"""The search itself: a tree-structured Parzen estimator proposes settings, and learns what they are worth.

The only module that knows Optuna.
"""

from __future__ import annotations

import optuna

from tamis.indexer.progress import Report

from .space import Space
from .trials import Evaluate, Trial

RANDOM = 20
"""Trials at random, before the search learns from them."""


def search(
    space: Space,
    evaluate: Evaluate,
    limit_ms: float,
    trials: int,
    seed: int,
    report: Report,
) -> list[Trial]:
    """Look for the settings of greatest worth among those within a limit of time.

    Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization", with settings over the limit
    ranked behind all others. The same seed and the same worths give the same trials, so a search that
    was cut off repeats itself from what it remembers.

    Args:
        space: what may differ.
        evaluate: says what a pipeline is worth.
        limit_ms: greatest estimate of p95 that is taken for possible.
        trials: how many settings to try.
        seed: of the proposals.
        report: called with the number of trials done.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # Parameter by parameter: jointly, it stays with the first kind of fusion that was good, and ends up worse.
    sampler = optuna.samplers.TPESampler(seed=seed, multivariate=False, n_startup_trials=RANDOM)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    found = []
    for number in range(trials):
        trial = study.ask()
        config = space.suggest(trial)
        worth = evaluate(config)
        trial.set_constraint("p95", worth.p95_ms / limit_ms - 1)
        study.tell(trial, worth.fit)
        found.append(Trial(config, worth))
        report(number + 1)
    return found
