#include <algorithm>
#include <array>
#include <exception>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <pybind11/stl.h>

#include <luban/build_facts.hpp>
#include <luban/core/error.hpp>
#include <luban/core/sha256.hpp>
#include <luban/core/text.hpp>
#include <luban/core/time.hpp>
#include <luban/parallel/plugin.hpp>

#include "bindings.hpp"
#include "core_parts.hpp"

namespace luban::bindings {
namespace {

/// One C++ error type and the Python class of the same name in luban.errors.
struct ErrorType {
  const char* name;
  const char* base;
  bool (*is)(const core::Error& error);
  void (*raise)(core::ErrorDetail detail);
};

template <typename E>
bool is_a(const core::Error* error) {
  return dynamic_cast<const E*>(error) != nullptr;
}

template <typename E>
constexpr ErrorType error_type(const char* name, const char* base) {
  return {name, base, [](const core::Error& error) { return is_a<E>(&error); },
          [](core::ErrorDetail detail) { throw E(std::move(detail)); }};
}

// Derived types stand before their bases: the first that fits is the most special one.
constexpr std::array error_types = {
    error_type<core::UnitError>("UnitError", "DataError"),
    error_type<core::VersionError>("VersionError", "IntegrityError"),
    error_type<core::ConfigurationError>("ConfigurationError", "Error"),
    error_type<core::DataError>("DataError", "Error"),
    error_type<core::IntegrityError>("IntegrityError", "Error"),
    error_type<core::InfeasibleError>("InfeasibleError", "Error"),
    error_type<core::NumericalError>("NumericalError", "Error"),
    error_type<core::LifecycleError>("LifecycleError", "Error"),
    error_type<core::IoError>("IoError", "Error"),
    error_type<core::NotBuiltError>("NotBuiltError", "Error"),
    error_type<core::ParallelError>("ParallelError", "Error"),
    error_type<core::StoppedError>("StoppedError", "Error"),
    error_type<core::Error>("Error", "Exception"),
};

// Errors quote what was found in files, and that need not be UTF-8.
py::str text_of(const std::string& bytes) {
  return py::reinterpret_steal<py::str>(
      PyUnicode_DecodeUTF8(bytes.data(), static_cast<py::ssize_t>(bytes.size()), "replace"));
}

void raise_in_python(const core::Error& error) {
  const auto type = std::find_if(error_types.begin(), error_types.end(),
                                 [&error](const ErrorType& candidate) { return candidate.is(error); });
  const py::object python_type = py::module_::import("luban.errors").attr(type->name);
  const core::ErrorDetail& detail = error.detail();
  using namespace py::literals;
  const py::object instance = python_type("where"_a = text_of(detail.where), "expected"_a = text_of(detail.expected),
                                          "received"_a = text_of(detail.received), "place"_a = text_of(detail.place),
                                          "hint"_a = text_of(detail.hint));
  PyErr_SetObject(python_type.ptr(), instance.ptr());
}

void bind_errors(py::module_& module) {
  py::register_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const core::Error& error) {
      raise_in_python(error);
    }
  });
  module.def(
      "error_text",
      [](std::string where, std::string expected, std::string received, std::string place, std::string hint) {
        return std::string(
            core::Error({std::move(where), std::move(expected), std::move(received), std::move(place), std::move(hint)})
                .what());
      },
      py::arg("where"), py::arg("expected"), py::arg("received"), py::arg("place"), py::arg("hint"),
      "Text of an error made of these fields.");
  module.def(
      "error_types",
      [] {
        py::dict out;
        for (const ErrorType& type : error_types) out[type.name] = type.base;
        return out;
      },
      "Name and base of every C++ error type.");
  module.def(
      "throw_error",
      [](const std::string& name) {
        const auto type = std::find_if(error_types.begin(), error_types.end(),
                                       [&name](const ErrorType& candidate) { return candidate.name == name; });
        if (type == error_types.end()) throw py::key_error(name);
        type->raise({.where = "core.throw_error",
                     .expected = "an error of every type to arrive whole",
                     .received = name,
                     .place = "C++",
                     .hint = "none"});
      },
      py::arg("name"), "Throws the named C++ error (checks that each arrives as its Python class).");
}

py::dict build_info() {
  py::dict out;
  for (const auto& [key, value] : build_facts::facts) out[py::str(key)] = value;
  for (const auto& [key, value] : build_facts::switches) out[py::str(key)] = value;
  std::error_code error;
  out["with_openmpi"] = std::filesystem::is_regular_file(parallel::plugin_path("openmpi"), error);
  return out;
}

}  // namespace

void bind_core(py::module_& module) {
  bind_errors(module);
  bind_files(module);
  module.def("build_info", &build_info, "Version, compiler, options and library versions of this build.");
  module.def(
      "sha256", [](const py::bytes& bytes) { return core::Sha256().update(std::string_view(bytes)).hex(); },
      py::arg("bytes"), "SHA-256 of bytes as 64 lower-case digits.");
  module.def(
      "nearest_hint",
      [](const std::string& name, const std::vector<std::string>& known) { return core::nearest_hint(name, known); },
      py::arg("name"), py::arg("known"), "Hint of an error about an unknown name: the nearest known one, or the list.");
  module.def(
      "nearest_name",
      [](const std::string& name, const std::vector<std::string>& known) { return core::nearest_name(name, known); },
      py::arg("name"), py::arg("known"), "The known name that a mistyped one most likely meant; '' when none is near.");
  module.def(
      "parse_time", [](const std::string& text) { return core::UtcTime::parse(text).since_epoch().count(); },
      py::arg("text"), "UTC nanoseconds of an ISO 8601 time with a zone.");
  module.def(
      "time_text", [](std::int64_t count) { return core::UtcTime(core::Nanoseconds(count)).iso(); },
      py::arg("utc_nanoseconds"), "ISO 8601 text of UTC nanoseconds, or 'missing'.");
}

}  // namespace luban::bindings
