// Plain numbers in and out: ask and tell without a process, choice among given settings; and the ledger of trials.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <pybind11/eigen.h>
#include <pybind11/stl.h>

#include <luban/core/error.hpp>
#include <luban/core/json.hpp>
#include <luban/core/text.hpp>
#include <luban/recommend/choose.hpp>
#include <luban/recommend/ledger.hpp>
#include <luban/recommend/propose.hpp>
#include <luban/surrogate/gaussian_process.hpp>

#include "bindings.hpp"
#include "long_call.hpp"
#include "process_parts.hpp"
#include "recommend_parts.hpp"

namespace luban::bindings {
namespace {

using namespace recommend;

/// Outcome constraints by response names as bounds by columns of the surrogate.
std::vector<OutcomeBound> bounds_of(const surrogate::Surrogate& surrogate,
                                    const std::vector<process::OutcomeConstraint>& constraints) {
  std::vector<std::string> known;
  for (const features::ResponseColumn& response : surrogate.responses()) known.push_back(response.name);
  std::vector<OutcomeBound> bounds;
  for (const process::OutcomeConstraint& constraint : constraints) {
    const auto found = std::find(known.begin(), known.end(), constraint.response);
    if (found == known.end()) {
      throw core::ConfigurationError({.where = "recommend.choose",
                                      .expected = "constraints on responses of the model",
                                      .received = core::quoted(constraint.response),
                                      .place = {},
                                      .hint = core::nearest_hint(constraint.response, known)});
    }
    bounds.push_back({found - known.begin(), constraint.lower, constraint.upper, constraint.probability, false});
  }
  return bounds;
}

/// Response, goal, target.
using Wish = std::tuple<Eigen::Index, std::string, double>;

ArrayProblem make_problem(std::vector<process::Parameter> parameters,
                          std::vector<process::ParameterConstraint> relations,
                          std::vector<process::SignomialConstraint> signomials,
                          const std::vector<std::pair<std::string, std::vector<double>>>& grids, Eigen::MatrixXd X,
                          Eigen::MatrixXd Y, const std::vector<Wish>& objectives, const Eigen::MatrixXd& outcome_bounds,
                          Eigen::MatrixXd pending, Eigen::VectorXd reference, std::optional<Eigen::Index> cost,
                          const std::vector<std::pair<std::string, double>>& tolerances,
                          const std::vector<std::optional<RiskEntry>>& risks) {
  ArrayProblem problem;
  problem.space = {
      .parameters = std::move(parameters), .constraints = std::move(relations), .signomials = std::move(signomials)};
  for (const auto& [parameter, values] : grids) problem.grids.push_back({parameter, values});
  problem.X = std::move(X);
  problem.Y = std::move(Y);
  for (const auto& [response, goal, target] : objectives) {
    problem.objectives.push_back({response, goal_named(goal, "recommend.propose"), target});
  }
  for (Eigen::Index j = 0; j < outcome_bounds.cols(); ++j) {
    problem.bounds.push_back({.response = j, .lower = outcome_bounds(0, j), .upper = outcome_bounds(1, j)});
  }
  problem.pending = std::move(pending);
  problem.reference = std::move(reference);
  problem.cost = cost;
  for (const auto& [column, sd] : tolerances) problem.tolerances.push_back({.parameter = column, .sd = sd});
  for (const auto& risk : risks) problem.risks.push_back(risk_of(risk, "recommend.propose"));
  return problem;
}

void bind_proposed(py::module_& module) {
  py::classh<ArrayProblem>(module, "ArrayProblem", "What was tried, what came of it, and what is wanted.")
      .def(py::init(&make_problem), py::kw_only(), py::arg("parameters"), py::arg("relations"), py::arg("signomials"),
           py::arg("grids"), py::arg("X"), py::arg("Y"), py::arg("objectives"), py::arg("outcome_bounds"),
           py::arg("pending"), py::arg("reference"), py::arg("cost") = py::none(),
           py::arg("tolerances") = std::vector<std::pair<std::string, double>>{},
           py::arg("risks") = std::vector<std::optional<RiskEntry>>{});
  py::classh<Proposed>(module, "Proposed", "Points to try next, with what the refitted surrogate expects there.")
      .def_property_readonly("X", [](const Proposed& p) -> Eigen::MatrixXd { return p.X; })
      .def_property_readonly("mean", [](const Proposed& p) -> Eigen::MatrixXd { return p.mean; })
      .def_property_readonly("sd", [](const Proposed& p) -> Eigen::MatrixXd { return p.sd; })
      .def_property_readonly("risk", [](const Proposed& p) -> Eigen::MatrixXd { return p.risk; })
      .def_property_readonly("risk_sd", [](const Proposed& p) -> Eigen::MatrixXd { return p.risk_sd; })
      .def_property_readonly("acquisition", [](const Proposed& p) -> Eigen::VectorXd { return p.acquisition; })
      .def_property_readonly("probability_feasible",
                             [](const Proposed& p) -> Eigen::VectorXd { return p.probability_feasible; })
      .def_readonly("acquisition_name", &Proposed::acquisition_name)
      .def_readonly("warnings", &Proposed::warnings);
}

void bind_propose(py::module_& module) {
  bind_proposed(module);
  module.def(
      "array_dataset",
      [](const Eigen::MatrixXd& X, const Eigen::MatrixXd& Y, const Eigen::MatrixXd& bounds, std::int64_t first) {
        ArrayProblem problem = box_problem(bounds);
        problem.X = X;
        problem.Y = Y;
        features::Dataset data = array_dataset(problem);
        if (first < 0 || first > std::numeric_limits<std::int64_t>::max() - data.n()) {
          throw core::DataError({.where = "recommend.array_dataset",
                                 .expected = "a number of the first run that is not negative and leaves room for all",
                                 .received = std::to_string(first),
                                 .place = "argument first",
                                 .hint = {}});
        }
        for (std::size_t i = 0; i < data.run_ids.size(); ++i) {
          data.run_ids[i] = std::to_string(first + static_cast<std::int64_t>(i));
          data.group_labels[i] = data.run_ids[i];
        }
        return data;
      },
      py::arg("X"), py::arg("Y"), py::arg("bounds"), py::kw_only(), py::arg("first") = 0);
  const ProposeOptions defaults;
  module.def(
      "propose",
      [](const ArrayProblem& problem, int q, const std::string& acquisition, double beta, Eigen::Index samples,
         const surrogate::GaussianProcessOptions& fit, const SearchOptions& search, std::optional<bool> trust_region,
         const std::optional<std::shared_ptr<surrogate::Surrogate>>& fitted, std::uint64_t seed,
         const py::object& progress) {
        const ProposeOptions options{.acquisition = acquisition_named(acquisition),
                                     .beta = beta,
                                     .samples = samples,
                                     .search = search,
                                     .trust_regions = !trust_region   ? TrustRegions::automatic
                                                      : *trust_region ? TrustRegions::always
                                                                      : TrustRegions::never,
                                     .fitted = fitted.has_value()};
        const ArrayFit refit = [&](const features::Dataset& data, const surrogate::Surrogate* like, core::RandomKey key,
                                   const core::CallControl& control) -> std::shared_ptr<const surrogate::Surrogate> {
          if (fitted.has_value()) return *fitted;
          const auto* process = dynamic_cast<const surrogate::GaussianProcess*>(like);
          return process == nullptr ? surrogate::GaussianProcess::fit(data, fit, key, control)
                                    : surrogate::GaussianProcess::fit_like(*process, data, fit, key, control);
        };
        const auto work = [&](const core::CallControl& control) {
          return propose(problem, q, refit, options, core::RandomKey(seed), control);
        };
        if (!progress.is_none() || !quick(problem, q, options)) return long_call(progress, work);
        const py::gil_scoped_release without_gil;
        return work({});  // over before another thread would have begun to pay
      },
      py::arg("problem"), py::kw_only(), py::arg("q") = 1, py::arg("acquisition") = name(defaults.acquisition),
      py::arg("beta") = defaults.beta, py::arg("samples") = defaults.samples, py::arg("fit"),
      py::arg_v("search", defaults.search, "SearchOptions()"), py::arg("trust_region") = py::none(),
      py::arg("surrogate") = py::none(), py::arg("seed"), py::arg("progress") = py::none());
}

void bind_choose(py::module_& module) {
  py::classh<Choice>(module, "Choice", "The answer to: which of these settings?")
      .def_readonly("index", &Choice::index)
      .def_readonly("admissible", &Choice::admissible)
      .def_property_readonly("mean", [](const Choice& c) -> Eigen::VectorXd { return c.mean; })
      .def_property_readonly("sd", [](const Choice& c) -> Eigen::VectorXd { return c.sd; })
      .def_readonly("gain", &Choice::gain)
      .def_readonly("gain_sd", &Choice::gain_sd)
      .def_readonly("probability_better", &Choice::probability_better);
  module.def(
      "choose_among",
      [](const surrogate::Surrogate& surrogate, const Eigen::MatrixXd& X, Eigen::Index response,
         const std::string& goal, double target, std::optional<Eigen::Index> reference,
         const std::vector<process::OutcomeConstraint>& constraints) {
        if (response < 0 || response >= std::ssize(surrogate.responses())) {
          throw core::ConfigurationError({.where = "recommend.choose",
                                          .expected = "the index of a response of the model",
                                          .received = std::to_string(response),
                                          .place = {},
                                          .hint = {}});
        }
        const Utility utility{.response = response, .goal = goal_named(goal, "recommend.choose"), .target = target};
        const std::vector<OutcomeBound> bounds = bounds_of(surrogate, constraints);
        const py::gil_scoped_release without_gil;
        return choose_among(surrogate, X, utility, reference, bounds);
      },
      py::arg("surrogate"), py::arg("X"), py::kw_only(), py::arg("response"), py::arg("goal") = "minimize",
      py::arg("target") = 0.0, py::arg("reference") = py::none(),
      py::arg("constraints") = std::vector<process::OutcomeConstraint>{});
}

}  // namespace

void bind_recommend_arrays(py::module_& module) {
  bind_propose(module);
  bind_choose(module);
}

void bind_ledger(py::module_& module) {
  py::classh<Ledger>(module, "Ledger", "The trials of a campaign, numbered from 1.")
      .def(py::init<>())
      .def(
          "ask",
          [](Ledger& ledger, const std::vector<process::Recommendation>& recommendations, std::int64_t created) {
            return ledger.ask(recommendations, core::UtcTime(core::Nanoseconds(created)));
          },
          py::arg("recommendations"), py::arg("created_time"), "Takes recommendations on; gives their numbers.")
      .def("stage", &Ledger::stage, py::arg("number"))
      .def("start", &Ledger::start, py::arg("number"), py::arg("run_id"))
      .def("tell", &Ledger::tell, py::arg("number"), py::arg("run_id"))
      .def("fail", &Ledger::fail, py::arg("number"), py::arg("reason"))
      .def("abandon", &Ledger::abandon, py::arg("number"), py::arg("reason"))
      .def("expire", &Ledger::expire, py::arg("number"), py::arg("reason"))
      .def_property_readonly("trials", [](const Ledger& ledger) { return ledger.trials(); })
      .def(
          "trial", [](const Ledger& ledger, std::int64_t number) { return ledger.trial(number); }, py::arg("number"))
      .def("pending", &Ledger::pending)
      .def("to_json", [](const Ledger& ledger) { return ledger.to_json().dump(); })
      .def_static(
          "from_json", [](const std::string& text) { return Ledger::from_json(core::Json::parse(text)); },
          py::arg("text"));
}

}  // namespace luban::bindings
