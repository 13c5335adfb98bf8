"""Print the Debian packages that Qt needs and this system lacks, one a line.

    python packaging/qt_libraries.py FOLDER_OF_PYSIDE6

Nothing is printed where all is there, or where the system is not Debian or one of its children.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

# What a window needs on X11, and the offscreen platform everywhere.
PARTS = (
    "libQt6XcbQpa.so.6",
    "plugins/platforms/libqxcb.so",
    "plugins/platforms/libqoffscreen.so",
    "plugins/xcbglintegrations/libqxcb-glx-integration.so",
    "libQt6Gui.so.6",
    "libQt6Widgets.so.6",
    "libQt6Svg.so.6",
    "libQt6OpenGL.so.6",
    "libQt6DBus.so.6",
)
PACKAGES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libGLX.so.0": "libglx0",
    "libOpenGL.so.0": "libopengl0",
    "libX11.so.6": "libx11-6",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libSM.so.6": "libsm6",
    "libICE.so.6": "libice6",
    "libz.so.1": "zlib1g",
    "libzstd.so.1": "libzstd1",
    "libatomic.so.1": "libatomic1",
    "libgssapi_krb5.so.2": "libgssapi-krb5-2",
    "libxcb.so.1": "libxcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-glx.so.0": "libxcb-glx0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xinerama.so.0": "libxcb-xinerama0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
}
FONTS = "fonts-dejavu-core"


def missing_libraries(pyside: Path) -> set[str]:
    """Sonames that the loader does not find."""
    lacking = set()
    for part in PARTS:
        path = pyside / "Qt" / ("lib" if part.startswith("lib") else "") / part
        if not path.exists():
            continue
        listing = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
        lacking |= {line.split()[0] for line in listing.splitlines() if "not found" in line}
    # Qt's own libraries are found once the first of them is loaded.
    return {name for name in lacking if not name.startswith(("libQt6", "libicu", "libpyside", "libshiboken"))}


def has_fonts() -> bool:
    folders = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts")
    return any(next(folder.rglob("*.[to]t[fc]"), None) for folder in folders if folder.is_dir())


def main() -> None:
    if shutil.which("apt-get") is None or shutil.which("ldd") is None:
        return
    lacking = missing_libraries(Path(sys.argv[1]))
    needed = {PACKAGES[name] for name in lacking if name in PACKAGES}
    if not has_fonts():
        needed.add(FONTS)
    for package in sorted(needed):
        print(package)
    for name in sorted(lacking - PACKAGES.keys()):
        print(f"{name} is missing, and which package has it is not known", file=sys.stderr)


if __name__ == "__main__":
    main()
