#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <pybind11/numpy.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/parallel/communicator.hpp>
#include <luban/parallel/cpu_budget.hpp>
#include <luban/parallel/launcher.hpp>
#include <luban/parallel/plugin.hpp>
#include <luban/parallel/speedup.hpp>

#include "bindings.hpp"
#include "long_call.hpp"

namespace luban::bindings {
namespace {

using namespace parallel;

/// Collective calls wait for other ranks: each lets Ctrl-C through while it waits.
template <typename Work>
auto collective(Work work) {
  return long_call(py::none(), std::move(work));
}

Reduction reduction_of(const std::string& how) {
  static const std::vector<std::string> names = {"sum", "max", "min"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == how) return static_cast<Reduction>(i + 1);
  }
  throw core::ConfigurationError({.where = "parallel.all_reduce",
                                  .expected = "sum, max or min",
                                  .received = core::quoted(how),
                                  .place = {},
                                  .hint = core::nearest_hint(how, names)});
}

template <typename T>
py::array joined(Communicator& ranks, const py::array& values, Reduction how) {
  // A copy of its own: the caller's array is not written to while others may read it.
  py::array_t<T, py::array::c_style> out(std::vector<py::ssize_t>(values.shape(), values.shape() + values.ndim()));
  const auto given = py::array_t<T, py::array::c_style>::ensure(values);
  std::copy_n(given.data(), given.size(), out.mutable_data());
  const std::span<T> own(out.mutable_data(), static_cast<std::size_t>(out.size()));
  collective([&](const core::CallControl& control) { ranks.all_reduce(own, how, control); });
  return out;
}

py::array all_reduce(Communicator& ranks, const py::array& values, const std::string& how) {
  const Reduction reduction = reduction_of(how);
  if (py::isinstance<py::array_t<double>>(values)) return joined<double>(ranks, values, reduction);
  if (py::isinstance<py::array_t<float>>(values)) return joined<float>(ranks, values, reduction);
  if (py::isinstance<py::array_t<std::int64_t>>(values)) return joined<std::int64_t>(ranks, values, reduction);
  throw core::ConfigurationError({.where = "parallel.all_reduce",
                                  .expected = "an array of float64, float32 or int64",
                                  .received = py::cast<std::string>(py::str(values.dtype())),
                                  .place = {},
                                  .hint = "convert it with astype"});
}

std::vector<py::bytes> all_gather(Communicator& ranks, const py::bytes& data) {
  const std::string_view own(data);
  const std::vector<std::string> all =
      collective([&](const core::CallControl& control) { return ranks.all_gather(own, control); });
  return {all.begin(), all.end()};
}

py::bytes broadcast(Communicator& ranks, const py::bytes& data, int root) {
  const std::string_view own(data);
  return collective([&](const core::CallControl& control) { return ranks.broadcast(own, root, control); });
}

void bind_communicator(py::module_& module) {
  py::classh<Communicator>(
      module, "Communicator",
      "A group of ranks. Every method is collective: all ranks make the same calls in the same order. They raise "
      "ParallelError when a rank failed, left or made another call, and KeyboardInterrupt while they wait.")
      .def_property_readonly("rank", &Communicator::rank, "Of this process, [0, size).")
      .def_property_readonly("size", &Communicator::size, "Number of ranks.")
      .def_property_readonly("kind", &Communicator::kind, "'self', 'threads' or 'openmpi'.")
      .def(
          "barrier",
          [](Communicator& ranks) { collective([&](const core::CallControl& control) { ranks.barrier(control); }); },
          "Returns when all ranks have called it.")
      .def("broadcast", &broadcast, py::arg("data"), py::arg("root") = 0,
           "The bytes of rank `root`, on all ranks; what the others pass is not looked at.")
      .def("all_gather", &all_gather, py::arg("data"), "The bytes of every rank, by rank; lengths may differ.")
      .def("all_reduce", &all_reduce, py::arg("values"), py::arg("how") = "sum",
           "A new array of the sum, max or min over the ranks, element by element (float64, float32 or int64).")
      .def(
          "any",
          [](Communicator& ranks, bool flag) {
            return collective([&](const core::CallControl& control) { return ranks.any(flag, control); });
          },
          py::arg("flag"), "Whether the flag is set on at least one rank.")
      .def(
          "split",
          [](Communicator& ranks, int color, int key) {
            return collective([&](const core::CallControl& control) { return ranks.split(color, key, control); });
          },
          py::arg("color"), py::arg("key") = 0,
          "The group of the ranks that gave the same color >= 0, ordered by key, then by rank. Make few.")
      .def(
          "agree",
          [](Communicator& ranks, const std::string& error) {
            collective([&](const core::CallControl& control) { ranks.agree(error, control); });
          },
          py::arg("error") = "",
          "Leaves a section together: `error` says why this rank failed ('' = it did not). Ranks that did not fail "
          "raise ParallelError when another did. See luban.parallel.together.")
      .def(
          "abort",
          [](Communicator& ranks, int code, const std::string& why) {
            const py::gil_scoped_release without_gil;
            ranks.abort(code, why);
          },
          py::arg("code"), py::arg("why"),
          "Ends the whole job at once, for what cannot be agreed upon: `why` goes to stderr. In a group inside one "
          "process it raises ParallelError.");
  module.def(
      "environment_communicator",
      [](int ranks) {
        const py::gil_scoped_release without_gil;  // and on the calling thread: MPI remembers who initialised it
        return environment_communicator({.ranks = ranks});
      },
      py::arg("ranks") = 0, "The group that this process was started in; 0 = as many ranks as the launcher says.");
  module.def("thread_communicators", &thread_communicators, py::arg("count"),
             "A group of ranks in one process, one for each thread that takes part.");
}

void bind_launcher_and_plugin(py::module_& module) {
  py::classh<Launcher>(module, "Launcher", "What the program that started this process says of the group.")
      .def_readonly("name", &Launcher::name)
      .def_readonly("rank", &Launcher::rank)
      .def_readonly("size", &Launcher::size)
      .def_readonly("started", &Launcher::started)
      .def_readonly("connected", &Launcher::connected);
  module.def(
      "launcher", [] { return launcher(); }, "The launcher of this process, or None.");

  py::classh<Plugin>(module, "Plugin", "A plugin of this package as it was found.")
      .def_readonly("name", &Plugin::name)
      .def_readonly("path", &Plugin::path)
      .def_readonly("present", &Plugin::present)
      .def_readonly("usable", &Plugin::usable)
      .def_readonly("library", &Plugin::library)
      .def_readonly("why_not", &Plugin::why_not);
  module.def("find_plugin", &find_plugin, py::arg("name"), "Looks at a plugin without starting it.");
}

}  // namespace

