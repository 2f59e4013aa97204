// Rows out through the Arrow C interface: capsules that pyarrow, polars and others take over.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <pybind11/stl.h>

#include "arrow_export.hpp"
#include "process_parts.hpp"

namespace luban::bindings {
namespace {

/// Owns a struct of the interface until somebody takes it over, which sets its release to nullptr.
template <typename T>
py::capsule capsule_of(std::unique_ptr<T> held, const char* name) {
  return py::capsule(held.release(), name, [](PyObject* object) {
    auto* left = static_cast<T*>(PyCapsule_GetPointer(object, PyCapsule_GetName(object)));
    if (left->release != nullptr) left->release(left);
    delete left;
  });
}

/// Rows of a source in chosen columns, offered to whoever reads Arrow.
struct ArrowRows {
  std::shared_ptr<const process::TableSource> source;
  std::vector<std::string> columns;
};

}  // namespace

void bind_process_arrow(py::module_& module) {
  py::classh<ArrowRows>(module, "ArrowRows",
                        "Rows of a source as an Arrow stream, block by block: give it to pyarrow.RecordBatchReader, "
                        "pyarrow.table or polars.DataFrame. Units are metadata of the fields.")
      .def(py::init([](std::shared_ptr<const process::TableSource> source, std::vector<std::string> columns) {
             return ArrowRows{std::move(source), std::move(columns)};
           }),
           py::arg("source"), py::arg("columns"))
      .def(
          "__arrow_c_stream__",
          [](const ArrowRows& rows, const py::object&) {
            auto stream = std::make_unique<ArrowArrayStream>();
            export_stream(rows.source, rows.columns, stream.get());
            return capsule_of(std::move(stream), "arrow_array_stream");
          },
          py::arg("requested_schema") = py::none());
}

}  // namespace luban::bindings
