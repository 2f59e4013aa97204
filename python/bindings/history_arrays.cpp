// Columns of a history as arrays: decoded straight into numpy's memory where that is possible.
#include <luban/history/array_source.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <pybind11/stl.h>

#include "arrays.hpp"
#include "history_parts.hpp"

namespace luban::bindings {
namespace {

using process::Column;
using process::ColumnInfo;
using process::ColumnKind;

/// Memory for the rows of a column; none for texts and samples.
py::object make_array(ColumnKind kind, py::ssize_t rows) {
  switch (kind) {
    case ColumnKind::float64:
      return py::array_t<double>(rows);
    case ColumnKind::time:
      return py::array_t<std::int64_t>(rows);
    case ColumnKind::code:
      return py::array_t<std::int32_t>(rows);
    default:
      return py::none();
  }
}

/// The values of a column of a table that nobody else holds: arrays in its memory, which keep it alive.
py::object values_in(const Column& column, const py::capsule& table) {
  const auto array = [&table](const auto& values) -> py::object {
    using T = typename std::decay_t<decltype(values)>::value_type;
    return py::array_t<T>({static_cast<py::ssize_t>(values.size())}, {static_cast<py::ssize_t>(sizeof(T))},
                          values.data(), table);
  };
  switch (column.info.kind) {
    case ColumnKind::float64:
      return array(std::get<std::vector<double>>(column.data));
    case ColumnKind::time:
      return array(std::get<std::vector<std::int64_t>>(column.data));
    case ColumnKind::code:
      return array(std::get<std::vector<std::int32_t>>(column.data));
    case ColumnKind::string:
      return text_array(std::get<std::vector<std::string>>(column.data), "column " + column.info.name);
    case ColumnKind::ragged_float32: {
      const auto& ragged = std::get<process::Ragged>(column.data);
      return py::make_tuple(array(ragged.values), array(ragged.offsets));
    }
  }
  return py::none();
}

py::dict read_arrays(const process::TableSource& source, const std::vector<std::string>& columns, std::size_t begin,
                     std::size_t end) {
  std::map<std::string, ColumnKind> kinds;
  for (const ColumnInfo& info : source.schema()) kinds[info.name] = info.kind;
  std::map<std::string, py::object> arrays;
  std::vector<history::ColumnMemory> wanted;
  const auto* direct = dynamic_cast<const history::ArraySource*>(&source);
  for (const std::string& name : columns) {
    const auto kind = kinds.find(name);
    if (direct == nullptr || kind == kinds.end() || begin > end || end > source.row_count()) continue;
    py::object made = make_array(kind->second, static_cast<py::ssize_t>(end - begin));
    if (made.is_none() || !arrays.emplace(name, made).second) continue;
    auto array = py::reinterpret_borrow<py::array>(made);
    wanted.push_back({name, {static_cast<std::byte*>(array.mutable_data()), static_cast<std::size_t>(array.nbytes())}});
  }
  std::vector<std::string> rest;
  auto table = std::make_unique<process::Table>();
  {
    const py::gil_scoped_release released;
    std::vector<bool> filled;
    if (!wanted.empty()) filled = direct->read_into(wanted, {begin, end});
    for (const std::string& name : columns) {
      const auto place = std::find_if(wanted.begin(), wanted.end(), [&](const auto& w) { return w.column == name; });
      const bool done = place != wanted.end() && filled[static_cast<std::size_t>(place - wanted.begin())];
      if (!done && std::find(rest.begin(), rest.end(), name) == rest.end()) rest.push_back(name);
    }
    if (!rest.empty()) *table = source.read(rest, {begin, end});
  }
  const process::Table& read = *table;
  const py::capsule owner(table.get(), [](void* held) { delete static_cast<process::Table*>(held); });
  table.release();
  for (const std::string& name : rest) {
    arrays[name] = values_in(read.at(name), owner);
    kinds[name] = read.at(name).info.kind;  // some columns are not listed
  }
  py::dict out;
  for (const std::string& name : columns) {
    py::object values = arrays.at(name);
    const auto kind = kinds.find(name);
    if (kind != kinds.end() && kind->second == ColumnKind::time) values = values.attr("view")("datetime64[ns]");
    out[py::str(name)] = values;
  }
  return out;
}

}  // namespace

void bind_history_arrays(py::module_& module) {
  module.def("read_arrays", &read_arrays, py::arg("source"), py::arg("columns"), py::arg("begin"), py::arg("end"),
             "Rows of columns as arrays that own their memory: float64, datetime64[ns], int32 codes, texts.");
}

}  // namespace luban::bindings
