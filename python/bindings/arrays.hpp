#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <luban/core/error.hpp>

namespace luban::bindings {

namespace py = pybind11;

/// Arrays as C++ wants them: contiguous, of type T, converted where that loses nothing that numpy would mind.
template <typename T>
using InputArray = py::array_t<T, py::array::c_style | py::array::forcecast>;

/// Hands a vector's memory to numpy: the array owns it.
template <typename T>
py::array_t<T> move_out(std::vector<T> values) {
  auto owner = std::make_unique<std::vector<T>>(std::move(values));
  T* data = owner->data();
  const auto size = static_cast<py::ssize_t>(owner->size());
  const py::capsule memory(owner.get(), [](void* held) { delete static_cast<std::vector<T>*>(held); });
  owner.release();
  return py::array_t<T>({size}, {static_cast<py::ssize_t>(sizeof(T))}, data, memory);
}

/// A vector's memory as an array that keeps `owner` alive; read-only, for the memory is not the array's.
template <typename T>
py::array view_of(const std::vector<T>& values, const py::handle& owner) {
  py::array array(py::dtype::of<T>(), {static_cast<py::ssize_t>(values.size())}, {static_cast<py::ssize_t>(sizeof(T))},
                  values.data(), owner);
  array.attr("setflags")(py::arg("write") = false);
  return array;
}

/// Texts as an array of objects; texts that repeat share one object. @throws DataError for bytes that are not UTF-8.
py::array text_array(const std::vector<std::string>& texts, const std::string& place);

/// Copies a 1-D array in. @throws DataError for another number of dimensions.
template <typename T>
std::vector<T> copy_in(const InputArray<T>& array, const std::string& what) {
  if (array.ndim() != 1) {
    throw core::DataError({.where = "luban.arrays",
                           .expected = "a 1-D array",
                           .received = std::to_string(array.ndim()) + " dimensions",
                           .place = what,
                           .hint = {}});
  }
  return std::vector<T>(array.data(), array.data() + array.size());
}

}  // namespace luban::bindings
