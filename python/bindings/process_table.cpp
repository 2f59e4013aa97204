// What enters is copied, for a Column owns its values; the arrays that leave look into the memory of their table.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <pybind11/native_enum.h>
#include <pybind11/stl.h>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/process/table.hpp>

#include "arrays.hpp"
#include "process_parts.hpp"

namespace luban::bindings {
namespace {

using namespace process;
using Units = std::map<std::string, std::string>;
using Categories = std::map<std::string, std::vector<std::string>>;

/// A column's values without a copy: the array looks into the memory of `owner`, which holds the column.
py::object values_of(const Column& column, const py::handle& owner) {
  switch (column.info.kind) {
    case ColumnKind::float64:
      return view_of(std::get<std::vector<double>>(column.data), owner);
    case ColumnKind::time:
      return view_of(std::get<std::vector<std::int64_t>>(column.data), owner).attr("view")("datetime64[ns]");
    case ColumnKind::code:
      return view_of(std::get<std::vector<std::int32_t>>(column.data), owner);
    case ColumnKind::string:
      return text_array(std::get<std::vector<std::string>>(column.data), "column " + core::quoted(column.info.name));
    case ColumnKind::ragged_float32: {
      const auto& ragged = std::get<Ragged>(column.data);
      return py::make_tuple(view_of(ragged.values, owner), view_of(ragged.offsets, owner));
    }
  }
  return py::none();
}

/// A column of a table that Python holds. Looked up by number at each use: a table may grow, and its columns then move,
/// but what they own stays where it is.
struct TableColumn {
  py::object table;
  std::size_t number;
  [[nodiscard]] const Column& get() const { return table.cast<const Table&>().columns()[number]; }
};

TableColumn table_column(const py::object& table, const std::string& name) {
  const auto& known = table.cast<const Table&>();
  return {table, static_cast<std::size_t>(&known.at(name) - known.columns().data())};
}

std::vector<std::string> texts_from(const py::array& array, const std::string& place) {
  const auto refuse = [](std::string expected, std::string received, std::string where, std::string hint) {
    throw core::DataError({.where = "process.Table.from_dict",
                           .expected = std::move(expected),
                           .received = std::move(received),
                           .place = std::move(where),
                           .hint = std::move(hint)});
  };
  if (array.ndim() != 1) refuse("a 1-D array", std::to_string(array.ndim()) + " dimensions", place, {});
  std::vector<std::string> out;
  out.reserve(static_cast<std::size_t>(array.size()));
  for (const py::handle item : py::list(array)) {
    if (!py::isinstance<py::str>(item)) {
      refuse("texts", py::repr(item).cast<std::string>(), place + ", row " + std::to_string(out.size()),
             "a missing text is \"\"");
    }
    out.push_back(item.cast<std::string>());
  }
  return out;
}

/// Numbers become float64, datetime64 becomes time, texts become strings; a name with categories is a code.
Column column_from(const std::string& name, const py::handle& values, const Units& units,
                   const Categories& categories) {
  const auto unit = units.find(name);
  const std::string unit_text = unit == units.end() ? "" : unit->second;
  const std::string place = "column " + core::quoted(name);
  if (const auto known = categories.find(name); known != categories.end()) {
    Column column =
        Column::code(name, known->second, copy_in<std::int32_t>(values.cast<InputArray<std::int32_t>>(), place));
    column.info.unit = unit_text;
    return column;
  }
  const py::array array = py::module_::import("numpy").attr("asarray")(values).cast<py::array>();
  switch (array.dtype().kind()) {
    case 'f':
    case 'i':
    case 'u':
    case 'b':
      return Column::float64(name, unit_text, copy_in<double>(array.cast<InputArray<double>>(), place));
    case 'M': {
      const py::array counts = array.attr("astype")("datetime64[ns]").attr("view")("int64").cast<py::array>();
      return Column::time(name, copy_in<std::int64_t>(counts.cast<InputArray<std::int64_t>>(), place));
    }
    case 'U':
    case 'O':
      return Column::string(name, texts_from(array, place));
    default:
      throw core::DataError({.where = "process.Table.from_dict",
                             .expected = "numbers, datetime64 or texts",
                             .received = "dtype " + py::str(array.dtype()).cast<std::string>(),
                             .place = place,
                             .hint = {}});
  }
}

Table table_from(const py::dict& columns, const Units& units, const Categories& categories) {
  Table out;
  for (const auto& [name, values] : columns) {
    out.add(column_from(name.cast<std::string>(), values, units, categories));
  }
  return out;
}

void bind_column(py::module_& module) {
  py::native_enum<ColumnKind>(module, "ColumnKind", "enum.Enum", "What a column holds.")
      .value("float64", ColumnKind::float64)
      .value("time", ColumnKind::time)
      .value("code", ColumnKind::code)
      .value("string", ColumnKind::string)
      .value("ragged_float32", ColumnKind::ragged_float32)
      .finalize();
  py::classh<ColumnInfo>(module, "ColumnInfo", "What a column is, without its data.")
      .def_readonly("name", &ColumnInfo::name)
      .def_readonly("unit", &ColumnInfo::unit)
      .def_readonly("kind", &ColumnInfo::kind)
      .def_readonly("categories", &ColumnInfo::categories)
      .def("__repr__", [](const ColumnInfo& info) {
        return "ColumnInfo(" + core::quoted(info.name) + ", kind=" + std::string(name(info.kind)) +
               ", unit=" + core::quoted(info.unit) + ")";
      });
  py::classh<Column>(module, "Column", "One named column; missing: NaN, NaT, -1 (code), '' (string).")
      .def_readonly("info", &Column::info)
      .def_property_readonly("name", [](const Column& column) { return column.info.name; })
      .def_property_readonly("unit", [](const Column& column) { return column.info.unit; })
      .def_property_readonly(
          "values", [](const py::object& self) { return values_of(self.cast<const Column&>(), self); },
          "As a numpy array, read-only where it shares the memory (all but texts); ragged: (values, offsets).")
      .def("__len__", &Column::size)
      .def_static(
          "float64",
          [](std::string name, std::string unit, const InputArray<double>& values) {
            return Column::float64(name, std::move(unit), copy_in<double>(values, name));
          },
          py::arg("name"), py::arg("unit"), py::arg("values"))
      .def_static(
          "time",
          [](std::string name, const InputArray<std::int64_t>& values) {
            return Column::time(name, copy_in<std::int64_t>(values, name));
          },
          py::arg("name"), py::arg("utc_nanoseconds"))
      .def_static(
          "code",
          [](std::string name, std::vector<std::string> categories, const InputArray<std::int32_t>& codes) {
            return Column::code(name, std::move(categories), copy_in<std::int32_t>(codes, name));
          },
          py::arg("name"), py::arg("categories"), py::arg("codes"))
      .def_static("string", &Column::string, py::arg("name"), py::arg("values"))
      .def_static(
          "ragged",
          [](std::string name, std::string unit, const InputArray<float>& values,
             const InputArray<std::int64_t>& offsets) {
            return Column::ragged(
                name, std::move(unit),
                {.values = copy_in<float>(values, name), .offsets = copy_in<std::int64_t>(offsets, name)});
          },
          py::arg("name"), py::arg("unit"), py::arg("values"), py::arg("offsets"));
}

void bind_table_column(py::module_& module) {
  py::classh<TableColumn>(module, "TableColumn", "A column where it lies in its table.")
      .def_property_readonly("info", [](const TableColumn& column) { return column.get().info; })
      .def_property_readonly("name", [](const TableColumn& column) { return column.get().info.name; })
      .def_property_readonly("unit", [](const TableColumn& column) { return column.get().info.unit; })
      .def_property_readonly("values", [](const TableColumn& column) { return values_of(column.get(), column.table); })
      .def(
          "copy", [](const TableColumn& column) { return column.get(); }, "A column of its own.")
      .def("__len__", [](const TableColumn& column) { return column.get().size(); });
}

py::dict table_units(const Table& table) {
  py::dict out;
  for (const Column& column : table.columns()) {
    if (!column.info.unit.empty()) out[py::str(column.info.name)] = column.info.unit;
  }
  return out;
}

py::dict table_categories(const Table& table) {
  py::dict out;
  for (const Column& column : table.columns()) {
    if (column.info.kind == ColumnKind::code) out[py::str(column.info.name)] = column.info.categories;
  }
  return out;
}

void bind_source(py::module_& module) {
  py::native_enum<Grain>(module, "Grain", "enum.Enum", "What one row of a source stands for.")
      .value("readings", Grain::readings)
      .value("runs", Grain::runs)
      .finalize();
  const auto ranges = [](const TableSource& source) {
    py::list out;
    for (const RowRange& range : source.blocks()) out.append(py::make_tuple(range.begin, range.end));
    return out;
  };
  // The GIL is released while reading: a source is const and thread-safe.
  py::classh<TableSource>(module, "TableSource", "Anything that rows can be read from.")
      .def("schema", &TableSource::schema)
      .def("row_count", &TableSource::row_count)
      .def_property_readonly("grain", &TableSource::grain)
      .def("blocks", ranges, "Half-open row ranges that are cheap to read whole.")
      .def(
          "read",
          [](const TableSource& source, const std::vector<std::string>& columns, std::size_t begin, std::size_t end) {
            return source.read(columns, {.begin = begin, .end = end});
          },
          py::arg("columns"), py::arg("begin"), py::arg("end"), py::call_guard<py::gil_scoped_release>());
  py::classh<MemorySource, TableSource>(module, "MemorySource", "A table in memory as a source.")
      .def(py::init([](const Table& table, Grain grain) {
             return std::make_unique<MemorySource>(std::make_shared<const Table>(table), grain);
           }),
           py::arg("table"), py::arg_v("grain", Grain::readings, "Grain.readings"));
}

}  // namespace

void bind_process_table(py::module_& module) {
  bind_column(module);
  bind_table_column(module);
  py::classh<Table>(module, "Table", "Columns of equal length under unique names.")
      .def(py::init<std::vector<Column>>(), py::arg("columns") = std::vector<Column>{})
      .def_static("from_dict", &table_from, py::arg("columns"), py::arg("units") = Units{},
                  py::arg("categories") = Categories{},
                  "Numbers become float64, datetime64 time, texts strings; names in `categories` hold int32 codes.")
      .def("to_dict",
           [](const py::object& self) {
             py::dict out;
             for (const Column& column : self.cast<const Table&>().columns()) {
               out[py::str(column.info.name)] = values_of(column, self);
             }
             return out;
           })
      .def("add", &Table::add, py::arg("column"))
      .def("__len__", &Table::row_count)
      .def("__contains__", [](const Table& table, const std::string& name) { return table.find(name) != nullptr; })
      .def("__getitem__", [](const py::object& self,
                             const std::string& name) { return values_of(self.cast<const Table&>().at(name), self); })
      .def("column", &table_column, py::arg("name"), "A column of this table, without a copy.")
      .def_property_readonly("names",
                             [](const Table& table) {
                               std::vector<std::string> out;
                               for (const Column& column : table.columns()) out.push_back(column.info.name);
                               return out;
                             })
      .def_property_readonly("units", &table_units)
      .def_property_readonly("categories", &table_categories);
  bind_source(module);
}

}  // namespace luban::bindings
