// What a surrogate has missed since it was fitted, and the surrogate corrected by it.
#include <memory>
#include <utility>
#include <vector>

#include <pybind11/eigen.h>
#include <pybind11/stl.h>

#include <luban/surrogate/corrected_surrogate.hpp>

#include "bindings.hpp"
#include "surrogate_parts.hpp"

namespace luban::bindings {

using namespace surrogate;

void bind_corrected(py::module_& module) {
  const ResidualTerm defaults;
  py::classh<ResidualTerm>(module, "ResidualTerm", "One way in which observations depart from a surrogate.")
      .def(py::init([](double variance, Eigen::VectorXd lengths, double time_constant) {
             return ResidualTerm{.variance = variance, .lengths = std::move(lengths), .time_constant = time_constant};
           }),
           py::kw_only(), py::arg("variance"), py::arg("lengths"), py::arg("time_constant") = defaults.time_constant)
      .def_readonly("variance", &ResidualTerm::variance)
      .def_property_readonly("lengths", [](const ResidualTerm& term) -> Eigen::VectorXd { return term.lengths; })
      .def_readonly("time_constant", &ResidualTerm::time_constant);
  py::classh<ResidualProcess>(module, "ResidualProcess", "A small Gaussian process on what a surrogate has missed.")
      .def(py::init([](features::Encoder encoder, Eigen::MatrixXd points, Eigen::VectorXd times,
                       Eigen::VectorXd residuals, const Eigen::VectorXd& noise_variances,
                       std::vector<ResidualTerm> terms) {
             return std::make_shared<ResidualProcess>(std::move(encoder), std::move(points), std::move(times),
                                                      std::move(residuals), noise_variances, std::move(terms));
           }),
           py::kw_only(), py::arg("encoder"), py::arg("points"), py::arg("times"), py::arg("residuals"),
           py::arg("noise_variances"), py::arg("terms"), py::call_guard<py::gil_scoped_release>())
      .def_property_readonly("observations", &ResidualProcess::observations)
      .def_property_readonly("log_likelihood", &ResidualProcess::log_likelihood)
      .def(
          "moments",
          [](const ResidualProcess& self, const Eigen::MatrixXd& X, double time) {
            GaussianPosterior::Moments moments = self.moments(X, time);
            return std::pair(std::move(moments.mean), std::move(moments.variance));
          },
          py::arg("X"), py::arg("time"), py::call_guard<py::gil_scoped_release>(),
          "(q) mean and latent variance of the residual at X (q, p).");
  py::classh<CorrectedSurrogate, Surrogate>(module, "CorrectedSurrogate",
                                            "A surrogate plus what it has missed since it was fitted.")
      .def(py::init([](const std::shared_ptr<Surrogate>& inner,
                       const std::vector<std::shared_ptr<ResidualProcess>>& corrections, double time) {
             return std::make_shared<CorrectedSurrogate>(
                 inner, CorrectedSurrogate::Corrections(corrections.begin(), corrections.end()), time);
           }),
           py::arg("inner"), py::arg("corrections"), py::arg("time"));
}

}  // namespace luban::bindings
