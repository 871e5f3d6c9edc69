"""/models, by which SageMaker loads and unloads the models of a multi-model endpoint.

Source: docs.aws.amazon.com/sagemaker/latest/dg/mms-container-apis.html.
"""

from typing import Any

from container.check import pictures
from container.check.client import Answer
from container.check.findings import Checks, Skipped, Wrong
from container.check.subject import MODEL_NAME as NAME
from container.check.subject import Subject

UNKNOWN = "maskserve-check-none"
MAX_PAGES = 1000
_FIELDS = {"modelName", "modelUrl"}

checks = Checks[Subject]()


@checks("models: load", "answer POST /models {model_name, url} with 200 once the model can be asked")
def loaded(subject: Subject) -> str:
    answer = subject.loaded
    if answer.status != 200:
        raise Wrong(f"{answer}: {answer.body[:80]!r}")
    return f"{answer.seconds:.1f} s"


@checks("models: load again is 409", "answer 409 where a model is loaded under the name already")
def again(subject: Subject) -> str:
    _need(subject)
    return _status(subject.load(NAME), 409)


@checks("models: load nothing is 4xx", "answer 4xx, in JSON, where no model lies at the url, and load nothing")
def nothing(subject: Subject) -> str:
    answer = subject.load(UNKNOWN, "/opt/ml/models/maskserve-check/none")
    if answer.status not in range(400, 500):
        raise Wrong(str(answer))
    answer.json()
    return str(answer.status)


@checks(
    "models: list", "answer GET /models with modelName and modelUrl of each, and nextPageToken while there are more"
)
def listed(subject: Subject) -> str:
    _need(subject)
    names, token = [], ""
    for _ in range(MAX_PAGES):
        answer = subject.client.request("GET", f"/models?limit=1{token}")
        page = _document(answer, dict)
        models = page.get("models")
        if not isinstance(models, list) or not all(_FIELDS <= set(one) for one in models):
            raise Wrong(f"no list of modelName and modelUrl: {answer.body[:80]!r}")
        names += [one["modelName"] for one in models]
        if not page.get("nextPageToken"):
            break
        token = f"&next_page_token={page['nextPageToken']}"
    else:
        raise Wrong(f"there is always another page, of {len(set(names))} models")
    if sorted(names) != sorted(set(names)) or NAME not in names:
        raise Wrong(f"{NAME} is listed {names.count(NAME)} times, {len(names) - len(set(names))} models more than once")
    return f"{len(names)} models"


@checks("models: get", "answer GET /models/NAME with modelName and modelUrl")
def got(subject: Subject) -> str:
    _need(subject)
    answer = subject.client.request("GET", f"/models/{NAME}")
    document = _document(answer, (dict, list))
    one = document[0] if isinstance(document, list) and document else document  # Multi Model Server's is a list of one
    if not isinstance(one, dict) or one.get("modelName") != NAME:
        raise Wrong(f"another model: {answer.body[:80]!r}")
    return ""


@checks("models: invoke", "answer POST /models/NAME/invoke as /invocations")
def invoked(subject: Subject) -> str:
    _need(subject)
    answer = _invoke(subject)
    if answer.status != 200 or not answer.media_type:
        raise Wrong(str(answer))
    return f"{1000 * answer.seconds:.0f} ms"


@checks("models: an unknown one is 404", "answer 404 wherever a model is named that is not loaded")
def unknown(subject: Subject) -> str:
    said = {
        "GET": subject.client.request("GET", f"/models/{UNKNOWN}").status,
        "DELETE": subject.client.request("DELETE", f"/models/{UNKNOWN}").status,
        "invoke": _invoke(subject, UNKNOWN).status,
    }
    if set(said.values()) != {404}:
        raise Wrong(", ".join(f"{what} {status}" for what, status in said.items()))
    return ""


@checks(
    "models: unload", "answer DELETE /models/NAME with 200 once the model is gone; then it is as unknown as any other"
)
def unloaded(subject: Subject) -> str:
    _need(subject)
    answer = subject.client.request("DELETE", f"/models/{NAME}")
    if answer.status != 200:
        raise Wrong(str(answer))
    _status(_invoke(subject), 404)
    return f"{answer.seconds:.1f} s"


def _invoke(subject: Subject, name: str = NAME) -> Answer:
    """POST /models/NAME/invoke with a picture."""
    return subject.client.invoke(pictures.jpeg(), path=f"/models/{name}/invoke")


def _need(subject: Subject) -> None:
    if subject.loaded.status != 200:
        raise Skipped("the model was not loaded")


def _status(answer: Answer, wanted: int) -> str:
    if answer.status != wanted:
        raise Wrong(str(answer))
    return ""


def _document(answer: Answer, kind: type | tuple[type, ...]) -> Any:
    document = answer.json() if answer.status == 200 else None
    if not isinstance(document, kind):
        raise Wrong(f"{answer}: {answer.body[:80]!r}")
    return document
