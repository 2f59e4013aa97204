// Proposals for arrays where the machine does not hold what is set.
#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/recommend/detail/risk_surrogate.hpp>
#include <luban/recommend/propose.hpp>
#include <luban/recommend/sobol.hpp>
#include <luban/surrogate/gaussian_process.hpp>

#include "analytic_surrogate.hpp"

namespace luban::recommend {
namespace {

using process::Goal;
using process::RiskMeasure;
using surrogate::VarianceOf;

constexpr double sd = 0.05;
constexpr RiskMeasure worst{.kind = RiskMeasure::Kind::conditional_value_at_risk, .level = 0.8};
constexpr RiskMeasure exceeded{.kind = RiskMeasure::Kind::value_at_risk, .level = 0.8};

/// A sharp valley at 0.25 beside a broad one at 0.75 that is less deep.
double valleys(double x) {
  const double narrow = (x - 0.25) / 0.04;
  const double broad = (x - 0.75) / 0.2;
  return -1.2 * std::exp(-0.5 * narrow * narrow) - std::exp(-0.5 * broad * broad);
}

/// @param responses the valleys, and behind them straight lines.
ArrayProblem valley_problem(Eigen::Index responses = 1) {
  ArrayProblem problem = box_problem((Eigen::MatrixXd(2, 2) << 0.0, -1.0, 1.0, 1.0).finished());
  problem.X.resize(41, 2);
  problem.X.col(0) = Eigen::VectorXd::LinSpaced(41, 0.0, 1.0);
  problem.X.col(1) = Sobol(1, core::RandomKey(3)).points(0, 41).array() * 2.0 - 1.0;
  problem.Y.resize(41, responses);
  problem.Y.col(0) = problem.X.col(0).unaryExpr(&valleys) + 0.05 * problem.X.col(1).cwiseAbs2();
  for (Eigen::Index j = 1; j < responses; ++j) problem.Y.col(j) = problem.X.col(0) + 0.1 * problem.X.col(1);
  return problem;
}

ArrayProblem tolerant(ArrayProblem problem, std::optional<RiskMeasure> risk = {}) {
  problem.tolerances = {{.parameter = "x1", .sd = sd}};
  if (risk) problem.risks.assign(problem.objectives.size(), risk);
  return problem;
}

std::shared_ptr<const surrogate::Surrogate> fit_process(const features::Dataset& data, const surrogate::Surrogate*,
                                                        core::RandomKey key, const core::CallControl& control) {
  return surrogate::GaussianProcess::fit(data, {.preset = "matern", .starts = 1, .robust = false}, key, control);
}

Proposed ask(const ArrayProblem& problem, int q = 1, const ProposeOptions& options = {}) {
  return propose(problem, q, fit_process, options, core::RandomKey(2));
}

TEST(ProposeTolerances, every_acquisition_of_one_objective_leaves_the_sharp_valley) {
  for (const AcquisitionName& one : acquisition_names()) {
    const ProposeOptions options{.acquisition = one.acquisition};
    const std::string name = one.name;
    if (name.find("hypervolume") != std::string::npos || name == "parego") {
      EXPECT_THROW(static_cast<void>(ask(tolerant(valley_problem()), 1, options)), core::ConfigurationError);
      continue;
    }
    for (const std::optional<RiskMeasure>& risk : {std::optional<RiskMeasure>(), std::optional(worst)}) {
      const Proposed found = ask(tolerant(valley_problem(), risk), 1, options);
      EXPECT_GT(found.X(0, 0), 0.5) << name;
    }
  }
  EXPECT_NEAR(ask(valley_problem()).X(0, 0), 0.25, 0.05);
}

TEST(ProposeTolerances, every_acquisition_of_several_objectives_takes_them) {
  ArrayProblem problem = valley_problem(2);
  problem.objectives = {{.response = 0}, {.response = 1, .goal = Goal::maximize}};
  for (const Acquisition acquisition : {Acquisition::automatic, Acquisition::log_expected_hypervolume_improvement,
                                        Acquisition::log_noisy_expected_hypervolume_improvement, Acquisition::parego}) {
    ArrayProblem mixed = tolerant(problem);
    mixed.risks = {worst, std::nullopt};
    mixed.pending = problem.X.topRows(1);
    const Proposed found = ask(mixed, 2, {.acquisition = acquisition});
    EXPECT_GT(found.X.col(0).minCoeff(), 0.5);  // both are better on the broad side
    EXPECT_TRUE(found.risk.col(1).array().isNaN().all());
    EXPECT_TRUE((found.risk.col(0).array() > found.mean.col(0).array()).all());
  }
  EXPECT_EQ(ask(tolerant(problem)).acquisition_name, "log_noisy_expected_hypervolume_improvement");
}

/// Values at x + δ of functions drawn from the posterior: (deviations, draws).
Eigen::MatrixXd drawn_around(const surrogate::Surrogate& fitted, const Eigen::MatrixXd& x, Eigen::Index deviations,
                             Eigen::Index draws) {
  core::Generator generator(7);
  Eigen::MatrixXd nodes = x.replicate(deviations, 1);
  for (Eigen::Index i = 0; i + 1 < deviations; i += 2) {  // antithetic
    const double shift = sd * generator.normal();
    nodes(i, 0) += shift;
    nodes(i + 1, 0) -= shift;
  }
  const auto posterior = fitted.posterior(nodes, {.gradients = false, .joint = true, .reading = false});
  const auto samples = posterior->sample(draws, core::RandomKey(5), VarianceOf::latent);
  Eigen::MatrixXd out(deviations, draws);
  for (Eigen::Index s = 0; s < draws; ++s) out.col(s) = samples[static_cast<std::size_t>(s)].col(0);
  return out;
}

/// Badness of each drawn function: the tail of its values from the level on, or their border.
Eigen::VectorXd by_sorting(Eigen::MatrixXd values, const RiskMeasure& measure) {
  Eigen::VectorXd out(values.cols());
  const auto first = static_cast<Eigen::Index>(std::ceil(measure.level * static_cast<double>(values.rows()))) - 1;
  for (Eigen::Index s = 0; s < values.cols(); ++s) {
    std::sort(values.col(s).begin(), values.col(s).end());
    const bool tail = measure.kind == RiskMeasure::Kind::conditional_value_at_risk;
    out(s) = tail ? values.col(s).tail(values.rows() - first).mean() : values(first, s);
  }
  return out;
}

TEST(ProposeTolerances, says_what_samples_of_deviations_and_functions_say) {
  ArrayProblem problem = valley_problem();
  problem.X = problem.X(Eigen::seqN(0, 14, 3), Eigen::all).eval();  // sparse enough to doubt
  problem.Y = problem.Y(Eigen::seqN(0, 14, 3), Eigen::all).eval();
  const auto fitted = fit_process(array_dataset(problem), nullptr, core::RandomKey(1), {});
  const ArrayFit given = [&](const features::Dataset&, const surrogate::Surrogate*, core::RandomKey,
                             const core::CallControl&) { return fitted; };
  for (const RiskMeasure& measure : {worst, exceeded}) {
    const Proposed found = propose(tolerant(problem, measure), 1, given, {.fitted = true}, core::RandomKey(2));
    Eigen::MatrixXd x = found.X;
    x(0, 1) = 0.5 * (x(0, 1) + 1.0);  // coded
    const Eigen::MatrixXd values = drawn_around(*fitted, x, 400, 400);
    const Eigen::VectorXd expected = values.colwise().mean();
    const auto spread = [](const Eigen::VectorXd& v) { return std::sqrt((v.array() - v.mean()).square().mean()); };
    EXPECT_NEAR(found.mean(0, 0), expected.mean(), 5.0 * spread(expected) / 20.0 + 0.003);
    EXPECT_NEAR(found.sd(0, 0), spread(expected), 0.2 * spread(expected) + 1e-4);
    const Eigen::VectorXd risk = by_sorting(values, measure);
    EXPECT_NEAR(found.risk(0, 0), risk.mean(), 5.0 * spread(risk) / 20.0 + 0.01);
    EXPECT_NEAR(found.risk_sd(0, 0), spread(risk), 0.3 * spread(risk) + 1e-4);
  }
}

TEST(ProposeTolerances, bounds_count_what_the_scatter_does_to_the_next_run) {
  ArrayProblem problem = valley_problem(2);
  problem.objectives = {{.response = 0}};
  problem.bounds = {{.response = 1, .upper = 0.7}};
  problem.pending = problem.X.bottomRows(2);
  const Proposed plain = ask(problem, 2);
  const Proposed scattered = ask(tolerant(problem), 2);
  for (Eigen::Index i = 0; i < 2; ++i) {
    // The bounded response is x1 + x2 / 10: what is applied makes it normal with the tolerance's deviation.
    const double margin = (0.7 - scattered.mean(i, 1)) / sd;
    EXPECT_NEAR(scattered.probability_feasible(i), 0.5 * std::erfc(-margin / std::sqrt(2.0)), 0.05);
    EXPECT_GT(scattered.X(i, 0), 0.4);
    EXPECT_GT(margin, 0.0);
  }
  EXPECT_NEAR(plain.X(0, 0), 0.25, 0.05);
  problem.bounds = {{.response = 1, .upper = -0.5}};  // nothing measured keeps it
  EXPECT_EQ(ask(tolerant(problem)).acquisition_name, "log_probability_feasible");
}

TEST(ProposeTolerances, of_nothing_change_nothing) {
  for (const Eigen::Index m : {1, 2}) {
    ArrayProblem problem = valley_problem(m);
    problem.objectives = {{.response = 0, .goal = Goal::target, .target = -0.4}};
    if (m == 2) problem.bounds = {{.response = 1, .upper = 0.8}};
    ArrayProblem held = problem;
    held.tolerances = {{.parameter = "x1", .sd = 0.0}, {.parameter = "x2", .sd = 0.0}};
    held.risks = {worst};
    const Proposed here = ask(problem, 2);
    const Proposed there = ask(held, 2);
    EXPECT_EQ(here.X, there.X);
    EXPECT_EQ(here.mean, there.mean);
    EXPECT_EQ(here.sd, there.sd);
    EXPECT_EQ(here.acquisition, there.acquisition);
    EXPECT_EQ(here.probability_feasible, there.probability_feasible);
    // The risk is then the expected distance, no less than that of the expectation.
    const Eigen::ArrayXd distance = (there.mean.col(0).array() + 0.4).abs();
    EXPECT_TRUE((there.risk.col(0).array() >= distance - 1e-12).all());
    EXPECT_TRUE((there.risk.col(0).array() <= (distance.square() + there.sd.col(0).array().square()).sqrt()).all());
    const Eigen::ArrayXd second = there.risk.col(0).array().square() + there.risk_sd.col(0).array().square();
    EXPECT_TRUE(second.isApprox(distance.square() + there.sd.col(0).array().square(), 1e-9));
  }
}

TEST(ProposeTolerances, are_the_same_on_any_number_of_threads) {
  for (const std::optional<RiskMeasure>& risk : {std::optional<RiskMeasure>(), std::optional(worst)}) {
    std::vector<Proposed> answers;
    for (const int threads : {1, 4, 4}) {
      ProposeOptions options;
      options.search.threads = threads;
      answers.push_back(ask(tolerant(valley_problem(), risk), 2, options));
    }
    for (const std::size_t i : {1U, 2U}) {
      EXPECT_EQ(answers[0].X, answers[i].X);
      EXPECT_EQ(answers[0].acquisition, answers[i].acquisition);
    }
  }
}

TEST(ProposeTolerances, a_target_is_missed_by_the_distance_at_risk) {
  ArrayProblem problem = valley_problem();
  problem.objectives = {{.response = 0, .goal = Goal::target, .target = -0.95}};
  const Proposed found = ask(tolerant(problem, worst));
  EXPECT_GT(found.X(0, 0), 0.5);  // the sharp valley passes the target, too
  EXPECT_GT(found.risk(0, 0), 0.0);
  EXPECT_LT(found.risk(0, 0), 0.2);
}

TEST(ProposeTolerances, mixed_columns_scatter_around_whole_numbers_and_grids) {
  ArrayProblem problem = valley_problem();
  problem.space.parameters[0].kind = process::VariableKind::integer;
  problem.space.parameters[0].high = 40.0;
  problem.X.col(0) *= 40.0;
  process::Parameter kind;
  kind.name = "kind";
  kind.kind = process::VariableKind::categorical;
  kind.categories = {"a", "b"};
  problem.space.parameters.push_back(kind);
  problem.X.conservativeResize(Eigen::NoChange, 3);
  for (Eigen::Index i = 0; i < 41; ++i) problem.X(i, 2) = static_cast<double>(i % 2);
  problem.tolerances = {{.parameter = "x1", .sd = 40.0 * sd}};
  const Proposed found = ask(problem, 2);
  for (Eigen::Index i = 0; i < 2; ++i) {
    EXPECT_EQ(found.X(i, 0), std::round(found.X(i, 0)));
    EXPECT_GT(found.X(i, 0), 20.0);
  }
  problem.tolerances = {{.parameter = "kind", .sd = 0.1}};
  EXPECT_THROW(static_cast<void>(ask(problem)), core::ConfigurationError);
}

TEST(ProposeTolerances, a_trust_region_is_centred_at_the_run_that_is_judged_best) {
  // After a design of 4, which holds both valleys, 16 runs that improve on nothing: the region is a twentieth wide.
  const std::vector<double> x{0.25, 0.75, 0.0,   1.0,   0.05, 0.1,  0.15, 0.2,  0.22, 0.28,
                              0.3,  0.35, 0.425, 0.475, 0.5,  0.55, 0.6,  0.65, 0.85, 0.95};
  ArrayProblem problem = valley_problem();
  problem.X = Eigen::MatrixXd::Zero(20, 2);
  for (Eigen::Index i = 0; i < 20; ++i)
    problem.X.row(i) << x[static_cast<std::size_t>(i)], i < 2 ? 0.0 : static_cast<double>(i % 3) - 1.0;
  problem.Y = problem.X.col(0).unaryExpr(&valleys) + 0.05 * problem.X.col(1).cwiseAbs2();
  const ProposeOptions local{.trust_regions = TrustRegions::always};
  EXPECT_NEAR(ask(problem, 1, local).X(0, 0), 0.25, 0.1);
  for (const std::optional<RiskMeasure>& risk : {std::optional<RiskMeasure>(), std::optional(worst)}) {
    const Proposed found = ask(tolerant(problem, risk), 1, local);
    EXPECT_NEAR(found.X(0, 0), 0.75, 0.1);
    EXPECT_NE(found.acquisition_name, "design");
  }
}

TEST(ProposeTolerances, refuses_what_does_not_fit) {
  const auto refused = [](const ArrayProblem& problem, const std::string& part) {
    try {
      static_cast<void>(ask(problem));
      ADD_FAILURE() << "not refused: " << part;
    } catch (const core::ConfigurationError& error) {
      const std::string text = error.what();
      EXPECT_EQ(text.find("[recommend.propose]"), 0U) << text;
      EXPECT_NE(text.find(part), std::string::npos) << text;
    }
  };
  ArrayProblem problem = tolerant(valley_problem());
  problem.tolerances[0].parameter = "x3";
  refused(problem, "tolerances of numeric columns");
  problem.tolerances[0] = {"x1", -0.1};
  refused(problem, "of at least 0");
  problem.tolerances[0] = {"x1", std::nan("")};
  refused(problem, "of at least 0");
  problem.tolerances = {{"x1", 0.1}, {"x1", 0.1}};
  refused(problem, "one tolerance for a column");
  problem = tolerant(valley_problem(), worst);
  problem.tolerances = {};
  refused(problem, "tolerances for the `risk`");
  problem = tolerant(valley_problem(), RiskMeasure{.level = 0.2});
  refused(problem, "a level of `risk`");
  problem.risks = {worst, worst};
  refused(problem, "for each of 1 objectives");
}

/// Knows neither averages with gradients nor any other.
class Plain final : public surrogate::Surrogate {
 public:
  explicit Plain(std::shared_ptr<const surrogate::Surrogate> inner) : inner_(std::move(inner)) {}
  [[nodiscard]] std::string kind() const override { return "plain"; }
  [[nodiscard]] const features::Encoder& encoder() const noexcept override { return inner_->encoder(); }
  [[nodiscard]] const std::vector<features::ResponseColumn>& responses() const noexcept override {
    return inner_->responses();
  }
  [[nodiscard]] std::unique_ptr<surrogate::Posterior> posterior(
      const Eigen::MatrixXd& X, const surrogate::PosteriorRequest& request = {}) const override {
    return inner_->posterior(X, request);
  }

 private:
  std::shared_ptr<const surrogate::Surrogate> inner_;
};

TEST(ProposeTolerances, a_surrogate_that_cannot_be_averaged_is_refused) {
  const ArrayProblem problem = tolerant(valley_problem());
  const ArrayFit plain = [](const features::Dataset& data, const surrogate::Surrogate* like, core::RandomKey key,
                            const core::CallControl& control) {
    return std::make_shared<const Plain>(fit_process(data, like, key, control));
  };
  try {
    static_cast<void>(propose(problem, 1, plain, {.fitted = true}, core::RandomKey(1)));
    FAIL() << "not refused";
  } catch (const core::ConfigurationError& error) {
    EXPECT_NE(std::string(error.what()).find("\"plain\""), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace luban::recommend
