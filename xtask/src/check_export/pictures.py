"""Takes pictures for the comparison: pictures.py MEDIA ORIGINALS RESIZED SIZE COUNT.

ORIGINALS gets them as they are, RESIZED at the model's size, so that both sides see the same pixels.
"""
import pathlib, shutil, sys

from PIL import Image, ImageOps

media, originals, resized = map(pathlib.Path, sys.argv[1:4])
size, count = map(int, sys.argv[4:])
for folder in (originals, resized):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)

endings = {".jpg", ".jpeg", ".png", ".webp", ".gif"}
files = sorted(path for path in media.rglob("*") if path.suffix.lower() in endings and path.is_file())
step = max(len(files) // count, 1)
taken = 0
for file in files[::step] + files:
    if taken == count:
        break
    try:
        picture = ImageOps.exif_transpose(Image.open(file)).convert("RGBA")
    except (OSError, SyntaxError, ValueError):
        continue
    flat = Image.new("RGBA", picture.size, "white")
    flat.alpha_composite(picture)
    name = f"{taken:03}"
    flat.convert("RGB").resize((size, size), Image.BILINEAR).save(resized / f"{name}.png")
    shutil.copyfile(file, originals / (name + file.suffix))
    taken += 1
if taken < count:
    sys.exit(f"{media} has {taken} pictures, and {count} are needed")
