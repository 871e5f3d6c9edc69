"""Language models with pictures: what transformers' own example answers, and folders that are not trusted."""

import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import torch
from safetensors.torch import load_file, save_file

from container.cancellation import cancelled_by
from container.engines import base
from container.engines.lmm import LmmEngine
from container.engines.runtime import Runtime
from container.errors import BadRequest, DeadlineExceeded, ModelError
from container.structures import ModelSpec
from container.structures.lmm import LmmQuery
from tests.fakes import EndsAt
from tests.language_models import MAKERS, change, direct, tiny_idefics3, tiny_llava, tiny_qwen2_vl

PHOTO = skimage.data.astronaut()[:200]
PROMPT = "what is in the picture ?"


def loaded(folder: Path) -> LmmEngine:
    assert base.recognised(folder) == "lmm"
    found = base.load(ModelSpec("tiny", "lmm", folder), Runtime(torch.device("cpu"), torch.float32))
    assert isinstance(found, LmmEngine)
    return found


def told(folder: Path) -> str:
    """The error of loading, in one line that names no path."""
    with pytest.raises(ModelError) as error:
        base.load(ModelSpec("tiny", "lmm", folder), Runtime(torch.device("cpu"), torch.float32))
    assert "\n" not in str(error.value) and str(folder.parent) not in str(error.value)
    return str(error.value)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llava(tmp_path_factory.mktemp("llava") / "tiny")


@pytest.fixture(scope="module")
def llava(made: Path) -> LmmEngine:
    return loaded(made)


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return shutil.copytree(made, tmp_path / "tiny")


@pytest.mark.parametrize("family", MAKERS)
def test_answers_are_those_of_transformers(family: str, tmp_path: Path) -> None:
    engine = loaded(MAKERS[family](tmp_path / family))
    assert not [name for name, tensor in engine._module.named_buffers() if tensor.is_meta]
    assert engine.predict([engine.trial()])[0] is not None
    for pixels in (PHOTO, np.full((3, 500, 3), 200, np.uint8)):
        expected = direct(tmp_path / family, pixels, PROMPT, 12)
        assert engine.predict([LmmQuery(pixels, PROMPT, max_new_tokens=12)]) == [expected]


def test_old_names_of_settings_and_tensors(tmp_path: Path) -> None:
    """As Qwen2-VL was published: text settings at the top, and angles of positions by their old names."""
    folder = tiny_qwen2_vl(tmp_path / "tiny")
    content = json.loads((folder / "config.json").read_text())
    text = content.pop("text_config")
    rope = text.pop("rope_parameters")
    old = {"rope_theta": 500.0, "rope_scaling": {"type": "mrope", "mrope_section": rope["mrope_section"]}}
    text.pop("model_type")
    (folder / "config.json").write_text(json.dumps(text | content | old))
    from transformers import AutoConfig

    engine = loaded(folder)
    assert engine._module.config.text_config.rope_parameters["rope_theta"] == 500
    left_out = {"_name_or_path", "dtype", "architectures", "transformers_version"}
    ours, theirs = (one.text_config.to_dict() for one in (engine._module.config, AutoConfig.from_pretrained(folder)))
    assert {k: v for k, v in ours.items() if k not in left_out} == {
        k: v for k, v in theirs.items() if k not in left_out
    }
    assert engine.predict([LmmQuery(PHOTO, PROMPT, max_new_tokens=12)]) == [direct(folder, PHOTO, PROMPT, 12)]


def test_weights_in_several_files_of_half_precision(folder: Path) -> None:
    state = {name: tensor.bfloat16() for name, tensor in load_file(folder / "model.safetensors").items()}
    (folder / "model.safetensors").unlink()
    names = sorted(state)
    files = {name: f"model-0000{1 + i % 2}-of-00002.safetensors" for i, name in enumerate(names)}
    for file in set(files.values()):
        save_file({name: state[name] for name in names if files[name] == file}, folder / file, {"format": "pt"})
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": files}))
    assert loaded(folder).predict([LmmQuery(PHOTO, PROMPT, max_new_tokens=12)]) == [direct(folder, PHOTO, PROMPT, 12)]


