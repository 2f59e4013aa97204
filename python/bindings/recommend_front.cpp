// Sets of several objectives: which rows nothing dominates, and the volume they dominate.
#include <pybind11/eigen.h>
#include <pybind11/stl.h>

#include <luban/recommend/hypervolume.hpp>
#include <luban/recommend/non_dominated.hpp>

#include "bindings.hpp"
#include "recommend_parts.hpp"

namespace luban::bindings {

void bind_recommend_front(py::module_& module) {
  // Arrays are copied in before the lock goes: nothing of Python's is touched without it.
  module.def(
      "hypervolume",
      [](const Eigen::MatrixXd& utilities, const Eigen::VectorXd& reference) {
        const py::gil_scoped_release without_gil;
        return recommend::hypervolume(utilities, reference);
      },
      py::arg("utilities"), py::arg("reference"));
  module.def(
      "non_dominated",
      [](const Eigen::MatrixXd& utilities) {
        const py::gil_scoped_release without_gil;
        return recommend::non_dominated(utilities);
      },
      py::arg("utilities"));
}

}  // namespace luban::bindings
