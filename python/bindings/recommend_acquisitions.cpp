// What trying points is worth: acquisitions judged from a posterior alone, of one point each or of several together.
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <pybind11/eigen.h>
#include <pybind11/stl.h>

#include <luban/core/error.hpp>
#include <luban/recommend/best_mean.hpp>
#include <luban/recommend/expected_excess.hpp>
#include <luban/recommend/joint_log_expected_improvement.hpp>
#include <luban/recommend/joint_log_noisy_expected_improvement.hpp>
#include <luban/recommend/joint_upper_confidence_bound.hpp>
#include <luban/recommend/log_expected_improvement.hpp>
#include <luban/recommend/max_value_entropy.hpp>
#include <luban/recommend/upper_confidence_bound.hpp>
#include <luban/surrogate/beside.hpp>

#include "bindings.hpp"
#include "recommend_parts.hpp"

namespace luban::bindings {
namespace {

using namespace recommend;
using surrogate::Posterior;
using surrogate::PosteriorBeside;
using surrogate::SurrogateBeside;

using Bounds = std::vector<OutcomeBound>;

void bind_questions(py::module_& module) {
  py::classh<Utility>(module, "Utility", "One response turned into a number of which more is better.")
      .def(py::init([](Eigen::Index response, const std::string& goal, double target) {
             return Utility{.response = response, .goal = goal_named(goal, "recommend.Utility"), .target = target};
           }),
           py::arg("response") = 0, py::arg("goal") = "minimize", py::arg("target") = 0.0)
      .def_readonly("response", &Utility::response)
      .def_readonly("target", &Utility::target)
      .def("of", &Utility::of, py::arg("value"), "Utility of a value: −y, y or −|y − target|.");
  constexpr double infinity = std::numeric_limits<double>::infinity();
  py::classh<OutcomeBound>(module, "OutcomeBound", "A bound on the mean of the next run, by the column of a response.")
      .def(py::init([](Eigen::Index response, double lower, double upper, double probability, double calibration) {
             return OutcomeBound{.response = response,
                                 .lower = lower,
                                 .upper = upper,
                                 .probability = probability,
                                 .calibration = calibration};
           }),
           py::arg("response"), py::kw_only(), py::arg("lower") = -infinity, py::arg("upper") = infinity,
           py::arg("probability") = OutcomeBound{}.probability, py::arg("calibration") = OutcomeBound{}.calibration)
      .def_readonly("response", &OutcomeBound::response)
      .def_readonly("lower", &OutcomeBound::lower)
      .def_readonly("upper", &OutcomeBound::upper)
      .def_readonly("probability", &OutcomeBound::probability)
      .def_readonly("calibration", &OutcomeBound::calibration);
}

void bind_pointwise(py::module_& module) {
  py::classh<AcquisitionFunction>(module, "AcquisitionFunction",
                                  "What trying a point is worth, judged from a posterior alone; larger is better.")
      .def(
          "evaluate",
          [](const AcquisitionFunction& self, const Posterior& posterior, bool gradients) {
            AcquisitionValue out = [&] {
              const py::gil_scoped_release without_gil;
              return self.evaluate(posterior, gradients);
            }();
            py::object gradient = gradients ? py::cast(std::move(out.gradient)) : py::none();
            return py::make_tuple(std::move(out.value), std::move(gradient));
          },
          py::arg("posterior"), py::kw_only(), py::arg("gradients") = false,
          "(values (q), gradients (q, p) by the coded inputs or None).");
  py::classh<BestMean, AcquisitionFunction>(module, "BestMean", "Utility of the mean: what is believed best now.")
      .def(py::init<Utility, double>(), py::arg("utility"), py::arg("spread_weight") = 0.0);
  py::classh<UpperConfidenceBound, AcquisitionFunction>(
      module, "UpperConfidenceBound", "Utility of the mean plus √beta standard deviations (arXiv 0912.3995).")
      .def(py::init<Utility, double>(), py::arg("utility"), py::arg("beta"));
  py::classh<LogExpectedImprovement, AcquisitionFunction>(
      module, "LogExpectedImprovement",
      "log of the expected improvement on a utility, plus log probabilities of bounds (arXiv 2310.20708).")
      .def(py::init<Utility, double, Bounds>(), py::arg("utility"), py::arg("best"), py::arg("bounds") = Bounds{});
  py::classh<LogProbabilityFeasible, AcquisitionFunction>(module, "LogProbabilityFeasible",
                                                          "Sum of the log probabilities that bounds hold.")
      .def(py::init<Bounds>(), py::arg("bounds"));
  py::classh<ExpectedExcess, AcquisitionFunction>(module, "ExpectedExcess",
                                                  "Minus the expected excess over bounds, relative to them.")
      .def(py::init<Bounds>(), py::arg("bounds"));
  py::classh<MaxValueEntropy, AcquisitionFunction>(
      module, "MaxValueEntropy", "What a value tells of the largest utility, samples of which are given.")
      .def(py::init<Utility, Eigen::VectorXd>(), py::arg("utility"), py::arg("maxima"));
  module.def(
      "gumbel_maxima",
      [](const Posterior& candidates, Utility utility, Eigen::Index count, std::uint64_t seed) {
        return gumbel_maxima(candidates, utility, count, core::RandomKey(seed));
      },
      py::arg("candidates"), py::arg("utility"), py::arg("count") = 10, py::kw_only(), py::arg("seed") = 0);
}

void bind_beside(py::module_& module) {
  py::classh<PosteriorBeside>(module, "PosteriorBeside", "What is believed of q points beside b fixed ones.")
      .def_property_readonly("q", &PosteriorBeside::q)
      .def_property_readonly("b", &PosteriorBeside::b)
      .def_property_readonly("m", &PosteriorBeside::m)
      .def("mean", &PosteriorBeside::mean, "(q, m)")
      .def("cross_covariance", &PosteriorBeside::cross_covariance, py::arg("response"),
           "(q, b), latent, with the fixed points.");
  py::classh<SurrogateBeside>(module, "SurrogateBeside",
                              "A surrogate asked again and again about points beside the same fixed ones.")
      .def_property_readonly("fixed_points", [](const SurrogateBeside& self) { return self.fixed_points(); })
      .def(
          "posterior",
          [](const SurrogateBeside& self, const Eigen::MatrixXd& X, bool gradients) {
            const py::gil_scoped_release without_gil;
            return self.posterior(X, {.gradients = gradients, .joint = true, .reading = false});
          },
          py::arg("X"), py::kw_only(), py::arg("gradients") = false, py::keep_alive<0, 1>(),
          "X (q, p) coded, q points together.");
  module.def(
      "beside",
      [](const surrogate::Surrogate& surrogate, const Eigen::MatrixXd& fixed) {
        const py::gil_scoped_release without_gil;
        return surrogate.beside(fixed);
      },
      py::arg("surrogate"), py::arg("fixed"), py::keep_alive<0, 1>());
}

JointSampling sampling_of(Eigen::Index q, Eigen::Index samples) {
  return {.q = q, .samples = samples};
}

void bind_joint(py::module_& module) {
  constexpr Eigen::Index samples = 128;
  py::classh<JointAcquisition>(module, "JointAcquisition",
                               "What trying q points together is worth beside fixed points; larger is better.")
      .def(
          "evaluate",
          [](const JointAcquisition& self, const PosteriorBeside& posterior, bool gradients) {
            JointAcquisitionValue out = [&] {
              const py::gil_scoped_release without_gil;
              return self.evaluate(posterior, gradients);
            }();
            return py::make_tuple(out.value, gradients ? py::cast(std::move(out.gradient)) : py::none());
          },
          py::arg("posterior"), py::kw_only(), py::arg("gradients") = false,
          "(value, gradient (q, p) by the coded inputs or None).");
  py::classh<JointLogExpectedImprovement, JointAcquisition>(
      module, "JointLogExpectedImprovement", "log of the expected improvement of the best of q points (qLogEI).")
      .def(py::init([](const SurrogateBeside& beside, Utility utility, double best, Bounds bounds, Eigen::Index q,
                       Eigen::Index count, std::uint64_t seed) {
             return std::make_unique<JointLogExpectedImprovement>(beside, utility, best, std::move(bounds),
                                                                  sampling_of(q, count), core::RandomKey(seed));
           }),
           py::arg("beside"), py::arg("utility"), py::arg("best"), py::arg("bounds") = Bounds{}, py::kw_only(),
           py::arg("q") = 1, py::arg("samples") = samples, py::arg("seed") = 0);
  py::classh<JointLogNoisyExpectedImprovement, JointAcquisition>(
      module, "JointLogNoisyExpectedImprovement",
      "log of the expected improvement over fixed points whose utilities are uncertain too (qLogNEI).")
      .def(py::init([](const SurrogateBeside& beside, Utility utility, const Bounds& bounds, Eigen::Index q,
                       Eigen::Index count, std::uint64_t seed) {
             return std::make_unique<JointLogNoisyExpectedImprovement>(beside, utility, bounds, sampling_of(q, count),
                                                                       core::RandomKey(seed));
           }),
           py::arg("beside"), py::arg("utility"), py::arg("bounds") = Bounds{}, py::kw_only(), py::arg("q") = 1,
           py::arg("samples") = samples, py::arg("seed") = 0);
  py::classh<JointUpperConfidenceBound, JointAcquisition>(
      module, "JointUpperConfidenceBound", "Expected largest of q optimistic utilities (qUCB, arXiv 1712.00424).")
      .def(py::init([](const SurrogateBeside& beside, Utility utility, double beta, Eigen::Index q, Eigen::Index count,
                       std::uint64_t seed) {
             return std::make_unique<JointUpperConfidenceBound>(beside, utility, beta, sampling_of(q, count),
                                                                core::RandomKey(seed));
           }),
           py::arg("beside"), py::arg("utility"), py::arg("beta"), py::kw_only(), py::arg("q") = 1,
           py::arg("samples") = samples, py::arg("seed") = 0);
}

}  // namespace

process::Goal goal_named(const std::string& goal, const std::string& where) {
  if (goal == "minimize") return process::Goal::minimize;
  if (goal == "maximize") return process::Goal::maximize;
  if (goal == "target") return process::Goal::target;
  throw core::ConfigurationError({.where = where,
                                  .expected = "goal \"minimize\", \"maximize\" or \"target\"",
                                  .received = "\"" + goal + "\"",
                                  .place = {},
                                  .hint = {}});
}

void bind_acquisitions(py::module_& module) {
  bind_questions(module);
  bind_pointwise(module);
  bind_beside(module);
  bind_joint(module);
}

}  // namespace luban::bindings
