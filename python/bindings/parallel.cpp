#include <luban/parallel/cpu_budget.hpp>
#include <luban/parallel/speedup.hpp>

#include "bindings.hpp"
#include "long_call.hpp"

namespace luban::bindings {

void bind_parallel(py::module_& module) {
  using namespace parallel;
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
