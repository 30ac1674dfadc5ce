"""Reads an export as other tools do, and compares their scores with those of `tagmill predict`.

check.py MODEL ASCII ORIGINALS RESIZED SCORES: MODEL was exported as it is, ASCII with --ascii; SCORES has all tags of all pictures.
Prints a table, and fails where any check does.
"""
import csv, json, pathlib, sys, traceback, warnings

import huggingface_hub, numpy as np, onnx, onnxruntime, timm, torch
from PIL import Image, ImageOps
from safetensors.torch import load_file

warnings.filterwarnings("ignore")
model_dir, ascii_dir, originals, resized = map(pathlib.Path, sys.argv[1:5])
LIMIT = 1e-4
rows = []


def check(name):
    """Runs a function as a check: what it returns is its figure, what it raises its failure."""
    def run(function):
        try:
            rows.append((name, "ok", function()))
        except Exception as error:
            traceback.print_exc()
            rows.append((name, "FAILED", " ".join(str(error).split())[:100] or type(error).__name__))
        return function
    return run


def remark(name, figure):
    rows.append((name, "-", figure))


def agree(scores, expected=None):
    """The greatest difference of the scores of the resized pictures, which has to be small."""
    expected = reference if expected is None else expected
    scores = np.asarray(scores, dtype=np.float64)
    assert scores.shape == expected.shape, f"{scores.shape} scores instead of {expected.shape}"
    difference = np.abs(scores - expected).max()
    assert difference <= LIMIT, f"scores differ by {difference:.2e}"
    return f"{scores.size} scores, {difference:.1e} at most"


def table(folder, **options):
    with open(folder / "selected_tags.csv", newline="", **options) as file:
        return list(csv.reader(file))


tags = table(model_dir, encoding="utf-8")
header, tags = tags[0], tags[1:]
names = [row[1] for row in tags]
labels = json.loads((model_dir / "config.json").read_text(encoding="utf-8"))
size = labels["pretrained_cfg"]["input_size"][1]
mean, std = (np.array(labels["pretrained_cfg"][key], dtype=np.float32) for key in ("mean", "std"))

scored = {}
with open(sys.argv[5], encoding="utf-8") as file:
    for line in file:
        row = json.loads(line)
        # Content classes come in a list of their own; a tag may have the name of one.
        ratings = {score["name"]: score["score"] for score in row["ratings"]}
        scored[pathlib.Path(row["path"])] = ratings, {score["name"]: score["score"] for score in row["tags"]}


def reference_of(files):
    return np.array([
        [scored[file][0 if category == "9" else 1][name] for _, name, category, _ in tags] for file in files
    ])


files = sorted(resized.iterdir())
original_files = sorted(originals.iterdir())
reference = reference_of(files)
pictures = [Image.open(file).convert("RGB") for file in files]
bgr = np.stack([np.array(picture, dtype=np.float32)[:, :, ::-1] for picture in pictures])
normalised = np.stack([
    ((np.array(picture, dtype=np.float32) / 255 - mean) / std).transpose(2, 0, 1) for picture in pictures
])


def session(path):
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


wd, imgutils_session = session(model_dir / "model.onnx"), session(model_dir / "imgutils/model.onnx")

for path in ("model.onnx", "imgutils/model.onnx"):
    @check(f"onnx.checker: {path}")
    def _():
        onnx.checker.check_model(str(model_dir / path), full_check=True)
        return f"opset {onnx.load(str(model_dir / path)).opset_import[0].version}"


@check("onnxruntime: model.onnx, NHWC BGR")
def _():
    return agree(wd.run(["prediction"], {"input": bgr})[0])


@check("onnxruntime: model.onnx, one by one")
def _():
    return agree(np.concatenate([wd.run(None, {wd.get_inputs()[0].name: bgr[i:i + 1]})[0] for i in range(len(bgr))]))


@check("onnxruntime: imgutils/model.onnx, NCHW")
def _():
    prediction, logits, embedding = imgutils_session.run(["prediction", "logits", "embedding"], {"input": normalised})
    assert np.abs(1 / (1 + np.exp(-logits.astype(np.float64))) - prediction).max() < 1e-6, "logits are others than predictions"
    assert embedding.shape == (len(files), labels["num_features"]), f"embeddings are {embedding.shape}"
    return agree(prediction)


@check("the comparison tells colours apart")
def _():
    difference = np.abs(wd.run(["prediction"], {"input": bgr[:, :, :, ::-1]})[0] - reference).max()
    assert difference > 10 * LIMIT, f"with red for blue scores differ by {difference:.2e} alone: the run has learned too little"
    return f"with red for blue {difference:.1e} at most"


def timm_scores(model):
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model), is_training=False)
    with torch.inference_mode():
        return model.eval()(torch.stack([transform(picture) for picture in pictures])).sigmoid()


@check("timm: create_model(\"local-dir:…\")")
def _():
    model = timm.create_model(f"local-dir:{model_dir}", pretrained=True)
    assert list(model.pretrained_cfg["label_names"]) == names, "label_names are others than selected_tags.csv"
    return agree(timm_scores(model))


