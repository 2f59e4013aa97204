// Values that an independent NumPy implementation computed on a real production history.
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include <luban/core/json.hpp>
#include <luban/surrogate/detail/fit_response.hpp>
#include <luban/surrogate/detail/log_posterior.hpp>
#include <luban/surrogate/presets.hpp>

#include "hand_made.hpp"

namespace luban::surrogate {
namespace {

using test::Index;
using test::VectorXd;

const core::Json& oracle() {
  static const core::Json json = [] {
    std::ifstream file(LUBAN_TEST_DATA "/turning_reduced.json");
    return core::Json::parse(std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>()));
  }();
  return json;
}

VectorXd numbers(const core::Json& json) {
  const std::vector<double> values = json.as_doubles();
  return Eigen::Map<const VectorXd>(values.data(), static_cast<Index>(values.size()));
}

features::Encoder turning_encoder() {
  using features::Role;
  return features::Encoder({test::numeric("Vc"), test::numeric("f"), test::numeric("d"),
                            test::categorical("diameter", 2), test::categorical("VB", 2),
                            test::categorical("P", 3, Role::noise)});
}

features::Reduction turning() {
  features::Reduction out;
  const core::Json::Array& x = oracle().at("x").as_array();
  out.X.resize(static_cast<Index>(x.size()), 6);
  for (Index i = 0; i < out.X.rows(); ++i) {
    out.X.row(i).head(3) = numbers(x[static_cast<std::size_t>(i)]);
    out.X.row(i).tail(3) = numbers(oracle().at("codes").as_array()[static_cast<std::size_t>(i)]);
  }
  for (const double run : oracle().at("run").as_doubles()) out.run.push_back(static_cast<std::int32_t>(run));
  const double scale = oracle().at("y_sd").as_double();
  out.mean = numbers(oracle().at("ybar")).array() * scale + oracle().at("y_mean").as_double();
  out.weight = numbers(oracle().at("W"));
  out.within_ss = oracle().at("SS").as_double() * scale * scale;
  out.n = oracle().at("N").as_int();
  return out;
}

// Theirs: lengths, categories, trend, local, three noises, local length; ours has the local length before the terms.
VectorXd ours(const VectorXd& theirs) {
  VectorXd out(12);
  out << theirs.head(6), theirs(11), theirs(6), theirs(7), theirs(8), theirs(9), theirs(10);
  return out;
}

detail::LogPosterior target() {
  const ModelSpec model = preset("smooth_rough", 3, 3).model;
  return detail::LogPosterior(model, std::make_shared<const detail::Covariance>(model, turning_encoder()),
                              detail::standardise(turning()));
}

TEST(oracle, standardises_alike) {
  const detail::TrainingData data = detail::standardise(turning());
  EXPECT_NEAR(data.location, oracle().at("y_mean").as_double(), 1e-12);
  EXPECT_NEAR(data.scale, oracle().at("y_sd").as_double(), 1e-12);
}

TEST(oracle, log_likelihood_log_posterior_and_gradient) {
  const detail::LogPosterior posterior = target();
  const double to_response_unit = static_cast<double>(posterior.data().n) * std::log(posterior.data().scale);
  for (const core::Json& point : oracle().at("points").as_array()) {
    VectorXd theta = ours(numbers(point.at("theta")));
    theta(10) = std::log(std::exp(theta(10)) + 1e-10);  // their jitter
    detail::LogPosterior::Workspace work;
    const auto value = posterior.value(theta, work);
    const VectorXd gradient = posterior.gradient(theta, work);
    EXPECT_NEAR(value.log_likelihood + to_response_unit, point.at("loglik").as_double(), 1e-7);
    EXPECT_NEAR(value.log_likelihood + to_response_unit, point.at("full_loglik").as_double(), 1e-7);
    EXPECT_NEAR(value.log_posterior + to_response_unit, point.at("logpost").as_double(), 1e-6);
    const VectorXd expected = ours(numbers(point.at("grad_logpost")));
    for (Index k = 0; k < 12; ++k)
      EXPECT_NEAR(gradient(k), expected(k), 1e-5 * std::max(1.0, std::abs(expected(k)))) << k;
  }
}

TEST(oracle, finds_at_least_the_same_optimum) {
  const detail::LogPosterior posterior = target();
  const detail::Optimum optimum = detail::maximise(posterior, preset("smooth_rough", 3, 3).model,
                                                   {.preset = "smooth_rough"}, {}, core::RandomKey(0), {});
  const double to_response_unit = static_cast<double>(posterior.data().n) * std::log(posterior.data().scale);
  EXPECT_GT(optimum.log_posterior + to_response_unit, oracle().at("map").at("logpost").as_double() - 1e-3);
}

TEST(oracle, predicts_the_same_cell_means) {
  const auto shared = std::make_shared<const detail::LogPosterior>(target());
  const detail::Conditioned process(shared, ours(numbers(oracle().at("map").at("theta"))));
  // Their table: settings in the order of (Vc, f, d), cells (diameter, wear), averaged over the three positions.
  std::map<std::vector<double>, int> settings;
  const test::MatrixXd& X = shared->data().X;
  for (Index i = 0; i < X.rows(); ++i) settings[{X(i, 0), X(i, 1), X(i, 2)}] = 0;
  const core::Json::Array& expected = oracle().at("map").at("pred_cell_means").as_array();
  ASSERT_EQ(settings.size(), expected.size());
  std::size_t s = 0;
  for (const auto& [setting, unused] : settings) {
    for (int cell = 0; cell < 4; ++cell) {
      test::MatrixXd rows(3, 6);
      for (int position = 0; position < 3; ++position) {
        rows.row(position) << setting[0], setting[1], setting[2], cell / 2, cell % 2, position;
      }
      const auto moments = process.average(rows, VectorXd::Constant(3, 1.0 / 3.0), {});
      EXPECT_NEAR(moments.mean(0), expected[s].as_doubles()[static_cast<std::size_t>(cell)], 1e-6);
    }
    ++s;
  }
}

}  // namespace
}  // namespace luban::surrogate
