"""The C++ modules include and link what their row of modules.toml allows, and nothing else."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
OURS = re.compile(r"luban/(\w+)/(.+)")
# Headers of the language, the C library, POSIX, the loader and the compiler; C++ ones have no dot and no slash.
SYSTEM = re.compile(r"[a-z_0-9]+|(sys/\w+|unistd|fcntl|sched|dlfcn|elf|cpuid|immintrin|x86intrin|arm_neon)(\.h)?")


def sources_of(repository: Path, module: str, table: dict[str, Any]) -> list[Path]:
    """Sources of a module, without those of its plugins."""
    plugins = [plugin_folder(repository, name, table) for name in table["plugins"]]
    return [path for path in sources_in(repository / "cpp/luban" / module) if not {*path.parents}.intersection(plugins)]


def sources_in(folder: Path) -> list[Path]:
    return sorted(path for pattern in ("*.hpp", "*.cpp", "*.cu") for path in folder.rglob(pattern))


def plugin_folder(repository: Path, plugin: str, table: dict[str, Any]) -> Path:
    return repository / "cpp/luban" / str(table["plugins"][plugin]["module"]) / plugin


def includes_of(path: Path) -> list[str]:
    """Included names; a quoted name that lies beside the file is written as <luban/...>."""
    names = []
    for mark, name in INCLUDE.findall(path.read_text(encoding="utf-8")):
        beside = path.parent / name
        ours = mark == '"' and beside.exists() and "luban" in beside.parts
        names.append(f"luban/{beside.resolve().as_posix().rpartition('/cpp/luban/')[2]}" if ours else name)
    return names


def library_of(header: str, libraries: dict[str, Any]) -> str | None:
    for name, library in libraries.items():
        if any(re.fullmatch(pattern, header) for pattern in library["headers"]):
            return name
    return None


def link_names(cmake_file: Path) -> list[str]:
    """Every target that the CMake file of a module names, in whatever command."""
    text = re.sub(r"#.*", "", cmake_file.read_text(encoding="utf-8"))
    return re.findall(r"\b\w+::\w+", text)


def include_faults(module: str, path: Path, names: list[str], table: dict[str, Any]) -> list[str]:
    row = table["modules"][module]
    faults = []
    for name in names:
        if ours := OURS.fullmatch(name):
            target, rest = ours.groups()
            if target != module and target not in row["may_include"]:
                faults.append(f"{path}: {module} may not include {name}")
            elif target != module and (rest.startswith("detail/") or rest.endswith("_impl.hpp")):
                faults.append(f"{path}: {name} is private to {target}")
        elif (library := library_of(name, table["libraries"])) is not None:
            if library not in row["may_link"]:
                faults.append(f"{path}: {module} may not use {library} ({name})")
        elif not SYSTEM.fullmatch(name):
            faults.append(f"{path}: {name} belongs to no library that modules.toml knows")
    return faults


def plugin_faults(plugin: str, path: Path, names: list[str], table: dict[str, Any]) -> list[str]:
    """A plugin sees the border header of its module and its own folder, nothing else of ours."""
    row = table["plugins"][plugin]
    of_ours = re.compile(rf"{row['module']}/(plugin_table\.hpp|{plugin}/.+)")
    faults = []
    for name in names:
        if name.startswith("luban/"):
            if not of_ours.fullmatch(name.removeprefix("luban/")):
                faults.append(f"{path}: the plugin {plugin} may not include {name}")
        elif library_of(name, table["libraries"]) not in row["may_link"] and not SYSTEM.fullmatch(name):
            faults.append(f"{path}: the plugin {plugin} may not use {name}")
    return faults


def link_faults(module: str, names: list[str], table: dict[str, Any]) -> list[str]:
    row = table["modules"][module]
    allowed = {f"luban::{name}" for name in row["may_include"]}
    for library in row["may_link"]:
        allowed.update(table["libraries"][library]["link"])
    return [f"{module} may not link {name}" for name in names if name not in allowed]


def test_includes_stay_inside_the_row(repository: Path, modules: list[str], module_table: dict[str, Any]) -> None:
    faults = []
    for module in modules:
        for path in sources_of(repository, module, module_table):
            faults += include_faults(module, path.relative_to(repository), includes_of(path), module_table)
    assert not faults, "\n".join(faults)


def test_links_stay_inside_the_row(repository: Path, modules: list[str], module_table: dict[str, Any]) -> None:
    faults = []
    for module in modules:
        cmake_file = repository / "cpp/luban" / module / "CMakeLists.txt"
        faults += link_faults(module, link_names(cmake_file), module_table)
        if module != "training" and re.search(r"\btarget_link_libraries\b", cmake_file.read_text(encoding="utf-8")):
            faults.append(f"{module} links behind luban_module()'s back")
    assert not faults, "\n".join(faults)


def test_plugins_stay_inside_their_row(repository: Path, module_table: dict[str, Any]) -> None:
    for plugin, row in module_table["plugins"].items():
        folder = plugin_folder(repository, plugin, module_table)
        sources = sources_in(folder)
        assert sources
        faults = [
            fault
            for path in sources
            for fault in plugin_faults(plugin, path.relative_to(repository), includes_of(path), module_table)
        ]
        assert not faults, "\n".join(faults)
        allowed = {link for library in row["may_link"] for link in module_table["libraries"][library]["link"]}
        assert set(link_names(folder / "CMakeLists.txt")) <= allowed


# What every program may need.
RUNTIME = re.compile(r"(lib(c|m|pthread|dl|rt|stdc\+\+|gcc_s|asan|ubsan|tsan)|ld-linux.*)\.so.*")


def needed(path: Path) -> set[str]:
    """Names of the shared objects that a built library asks for."""
    output = subprocess.run(["readelf", "-d", path], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"\(NEEDED\).*\[(.+)\]", output))


def object_faults(module: str, names: set[str], table: dict[str, Any]) -> list[str]:
    row = table["modules"][module]
    allowed = [rf"libluban_{name}\.so" for name in row["may_include"]]
    for library in row["may_link"]:
        allowed += table["libraries"][library]["objects"]
    strangers = [name for name in names if not RUNTIME.fullmatch(name)]
    return [f"{module} needs {name}" for name in strangers if not any(re.fullmatch(p, name) for p in allowed)]


def test_built_libraries_need_only_what_their_row_allows(
    build_folder: Path, modules: list[str], module_table: dict[str, Any]
) -> None:
    faults = []
    for module in modules:
        if module == "training" and not (build_folder / "lib/libluban_training.so").exists():
            continue  # LUBAN_WITH_TRAINING is off
        faults += object_faults(module, needed(build_folder / f"lib/libluban_{module}.so"), module_table)
    assert not faults, "\n".join(faults)


def test_built_plugins_need_their_library_and_nothing_of_ours(build_folder: Path, module_table: dict[str, Any]) -> None:
    for plugin, row in module_table["plugins"].items():
        built = build_folder / f"lib/libluban_{row['module']}_{plugin}.so"
        if not built.exists():
            pytest.skip(f"this build is without the plugin {plugin}")
        objects = [pattern for library in row["may_link"] for pattern in module_table["libraries"][library]["objects"]]
        needs = {name for name in needed(built) if not RUNTIME.fullmatch(name)}
        assert needs
        assert not [name for name in needs if not any(re.fullmatch(pattern, name) for pattern in objects)]
        assert "libmpi_cxx" not in " ".join(needs), "Open MPI 5 has no C++ library"


def test_the_core_extension_runs_without_hdf5_and_torch(build_folder: Path, module_table: dict[str, Any]) -> None:
    """Everything that _core needs, and what that needs in turn: the edge has nothing else."""
    libraries = module_table["libraries"]
    heavy = [pattern for name in ("hdf5", "torch", "mpi") for pattern in libraries[name]["objects"]]
    [core] = (build_folder / "stage/luban").glob("_core.*.so")
    seen: set[str] = set()
    waiting = needed(core)
    while waiting:
        name = waiting.pop()
        seen.add(name)
        if (ours := build_folder / "lib" / name).exists():
            waiting |= needed(ours) - seen
    assert "libluban_surrogate.so" in seen
    assert not [name for name in seen if any(re.fullmatch(pattern, name) for pattern in heavy)]


def test_module_list_is_in_data_path_order(repository: Path, modules: list[str]) -> None:
    text = (repository / "cpp/CMakeLists.txt").read_text(encoding="utf-8")
    listed = [name for name in re.findall(r"add_subdirectory\(luban/(\w+)\)", text) if name != "training"]
    assert listed == [name for name in modules if name != "training"]


def test_bindings_include_no_private_header(repository: Path, module_table: dict[str, Any]) -> None:
    faults = []
    heavy = {"history": ("hdf5",), "training": ("torch",)}
    for path in sorted((repository / "python/bindings").glob("*.[ch]pp")):
        for name in includes_of(path):
            ours = OURS.fullmatch(name)
            if ours and (ours.group(2).startswith("detail/") or ours.group(2).endswith("_impl.hpp")):
                faults.append(f"{path.name}: {name} is private")
            if ours and ours.group(1) in heavy and not path.stem.startswith(ours.group(1)):
                faults.append(f"{path.name}: only {ours.group(1)}.cpp may bind {name}")
            if library_of(name, module_table["libraries"]) in {"hdf5", "mpi", "tbb"}:
                faults.append(f"{path.name}: {name} has no place in a binding")
    assert not faults, "\n".join(faults)


def test_the_checks_see_a_forbidden_edge(module_table: dict[str, Any]) -> None:
    here = Path("here.cpp")
    assert include_faults("features", here, ["luban/surrogate/posterior.hpp"], module_table)
    assert include_faults("surrogate", here, ["hdf5.h"], module_table)
    assert include_faults("recommend", here, ["torch/torch.h"], module_table)
    assert include_faults("recommend", here, ["luban/surrogate/detail/kernel.hpp"], module_table)
    assert include_faults("core", here, ["boost/any.hpp"], module_table)
    assert link_faults("features", ["luban::history"], module_table)
    assert link_faults("guard", ["Eigen3::Eigen"], module_table)
    assert object_faults("features", {"libhdf5_serial.so.103"}, module_table)
    assert object_faults("core", {"libluban_process.so"}, module_table)
    assert not object_faults("features", {"libluban_core.so", "libtbb.so.12", "libc.so.6"}, module_table)
    assert not include_faults("recommend", here, ["luban/surrogate/posterior.hpp", "vector"], module_table)
    assert include_faults("parallel", here, ["mpi.h"], module_table)
    assert plugin_faults("openmpi", here, ["luban/core/error.hpp"], module_table)
    assert plugin_faults("openmpi", here, ["luban/parallel/communicator.hpp"], module_table)
    assert plugin_faults("openmpi", here, ["tbb/parallel_for.h"], module_table)
    assert not plugin_faults("openmpi", here, ["luban/parallel/plugin_table.hpp", "mpi.h", "vector"], module_table)


@pytest.mark.slow
def test_public_headers_compile_alone(repository: Path, build_folder: Path) -> None:
    command = ["cmake", "--build", str(build_folder), "--target", "all_verify_interface_header_sets"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]


def test_every_public_header_is_listed(repository: Path, modules: list[str], public_headers: list[Path]) -> None:
    """A header that its module's HEADERS does not list would escape the check that it compiles alone."""
    missing = []
    for module in modules:
        folder = repository / "cpp/luban" / module
        text = (folder / "CMakeLists.txt").read_text(encoding="utf-8")
        call = re.search(r"\bluban_module\s*\(([^)]*)\)", text)
        words = call.group(1).split() if call else []
        missing += [
            str(header.relative_to(repository))
            for header in public_headers
            if folder in header.parents and header.relative_to(folder).as_posix() not in words
        ]
    assert not missing, missing