@check("timm: by name, strict")
def _():
    cfg = {key: value for key, value in labels["pretrained_cfg"].items()}
    model = timm.create_model(labels["architecture"], num_classes=labels["num_classes"], pretrained_cfg=cfg)
    model.load_state_dict(load_file(model_dir / "model.safetensors"), strict=True)
    return agree(timm_scores(model))


@check("torch.jit: model.ts")
def _():
    model = torch.jit.load(str(model_dir / "model.ts")).eval()
    with torch.inference_mode():
        alone = torch.cat([model(torch.from_numpy(normalised[i:i + 1])) for i in range(3)])
        agree(alone, reference[:3])
        return agree(model(torch.from_numpy(normalised)))


@check("imgutils: MultiLabelTIMMModel.predict")
def _():
    from imgutils.generic import multilabel_timm
    # Its code, but for the download.
    multilabel_timm.hf_hub_download = lambda filename, **_: str(model_dir / "imgutils" / filename)
    model = multilabel_timm.MultiLabelTIMMModel("here")
    found = []
    for file in files:
        general, rating, prediction = model.predict(str(file), thresholds=0.0, fmt=("general", "rating", "prediction"))
        both = {**general, **rating}
        assert len(both) == len(names), "names are not distinct"
        assert all(both[name] == score for name, score in zip(names, prediction.tolist())), "names are in another order"
        found.append(prediction)
    # With its own thresholds, whatever they name.
    model.predict(str(files[0]))
    return agree(found)


def as_sd_scripts(folder):
    """What tag_images_by_wd14_tagger.py makes of the list and the scores."""
    with open(folder / "selected_tags.csv", "r", encoding="utf-8") as file:
        lines = list(csv.reader(file))
    header, lines = lines[0], lines[1:]
    assert header[0] == "tag_id" and header[1] == "name" and header[2] == "category", f"header {header}"
    ratings, general, character = ([row[1] for row in lines if row[2] == category] for category in "904")
    for scores in wd.run(None, {wd.get_inputs()[0].name: bgr})[0]:
        found = dict(zip(ratings, scores[:4]))
        for i, score in enumerate(scores[4:]):
            found[general[i] if i < len(general) else character[i - len(general)]] = score
        yield found


@check("sd-scripts: ratings, general, character")
def _():
    return agree([[found[name] for name in names] for found in as_sd_scripts(model_dir)])


def as_comfyui(folder, encoding):
    """What ComfyUI-WD14-Tagger makes of them, with thresholds below all scores."""
    listed, general_index, character_index = [], None, None
    with open(folder / "selected_tags.csv", encoding=encoding) as file:
        reader = csv.reader(file)
        next(reader)
        for row in reader:
            if general_index is None and row[2] == "0":
                general_index = reader.line_num - 2
            elif character_index is None and row[2] == "4":
                character_index = reader.line_num - 2
            listed.append(row[1])
    model = session(folder / "model.onnx")
    given = model.get_inputs()[0]
    assert given.shape[1] == size, f"the height is said to be {given.shape[1]}"
    for picture in bgr:
        scores = model.run([model.get_outputs()[0].name], {given.name: picture[None]})[0]
        result = list(zip(listed, scores[0]))
        yield result[general_index:character_index] + result[character_index:]


for folder, encoding in ((model_dir, "utf-8"), (ascii_dir, "ascii")):
    @check(f"ComfyUI: each tag once, {encoding}")
    def _():
        found = list(as_comfyui(folder, encoding))
        expected = [row[1] for row in table(folder, encoding=encoding)[1:]][4:]
        assert all([name for name, _ in picture] == expected for picture in found), "tags are named twice, or not at all"
        return agree([[score for _, score in picture] for picture in found], reference[:, 4:])


@check("huggingface_hub: the card's head")
def _():
    card = huggingface_hub.ModelCard.load(model_dir / "README.md")
    data = card.data.to_dict()
    assert data["license"] == "cc0-1.0" and data["pipeline_tag"] == "image-classification", f"{data}"
    return f"{len(data.get('model-index', []))} model, {len(card.data.eval_results or [])} figures"


def flat(file):
    picture = ImageOps.exif_transpose(Image.open(file)).convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture)
    return white.convert("RGB")


def letterboxed(picture):
    side = max(picture.size)
    square = Image.new("RGB", (side, side), "white")
    square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return square


originals_reference = reference_of(original_files)
for name, shape in (("squashed by PIL", lambda picture: picture), ("letterboxed, as sd-scripts does", letterboxed)):
    images = [shape(flat(file)).resize((size, size), Image.BILINEAR) for file in original_files]
    given = np.stack([np.array(image, dtype=np.float32)[:, :, ::-1] for image in images])
    difference = np.abs(wd.run(["prediction"], {"input": given})[0] - originals_reference)
    remark(f"originals {name}", f"{difference.mean():.1e} on average, {difference.max():.1e} at most")

widths = [max(len(row[column]) for row in rows) for column in range(2)]
print()
for row in [("check", "result", "figure"), ("─" * widths[0], "─" * widths[1], "─" * 40)] + rows:
    print(f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]}")
failed = sum(row[1] == "FAILED" for row in rows)
print()
sys.exit(f"{failed} of the checks failed" if failed else 0)
