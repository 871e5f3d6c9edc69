"""GET /execution-parameters, which a batch transform asks first.

Source: docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html.
"""

from container.check.findings import Checks, NotOffered, Wrong
from container.check.subject import Subject

PRODUCT_MB = 100  # MaxConcurrentTransforms × MaxPayloadInMB may not pass it
STRATEGIES = ("SINGLE_RECORD", "MULTI_RECORD")

checks = Checks[Subject]()


@checks("/execution-parameters", "answer exactly MaxConcurrentTransforms, BatchStrategy and MaxPayloadInMB; or 404")
def parameters(subject: Subject) -> str:
    answer = subject.batch
    if answer.status == 404:
        raise NotOffered("a batch transform then sends one request of up to 6 MB at a time")
    given = answer.json() if answer.status == 200 else None
    if not isinstance(given, dict) or set(given) != {"MaxConcurrentTransforms", "BatchStrategy", "MaxPayloadInMB"}:
        raise Wrong(f"{answer}: {answer.body[:80]!r}")
    concurrent, payload, strategy = (given[k] for k in ("MaxConcurrentTransforms", "MaxPayloadInMB", "BatchStrategy"))
    if type(concurrent) is not int or type(payload) is not int or concurrent < 1 or payload < 0:
        raise Wrong(f"MaxConcurrentTransforms {concurrent!r} and MaxPayloadInMB {payload!r} are not whole numbers")
    if concurrent * payload > PRODUCT_MB:
        raise Wrong(f"{concurrent} × {payload} MB is over {PRODUCT_MB} MB, which SageMaker refuses")
    if strategy not in STRATEGIES:
        raise Wrong(f"BatchStrategy {strategy!r} is neither {' nor '.join(STRATEGIES)}")
    return f"{concurrent} × {payload} MB, {strategy}"
