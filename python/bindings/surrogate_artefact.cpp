// Artefacts: tensors as a dict of arrays, metadata as JSON text.
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include <pybind11/numpy.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <luban/core/error.hpp>
#include <luban/core/json.hpp>
#include <luban/surrogate/artefact.hpp>

#include "bindings.hpp"
#include "surrogate_parts.hpp"

namespace luban::bindings {
namespace {

using surrogate::Artefact;
using surrogate::Tensor;

py::array array_of(const Tensor& tensor) {
  const std::vector<py::ssize_t> shape(tensor.shape.begin(), tensor.shape.end());
  return std::visit(
      [&](const auto& values) -> py::array {
        return py::array_t<typename std::decay_t<decltype(values)>::value_type>(shape, values.data());
      },
      tensor.values);
}

template <typename Element>
Tensor copied(const py::array& array) {
  const auto whole = py::array_t<Element, py::array::c_style>::ensure(array);
  Tensor out;
  out.shape.assign(whole.shape(), whole.shape() + whole.ndim());
  out.values = std::vector<Element>(whole.data(), whole.data() + whole.size());
  return out;
}

Tensor tensor_of(const std::string& name, const py::array& array) {
  if (array.dtype().equal(py::dtype::of<double>())) return copied<double>(array);
  if (array.dtype().equal(py::dtype::of<float>())) return copied<float>(array);
  if (array.dtype().equal(py::dtype::of<std::int64_t>())) return copied<std::int64_t>(array);
  throw core::DataError({.where = "surrogate.Artefact",
                         .expected = "an array of float64, float32 or int64",
                         .received = py::str(array.dtype()).cast<std::string>(),
                         .place = "array \"" + name + "\"",
                         .hint = {}});
}

}  // namespace

void bind_artefact(py::module_& module) {
  py::classh<Artefact>(module, "Artefact", "One model file in the safetensors format: arrays and one JSON text.")
      .def(py::init<>())
      .def_property(
          "metadata", [](const Artefact& artefact) { return artefact.metadata.dump(); },
          [](Artefact& artefact, const std::string& text) { artefact.metadata = core::Json::parse(text); },
          "JSON text with everything that is no array.")
      .def_property(
          "tensors",
          [](const Artefact& artefact) {
            py::dict out;
            for (const auto& [name, tensor] : artefact.tensors) out[py::str(name)] = array_of(tensor);
            return out;
          },
          [](Artefact& artefact, const std::map<std::string, py::array>& arrays) {
            std::map<std::string, Tensor> tensors;
            for (const auto& [name, array] : arrays) tensors[name] = tensor_of(name, array);
            artefact.tensors = std::move(tensors);
          },
          "Arrays by name, copies: assign the whole dict to change it.")
      .def("digest", &Artefact::digest, "SHA-256 of the file's bytes: the content address.")
      .def("save", &Artefact::save, py::arg("path"), py::call_guard<py::gil_scoped_release>())
      .def_static("load", &Artefact::load, py::arg("path"), py::call_guard<py::gil_scoped_release>());
}

}  // namespace luban::bindings
