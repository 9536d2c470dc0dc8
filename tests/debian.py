"""Programs that tests need beside Python: found, or installed from Debian; never skipped when they are missing."""

import os
import shutil
import subprocess


def program(name: str, package: str, why: str) -> str:
    """The path of a program, whose ``package`` is installed when it is missing and that is possible. Raises RuntimeError."""
    places = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    if found := shutil.which(name, path=places):
        return found
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        raise RuntimeError(f"{why}: install {name} (Debian: apt-get install {package}).")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["update"], ["install", "--yes", "--no-install-recommends", package]):
        done = subprocess.run([apt, "--quiet", *step], env=quiet, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{name} could not be installed: apt-get {' '.join(step)} said\n{done.stderr}")
    if found := shutil.which(name, path=places):
        return found
    raise RuntimeError(f"apt-get installed {package}, yet there is no {name}.")