def test_where_an_answer_ends_and_what_is_not_repeated(folder: Path) -> None:
    change(folder / "generation_config.json", repetition_penalty=1.8, do_sample=True, temperature=9.0, top_k=5)
    expected = direct(folder, PHOTO, PROMPT, 12)
    (found,) = loaded(folder).predict([LmmQuery(PHOTO, PROMPT, max_new_tokens=12)])
    assert found == expected
    words = loaded(folder)._processor.tokenizer
    first = words.convert_tokens_to_ids(found.split()[0])
    change(folder / "generation_config.json", eos_token_id=[2, first])
    assert loaded(folder).predict([LmmQuery(PHOTO, PROMPT, max_new_tokens=12)]) == [found.split()[0]]


def test_a_conversation(llava: LmmEngine, made: Path) -> None:
    """A history is what the template makes of it, with the picture in the first question."""
    import PIL.Image
    from transformers import AutoModelForImageTextToText, AutoProcessor

    processor = AutoProcessor.from_pretrained(made)
    said = ["who is it ?", "a cat", PROMPT]
    messages: list[dict[str, Any]] = [
        {"role": ("user", "assistant")[i % 2], "content": [{"type": "text", "text": one}]} for i, one in enumerate(said)
    ]
    messages[0]["content"].insert(0, {"type": "image", "image": PIL.Image.fromarray(PHOTO)})
    inputs = processor.apply_chat_template(
        messages, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    )
    found = AutoModelForImageTextToText.from_pretrained(made).generate(**inputs, max_new_tokens=9, do_sample=False)
    expected = processor.decode(found[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    query = LmmQuery(PHOTO, PROMPT, [("who is it ?", "a cat")], max_new_tokens=9)
    assert llava.predict([query]) == [expected.strip()]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (LmmQuery(PHOTO, "a <image> b"), "the prompt holds '<image>', which stands for a picture"),
        (LmmQuery(PHOTO, "a", [("<image>", "b")]), "the prompt holds '<image>'"),
        (LmmQuery(PHOTO, "a " * 4000), "may follow; model 'tiny' takes 4096 together; send a shorter prompt"),
    ],
)
def test_prompts_that_a_model_cannot_take(llava: LmmEngine, query: LmmQuery, words: str) -> None:
    with pytest.raises(BadRequest) as error:
        llava.predict([query])
    assert words in f"{error.value.message}; {error.value.hint}"


def test_without_a_template_there_is_no_conversation(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink()
    engine = loaded(folder)
    with pytest.raises(BadRequest, match="knows no conversations"):
        engine.predict([LmmQuery(PHOTO, PROMPT, [("a", "b")])])
    asked = [LmmQuery(PHOTO, prompt, max_new_tokens=5) for prompt in (PROMPT, f"<image>\n{PROMPT}")]
    assert engine.predict(asked[:1]) == engine.predict(asked[1:]) == [direct(folder, PHOTO, f"<image>\n{PROMPT}", 5)]


@pytest.mark.parametrize("count", [1, 2, 5, 20])
def test_a_generation_that_nobody_waits_for_ends(llava: LmmEngine, count: int) -> None:
    """In the picture's part, and at each token."""
    gone = EndsAt(count, DeadlineExceeded("over"))
    with cancelled_by(gone), pytest.raises(DeadlineExceeded):
        llava.predict([LmmQuery(PHOTO, PROMPT, max_new_tokens=1000)])
    assert gone.asked == count


def huge(**values: Any) -> Callable[[Path], None]:
    return lambda folder: change(folder / "config.json", **values)


def part(name: str, **values: Any) -> Callable[[Path], None]:
    """Set values in a part of config.json."""

    def damage(folder: Path) -> None:
        content = json.loads((folder / "config.json").read_text())
        change(folder / "config.json", **{name: content[name] | values})

    return damage


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (huge(model_type="cogvlm"), "is of model type 'cogvlm'; lmm takes florence2, gemma3, idefics3, llava"),
        (huge(text_config=[1]), "text_config in config.json of 'tiny' is no object"),
        (part("text_config", model_type="timm_wrapper"), "a part of model type 'timm_wrapper'; known are"),
        (part("text_config", model_type=["llama"]), "a part of model type"),
        (part("text_config", num_hidden_layers=10**9), "num_hidden_layers in config.json of 'tiny' is 1000000000"),
        (part("text_config", num_hidden_layers=900), "asks for a network that is far larger than its weights"),
        (part("text_config", vocab_size=10**9), "asks for a network that is far larger than its weights"),
        (part("text_config", hidden_size="x"), "config.json of 'tiny' cannot be used: values for LlamaConfig"),
        (part("text_config", num_hidden_layers=1), "do not fit its config.json, which has no model.language_model"),
        (part("vision_config", image_size=56), "do not fit its config.json: model.vision_tower"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "holds no tokenizer.json of up to 64 MB"),
        (lambda folder: (folder / "tokenizer.json").write_text("{"), "tokenizer.json of 'tiny' cannot be used"),
        (
            lambda folder: change(folder / "tokenizer_config.json", tokenizer_class="TransfoXLTokenizer"),
            "the tokenizer of 'tiny' is 'TransfoXLTokenizer'; known are",
        ),
        (
            lambda folder: change(folder / "processor_config.json", patch_size=10**9),
            "processor_config.json of 'tiny' holds the number 1e+09; at most 4096 is read",
        ),
        (
            lambda folder: change(folder / "processor_config.json", image_processor={"size": {"shortest_edge": 10**6}}),
            "holds the number 1e+06; at most 4096 is read",
        ),
        (
            lambda folder: change(folder / "processor_config.json", image_processor={"image_processor_type": "Evil"}),
            "the image processor of 'tiny' is 'Evil'; Llava takes CLIPImageProcessor",
        ),
        (
            lambda folder: (folder / "chat_template.jinja").write_text(" " * (1 << 20) + "a"),
            "chat_template.jinja of 'tiny' is over 1 MB",
        ),
        (
            lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"),
            "'tiny' holds no model.safetensors",
        ),
    ],
)  # fmt: skip
def test_folders_that_are_refused(folder: Path, damage: Callable[[Path], Any], words: str) -> None:
    damage(folder)
    begun = time.process_time()
    assert words in told(folder)
    assert time.process_time() - begun < 10


