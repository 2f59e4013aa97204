// Files that appear whole, and locks on them, as context managers: Python objects live on after `with`, what they hold
// does not.
#include <luban/core/durable_file.hpp>
#include <luban/core/file_lock.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include <pybind11/stl/filesystem.h>

#include "core_parts.hpp"

namespace luban::bindings {
namespace {

struct HeldFile {
  std::unique_ptr<core::DurableFile> file;

  [[nodiscard]] core::DurableFile& open() const {
    if (!file) throw py::value_error("the file was given up");
    return *file;
  }
};

struct HeldLock {
  std::unique_ptr<core::FileLock> lock;
};

}  // namespace

void bind_files(py::module_& module) {
  py::classh<HeldFile>(module, "DurableFile", "A file that appears whole or not at all; given up at the end of `with`.")
      .def(py::init([](const std::filesystem::path& target, const std::string& where) {
             return HeldFile{std::make_unique<core::DurableFile>(target, where)};
           }),
           py::arg("target"), py::arg("where"))
      .def_property_readonly("path", [](const HeldFile& held) { return held.open().path(); })
      .def(
          "write",
          [](const HeldFile& held, const py::bytes& bytes) {
            const std::string_view view(bytes);
            const py::gil_scoped_release without_gil;
            held.open().write(view);
          },
          py::arg("bytes"), "Appends bytes.")
      .def(
          "commit", [](const HeldFile& held, bool replace) { held.open().commit(replace); }, py::arg("replace"),
          py::call_guard<py::gil_scoped_release>(), "Gives the file its name, for good.")
      .def(
          "__enter__", [](HeldFile& held) -> HeldFile& { return held; }, py::return_value_policy::reference)
      .def("__exit__", [](HeldFile& held, const py::args&) { held.file.reset(); });
  py::classh<HeldLock>(module, "FileLock", "The right to write a file; handed back at the end of `with`.")
      .def(py::init([](const std::filesystem::path& file, const std::string& where) {
             return HeldLock{std::make_unique<core::FileLock>(file, where)};
           }),
           py::arg("file"), py::arg("where"))
      .def(
          "__enter__", [](HeldLock& held) -> HeldLock& { return held; }, py::return_value_policy::reference)
      .def("__exit__", [](HeldLock& held, const py::args&) { held.lock.reset(); });
  module.def("sync_folder", &core::sync_folder, py::arg("folder"), py::arg("where"),
             py::call_guard<py::gil_scoped_release>(), "Puts the names in a folder on the disk.");
}

}  // namespace luban::bindings
