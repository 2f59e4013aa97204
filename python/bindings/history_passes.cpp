// Passes over a source of rows: shuffled minibatches, statistics.
#include <luban/history/minibatches.hpp>
#include <luban/history/statistics.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <pybind11/stl.h>

#include "arrays.hpp"
#include "history_parts.hpp"
#include "long_call.hpp"

namespace luban::bindings {
namespace {

using namespace history;

/// The rows of a minibatch in the memory of its pool, which the array keeps alive.
py::array_t<float> rows_of(const Minibatch& minibatch) {
  using Owner = std::shared_ptr<const std::vector<float>>;
  const auto rows = static_cast<py::ssize_t>(minibatch.rows);
  const auto columns = static_cast<py::ssize_t>(minibatch.columns);
  const py::capsule owner(new Owner(minibatch.pool), [](void* held) { delete static_cast<Owner*>(held); });
  constexpr auto size = static_cast<py::ssize_t>(sizeof(float));
  return {{rows, columns}, {columns * size, size}, minibatch.values, owner};
}

void bind_minibatches(py::module_& module) {
  const MinibatchOptions defaults;
  py::classh<Minibatches>(module, "Minibatches", "One epoch of minibatches; see luban::history::Minibatches.")
      .def(py::init([](std::shared_ptr<const process::TableSource> source, std::vector<std::string> columns,
                       std::size_t size, bool shuffle, std::size_t pool_rows, std::uint64_t seed, std::uint64_t epoch,
                       bool drop_last) {
             return std::make_unique<Minibatches>(std::move(source), std::move(columns),
                                                  MinibatchOptions{.size = size,
                                                                   .shuffle = shuffle,
                                                                   .pool_rows = pool_rows,
                                                                   .seed = seed,
                                                                   .epoch = epoch,
                                                                   .drop_last = drop_last});
           }),
           py::arg("source"), py::arg("columns"), py::arg("size") = defaults.size,
           py::arg("shuffle") = defaults.shuffle, py::arg("pool_rows") = defaults.pool_rows,
           py::arg("seed") = defaults.seed, py::arg("epoch") = defaults.epoch,
           py::arg("drop_last") = defaults.drop_last)
      .def("__iter__", [](py::object self) { return self; })
      .def("__next__", [](Minibatches& minibatches) {
        Minibatch next;
        {
          const py::gil_scoped_release released;
          next = minibatches.next();
        }
        if (next.rows == 0) throw py::stop_iteration();
        return rows_of(next);
      });
}

void bind_statistics(py::module_& module) {
  py::classh<ColumnStatistics>(module, "ColumnStatistics", "What a column of numbers or categories holds.")
      .def_readonly("name", &ColumnStatistics::name)
      .def_readonly("unit", &ColumnStatistics::unit)
      .def_readonly("count", &ColumnStatistics::count)
      .def_readonly("missing", &ColumnStatistics::missing)
      .def_readonly("mean", &ColumnStatistics::mean)
      .def_readonly("standard_deviation", &ColumnStatistics::standard_deviation)
      .def_readonly("low", &ColumnStatistics::low)
      .def_readonly("high", &ColumnStatistics::high)
      .def_readonly("quantiles", &ColumnStatistics::quantiles)
      .def_readonly("exact", &ColumnStatistics::exact)
      .def_readonly("per_category", &ColumnStatistics::per_category);
  const StatisticsOptions defaults;
  module.def(
      "statistics",
      [](const std::shared_ptr<const process::TableSource>& source, const std::vector<std::string>& columns,
         std::vector<double> fractions, std::int64_t sample, std::uint64_t seed, const py::object& progress) {
        const StatisticsOptions options{.fractions = std::move(fractions), .sample = sample, .seed = seed};
        return long_call(
            progress, [&](const core::CallControl& control) { return statistics(*source, columns, options, control); });
      },
      py::arg("source"), py::arg("columns"), py::arg("fractions") = defaults.fractions,
      py::arg("sample") = defaults.sample, py::arg("seed") = defaults.seed, py::arg("progress") = py::none(),
      "One pass over the columns, block by block; see luban::history::statistics.");
}

}  // namespace

void bind_history_passes(py::module_& module) {
  bind_minibatches(module);
  bind_statistics(module);
}

}  // namespace luban::bindings
