"""How the topics judge answers, and what they all need: the plan, a client, datasets of their own.

What a client returned is compared with what was sent as JSON, so that 1, 1.0 and true are three values.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nucleus
import nucleus.async_job
import requests

PLAN = json.loads(Path(sys.argv[1]).read_text())
VERSION = tuple(int(part) for part in version("scale-nucleus").split("."))
FOLDER = Path(PLAN["folder"])
ENDPOINT, KEY = PLAN["url"] + "/v1/nucleus", PLAN["key"]
NAME = "scale-nucleus " + version("scale-nucleus")
APPENDS_AT_ONCE = VERSION < (0, 19)
_AROUND, _LONGEST = 150, 600  # characters of what is shown of a difference, and of an error

nucleus.async_job.JOB_POLLING_INTERVAL = 0.05  # nothing but this is changed of a client


class Checks(dict[str, str]):
    """What is wrong by the name of the check; "" where nothing is."""

    def note(self, name: str, wrong: str) -> None:
        """Note a check, which has its name alone."""
        assert name not in self, name
        self[name] = wrong

    def same(self, name: str, got: Any, wanted: Any) -> None:
        """Note whether two values are the same in JSON, to the types of numbers and the order of lists."""
        self.note(name, difference(exact(got), exact(wanted)))

    def holds(self, name: str, condition: bool, shown: Any = "") -> None:
        """Note whether a condition holds; `shown` says what it is about."""
        self.note(name, "" if condition else f"does not hold: {shown!r}"[:_LONGEST])

    def raises(self, name: str, kind: str, text: str, call: Callable[..., Any], *given: Any, **named: Any) -> None:
        """Note whether a call raises `kind` ("NucleusAPIError 404" has the status too), with `text` in its message."""
        try:
            value = call(*given, **named)
        except Exception as error:
            status = getattr(error, "status_code", None)
            raised = type(error).__name__ + (f" {status}" if status else "")
            fine = kind == raised and text in str(error)
            self.note(name, "" if fine else f"{raised}, not {kind} with {text!r}: {error}"[:_LONGEST])
        else:
            self.note(name, f"no {kind}, but {value!r}"[:_LONGEST])


def exact(value: Any) -> str:
    """The JSON of what the client returned or would send, in which different values differ."""
    return json.dumps(plain(value), sort_keys=True, ensure_ascii=False)


def plain(value: Any) -> Any:
    """Objects of the client as what they send, without the ids that the server has for items."""
    if isinstance(value, nucleus.DatasetItem):
        return {
            "reference_id": value.reference_id,
            "metadata": value.metadata or {},
            "image_location": value.image_location,
        }
    if hasattr(value, "to_payload"):
        sent = value.to_payload()
        return {key: one for key, one in sent.items() if key not in ("item_id", "dataset_id")}
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


def difference(got: str, wanted: str) -> str:
    """Where two texts begin to differ, "" if they do not."""
    if got == wanted:
        return ""
    at = next((i for i, (a, b) in enumerate(zip(got, wanted, strict=False)) if a != b), min(len(got), len(wanted)))
    start = max(0, at - _AROUND)
    return f"at {at}: got …{got[start : at + _AROUND]}… wanted …{wanted[start : at + _AROUND]}…"


def connect() -> nucleus.NucleusClient:
    """A client, led to the server by its arguments alone."""
    return nucleus.NucleusClient(api_key=KEY, endpoint=ENDPOINT)


def ask(method: str, route: str, **named: Any) -> requests.Response:
    """A request that the client would not send."""
    return requests.request(method, f"{ENDPOINT}/{route}", auth=(KEY, ""), timeout=60, **named)


def finished(result: Any) -> Any:
    """What a call returned, after the job has ended that it may be."""
    if hasattr(result, "sleep_until_complete"):
        result.sleep_until_complete(verbose_std_out=False)
    return result


def picture(reference_id: str, **metadata: Any) -> nucleus.DatasetItem:
    """An item of a picture that nobody fetches."""
    return nucleus.DatasetItem("https://pictures.example/1.jpg", reference_id=reference_id, metadata=metadata)


def dataset_of(client: nucleus.NucleusClient, name: str, references: Iterable[str]) -> nucleus.Dataset:
    """A new dataset with items of these references, in this order."""
    dataset = client.create_dataset(f"{NAME}: {name}", is_scene=False)
    finished(dataset.append([picture(reference) for reference in references]))
    return dataset


def model_of(client: nucleus.NucleusClient, name: str) -> nucleus.Model:
    """A model that only this driver writes to."""
    return client.create_model(f"{NAME}: {name}", f"{NAME}: {name} {time.time_ns()}")


def item_id(dataset: nucleus.Dataset, position: int) -> str:
    """The server's id of an item; older clients do not show it."""
    return str(ask("GET", f"dataset/{dataset.id}/iloc/{position}").json()["item"]["dataset_item_id"])


def by_kind(objects: Sequence[Any]) -> dict[str, list[Any]]:
    """Objects as the client returns them for an item."""
    found: dict[str, list[Any]] = {}
    for one in objects:
        kind = one.to_payload()["type"]
        found.setdefault("segmentation" if kind == "mask" else kind, []).append(one)
    return found


def sorted_by_name(found: dict[str, list[Any]]) -> dict[str, list[str]]:
    """Objects by kind in an order that does not depend on the server's, each as its JSON."""
    return {kind: sorted(map(exact, objects)) for kind, objects in found.items()}


def counted(run_id: str, processed: int, ignored: int = 0) -> dict[str, Any]:
    """The reply of an upload to a run that has no errors."""
    return {"model_run_id": run_id, "predictions_processed": processed, "predictions_ignored": ignored}
