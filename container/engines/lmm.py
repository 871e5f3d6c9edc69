"""The engine of language models with pictures: one greedy generation at a time, as transformers' `generate` makes it.

Each layer asks first whether the answer is still wanted: the deadline and a client that is gone end a generation within
one layer, be it in the picture's part or at any token.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

import jinja2
import numpy as np
import torch

from container.cancellation import checkpoint
from container.engines.base import Engine
from container.engines.huggingface import check_before_layers
from container.engines.runtime import Runtime
from container.errors import BadRequest, ModelError
from container.structures import ModelSpec
from container.structures.lmm import LmmQuery

# Tokens of a prompt with its picture, where config.json allows more: a cache of 16,384 takes 0.9 GB in a model of 7B.
MAX_INPUT = 16_384
MAX_STEPS = 1_000_000  # lines of a template's program that one prompt may run: a second; published ones run hundreds
_TEMPLATE = "<template>"  # the file that jinja2 names for the program of a template without one
_PLACES = ("image_token", "boi_token", "video_token", "audio_token")  # of a processor: what stands for more than a word


class _Endless(jinja2.TemplateError):
    """A chat template that takes more than MAX_STEPS."""


class LmmEngine(Engine[LmmQuery, str]):
    """A network of transformers on its device, with its processor."""

    query = LmmQuery
    task = "lmm"

    def __init__(
        self, spec: ModelSpec, module: Any, processor: Any, runtime: Runtime, usual: str = "", before: str = ""
    ) -> None:
        """`usual` is the prompt of a query without one; `before` stands before a prompt where no template says it."""
        super().__init__(spec)
        self._module = module
        self._processor = processor
        self._runtime = runtime
        self._usual = usual
        self._before = before
        text = module.config.get_text_config()
        self._most = min(MAX_INPUT, getattr(text, "max_position_embeddings", None) or MAX_INPUT)
        check_before_layers(module)

    def trial(self) -> LmmQuery:
        """Return a black picture with the usual prompt."""
        return LmmQuery(np.zeros((480, 640, 3), np.uint8), max_new_tokens=2)

    def check(self) -> None:
        """Raise ModelError if the processor makes nothing of a black picture."""
        try:
            self._read(self.trial())
        except BadRequest as error:
            raise ModelError(error.message) from error

    def predict(self, queries: Sequence[LmmQuery]) -> Sequence[str]:
        """Return the answer to each query; BadRequest for a prompt that the model cannot take."""
        return [self._answer(query) for query in queries]

    def _answer(self, query: LmmQuery) -> str:
        checkpoint()
        inputs = self._read(query)
        length = inputs["input_ids"].shape[1]
        if length + query.max_new_tokens > self._most:
            raise BadRequest(
                f"the prompt and the picture are {length} tokens, and {query.max_new_tokens} may follow; model "
                f"{self.spec.name!r} takes {self._most} together",
                hint="send a shorter prompt or a smaller picture, or ask for fewer max_new_tokens",
            )
        with torch.inference_mode(), self._runtime.autocast:
            found = self._module.generate(
                **{name: value.to(self._runtime.device) for name, value in inputs.items()},
                max_new_tokens=query.max_new_tokens,
            )
        new = found[0] if self._module.config.is_encoder_decoder else found[0, length:]
        return str(self._processor.tokenizer.decode(new, skip_special_tokens=True)).strip()

    def _read(self, query: LmmQuery) -> Mapping[str, torch.Tensor]:
        """Return the tensors that stand for a query; BadRequest where the processor takes no such picture."""
        try:
            return self._inputs(query)
        except _Endless as error:
            raise BadRequest(
                f"the chat template of model {self.spec.name!r} takes over {MAX_STEPS:,} steps",
                hint="look at its loops",
            ) from error
        except jinja2.TemplateError as error:  # its own, too: some take turns alone
            raise BadRequest(
                f"the chat template of model {self.spec.name!r} cannot be filled with this conversation",
                hint="leave the history out, or look at the template",
            ) from error
        except ValueError as error:
            height, width = query.pixels.shape[:2]
            raise BadRequest(
                f"model {self.spec.name!r} cannot take a picture of {width}×{height} pixels with this prompt",
                hint="its sides may differ too much, or the prompt holds what stands for a picture",
            ) from error

    def _inputs(self, query: LmmQuery) -> Mapping[str, torch.Tensor]:
        """Return what the network is given for a query."""
        prompt = self._usual if query.prompt is None else query.prompt
        picture = torch.from_numpy(query.pixels).permute(2, 0, 1)
        if self._processor.chat_template is None:
            if query.history:
                raise BadRequest(f"model {self.spec.name!r} knows no conversations: leave the history out")
            if self._before.strip() not in prompt or not self._before:
                self._check_words(prompt)
                prompt = self._before + prompt
            return dict(self._processor(text=prompt, images=picture, return_tensors="pt"))
        said = [one for pair in query.history for one in pair] + [prompt]
        for one in said:
            self._check_words(one)
        messages: list[dict[str, Any]] = [
            {"role": "assistant" if i % 2 else "user", "content": [{"type": "text", "text": one}]}
            for i, one in enumerate(said)
        ]
        messages[0]["content"].insert(0, {"type": "image", "image": picture})
        more = {} if query.thinking is None else {"enable_thinking": query.thinking}
        with _bounded():
            return dict(
                self._processor.apply_chat_template(
                    messages, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt", **more
                )
            )

    def _check_words(self, text: str) -> None:
        """Raise BadRequest for a text with a word that stands for a picture: there is one, where it belongs."""
        for name in _PLACES:
            word = str(getattr(self._processor, name, None) or "")
            if word and word in text:
                raise BadRequest(
                    f"the prompt holds {word!r}, which stands for a picture or the like in the prompts of model "
                    f"{self.spec.name!r}",
                    hint="leave it out: the picture is put where the model wants it",
                )


@contextmanager
def _bounded() -> Iterator[None]:
    """Raise _Endless in the block where a template of jinja2 runs for too long: a thread cannot be ended from outside.

    Its program has a line for each step, which Python tells a trace function.
    """
    steps = 0

    def count(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal steps
        if frame.f_code.co_filename != _TEMPLATE:
            return None  # lines of other functions are not told
        steps += 1
        if steps > MAX_STEPS:
            raise _Endless
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        yield
    finally:
        sys.settrace(before)
