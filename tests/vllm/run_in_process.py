"""One question through a policy in this process, asked twice at once; prints what came as JSON.

Run by test_in_process.py in vLLM's environment, and imported by it for transformers' answer.

usage: PYTHONPATH=.types:tests/vllm/support python tests/vllm/run_in_process.py FAMILY FOLDER
"""

import asyncio
import json
import random
import sys

from PIL import Image

SIZES = ((100, 90), (60, 130), (300, 200))


def requests():
    """The question plain, and with a given beginning; pieces of the first one's text."""
    from gemvg.policy.messages import Message, TextPart, ViewPart
    from gemvg.policy.policy import Request
    from gemvg.tools.images import picture_from_image
    from gemvg.tools.views import ViewBook

    rng = random.Random(11)
    noise = [Image.frombytes("RGB", s, rng.randbytes(s[0] * s[1] * 3)) for s in SIZES]
    book = ViewBook([picture_from_image(image) for image in noise])
    parts = [part for v in (1, 2, 3) for part in (TextPart(f"Image {v}: "), ViewPart(v))]
    messages = (Message("user", (*parts, TextPart("Find dog in it"))),)
    pieces = []
    plain = Request("q", messages, book, max_tokens=60, logprobs=True, on_text=pieces.append)
    begun = Request("q", messages, book, max_tokens=60, prefill='[{"bbox_2d": [2')
    return plain, begun, pieces


def record(policy):
    """What the policy says, as JSON-compatible data."""
    plain, begun, pieces = requests()

    async def run():
        both = await asyncio.gather(policy.complete(plain), policy.complete(begun))
        await policy.aclose()
        return both

    first, second = asyncio.run(run())
    return {
        "text": first.text,
        "begun": second.text,
        "streamed": "".join(pieces),
        "tokens": [token.text for token in first.tokens],
        "grids": {str(view): list(grid) for view, grid in first.grids.items()},
        "prompt_tokens": first.usage.prompt_tokens,
        "finish": [first.finish_reason, second.finish_reason],
    }


def main():
    """Ask vLLM."""
    from gemvg.policy.backends.vllm_local import VLLMPolicy
    from gemvg.policy.dialects import get_dialect

    family, folder = sys.argv[1:3]
    policy = VLLMPolicy(
        folder, get_dialect(family), max_images=4, dtype="float32", enforce_eager=True,
        max_model_len=4096, max_num_seqs=4,
    )  # fmt: skip
    print(json.dumps(record(policy)), flush=True)


if __name__ == "__main__":
    main()
