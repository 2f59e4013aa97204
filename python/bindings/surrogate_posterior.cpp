// The currency between models and decisions: posteriors, and what answers with one.
#include <cstdint>
#include <string>
#include <vector>

#include <pybind11/eigen.h>
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <luban/core/error.hpp>
#include <luban/surrogate/surrogate.hpp>

#include "bindings.hpp"
#include "surrogate_parts.hpp"

namespace luban::bindings {
namespace {

using namespace surrogate;

VarianceOf variance_of(const std::string& of) {
  if (of == "latent") return VarianceOf::latent;
  if (of == "run_mean") return VarianceOf::run_mean;
  if (of == "reading") return VarianceOf::reading;
  throw core::ConfigurationError({.where = "surrogate.posterior",
                                  .expected = "\"latent\", \"run_mean\" or \"reading\"",
                                  .received = "\"" + of + "\"",
                                  .place = "argument of",
                                  .hint = {}});
}

py::array_t<double> stacked(const std::vector<Eigen::MatrixXd>& samples, Eigen::Index q, Eigen::Index m) {
  py::array_t<double> out(
      {static_cast<py::ssize_t>(samples.size()), static_cast<py::ssize_t>(q), static_cast<py::ssize_t>(m)});
  auto to = out.mutable_unchecked<3>();
  for (py::ssize_t s = 0; s < to.shape(0); ++s) {
    for (py::ssize_t i = 0; i < to.shape(1); ++i) {
      for (py::ssize_t r = 0; r < to.shape(2); ++r) to(s, i, r) = samples[static_cast<std::size_t>(s)](i, r);
    }
  }
  return out;
}

void bind_moments(py::module_& module) {
  py::classh<Posterior>(module, "Posterior", "What a surrogate believes about q points and m responses.")
      .def_property_readonly("q", &Posterior::q)
      .def_property_readonly("m", &Posterior::m)
      .def("mean", &Posterior::mean, "(q, m), in the responses' units.")
      .def(
          "variance", [](const Posterior& p, const std::string& of) { return p.variance(variance_of(of)); },
          py::arg("of") = "reading", "(q, m); of = latent, run_mean (+ between runs) or reading (+ within a run).")
      .def(
          "covariance",
          [](const Posterior& p, Eigen::Index response, const std::string& of) {
            return p.covariance(response, variance_of(of));
          },
          py::arg("response"), py::arg("of") = "latent", "(q, q) of one response; asked for with joint=True.")
      .def("mean_gradient", &Posterior::mean_gradient, py::arg("response"), "(q, p) by the coded inputs.")
      .def("variance_gradient", &Posterior::variance_gradient, py::arg("response"), "(q, p), of the latent variance.")
      .def(
          "quantile",
          [](const Posterior& p, double probability, const std::string& of) {
            return p.quantile(probability, variance_of(of));
          },
          py::arg("probability"), py::arg("of") = "reading", "(q, m)")
      .def(
          "log_density",
          [](const Posterior& p, const Eigen::MatrixXd& Y, const std::string& of) {
            return p.log_density(Y, variance_of(of));
          },
          py::arg("Y"), py::arg("of") = "reading", "(q, m) at Y (q, m); NaN gives NaN.")
      .def(
          "sample",
          [](const Posterior& p, Eigen::Index s, std::uint64_t seed, const std::string& of) {
            return stacked(p.sample(s, core::RandomKey(seed), variance_of(of)), p.q(), p.m());
          },
          py::arg("s"), py::arg("seed"), py::arg("of") = "latent", "(s, q, m) joint samples; with joint=True.");
}

void bind_surrogate_base(py::module_& module) {
  const PosteriorRequest defaults;
  py::classh<Surrogate>(module, "Surrogate", "A learned map from coded inputs to a Posterior.")
      .def_property_readonly("kind", &Surrogate::kind)
      .def_property_readonly("encoder", [](const Surrogate& self) { return self.encoder(); })
      .def_property_readonly("responses", [](const Surrogate& self) { return self.responses(); })
      .def_property_readonly("degraded", &Surrogate::degraded,
                             "Names of the responses whose covariance was nearly singular and had to be repaired: what "
                             "is said of them is coarse.")
      .def(
          "posterior",
          [](const Surrogate& self, const Eigen::MatrixXd& X, bool gradients, bool joint) {
            const py::gil_scoped_release without_gil;
            return self.posterior(X, {.gradients = gradients, .joint = joint});
          },
          py::arg("X"), py::kw_only(), py::arg("gradients") = defaults.gradients, py::arg("joint") = defaults.joint,
          "X (q, p) coded.")
      .def(
          "average",
          [](const Surrogate& self, const Eigen::MatrixXd& X, const Eigen::VectorXd& weights, bool gradients,
             bool joint) {
            const py::gil_scoped_release without_gil;
            return self.average(X, weights, {.gradients = gradients, .joint = joint});
          },
          py::arg("X"), py::arg("weights"), py::kw_only(), py::arg("gradients") = defaults.gradients,
          py::arg("joint") = defaults.joint, "Rows i·L … i·L+L−1 of X (q·L, p) are the weighted levels of point i.");
}

}  // namespace

void bind_posterior(py::module_& module) {
  bind_moments(module);
  bind_surrogate_base(module);
}

}  // namespace luban::bindings
