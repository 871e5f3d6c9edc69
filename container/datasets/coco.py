"""A folder in COCO's format: photos, and one or more JSON files that say what is on them.

The JSON files lie in the folder or in `annotations/`; photos in the folder, in `images/`, or anywhere below. Boxes
may come without masks. Format: https://cocodataset.org/#format-data
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import PIL.Image

from container.datasets import annotation_files, annotations
from container.datasets.account import Account, Broken, some
from container.datasets.annotation_files import AnnotationFile, Id
from container.datasets.annotations import BrokenMask, Size
from container.datasets.base import Annotation, Dataset, Photo, Split, is_background
from container.datasets.photos import Photos
from container.errors import DataError

MAX_PIXELS = 2**30  # of a photo, far from where a product of sides overflows

_CHOOSE = "`annotations` chooses files by name"
_CROWDS = (
    "crowds (iscrowd 1), which are never learnt as objects; masks of CVAT's brush are written so: set iscrowd to 0 "
    "where one object is outlined"
)
_BACKGROUND = "objects of a category that is called background, which is no object: rename it to learn it"


class Undescribed(DataError):
    """No JSON file of a folder is in COCO's format."""


@dataclass(frozen=True)
class _Image:
    """One image of a JSON file whose photo is there."""

    file: AnnotationFile
    id: Id
    path: Path
    size: Size
    annotations: list[tuple[str, Any]]  # what to call each, and its value
    names: dict[Id, list[str]]  # of the file's categories


def read(
    folder: Path, only: Sequence[str] = (), *, files: Sequence[str] = (), split: Split = "train", strict: bool = False
) -> Dataset:
    """The photos of `folder`; DataError names the file and what is wrong in it.

    Args:
        only: labels to keep; annotations of others are left out. Empty keeps all.
        files: names of the JSON files to read, whose annotations of a photo are joined. Empty reads those that describe
            photos of the folder, each photo from one of them, and where they are of several splits those for `split`.
        strict: let the first annotation or photo that is broken end it, rather than more than 5 % of them.
    """
    account = Account(str(folder), strict)
    places = Photos(folder)
    described = _described(folder, files, account)
    if not files:
        described = _with_photos(described, places, split, account)
    images: list[_Image] = []
    told: set[str] = set()
    for file in described:
        images += _images(file, places, account, told)
    account.judge("photos", len({image.path for image in images}) + len(account.losses.get("photos", ())))
    by_photo = _by_photo(images, bool(files), account)
    photos = _photos(by_photo, only, account)
    account.judge("annotations", sum(len(file.annotations) for file in described))
    used = {image.file.path for images in by_photo.values() for image in images}
    labels = _labels([file for file in described if file.path in used], photos, only, account)
    return Dataset(folder.name, photos, labels, account)


def _described(folder: Path, names: Sequence[str], account: Account) -> list[AnnotationFile]:
    """The JSON files in COCO's format, those called instances* first; Undescribed where there is none."""
    paths = annotation_files.find(folder)
    chosen = annotation_files.named(paths, names) if names else paths
    found, reasons = [], []
    for path in chosen:
        try:
            found.append(annotation_files.read(path))
        except Broken as reason:
            if names:
                raise DataError(f"{path}: {reason}") from reason
            reasons.append(f"{path}: {reason}")
    if not found:
        none = f"no JSON file with COCO's `images` and `annotations` is in {folder} or in its annotations/"
        raise Undescribed(f"{some(reasons)}; {none}".removeprefix("; "))
    for text in reasons:
        account.decide(f"passed over: {text}")
    return sorted(found, key=lambda file: not file.path.name.lower().startswith("instances"))


def _with_photos(files: list[AnnotationFile], places: Photos, split: Split, account: Account) -> list[AnnotationFile]:
    """The files of which a photo is there, if any, and of several splits those of the one that is asked for."""
    there = [file for file in files if any(places.holds(image, file.path) for image in file.images)] or files
    wanted = annotation_files.of_split({file.path: annotation_files.split_of(file.path.stem) for file in there}, split)
    for reason, left in (
        ("none of their photos is there", [file.path.name for file in files if file not in there]),
        (f"of another split than {split}", [file.path.name for file in there if file.path not in wanted]),
    ):
        if left:
            account.decide(f"passed over, {reason}: {some(left)}; {_CHOOSE}")
    return [file for file in there if file.path in wanted]


def _images(file: AnnotationFile, places: Photos, account: Account, told: set[str]) -> list[_Image]:
    """The images of a file whose photos are there and have a size.

    Args:
        told: photos of the files before, of which nothing is told again; those of this file are added.
    """
    images = file.images_by_id()
    objects = file.annotations_by_image(images, account)
    categories = file.names_by_id()
    names: dict[Path, object] = {}
    here: set[str] = set()
    found = []
    for id, image in images.items():
        name = annotation_files.photo_name(image)
        called = f"photo {name!r:.80}" if isinstance(name, str) else f"image {id}"
        here.add(called)
        try:
            path, whole = places.find(name, file.path)
            if not whole and called not in told:
                account.note("photos in other folders than `file_name` says", f"{name} is {path}")
            if names.setdefault(path, name) != name:
                raise Broken(f"is {path}, and so is photo {names[path]!r:.80}")
            found.append(_Image(file, id, path, _size(image, path), objects[id], categories))
        except Broken as reason:
            if called not in told:
                account.lose("photos", f"{file.path}: {called} {reason}")
    told |= here
    return found


