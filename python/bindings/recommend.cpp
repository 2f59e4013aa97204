// Recommendations of a process: what they rest on, what is asked, what is answered.
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <pybind11/eigen.h>
#include <pybind11/stl.h>

#include <luban/core/error.hpp>
#include <luban/recommend/initial_design.hpp>
#include <luban/recommend/recommend.hpp>

#include "bindings.hpp"
#include "long_call.hpp"
#include "recommend_parts.hpp"

namespace luban::bindings {
namespace {

using namespace recommend;
using process::NamedValue;
using process::Recipe;

Kind kind_named(const std::string& kind) {
  if (kind == "explore") return Kind::explore;
  if (kind == "best_mean") return Kind::best_mean;
  throw core::ConfigurationError({.where = "recommend.recommend",
                                  .expected = "kind \"explore\" or \"best_mean\"",
                                  .received = "\"" + kind + "\"",
                                  .place = {},
                                  .hint = {}});
}

void bind_options(py::module_& module) {
  const SearchOptions search;
  py::classh<SearchOptions>(module, "SearchOptions", "How long settings are searched for.")
      .def(py::init([](int raw_samples, int restarts, int max_iterations, int most_combinations, int threads) {
             return SearchOptions{.raw_samples = raw_samples,
                                  .restarts = restarts,
                                  .max_iterations = max_iterations,
                                  .most_combinations = most_combinations,
                                  .threads = threads};
           }),
           py::kw_only(), py::arg("raw_samples") = search.raw_samples, py::arg("restarts") = search.restarts,
           py::arg("max_iterations") = search.max_iterations, py::arg("most_combinations") = search.most_combinations,
           py::arg("threads") = search.threads)
      .def_readonly("raw_samples", &SearchOptions::raw_samples)
      .def_readonly("restarts", &SearchOptions::restarts)
      .def_readonly("max_iterations", &SearchOptions::max_iterations)
      .def_readonly("most_combinations", &SearchOptions::most_combinations)
      .def_readonly("threads", &SearchOptions::threads);
  const StayRule stay;
  py::classh<StayRule>(module, "StayRule", "When leaving the running settings alone is the answer.")
      .def(py::init([](double min_gain, double conviction, double learning) {
             return StayRule{.min_gain = min_gain, .conviction = conviction, .learning = learning};
           }),
           py::kw_only(), py::arg("min_gain") = stay.min_gain, py::arg("conviction") = stay.conviction,
           py::arg("learning") = stay.learning)
      .def_readonly("min_gain", &StayRule::min_gain)
      .def_readonly("conviction", &StayRule::conviction)
      .def_readonly("learning", &StayRule::learning);
  py::classh<process::MoveLimits>(module, "MoveLimits", "How far the next settings may be from those that run now.")
      .def(py::init([](std::map<std::string, double> from, std::map<std::string, double> largest) {
             return process::MoveLimits{.from = std::move(from), .largest = std::move(largest)};
           }),
           py::arg("start"), py::arg("largest"))
      .def_readonly("start", &process::MoveLimits::from, "Numeric settings that run now.")
      .def_readonly("largest", &process::MoveLimits::largest, "By numeric parameter, in its unit.");
  py::classh<PendingRun>(module, "PendingRun", "A run that was proposed or started and has no result yet.")
      .def(py::init([](Recipe recipe, std::vector<NamedValue> context) {
             return PendingRun{.recipe = std::move(recipe), .context = std::move(context)};
           }),
           py::arg("recipe"), py::arg("context") = std::vector<NamedValue>{})
      .def_readonly("recipe", &PendingRun::recipe)
      .def_readonly("context", &PendingRun::context);
}

void bind_answers(py::module_& module) {
  py::classh<NearRun>(module, "NearRun", "A real run near a proposal.")
      .def_readonly("run_id", &NearRun::run_id)
      .def_readonly("runs", &NearRun::runs)
      .def_readonly("distance", &NearRun::distance)
      .def_readonly("recipe", &NearRun::recipe)
      .def_readonly("measured", &NearRun::measured)
      .def_readonly("measured_over", &NearRun::measured_over);
  py::classh<Driver>(module, "Driver", "What the objective does when one parameter moves through its range.")
      .def_readonly("parameter", &Driver::parameter)
      .def_readonly("best", &Driver::best)
      .def_readonly("worst", &Driver::worst)
      .def_readonly("best_mean", &Driver::best_mean)
      .def_readonly("worst_mean", &Driver::worst_mean);
  py::classh<MeasuredReference>(module, "MeasuredReference", "What the runs at the reference gave, beside the model.")
      .def_readonly("runs", &MeasuredReference::runs)
      .def_readonly("mean", &MeasuredReference::mean)
      .def_readonly("standard_error", &MeasuredReference::standard_error)
      .def_readonly("expected", &MeasuredReference::expected)
      .def_readonly("lower", &MeasuredReference::lower)
      .def_readonly("upper", &MeasuredReference::upper)
      .def_readonly("gain", &MeasuredReference::gain)
      .def_readonly("gain_sd", &MeasuredReference::gain_sd)
      .def_readonly("contradicts", &MeasuredReference::contradicts);
  py::classh<Explanation>(module, "Explanation", "The numbers behind a recommendation's sentences.")
      .def_readonly("reference", &Explanation::reference)
      .def_readonly("gain", &Explanation::gain)
      .def_readonly("gain_sd", &Explanation::gain_sd)
      .def_readonly("probability_better", &Explanation::probability_better)
      .def_readonly("risk", &Explanation::risk)
      .def_readonly("risk_sd", &Explanation::risk_sd)
      .def_readonly("nearest", &Explanation::nearest)
      .def_readonly("drivers", &Explanation::drivers)
      .def_readonly("novelty", &Explanation::novelty)
      .def_readonly("new_combination", &Explanation::new_combination)
      .def_readonly("outside", &Explanation::outside)
      .def_readonly("warnings", &Explanation::warnings)
      .def_readonly("measured", &Explanation::measured);
  py::classh<Proposal>(module, "Proposal", "A recommendation with the numbers behind it.")
      .def_readonly("recommendation", &Proposal::recommendation)
      .def_readonly("explanation", &Proposal::explanation)
      .def_property_readonly("x", [](const Proposal& proposal) -> Eigen::VectorXd { return proposal.x; })
      .def_readonly("acquisition", &Proposal::acquisition);
  py::classh<Front>(module, "Front", "Settings none of which is better in both objectives.")
      .def_readonly("points", &Front::points)
      .def_readonly("objectives", &Front::objectives)
      .def_property_readonly("values", [](const Front& front) -> Eigen::MatrixXd { return front.values; })
      .def_readonly("reference", &Front::reference)
      .def_readonly("hypervolume", &Front::hypervolume);
  py::classh<Basis>(module, "Basis", "What recommendations rest on.")
      .def(py::init([](std::shared_ptr<process::Process> process, std::shared_ptr<surrogate::Surrogate> surrogate,
                       std::shared_ptr<features::Dataset> data, std::shared_ptr<process::TrainingEnvelope> envelope,
                       std::map<std::string, double> interval_ratios, std::vector<double> bound_ratios) {
             return Basis{std::move(process),  std::move(surrogate),       std::move(data),
                          std::move(envelope), std::move(interval_ratios), std::move(bound_ratios)};
           }),
           py::arg("process"), py::arg("surrogate"), py::kw_only(), py::arg("data") = py::none(),
           py::arg("envelope") = py::none(), py::arg("interval_ratios") = std::map<std::string, double>{},
           py::arg("bound_ratios") = std::vector<double>{});
}

void bind_recommend_call(py::module_& module) {
  const RecommendRequest defaults;
  module.def(
      "recommend",
      [](const Basis& basis, const std::string& kind, int q, std::vector<NamedValue> context, std::string objective,
         std::optional<Recipe> running, std::optional<process::MoveLimits> moves, std::vector<PendingRun> pending,
         const StayRule& stay, double interval_level, double separation, std::optional<double> novelty,
         std::string reason_to_stay, std::string not_judged, std::vector<std::string> warnings,
         const SearchOptions& search, std::uint64_t seed, const py::object& progress) {
        const RecommendRequest request{.kind = kind_named(kind),
                                       .q = q,
                                       .context = std::move(context),
                                       .objective = std::move(objective),
                                       .running = std::move(running),
                                       .moves = std::move(moves),
                                       .pending = std::move(pending),
                                       .stay = stay,
                                       .interval_level = interval_level,
                                       .separation = separation,
                                       .novelty = novelty.value_or(Reach::usual),
                                       .reason_to_stay = std::move(reason_to_stay),
                                       .not_judged = std::move(not_judged),
                                       .warnings = std::move(warnings),
                                       .search = search};
        return long_call(progress, [&](const core::CallControl& control) {
          return recommend::recommend(basis, request, core::RandomKey(seed), control);
        });
      },
      py::arg("basis"), py::kw_only(), py::arg("kind") = "explore", py::arg("q") = defaults.q,
      py::arg("context") = defaults.context, py::arg("objective") = defaults.objective, py::arg("running") = py::none(),
      py::arg("moves") = py::none(), py::arg("pending") = defaults.pending,
      py::arg_v("stay", defaults.stay, "StayRule()"), py::arg("interval_level") = defaults.interval_level,
      py::arg("separation") = defaults.separation, py::arg("novelty") = py::none(),
      py::arg("reason_to_stay") = defaults.reason_to_stay, py::arg("not_judged") = defaults.not_judged,
      py::arg("warnings") = defaults.warnings, py::arg_v("search", defaults.search, "SearchOptions()"), py::arg("seed"),
      py::arg("progress") = py::none());
}

void bind_pareto_call(py::module_& module) {
  const ParetoRequest defaults;
  module.def(
      "pareto",
      [](const Basis& basis, std::vector<NamedValue> context, std::vector<std::string> objectives, int points,
         std::vector<double> reference, std::optional<double> novelty, std::string not_judged,
         std::vector<std::string> warnings, std::optional<Recipe> running, std::optional<process::MoveLimits> moves,
         double interval_level, const SearchOptions& search, std::uint64_t seed, const py::object& progress) {
        const ParetoRequest request{.context = std::move(context),
                                    .objectives = std::move(objectives),
                                    .points = points,
                                    .reference = std::move(reference),
                                    .novelty = novelty.value_or(Reach::usual),
                                    .not_judged = std::move(not_judged),
                                    .warnings = std::move(warnings),
                                    .running = std::move(running),
                                    .moves = std::move(moves),
                                    .interval_level = interval_level,
                                    .search = search};
        return long_call(progress, [&](const core::CallControl& control) {
          return recommend::pareto(basis, request, core::RandomKey(seed), control);
        });
      },
      py::arg("basis"), py::kw_only(), py::arg("context") = defaults.context,
      py::arg("objectives") = defaults.objectives, py::arg("points") = defaults.points,
      py::arg("reference") = defaults.reference, py::arg("novelty") = py::none(),
      py::arg("not_judged") = defaults.not_judged, py::arg("warnings") = defaults.warnings,
      py::arg("running") = py::none(), py::arg("moves") = py::none(),
      py::arg("interval_level") = defaults.interval_level, py::arg_v("search", defaults.search, "SearchOptions()"),
      py::arg("seed"), py::arg("progress") = py::none());
  module.def(
      "initial_design",
      [](const process::Process& process, const std::vector<NamedValue>& context, int q, int skip,
         const std::optional<process::MoveLimits>& moves,
         std::uint64_t seed) { return initial_design(process, context, q, skip, core::RandomKey(seed), moves); },
      py::arg("process"), py::kw_only(), py::arg("context"), py::arg("q"), py::arg("skip") = 0,
      py::arg("moves") = py::none(), py::arg("seed"), py::call_guard<py::gil_scoped_release>(),
      "Settings that spread the first runs; no model is needed.");
}

}  // namespace

void bind_recommend(py::module_& module) {
  bind_options(module);
  bind_answers(module);
  bind_recommend_call(module);
  bind_pareto_call(module);
  bind_acquisitions(module);
  bind_recommend_arrays(module);
  bind_recommend_front(module);
  bind_ledger(module);
}

}  // namespace luban::bindings
