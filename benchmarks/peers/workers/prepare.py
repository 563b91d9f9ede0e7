"""Files of random weights for the peers: `python prepare.py SPEC xclip|open_clip|tower|swin3d`.

Peers load files, as their users do, so that load times are real. This runs in the environment
`torch`, the only one that can make all of them.
"""

import gzip
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from serving import FILES, Spec, read_spec


def xclip(spec: Spec, folder: Path) -> None:
    """Write X-CLIP at the sizes of the backbone, T frames, with its processor."""
    import torch
    import transformers  # pyright: ignore[reportMissingImports]

    torch.manual_seed(0)
    model = transformers.XCLIPModel(_xclip_config(spec))
    model.save_pretrained(folder)
    vocabulary, merges = _clip_vocabulary()
    tokenizer = transformers.CLIPTokenizer(
        vocab=vocabulary,
        merges=merges,
        model_max_length=model.config.text_config.max_position_embeddings,
    )
    images = transformers.VideoMAEImageProcessor()
    transformers.XCLIPProcessor(images, tokenizer).save_pretrained(folder)


def _xclip_config(spec: Spec) -> Any:
    """Return the sizes: with ViT-B-32 those of microsoft/xclip-base-patch32."""
    import open_clip
    import transformers  # pyright: ignore[reportMissingImports]

    sizes: Any = open_clip.get_model_config(spec.backbone)
    vision, text, dim = sizes["vision_cfg"], sizes["text_cfg"], sizes["embed_dim"]
    if not isinstance(vision.get("layers"), int):
        raise ValueError(f"X-CLIP needs a plain ViT, and {spec.backbone} is not one.")
    return transformers.XCLIPConfig(
        projection_dim=dim,
        prompt_num_attention_heads=dim // 64,
        text_config={
            "hidden_size": text["width"],
            "intermediate_size": 4 * text["width"],
            "num_attention_heads": text["heads"],
            "num_hidden_layers": text["layers"],
        },
        vision_config={
            "hidden_size": vision["width"],
            "intermediate_size": 4 * vision["width"],
            "num_attention_heads": vision["width"] // vision.get("head_width", 64),
            "num_hidden_layers": vision["layers"],
            "patch_size": vision["patch_size"],
            "image_size": vision["image_size"],
            "num_frames": spec.frames,
            "mit_hidden_size": dim,
            "mit_intermediate_size": 4 * dim,
            "mit_num_attention_heads": dim // 64,
        },
    )


def _clip_vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Return CLIP's tokens and merges from the file in open_clip, without the hub."""
    import open_clip
    from open_clip.tokenizer import bytes_to_unicode

    path = Path(open_clip.__file__).parent / "bpe_simple_vocab_16e6.txt.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        lines = file.read().split("\n")
    # 49,408 tokens: 256 bytes, 256 bytes that end a word, the merges, and two special ones.
    pairs = [tuple(line.split()) for line in lines[1 : 49408 - 512 - 2 + 1]]
    merges = [(left, right) for left, right in pairs]
    single = list(bytes_to_unicode().values())
    words = [*single, *(byte + "</w>" for byte in single), *map("".join, merges)]
    words += ["<|startoftext|>", "<|endoftext|>"]
    return {word: place for place, word in enumerate(words)}, merges


def open_clip(spec: Spec, path: Path) -> None:
    import torch

    torch.save(_open_clip_model(spec).state_dict(), path)


def tower(spec: Spec, folder: Path) -> None:
    """Write the image encoder as ONNX for batches of T, the labels' embeddings, and pixel means."""
    import numpy as np
    import open_clip
    import torch

    folder.mkdir()
    model = _open_clip_model(spec)
    side = model.visual.preprocess_cfg["size"]
    side = side if isinstance(side, int) else side[0]
    images = torch.zeros(spec.frames, 3, side, side)
    torch.onnx.export(
        model.visual, (images,), folder / "tower.onnx", dynamo=True, external_data=False,
        input_names=["images"], output_names=["embeddings"],
    )  # fmt: skip
    texts = [f"a photo of {label}" for label in spec.labels]
    with torch.inference_mode():
        found = model.encode_text(open_clip.get_tokenizer(spec.backbone)(texts), normalize=True)
    np.save(folder / "texts.npy", found.numpy())
    pixels = {key: list(model.visual.preprocess_cfg[key]) for key in ("mean", "std")}
    (folder / "pixels.json").write_text(json.dumps({"size_px": side, **pixels}))


def _open_clip_model(spec: Spec) -> Any:
    import open_clip
    import torch

    torch.manual_seed(0)
    return open_clip.create_model(spec.backbone, pretrained=None).eval()


def swin3d(spec: Spec, path: Path) -> None:
    import torch
    from torchvision.models.video import swin3d_s

    torch.manual_seed(0)
    torch.save(swin3d_s(num_classes=len(spec.labels)).state_dict(), path)


def main() -> None:
    """Make one file, whole or not at all."""
    makers = {"xclip": xclip, "open_clip": open_clip, "tower": tower, "swin3d": swin3d}
    name, spec = sys.argv[2], read_spec()
    final = Path(spec.folder) / FILES[name]
    draft = final.with_name(f"{final.name}.part")
    if draft.is_dir():
        shutil.rmtree(draft)
    makers[name](spec, draft)
    draft.replace(final)


if __name__ == "__main__":
    main()