void bind_parallel(py::module_& module) {
  bind_communicator(module);
  bind_launcher_and_plugin(module);
  py::classh<CpuBudget>(module, "CpuBudget", "How many threads may be used and which limit decided it.")
      .def_readonly("threads", &CpuBudget::threads)
      .def_readonly("decided_by", &CpuBudget::decided_by);
  module.def("cpu_budget", &cpu_budget, py::arg("user_limit") = 0,
             "The smallest of affinity, cgroup quota, Slurm's grant and the user's own limit (0 = none).");

  py::classh<Speedup>(module, "Speedup", "Work per second on one thread and on all threads of the budget.")
      .def_readonly("threads", &Speedup::threads)
      .def_readonly("serial_per_s", &Speedup::serial_per_s)
      .def_readonly("parallel_per_s", &Speedup::parallel_per_s)
      .def_property_readonly("ratio", &Speedup::ratio);
  const SpeedupOptions defaults;
  module.def(
      "measure_speedup",
      [](int threads, double seconds, const py::object& progress) {
        return long_call(progress, [&](const core::CallControl& control) {
          return measure_speedup({.threads = threads, .seconds = seconds}, control);
        });
      },
      py::arg("threads") = defaults.threads, py::arg("seconds") = defaults.seconds, py::arg("progress") = py::none(),
      "Measures what the threads are worth on this machine, now.");
}

}  // namespace luban::bindings
