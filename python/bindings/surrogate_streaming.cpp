// Gaussian processes that take new runs and leave old ones out, and functions drawn from them.
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <pybind11/eigen.h>
#include <pybind11/native_enum.h>
#include <pybind11/stl.h>

#include <luban/surrogate/gaussian_process.hpp>

#include "bindings.hpp"
#include "long_call.hpp"
#include "surrogate_parts.hpp"

namespace luban::bindings {
namespace {

using namespace surrogate;

using Process = py::classh<GaussianProcess, Surrogate>;

std::shared_ptr<GaussianProcess> given(std::shared_ptr<const GaussianProcess> process) {
  return std::const_pointer_cast<GaussianProcess>(std::move(process));  // Python knows no const; nothing mutates it
}

// (count, q, m)
py::array_t<double> values_of(const PosteriorPaths& paths, const Eigen::MatrixXd& X) {
  std::vector<Eigen::MatrixXd> each;
  {
    const py::gil_scoped_release without_gil;
    for (Eigen::Index r = 0; r < paths.m(); ++r) each.push_back(paths.values(r, X));
  }
  py::array_t<double> out({static_cast<py::ssize_t>(paths.count()), static_cast<py::ssize_t>(X.rows()),
                           static_cast<py::ssize_t>(paths.m())});
  auto to = out.mutable_unchecked<3>();
  for (py::ssize_t k = 0; k < to.shape(0); ++k) {
    for (py::ssize_t i = 0; i < to.shape(1); ++i) {
      for (py::ssize_t r = 0; r < to.shape(2); ++r) to(k, i, r) = each[static_cast<std::size_t>(r)](i, k);
    }
  }
  return out;
}

void bind_results(py::module_& module) {
  py::classh<Innovations>(module, "Innovations", "How new readings of one response stand to what was expected of them.")
      .def_readonly("runs", &Innovations::runs)
      .def_property_readonly("standardised",
                             [](const Innovations& one) -> Eigen::VectorXd { return one.standardised; });
  py::classh<LeftOut>(module, "LeftOut",
                      "What a model says of each mean when a group of runs, its own among them, is "
                      "left out.")
      .def_readonly("runs", &LeftOut::runs)
      .def_property_readonly("X", [](const LeftOut& one) -> Eigen::MatrixXd { return one.X; })
      .def_property_readonly("observed", [](const LeftOut& one) -> Eigen::VectorXd { return one.observed; })
      .def_property_readonly("readings", [](const LeftOut& one) -> Eigen::VectorXd { return one.readings; })
      .def_property_readonly("mean", [](const LeftOut& one) -> Eigen::VectorXd { return one.mean; })
      .def_property_readonly("latent_variance",
                             [](const LeftOut& one) -> Eigen::VectorXd { return one.latent_variance; })
      .def_property_readonly("variance", [](const LeftOut& one) -> Eigen::VectorXd { return one.variance; });
  py::classh<PosteriorPaths>(module, "PosteriorPaths", "Functions drawn from the posterior of a Gaussian process.")
      .def_property_readonly("count", &PosteriorPaths::count)
      .def_property_readonly("m", &PosteriorPaths::m)
      .def("values", &values_of, py::arg("X"), "(count, q, m) at X (q, p) coded, in the responses' units.")
      .def(
          "gradient",
          [](const PosteriorPaths& paths, const Eigen::MatrixXd& X, Eigen::Index path, Eigen::Index response) {
            return paths.gradient(response, path, X);
          },
          py::arg("X"), py::arg("path"), py::arg("response") = 0, py::call_guard<py::gil_scoped_release>(),
          "(q, p) of one path by the coded inputs.");
}

void bind_changes(Process& process) {
  process
      .def_static(
          "fit_from",
          [](const std::shared_ptr<GaussianProcess>& earlier, const features::Dataset& data,
             const GaussianProcessOptions& options, std::uint64_t seed, const py::object& progress) {
            return given(long_call(progress, [&](const core::CallControl& control) {
              return GaussianProcess::fit_from(*earlier, data, options, core::RandomKey(seed), control);
            }));
          },
          py::arg("earlier"), py::arg("data"), py::arg("options") = GaussianProcessOptions{}, py::kw_only(),
          py::arg("seed"), py::arg("progress") = py::none(), "A fit that climbs from an earlier one's hyperparameters.")
      .def(
          "condition_on",
          [](const GaussianProcess& self, const features::Dataset& data) { return given(self.condition_on(data)); },
          py::arg("data"), py::call_guard<py::gil_scoped_release>(),
          "The same model with more runs: hyperparameters and standardisation stay. A known run or mean is taken up, "
          "NaN = not measured. O(n^2) for each new mean.")
      .def(
          "forget",
          [](const GaussianProcess& self, const std::vector<std::string>& runs) { return given(self.forget(runs)); },
          py::arg("runs"), py::call_guard<py::gil_scoped_release>(), "The same model without some runs, by name.")
      .def("innovations", &GaussianProcess::innovations, py::arg("data"), py::call_guard<py::gil_scoped_release>(),
           "(m) what condition_on(data) would learn that was not expected, in standard deviations.")
      .def("left_out", &GaussianProcess::left_out, py::arg("groups") = std::vector<std::vector<std::string>>{},
           py::call_guard<py::gil_scoped_release>(),
           "(m) closed-form predictions of each run by the others; groups (names of runs) are left out together.")
      .def("run_ids", &GaussianProcess::run_ids, py::arg("response") = 0, "Names of the runs that a response knows.")
      .def(
          "paths",
          [](const GaussianProcess& self, Eigen::Index count, std::uint64_t seed, Eigen::Index features) {
            return self.paths(count, core::RandomKey(seed), features);
          },
          py::arg("count"), py::kw_only(), py::arg("seed"), py::arg("features") = 1024,
          py::call_guard<py::gil_scoped_release>(), "Functions drawn from the posterior.");
}

void bind_updating_options(py::module_& module) {
  const UpdatingOptions defaults;
  py::native_enum<RefitReason>(module, "RefitReason", "enum.Enum", "Why a refit is due.")
      .value("none", RefitReason::none)
      .value("innovations", RefitReason::innovations)
      .value("noise_level", RefitReason::noise_level)
      .value("runs", RefitReason::runs)
      .finalize();
  py::classh<RefitAdvice>(module, "RefitAdvice", "Whether the hyperparameters should be fitted again, and why.")
      .def_readonly("due", &RefitAdvice::due)
      .def_readonly("reason", &RefitAdvice::reason)
      .def_readonly("sentence", &RefitAdvice::sentence)
      .def_readonly("p_value", &RefitAdvice::p_value)
      .def_readonly("response", &RefitAdvice::response)
      .def_readonly("runs", &RefitAdvice::runs);
  py::classh<UpdatingOptions>(module, "UpdatingOptions", "How a surrogate is kept up to date.")
      .def(py::init([](GaussianProcessOptions fit, int look_back, double level, int refit_after, int window) {
             return UpdatingOptions{.fit = std::move(fit),
                                    .look_back = look_back,
                                    .level = level,
                                    .refit_after = refit_after,
                                    .window = window};
           }),
           py::kw_only(), py::arg_v("fit", GaussianProcessOptions{}, "GaussianProcessOptions()"),
           py::arg("look_back") = defaults.look_back, py::arg("level") = defaults.level,
           py::arg("refit_after") = defaults.refit_after, py::arg("window") = defaults.window)
      .def_readwrite("fit", &UpdatingOptions::fit)
      .def_readwrite("look_back", &UpdatingOptions::look_back)
      .def_readwrite("level", &UpdatingOptions::level)
      .def_readwrite("refit_after", &UpdatingOptions::refit_after)
      .def_readwrite("window", &UpdatingOptions::window);
}

void bind_updating(py::module_& module) {
  py::classh<Updating>(module, "Updating", "A Gaussian process with its data, to which runs are added one by one.")
      .def(py::init([](const std::shared_ptr<GaussianProcess>& surrogate, const features::Dataset& data,
                       const UpdatingOptions& options,
                       std::uint64_t seed) { return Updating(surrogate, data, options, core::RandomKey(seed)); }),
           py::arg("surrogate"), py::arg("data"), py::arg_v("options", UpdatingOptions{}, "UpdatingOptions()"),
           py::kw_only(), py::arg("seed") = 0)
      .def_static(
          "fit",
          [](const features::Dataset& data, const UpdatingOptions& options, std::uint64_t seed,
             const py::object& progress) {
            return long_call(progress, [&](const core::CallControl& control) {
              return Updating::fit(data, options, core::RandomKey(seed), control);
            });
          },
          py::arg("data"), py::arg_v("options", UpdatingOptions{}, "UpdatingOptions()"), py::kw_only(),
          py::arg("seed") = 0, py::arg("progress") = py::none(), "Fits the surrogate, too.")
      .def("add", &Updating::add, py::arg("runs"), py::call_guard<py::gil_scoped_release>(),
           "Another Updating with more runs, the oldest ones beyond the window forgotten.")
      .def("forget", &Updating::forget, py::arg("runs"), py::call_guard<py::gil_scoped_release>(),
           "Another Updating without some runs, by name.")
      .def(
          "refit",
          [](const Updating& self, const py::object& progress) {
            return long_call(progress, [&](const core::CallControl& control) { return self.refit(control); });
          },
          py::kw_only(), py::arg("progress") = py::none(),
          "Another Updating, fitted again from the last hyperparameters.")
      .def_property_readonly("surrogate", [](const Updating& self) { return given(self.surrogate()); })
      .def_property_readonly("data", [](const Updating& self) { return self.data(); })
      .def_property_readonly("options", [](const Updating& self) { return self.options(); })
      .def_property_readonly("advice", [](const Updating& self) { return self.advice(); })
      .def_property_readonly("innovations", [](const Updating& self) { return self.innovations(); });
}

}  // namespace

void bind_streaming(py::module_& module, Process& process) {
  bind_results(module);
  bind_changes(process);
  bind_updating_options(module);
  bind_updating(module);
}

}  // namespace luban::bindings
