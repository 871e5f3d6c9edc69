"""Which language model with pictures a request means: by its id, or as the one that answers for CogVLM."""

from container.errors import ModelNotFound, NotOffered, setting_name, shown
from container.models.policies import Policy

FOLDER = "lmm"  # below the store, and the task of such models


def find(name: str, policy: Policy) -> str:
    """Return the id of the model that is asked for as ID or lmm/ID; NotOffered names what is there."""
    there, version = policy.versions(FOLDER), name.removeprefix(f"{FOLDER}/")
    if version in there:
        return there[version]
    meant = f"{FOLDER}/{version}"
    try:
        policy.find(meant)
    except ModelNotFound:
        raise NotOffered(
            f"there is no language model {shown(version)}; there are: {', '.join(there) or 'none'}", hint=_way()
        ) from None
    return meant


def find_cogvlm(setting: str, policy: Policy) -> str:
    """Return the id of the model that answers for CogVLM: the one that the setting names, or the only one."""
    if setting:
        return find(setting, policy)
    there = policy.versions(FOLDER)
    if not there:
        raise NotOffered("there is no language model that answers for CogVLM", hint=_way())
    if len(there) > 1:
        raise NotOffered(
            f"there are several language models, and none is said to answer for CogVLM: {', '.join(there)}",
            hint=f"{setting_name('lmm')} names it, such as {next(iter(there))}",
        )
    return next(iter(there.values()))


def _way() -> str:
    return (
        f"put a folder of Hugging Face's transformers with safetensors weights, such as HuggingFaceTB/"
        f"SmolVLM-256M-Instruct, into {setting_name('model_store')}/{FOLDER}/ID/"
    )
