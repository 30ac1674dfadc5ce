"""Takes the CPU part of libtorch out of the wheels: unpack.py WHEELS FOLDER VERSION."""
import pathlib, shutil, sys, zipfile

wheels, folder, version = map(pathlib.Path, sys.argv[1:])
libraries = {
    "libtorch.so", "libtorch_cpu.so", "libc10.so", "libgomp.so.1",
    "libcudart.so.13", "libcupti.so.13",
}
found = set()
(folder / "lib").mkdir(exist_ok=True)
for wheel in sorted(wheels.glob("*.whl")):
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            path = pathlib.PurePosixPath(member.filename)
            if member.is_dir():
                continue
            if path.parts[:2] == ("torch", "include"):
                target = folder.joinpath(*path.parts[1:])
            elif path.name in libraries:
                target = folder / "lib" / path.name
                found.add(path.name)
            else:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, open(target, "wb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
if missing := sorted(libraries - found):
    sys.exit("the wheels lack " + ", ".join(missing))
(folder / "build-version").write_text(f"{version}\n")
