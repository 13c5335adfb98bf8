"""What PyInstaller takes of torch; in place of its own hook, which takes the tests, their programs and every module.

torch reads its own sources (`torch.export`, `torch.jit`), so they go along. Headers do not: inductor needs them and
Python's own, and a compiler; the frozen application has no target that is compiled.
"""

from PyInstaller.utils.hooks import PY_DYLIB_PATTERNS, collect_data_files, collect_dynamic_libs, collect_submodules

UNWANTED = ("torch.testing._internal", "torch.distributed.", "torch.utils.tensorboard", "torch.utils.benchmark")
TESTS = ("jitbackend_test", "backend_with_compiler", "aoti_custom_ops", "torchbind_test")

module_collection_mode = "pyz+py"
warn_on_missing_hiddenimports = False
# Those of the unwanted modules that others import are found by what imports them.
hiddenimports = collect_submodules("torch", filter=lambda name: not name.startswith(UNWANTED))
excludedimports = ["hypothesis", "expecttest", "pytest", "tensorboard", "triton", "cutlass"]
datas = [
    *collect_data_files(
        "torch",
        excludes=[
            *("test/**", "include/**", "share/**", "bin/**", "csrc/**"),
            *("**/*.h", "**/*.hpp", "**/*.cuh", "**/*.cpp", "**/*.pyi", "**/*.cmake", "**/*.lib"),
        ],
    ),
    # Looked for when torch is imported.
    *collect_data_files("torch", includes=["bin/torch_shm_manager*"]),
]
binaries = [
    (source, folder)
    for source, folder in collect_dynamic_libs("torch", search_patterns=[*PY_DYLIB_PATTERNS, "*.so.*"])
    if not any(name in source for name in TESTS)
]
# Links beside the program confuse torch about where its libraries are.
bindepend_symlink_suppression = ["**/torch/lib/*.so*"]
