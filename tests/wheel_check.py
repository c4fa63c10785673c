"""Build the wheel from the sdist, install it into an empty environment, and import every part from outside.

Run by `make wheel-check`; not collected by pytest. The serving install must hold no torch and one
onnxruntime, and every folder must have come along (some build backends drop links in silence).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

PROBE = """
import importlib, json, pkgutil, sys
import tamis
names = ["tamis"] + [m.name for m in pkgutil.walk_packages(tamis.__path__, "tamis.") if not m.name.endswith("__main__")]
broken = {}
TRAINING = ("torch", "transformers", "sentence_transformers", "datasets", "safetensors", "lightgbm")
for name in names:
    try:
        importlib.import_module(name)
    except Exception as error:
        learns = name.startswith(("tamis.models.torch_", "tamis.training."))
        if learns and isinstance(error, ModuleNotFoundError) and error.name in TRAINING:
            continue  # exporting and training are the two things that need torch
        if name.startswith("tamis.integrations.") and type(error).__name__ == "MissingPrerequisite":
            continue  # an adapter says which extra it needs
        broken[name] = f"{type(error).__name__}: {error}"
from importlib.resources import files
data = [files("tamis.eval") / name for name in ("collections/pydocs/queries.jsonl", "report/page.html.j2")]
print(json.dumps({"names": names, "broken": broken, "torch": "torch" in sys.modules,
                  "where": tamis.__file__, "data": all(path.is_file() for path in data)}))
"""


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command, show what it said when it failed, return its stdout."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def main() -> None:
    """Check the wheel; exit with a message where something is missing."""
    with tempfile.TemporaryDirectory(prefix="tamis-wheel-") as name:
        folder = Path(name)
        run(sys.executable, "-m", "build", "--outdir", folder / "dist", ROOT, cwd=folder)
        wheel = next((folder / "dist").glob("*.whl"))
        venv.create(folder / "venv", with_pip=True)
        pip: list[str | Path] = [
            folder / "venv/bin/python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]
        constraints: list[str | Path] = ["--constraint", ROOT / "constraints.txt"]
        run(*pip, *constraints, f"{wheel}[cpu,lucene,eval]", cwd=folder)
        run(*pip, *constraints, "--no-deps", "pyserini==1.6.0", cwd=folder)
        found = json.loads(run(folder / "venv/bin/python", "-W", "error", "-c", PROBE, cwd=folder))
        installed = run(folder / "venv/bin/python", "-m", "pip", "list", "--format=freeze", cwd=folder)
        tamis = shutil.which("tamis", path=str(folder / "venv/bin"))
        run(tamis or "tamis", "--help", cwd=folder)
    check(found, {line.partition("==")[0] for line in installed.splitlines()})
    print(f"1 passed, 0 failed: {wheel.name} holds {len(found['names'])} modules, no torch")  # noqa: T201


def check(found: dict[str, object], packages: set[str]) -> None:
    """Exit with a message unless the install is what serving needs."""
    if found["broken"]:
        sys.exit(f"the installed wheel cannot import: {json.dumps(found['broken'], indent=2)}")
    parts = {"tamis.cli", "tamis.eval", "tamis.indexer", "tamis.models", "tamis.rankers", "tamis.service"}
    if missing := parts - set(found["names"]):  # type: ignore[call-overload]
        sys.exit(f"the wheel lacks {sorted(missing)}: were the links in src/tamis followed?")
    if not found["data"]:
        sys.exit("the wheel lacks eval/collections/pydocs or the report's page")
    if found["torch"] or "torch" in packages or "transformers" in packages:
        sys.exit("a serving install must hold no torch and no transformers")
    if len({"onnxruntime", "onnxruntime-gpu"} & packages) != 1:
        sys.exit(f"a serving install must hold exactly one onnxruntime, found {sorted(packages)}")


if __name__ == "__main__":
    main()
