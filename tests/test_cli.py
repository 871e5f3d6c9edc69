"""predict, evaluate, pack and models: everything without a server."""

import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
import torchvision
from click.testing import CliRunner, Result

from container import __version__
from container.cli import main
from container.structures import Appearance, Options
from container.structures.options import declared
from tests.conftest import ROOT, encode, pixels_of
from tests.evaluation.scenes import write_folder
from tests.promptable_models import tiny_sam


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Run a command in an empty folder, with an environment that is put back."""
    for name in ("MODEL", "WEIGHTS", "LABELS", "DEVICE", "PRECISION"):
        monkeypatch.setenv(f"MASKSERVE_{name}", "")
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "astronaut.jpg").write_bytes(encode(skimage.data.astronaut(), "JPEG"))
    (tmp_path / "coffee.png").write_bytes(encode(skimage.data.coffee()))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, [*arguments])

    return run


def test_predict_prints_json(run) -> None:
    done = run("predict", "astronaut.jpg", "coffee.png")
    assert done.exit_code == 0, done.output
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert first["labels"][0].startswith("person ") and set(first) == {"file", "labels", "boxes"}
    assert len(second["labels"]) == len(second["boxes"])
    assert (first["file"], second["file"]) == ("astronaut.jpg", "coffee.png")


@pytest.mark.parametrize(
    ("form", "members"), [("jsonlines", {"file", "label", "box"}), ("clarify", {"file", "answer"})]
)
def test_every_line_of_several_pictures_says_its_file(form: str, members: set[str], run) -> None:
    done = run("predict", "astronaut.jpg", "./astronaut.jpg", "--format", form)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {line["file"] for line in lines} == {"astronaut.jpg"} and all(set(line) == members for line in lines)


def test_one_picture_is_one_json_value_as_the_server_answers_it(run) -> None:
    done = run("predict", "astronaut.jpg")
    assert set(json.loads(done.stdout)) == {"labels", "boxes"} and done.stdout.count("\n") == 1


def test_attributes_choose_the_format_where_no_option_does(run, tmp_path: Path) -> None:
    attributes = ("--attributes", '{"response_type": "png"}')
    assert run("predict", "astronaut.jpg", *attributes).exit_code == 0
    assert [path.name for path in (tmp_path / "output").iterdir()] == ["astronaut.png"]
    assert json.loads(run("predict", "astronaut.jpg", *attributes, "--format", "json").stdout)["labels"]


def test_predict_writes_pictures(run, tmp_path: Path) -> None:
    attributes = '{"render": "mask", "class_filter": ["person"]}'
    done = run("predict", "astronaut.jpg", "--format", "png", "--output", "out", "--attributes", attributes)
    assert done.exit_code == 0 and "1 answers in out/" in done.stderr
    drawn = pixels_of((tmp_path / "out" / "astronaut.png").read_bytes())
    assert drawn.shape == (512, 512, 3)
    assert drawn[130, 225].any() and not drawn[100, 450].any()


def test_predict_by_a_prompt(run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tiny_sam(tmp_path / "store/sam/tiny")
    monkeypatch.setenv("MASKSERVE_MODEL_STORE", "store")
    done = run("predict", "--model", "sam/tiny", "--points", "220,150 100,400,0", "astronaut.jpg")
    assert done.exit_code == 0, done.output
    assert pixels_of((tmp_path / "output/astronaut.jpeg").read_bytes()).shape == (512, 512, 3)
    answers = [
        json.loads(run("predict", "--model", folder, *prompt, "--format", "json", "astronaut.jpg").stdout)
        for folder, prompt in (
            ("sam/tiny", ("--box", "100,50,300,350")),
            ("store/sam/tiny", ("--points", "220,150")),
        )
    ]
    assert [len(answer["boxes"]) for answer in answers] == [1, 1]
    assert answers[0]["labels"][0].startswith("object ")
    for arguments, reason in ((("--model", "sam/tiny"), "takes a prompt"), (("--points", "1,2"), "promptable models")):
        refused = run("predict", "astronaut.jpg", *arguments)
        assert refused.exit_code == 2
        assert reason in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "members"),
    [
        (("--masks", "rle"), {"labels", "boxes", "scores", "class_ids", "masks"}),
        (("--masks", "none", "--attributes", '{"masks": "rle"}'), {"labels", "boxes"}),
        (("--format", "jsonlines", "--masks", "polygon"), {"label", "box", "score", "class_id", "mask"}),
    ],
)
def test_predict_takes_the_options_of_a_request(arguments: tuple[str, ...], members: set[str], run) -> None:
    done = run("predict", "astronaut.jpg", "--confidence", "0.3", "--class-filter", "person, car", *arguments)
    assert done.exit_code == 0, done.output
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert found and all(set(one) == members for one in found) and "person" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--confidence", "2"), "'2'; it takes a number from 0 to 1"),
        (("--max-detections", "1.5"), "'1.5'; it takes a whole number from 1 to 100000"),
        (("--draw-boxes", "maybe"), "'maybe'; it takes true or false"),
        (("--masks", "png"), "'png'; it takes one of"),
        (("--format", "gif"), "'gif' is not one of 'json', 'jpeg', 'png', 'jsonlines', 'clarify', 'txt'"),
        (("--points", "1;2"), "--points is '1;2'; it takes X,Y or X,Y,0, separated by spaces"),
        (("--points", "1,inf"), "it takes a number of pixels"),
        (("--box", "1,2,3"), "--box is '1,2,3'; it takes"),
        (("--box", "9,9,1,1"), "width and height of a box are -8 and -8"),
    ],
)
def test_predict_refuses_what_an_option_does_not_take(arguments: tuple[str, ...], reason: str, run) -> None:
    done = run("predict", "astronaut.jpg", *arguments)
    assert done.exit_code == 2 and reason in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ("{", "--attributes takes a JSON object, not '{'"),
        ("", "--attributes takes a JSON object, not ''"),
        ("[1]", "--attributes takes a JSON object"),
        ("null", "--attributes takes a JSON object"),
        ("confidence=0.3", "--attributes takes a JSON object, not 'confidence=0.3'"),
        ('{"confidence": NaN}', "looks like JSON and is not"),
        ('{"confidance": 0.3}', "custom attribute 'confidance' is unknown; known: response_type, "),
        ('{"confidence": 7}', "custom attribute confidence is 7; it takes a number from 0 to 1"),
        ('{"masks": "png"}', 'custom attribute masks is "png"; it takes one of "none", "rle", "polygon"'),
        ('{"class_filter": ["elf"]}', "class_filter names 'elf', which the model does not know; it knows: person"),
        ('{"max_detections": 5000, "masks": "rle"}', "max_detections is 5000; answers with masks"),
    ],
)
def test_predict_refuses_attributes_in_one_line(attributes: str, reason: str, run) -> None:
    done = run("predict", "astronaut.jpg", "--attributes", attributes)
    assert done.exit_code == 2 and reason in done.stderr and done.stdout == ""
    assert done.stderr.count("\n") == 1 and done.stderr.endswith("see `main predict --help`\n")


@pytest.mark.parametrize("asked", [["--format", "jpeg"], ["--attributes", '{"response_type": "jpeg"}']])
def test_predict_refuses_a_jpeg_of_numbers(asked: list[str], run) -> None:
    done = run("predict", "astronaut.jpg", "--render", "ids", *asked)
    assert done.exit_code == 2 and "image/jpeg holds colours of 8" in done.stderr and done.stdout == ""


def test_every_option_of_a_request_is_one_of_predict(run) -> None:
    shown = run("predict", "--help").stdout
    for name in (*declared(Options), *declared(Appearance)):
        assert f"--{name.replace('_', '-')} " in shown


def test_predict_overwrites_no_answer(run, tmp_path: Path) -> None:
    (tmp_path / "astronaut.png").write_bytes(encode(skimage.data.coffee()))
    done = run("predict", "astronaut.jpg", "astronaut.png", "--output", "out")
    assert done.exit_code == 2 and "one answer would be lost" in done.stderr
    done = run("predict", "astronaut.png", "--format", "png", "--output", ".")
    assert done.exit_code == 2 and "the answer astronaut.png would replace a picture" in done.stderr


def test_predict_goes_on_after_a_bad_picture(run, tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    done = run("predict", "bad.jpg", "astronaut.jpg")
    assert done.exit_code == 1 and "bad.jpg: " in done.stderr
    bad, good = (json.loads(line) for line in done.stdout.splitlines())
    assert bad["file"] == "bad.jpg" and bad["error"]["message"] in done.stderr
    assert good["file"] == "astronaut.jpg" and good["labels"]
    done = run("predict", "bad.jpg", "astronaut.jpg", "--output", "out")
    assert done.exit_code == 1 and done.stdout == "" and "bad.jpg: " in done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["astronaut.json"]


def test_a_bad_picture_alone_prints_nothing(run, tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    done = run("predict", "bad.jpg")
    assert done.exit_code == 1 and done.stdout == "" and "bad.jpg: " in done.stderr


def test_a_folder_that_cannot_be_written_ends_predict(run, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/astronaut.json").mkdir()
    done = run("predict", "astronaut.jpg", "--output", "out")
    assert done.exit_code == 1 and "astronaut.json cannot be written: Is a directory" in done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["astronaut.json"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--model", "maskrcnn_resnet50_fpn"), "needs weights"),
        (("--model", "nowhere/model"), "no such file or folder"),
        (("--device", "cuda:999"), "was asked for"),
        (("--model", "maskrcnn_resnet50_fpm"), "nearest are maskrcnn_resnet50_fpn, "),
        (("--model", "w.pth"), "'w.pth': no such file"),
        (("--model", "x" * 300), "cannot be read: File name too long"),
        (("--model", "astronaut.jpg"), "'astronaut.jpg' is not a whole .tar.gz of a model"),
        (("--model", "fcn_resnet50", "--weights", "w.pth"), "weights 'w.pth' cannot be read: No such file"),
        (("--device", "cpu", "--precision", "fp16"), "precision fp16 needs a CUDA device"),
    ],
)
def test_predict_says_what_is_wrong(arguments: tuple[str, ...], reason: str, run) -> None:
    done = run("predict", "astronaut.jpg", *arguments)
    assert done.exit_code == 1 and reason in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--device", "tpu"), "--device is 'tpu'; it takes auto, cpu, cuda or cuda:N"),
        (("--precision", "fp8"), "--precision is 'fp8'; it takes fp32, bf16 or fp16"),
        (("--backend", "onnx"), "--backend is 'onnx'; it takes auto, openvino or torch"),
        (("--modle", "default"), "No such option '--modle'"),
    ],
)
@pytest.mark.parametrize("command", ["serve", "models", "predict"])
def test_an_option_that_takes_another_value(command: str, arguments: tuple[str, ...], reason: str, run) -> None:
    done = run(command, *(["astronaut.jpg"] if command == "predict" else []), *arguments)
    assert done.exit_code == 2 and reason in done.stderr and done.stderr.count("\n") == 1


def test_a_setting_is_named_as_it_was_given(run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKSERVE_DEVICE", "tpu")
    assert "Error: MASKSERVE_DEVICE is 'tpu'; it takes auto" in run("predict", "astronaut.jpg").stderr
    monkeypatch.setenv("MASKSERVE_DEVICE", "")
    monkeypatch.setenv("MASKSERVE_DEFAULT_ATTRIBUTES", "{")
    assert "Error: MASKSERVE_DEFAULT_ATTRIBUTES: " in run("predict", "astronaut.jpg").stderr


def test_version(run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert re.fullmatch(rf"maskserve {re.escape(__version__)}, revision [0-9a-z]+\n", run("--version").stdout)
    monkeypatch.setenv("MASKSERVE_REVISION", "abc1234")
    assert run("--version").stdout == f"maskserve {__version__}, revision abc1234\n"


def test_a_python_without_the_packages_is_told_of_make_setup(tmp_path: Path) -> None:
    command = (sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); import runpy;")
    done = subprocess.run(
        [*command[:-1], command[-1] + "runpy.run_module('container', run_name='__main__')"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "without click, " in done.stderr and "`make setup` installs" in done.stderr


ASTRONAUT = {"astronaut.png": (skimage.data.astronaut(), [("person", (60, 0, 440, 512))])}


def test_evaluate_prints_a_table_and_writes_files(run, tmp_path: Path) -> None:
    write_folder(
        tmp_path / "crew", {**ASTRONAUT, "coffee.png": (skimage.data.coffee(), [("saucer", (90, 60, 400, 370))])}
    )
    given = ("--json", "out/figures.json", "--worst", "out/worst.png", "--output", "all", "--fail-under", "0.99")
    done = run("evaluate", "--data", "crew", *given, "--iou-type", "segm")
    assert done.exit_code == 1 and re.fullmatch(r"Failed: mask_ap is 0\.\d+, under 0\.99\n", done.stderr), done.output
    assert "maskrcnn on 2 photos of crew" in done.stdout and "unknown to the model: saucer" in done.stdout
    figures = json.loads(Path("out/figures.json").read_text())
    assert figures["classes"]["person"]["objects"] == 1
    assert figures["box_ap50"] == pytest.approx(1) and 0 < figures["best_confidence"] < 1
    assert re.fullmatch("sha256:[0-9a-f]{64}", figures["data_revision"]) and figures["config"]["confidence"] == 0.05
    assert pixels_of(Path("out/worst.png").read_bytes()).shape[1] > 800
    files = sorted(path.name for path in Path("all").iterdir())
    assert files == ["confusion.png", "precision-recall.png", "report.json", "worst.png"]


def test_evaluate_tells_what_it_reads_and_what_not(run, tmp_path: Path) -> None:
    write_folder(tmp_path / "crew", ASTRONAUT)
    path = tmp_path / "crew/instances.json"
    described = json.loads(path.read_text())
    described["annotations"] += [
        {**described["annotations"][0], "id": i, "bbox": None, "segmentation": i} for i in (7, 8)
    ]
    (tmp_path / "crew/broken.json").write_text(json.dumps(described))
    done = run("evaluate", "--data", "crew")
    assert done.exit_code == 0 and "passed over: 1 photos of broken.json" in done.stderr
    for arguments, reason in (
        (("--annotations", "broken.json"), "2 of 3 annotations cannot be used, more than 5%: .*annotation 7 has 7 for"),
        (("--annotations", "instances.json,broken.json", "--strict"), "Error: .*broken.json: annotation 7 has 7 for"),
        (("--annotations", "nothing.json"), "no JSON file nothing.json; there are broken.json, instances.json"),
    ):
        done = run("evaluate", "--data", "crew", *arguments)
        assert done.exit_code == 1 and re.search(reason, done.stderr) and len(done.stderr.splitlines()) == 1


def test_evaluate_measures_a_semantic_archive(run, tmp_path: Path) -> None:
    write_folder(tmp_path / "crew", ASTRONAUT)
    torch.manual_seed(3)
    module = torchvision.models.get_model(
        "lraspp_mobilenet_v3_large", weights=None, weights_backbone=None, num_classes=2
    )
    torch.save(module.state_dict(), "w.pth")
    packed = run("pack", "--architecture", "lraspp_mobilenet_v3_large", "--weights", "w.pth", "--labels", "person")
    assert packed.exit_code == 0, packed.output
    done = run("evaluate", "--data", "crew", "--model", "model.tar.gz", "--limit", "1", "--output", "out")
    assert done.exit_code == 0 and re.search(r"mean_iou +0\.\d{3}\n", done.stdout), done.output
    assert sorted(path.name for path in Path("out").iterdir()) == ["report.json", "worst.png"]


@pytest.mark.parametrize(
    ("objects", "arguments", "code", "reason"),
    [
        ([("elf", (60, 0, 440, 512))], (), 1, "no object has a label that the model knows"),
        ([("person", (60, 0, 440, 512))], ("--data", "nowhere"), 1, "nowhere: no such folder"),
        ([("person", (60, 0, 440, 512))], ("--model", "nowhere/model"), 1, "no such file or folder"),
        ([("person", (60, 0, 440, 512))], ("--limit", "0"), 2, "--limit"),
        ([("person", (60, 0, 440, 512))], ("--store", "here"), 2, "--store goes with --dataset"),
    ],
)
def test_evaluate_says_what_is_wrong(
    objects: list, arguments: tuple[str, ...], code: int, reason: str, run, tmp_path: Path
) -> None:
    write_folder(tmp_path / "crew", {"astronaut.png": (skimage.data.astronaut(), objects)})
    done = run("evaluate", "--data", "crew", *arguments)
    assert done.exit_code == code and reason in done.stderr and "Traceback" not in done.output


def test_pack_then_predict_then_models(run, tmp_path: Path) -> None:
    torch.manual_seed(3)
    module = torchvision.models.get_model(
        "lraspp_mobilenet_v3_large", weights=None, weights_backbone=None, num_classes=3
    )
    torch.save(module.state_dict(), "w.pth")
    Path("names.txt").write_text("cat\ndog\n")
    workflow = {
        "version": "1.0", "inputs": [{"type": "WorkflowImage", "name": "photo"}], "steps": [],
        "outputs": [{"type": "JsonField", "name": "same", "selector": "$inputs.photo"}],
    }  # fmt: skip
    Path("same.json").write_text(json.dumps(workflow))
    done = run(
        "pack", "--architecture", "lraspp_mobilenet_v3_large", "--weights", "w.pth", "--labels", "names.txt",
        "--name", "pets", "--options", '{"confidence": 0.0}', "--preprocessing", '{"grayscale": true}',
        "--workflow", "same.json", "--output", "model/model.tar.gz",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "pets, 3 classes" in done.stdout
    with tarfile.open("model/model.tar.gz") as tar:
        assert tar.getnames() == ["model.json", "workflow.json", "model.safetensors"]
        described = json.load(tar.extractfile("model.json"))
        assert json.load(tar.extractfile("workflow.json")) == workflow
    assert described["labels"] == ["__background__", "cat", "dog"] and described["options"] == {"confidence": 0.0}
    assert described["preprocessing"] == {"grayscale": True}

    answer = json.loads(run("predict", "astronaut.jpg", "--attributes", '{"masks": "rle"}').stdout)
    assert {label.rsplit(" ", 1)[0] for label in answer["labels"]} <= {"cat", "dog"}
    assert len(answer["masks"]) == len(answer["boxes"])

    listed = run("models").stdout
    assert "serve loads: pets: lraspp_mobilenet_v3_large (segmentation), weights model.safetensors, 3 labels" in listed
    assert "maskrcnn_resnet50_fpn_v2" in listed and "maskrcnn_mobilenet_v2_fpn" in listed


def test_a_classifier_answers_sensibly(run) -> None:
    torch.manual_seed(3)
    torch.save(torchvision.models.get_model("mobilenet_v3_small", weights=None, num_classes=4).state_dict(), "w.pth")
    model = ("--model", "mobilenet_v3_small", "--weights", "w.pth", "--labels", "a,b,c,d")
    answer = json.loads(run("predict", "astronaut.jpg", *model).stdout)
    assert sorted(label[0] for label in answer["labels"]) == ["a", "b", "c", "d"]
    assert answer["boxes"] == [[0, 0, 512, 512]] * 4
    assert run("predict", "coffee.png", "--format", "jpeg", *model).exit_code == 0
    assert (pixels_of(Path("output/coffee.jpeg").read_bytes()).astype(int) - skimage.data.coffee()).any()


def test_classes_that_nobody_named_are_told_on_the_way(run) -> None:
    torch.manual_seed(3)
    torch.save(torchvision.models.get_model("mobilenet_v3_small", weights=None, num_classes=3).state_dict(), "w.pth")
    done = run("predict", "astronaut.jpg", "--model", "mobilenet_v3_small", "--weights", "w.pth")
    assert {label[:7] for label in json.loads(done.stdout)["labels"]} == {"class_0", "class_1", "class_2"}
    assert done.stderr.count("Warning: nothing says what the 3 classes of model mobilenet_v3_small are called") == 1
    packed = run("pack", "--architecture", "mobilenet_v3_small", "--weights", "w.pth")
    assert packed.exit_code == 1 and "their names are needed: --labels cat,dog" in packed.stderr


def start_predict(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    (folder / "astronaut.jpg").write_bytes(encode(skimage.data.astronaut(), "JPEG"))
    command = (sys.executable, "-m", "container", "predict", *arguments)
    environ = os.environ | {"PYTHONPATH": str(ROOT), "MASKSERVE_MODEL": "default", "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_what_ends_predict_leaves_only_whole_files(number: signal.Signals, code: int, tmp_path: Path) -> None:
    names = [f"{i}.jpg" for i in range(200)]
    for name in names:
        (tmp_path / name).symlink_to("astronaut.jpg")
    process = start_predict(tmp_path, *names, "--output", "out", "--masks", "polygon")
    end = time.monotonic() + 60
    while not (tmp_path / "out/2.json").exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.001)
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == code
    written = [*(tmp_path / "out").iterdir()]
    assert 3 <= len(written) < 200 and all(path.suffix == ".json" for path in written)
    assert all(json.loads(path.read_bytes())["labels"] for path in written)


@pytest.mark.parametrize("seconds", [1.0, 0.0])
def test_predict_and_ctrl_c(seconds: float, tmp_path: Path) -> None:
    """Exit code 130, the answers so far whole, and nothing of an abort, while the model loads or predicts."""
    process = start_predict(tmp_path, *["astronaut.jpg"] * 200)
    assert process.stdout is not None
    if seconds:
        time.sleep(seconds)
    else:
        process.stdout.readline()
    process.send_signal(signal.SIGINT)
    printed, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said.endswith(b"\nInterrupted.\n") and b"Traceback" not in said and b"terminate" not in said
    assert all(json.loads(line)["labels"] for line in printed.splitlines())


def test_keypoints_answer_sensibly(run) -> None:
    torch.manual_seed(3)
    module = torchvision.models.get_model(
        "keypointrcnn_resnet50_fpn", weights=None, weights_backbone=None, num_classes=2, num_keypoints=17
    )
    torch.save(module.state_dict(), "w.pth")
    done = run(
        "pack", "--architecture", "keypointrcnn_resnet50_fpn", "--weights", "w.pth",
        "--parameters", '{"min_size": 160, "max_size": 256, "num_keypoints": 17, "box_detections_per_img": 5}',
        "--output", "k.tar.gz",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    attributes = '{"confidence": 0.01, "max_detections": 3}'
    answer = json.loads(
        run("predict", "astronaut.jpg", "--model", "k.tar.gz", "--backend", "torch", "--attributes", attributes).stdout
    )
    assert np.array(answer["keypoints"]).shape == (3, 17, 3) and len(answer["boxes"]) == 3


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--architecture", "nope", "--weights", "w.pth"), "unknown architecture|not a file"),
        (("--architecture", "fcn_resnet50", "--weights", "missing.pth"), "'missing.pth': not a file"),
        (("--architecture", "fcn_resnet50", "--weights", "COCO_V9"), "has no weights 'COCO_V9'"),
        (("--architecture", "fcn_resnet50", "--weights", "w.pth", "--options", "[]"), "takes a JSON object"),
        (("--architecture", "fcn_resnet50", "--weights", "w.pth", "--options", '{"confidence": 9}'), "confidence is 9"),
        (("--architecture", "fcn_resnet50", "--weights", "w.pth", "--preprocessing", '{"grey": 1}'), "unknown keys"),
        (("--architecture", "a", "--weights", "w.pth", "--workflow", "coffee.png"), "'coffee.png': it is no readable"),
        (("--architecture", "a", "--weights", "w.pth", "--workflow", "two.json"), "2 of its inputs are pictures"),
    ],
)
def test_pack_says_what_is_wrong(arguments: tuple[str, ...], reason: str, run) -> None:
    inputs = [{"type": "WorkflowImage", "name": name} for name in "ab"]
    Path("two.json").write_text(json.dumps({"version": "1.0", "inputs": inputs, "steps": [], "outputs": []}))
    done = run("pack", *arguments)
    assert done.exit_code in (1, 2) and re.search(reason, done.stderr) and "Traceback" not in done.output
    assert not Path("model.tar.gz").exists()
