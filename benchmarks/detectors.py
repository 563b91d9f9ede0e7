"""python -m stzsar.benchmarks.detectors: what learns best from a few examples.

The footage of `false_alarms`, with models that are all linear in a window's similarities: linear
discriminants against the kinds of ordinary scenes, which is what stzsar-teach fits, and against one
class of all of them; logistic regression; ridge regression. scikit-learn fits all but the first.
"""

from collections.abc import Callable, Sequence
from typing import Any

import click
import numpy as np

from ..runtime.engines.graph import Array
from ..runtime.errors import StzsarError
from ..runtime.teaching.scenes import discriminants
from ..runtime.teaching.teach import Fit
from .false_alarms import Lever, Options, measure, table
from .site_footage import SITES
from .tools.command import benchmark, count_option

EXAMPLES = (1, 3, 5)
# Windows of ordinary footage that scikit-learn fits; more only take time.
_MOST_WINDOWS = 4000


def _with(make: Callable[[], Any]) -> Fit:
    """Return what fits a model of scikit-learn: each label is a class, what is ordinary another."""

    def fit(ordinary: Array, examples: Sequence[Array]) -> tuple[Array, Array]:
        ordinary = ordinary[:: 1 + len(ordinary) // _MOST_WINDOWS]
        rows = np.concatenate([*examples, ordinary]).astype(np.float64)
        lengths = [len(part) for part in (*examples, ordinary)]
        mean, deviation = rows.mean(axis=0), rows.std(axis=0) + 1e-9
        model = make().fit((rows - mean) / deviation, np.repeat(np.arange(len(lengths)), lengths))
        weights = model.coef_ / deviation
        return weights, model.intercept_ - weights @ mean

    return fit


def _linear_discriminants() -> Any:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")


def _logistic() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=10, max_iter=200)


def _ridge() -> Any:
    from sklearn.linear_model import RidgeClassifier

    return RidgeClassifier(alpha=10, class_weight="balanced")


MODELS: dict[str, Fit] = {
    "discriminants, kinds of scenes": discriminants,
    "discriminants, one class": _with(_linear_discriminants),
    "logistic regression": _with(_logistic),
    "ridge regression": _with(_ridge),
}
LEVERS = (
    Lever("no examples"),
    *(
        Lever(f"{model}: {count}", examples=count, fit=fit)
        for model, fit in MODELS.items()
        for count in EXAMPLES
    ),
)


@benchmark(
    usual=Options(hours=4.0, sites=SITES[:2], levers=LEVERS),
    quick=Options(hours=0.4, actions=3, sites=SITES[:1], levers=(LEVERS[0], LEVERS[1], LEVERS[7])),
)
@count_option("--seeds", Options.seeds, "Generate everything N times anew.")
def main(options: Options) -> None:
    """Teach by each model with 0, 1, 3 and 5 examples of each label, and count as false_alarms."""
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise StzsarError("This needs scikit-learn: pip install scikit-learn.") from error
    click.echo(table(measure(options)))


if __name__ == "__main__":
    main()