def test_no_code_of_a_folder_is_run(folder: Path) -> None:
    trap = folder / "trap.py"
    trap.write_text("import pathlib\npathlib.Path(__file__).with_name('ran').touch()\nclass Trap: pass\n")
    for file, key in (("config.json", "AutoConfig"), ("tokenizer_config.json", "AutoTokenizer")):
        change(folder / file, auto_map={key: "trap.Trap", "AutoModelForImageTextToText": "trap.Trap"})
    change(folder / "processor_config.json", auto_map={"AutoProcessor": "trap.Trap"}, processor_class="Trap")
    change(folder / "config.json", attn_implementation="someone/kernels", _attn_implementation="someone/kernels")
    (found,) = loaded(folder).predict([LmmQuery(PHOTO, PROMPT, max_new_tokens=3)])
    assert found
    assert not (folder / "ran").exists()


@pytest.mark.parametrize(
    "template",
    [
        "{% for i in range(99999) %}{% for i in range(99999) %}{% for i in range(99999) %}"
        "{% endfor %}{% endfor %}{% endfor %}",
        "{% macro again() %}{% for i in range(99999) %}{{ again() }}{% endfor %}{% endmacro %}"
        "{% for i in range(99999) %}{% for i in range(99999) %}a{% endfor %}{% endfor %}",
    ],
)
def test_a_template_without_end_ends(folder: Path, template: str) -> None:
    (folder / "chat_template.jinja").write_text(template)
    before, begun = sys.gettrace(), time.process_time()
    assert told(folder) == "the chat template of model 'tiny' takes over 1,000,000 steps"
    assert time.process_time() - begun < 20 and sys.gettrace() is before


def test_what_a_folder_says_of_pictures_may_be_said_otherwise(tmp_path: Path) -> None:
    made = tiny_idefics3(tmp_path / "tiny")

    def seen(**parameters: Any) -> int:
        spec = ModelSpec("tiny", "lmm", made, parameters=parameters)
        engine = base.load(spec, Runtime(torch.device("cpu"), torch.float32))
        assert isinstance(engine, LmmEngine)
        return int(engine._read(LmmQuery(PHOTO, PROMPT))["pixel_values"].shape[1])

    assert (seen() > 1, seen(do_image_splitting=False)) == (True, 1)
    with pytest.raises(ModelError, match="`parameters` of 'tiny' has unknown keys \\['splitting'\\]; known: "):
        seen(splitting=False)
    with pytest.raises(ModelError, match="at most 4096 is read"):
        seen(size={"longest_edge": 1 << 20})


@pytest.mark.parametrize("template", ["{{ ''.__class__.__mro__ }}", "{{ messages.append(1) }}", "{% for i in"])
def test_a_template_reaches_nothing(folder: Path, template: str) -> None:
    (folder / "chat_template.jinja").write_text(template)
    assert told(folder) == "the chat template of model 'tiny' cannot be filled with this conversation"