def _size(image: Any, path: Path) -> Size:
    """Width and height in the file, or in the photo's header where they are null, 0 or missing."""
    given = image.get("width"), image.get("height")
    try:
        if not all(given):
            with PIL.Image.open(path) as picture:
                return picture.size
        width, height = int(given[0]), int(given[1])
    except (OSError, SyntaxError, PIL.Image.DecompressionBombError) as error:
        raise Broken("is not a picture that can be read, and has no `width` and `height`") from error
    except (TypeError, ValueError, OverflowError) as error:
        raise Broken(f"has {given!r:.80} for `width` and `height`") from error
    if min(width, height) < 1 or width * height > MAX_PIXELS:
        raise Broken(f"is of {width}×{height} pixels in the JSON file; 1 to {MAX_PIXELS} are allowed")
    return width, height


def _by_photo(images: list[_Image], joined: bool, account: Account) -> dict[Path, list[_Image]]:
    """The images of each photo: of all files, if `joined`, else of the first one that describes it."""
    found: dict[Path, list[_Image]] = {}
    again: dict[str, int] = {}
    for image in images:
        same = found.setdefault(image.path, [])
        if same and same[0].file is not image.file and not joined:
            name = f"{image.file.path.name}, which {same[0].file.path.name} describes"
            again[name] = again.get(name, 0) + 1
        elif same and same[0].size != image.size:
            sizes = " and ".join(f"{width}×{height}" for width, height in (same[0].size, image.size))
            account.lose("photos", f"{image.path}: {sizes} pixels in the JSON files")
        else:
            if same and same[0].file is image.file:
                account.note("photos that a file lists again, whose annotations are joined", image.path.name)
            same.append(image)
    for name, count in again.items():
        account.decide(f"passed over: {count} photos of {name}, too; {_CHOOSE}")
    return found


def _photos(by_path: dict[Path, list[_Image]], only: Sequence[str], account: Account) -> tuple[Photo, ...]:
    photos: dict[int, Photo] = {}
    for path, images in by_path.items():
        read, whole = [], True
        for image in images:
            some_read, some_whole = _annotations(image, only, account)
            read += some_read
            whole = whole and some_whole
        if not whole:
            # Where nothing is known of a labelled object, the photo would teach that there is none.
            account.note("photos left out, as of one of their objects not even the box can be read", path.name)
            continue
        # Tools number the images of each file from 1.
        numbers = (n for n in itertools.chain([images[0].id], itertools.count(len(photos))) if isinstance(n, int))
        id = next(n for n in numbers if n not in photos)
        photos[id] = Photo(id, path, *images[0].size, tuple(read))
    return tuple(photos.values())


def _annotations(image: _Image, only: Sequence[str], account: Account) -> tuple[list[Annotation], bool]:
    """What can be learnt from the annotations of an image, and whether nothing is lost with them."""
    read, whole = [], True
    for called, value in image.annotations:
        where = f"{called} of {image.file.path.name}"
        try:
            label = annotations.label(value, image.names)
            if not _is_asked(label, only):
                account.note(_BACKGROUND if is_background(label) else "objects of labels that are not asked for", where)
                continue
            one = annotations.read(value, label, image.size, partial(account.note, where=where))
        except BrokenMask as reason:
            account.lose("annotations", f"{image.file.path}: {called} {reason}")
            account.note("objects of which the box alone is learnt, as the mask cannot be read", where)
            one = reason.box
        except Broken as reason:
            account.lose("annotations", f"{image.file.path}: {called} {reason}")
            whole = False
            continue
        if one is None:
            account.note("objects that cover less than a pixel", where)
            continue
        if one.crowd:
            account.note(_CROWDS, where)
        read.append(one)
    return read, whole


def _is_asked(label: str, only: Sequence[str]) -> bool:
    return not is_background(label) and (not only or label in only)


def _labels(
    files: list[AnnotationFile], photos: tuple[Photo, ...], only: Sequence[str], account: Account
) -> tuple[str, ...]:
    """The names of the classes in the order of the files."""
    labels: dict[str, None] = {}
    for file in files:
        named: dict[str, list[Id]] = {}
        for id, names in file.names_by_id().items():
            for name in names:
                named.setdefault(name, []).append(id)
        for name, ids in named.items():
            if len(ids) > 1:
                account.decide(f"one class: {name!r}, which {file.path.name} gives the ids {', '.join(map(str, ids))}")
        labels.update(dict.fromkeys(name for name in named if _is_asked(name, only)))
    there = {a.label for photo in photos for a in photo.objects}
    if empty := [label for label in labels if label not in there]:
        account.decide(f"labels without an object: {some(empty)}")
    return tuple(labels)
