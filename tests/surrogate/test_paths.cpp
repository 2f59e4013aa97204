#include <cmath>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/surrogate/detail/random_features.hpp>

#include "streaming.hpp"

namespace luban::surrogate {
namespace {

using test::Index;
using test::MatrixXd;
using test::VectorXd;

features::Encoder mixed_encoder() {
  return features::Encoder({test::numeric("a"), test::numeric("b"), test::categorical("c", 3)});
}

ModelSpec one_term(std::vector<FactorSpec> factors) {
  ModelSpec model;
  TermSpec term{.name = "term", .factors = {}, .variance = {.start = 1.7}};
  for (std::size_t f = 0; f < factors.size(); ++f) {
    factors[f].name = "factor " + std::to_string(f);
    factors[f].length.start = 0.8;
    term.factors.push_back(f);
  }
  model.factors = std::move(factors);
  model.terms = {term};
  return model;
}

VectorXd start_of(const detail::Covariance& covariance) {
  VectorXd theta(static_cast<Index>(covariance.hyperparameters().size()));
  for (Index k = 0; k < theta.size(); ++k) {
    theta(k) = std::log(covariance.hyperparameters()[static_cast<std::size_t>(k)].spec.start);
  }
  return theta;
}

std::vector<ModelSpec> models() {
  std::vector<ModelSpec> out;
  for (const FactorKind kind : {FactorKind::rbf, FactorKind::matern12, FactorKind::matern32, FactorKind::matern52,
                                FactorKind::periodic, FactorKind::categorical, FactorKind::linear}) {
    out.push_back(one_term({{.kind = kind}}));
  }
  out.push_back(one_term({{.kind = FactorKind::embedding}}));
  out.push_back(one_term({{.kind = FactorKind::forgetting, .length = {.high = 0.9}, .inputs = {"b"}}}));
  out.push_back(one_term({{.kind = FactorKind::coregionalisation, .inputs = {"c"}}}));
  out.push_back(
      one_term({{.kind = FactorKind::rbf, .inputs = {"b"}}, {.kind = FactorKind::matern52, .inputs = {"a"}}}));
  out.push_back(one_term({{.kind = FactorKind::matern52, .without = {"a"}}, {.kind = FactorKind::linear}}));
  out.back().warp = {.used = true, .a = {.start = 0.7}, .b = {.start = 1.6}};
  out.push_back(one_term({{.kind = FactorKind::matern52, .with_categories = true}}));
  out.push_back(one_term({{.kind = FactorKind::matern32}, {.kind = FactorKind::categorical}}));
  out.push_back(one_term({{.kind = FactorKind::linear}, {.kind = FactorKind::categorical}}));
  out.push_back(one_term({{.kind = FactorKind::rbf}, {.kind = FactorKind::linear}}));
  return out;
}

TEST(random_features, have_the_covariance) {
  const features::Encoder encoder = mixed_encoder();
  std::size_t which = 0;
  for (const ModelSpec& model : models()) {
    const auto covariance = std::make_shared<const detail::Covariance>(model, encoder);
    const VectorXd theta = start_of(*covariance);
    const detail::Points points = covariance->points(test::random_inputs(encoder, 12, 5));
    const Index pairs = 20000;
    const detail::RandomFeatures features(covariance, theta, pairs, core::RandomKey(4));
    const MatrixXd phi = features.values(points);
    const MatrixXd k = covariance->cross(theta, covariance->coordinates(theta, points), points).value;
    // A mean of cosines: standard error at most 1.7 / √(2 · 20000), 66 pairs are looked at.
    EXPECT_LT((phi * phi.transpose() - k).cwiseAbs().maxCoeff(), 4.0 * 1.7 / std::sqrt(2.0 * 20000.0)) << which++;
  }
}

TEST(random_features, gradients_are_those_of_finite_differences) {
  const features::Encoder encoder = mixed_encoder();
  for (const ModelSpec& model : models()) {
    const auto covariance = std::make_shared<const detail::Covariance>(model, encoder);
    const VectorXd theta = start_of(*covariance);
    const detail::RandomFeatures features(covariance, theta, 20, core::RandomKey(4));
    core::Generator generator(2);
    VectorXd weights(features.count());
    for (double& weight : weights) weight = generator.normal();
    const MatrixXd X = test::random_inputs(encoder, 5, 5);
    const MatrixXd gradient = features.gradient(covariance->points(X), weights);
    for (Index k = 0; k < 2; ++k) {
      MatrixXd up = X;
      MatrixXd down = X;
      up.col(k).array() += 1e-6;
      down.col(k).array() -= 1e-6;
      const VectorXd slope =
          (features.values(covariance->points(up)) - features.values(covariance->points(down))) * weights / 2e-6;
      EXPECT_LT((gradient.col(k) - slope).cwiseAbs().maxCoeff(), 1e-5 * std::max(1.0, slope.cwiseAbs().maxCoeff()));
    }
    EXPECT_EQ(gradient.col(2).cwiseAbs().maxCoeff(), 0.0);
  }
}

TEST(random_features, two_linear_factors_are_refused) {
  const auto covariance = std::make_shared<const detail::Covariance>(
      one_term({{.kind = FactorKind::linear}, {.kind = FactorKind::linear}}), mixed_encoder());
  EXPECT_THROW(detail::RandomFeatures(covariance, start_of(*covariance), 9, core::RandomKey(1)),
               core::ConfigurationError);
}

TEST(paths, have_the_moments_of_the_posterior) {
  const features::Dataset data = test::make(test::three_levels());
  for (const char* preset : {"luban", "matern", "optuna"}) {
    const auto fit = test::fitted(data, preset);
    const MatrixXd X = test::random_inputs(data.encoder, 8, 21);
    const auto posterior = fit->posterior(X, {.joint = true});
    const Index count = 4000;
    const PosteriorPaths paths = fit->paths(count, core::RandomKey(9), 2048);
    for (Index r = 0; r < 2; ++r) {
      const MatrixXd values = paths.values(r, X);
      ASSERT_EQ(values.cols(), count);
      const VectorXd mean = values.rowwise().mean();
      const MatrixXd away = values.colwise() - mean;
      const MatrixXd covariance = away * away.transpose() / static_cast<double>(count - 1);
      const MatrixXd expected = posterior->covariance(r, VarianceOf::latent);
      const VectorXd sd = expected.diagonal().array().sqrt();
      // Means are free of the features' error; 16 of them within 4.5 standard errors. Covariances of normal samples
      // have standard errors of at most √(2 / count), beside what 2048 features leave.
      EXPECT_LT(((mean - posterior->mean().col(r)).array() / sd.array()).abs().maxCoeff(), 4.5 / std::sqrt(4000.0))
          << preset;
      const MatrixXd share = (covariance - expected).array() / (sd * sd.transpose()).array();
      EXPECT_LT(share.cwiseAbs().maxCoeff(), 4.5 * std::sqrt(2.0 / 4000.0) + 0.08) << preset;
    }
  }
}

TEST(paths, gradients_are_those_of_finite_differences) {
  const features::Dataset data = test::make(test::three_levels());
  for (const char* preset : {"luban", "matern", "vizier"}) {
    const PosteriorPaths paths = test::fitted(data, preset)->paths(3, core::RandomKey(9), 64);
    const MatrixXd X = test::random_inputs(data.encoder, 6, 21);
    for (Index k = 0; k < 2; ++k) {
      MatrixXd up = X;
      MatrixXd down = X;
      up.col(k).array() += 1e-6;
      down.col(k).array() -= 1e-6;
      const MatrixXd slope = (paths.values(1, up) - paths.values(1, down)) / 2e-6;
      for (Index path = 0; path < 3; ++path) {
        const MatrixXd gradient = paths.gradient(1, path, X);
        EXPECT_LT((gradient.col(k) - slope.col(path)).cwiseAbs().maxCoeff(),
                  1e-5 * std::max(1.0, slope.cwiseAbs().maxCoeff()))
            << preset;
        EXPECT_EQ(gradient.rightCols(2).cwiseAbs().maxCoeff(), 0.0);
      }
    }
  }
}

TEST(paths, are_functions_and_the_first_ones_are_the_same_for_any_count) {
  const features::Dataset data = test::make({.runs = 15});
  const auto fit = test::fitted(data, "luban");
  const PosteriorPaths few = fit->paths(2, core::RandomKey(9));
  const PosteriorPaths many = fit->paths(5, core::RandomKey(9));
  const MatrixXd X = test::random_inputs(data.encoder, 7, 2);
  EXPECT_EQ(few.count(), 2);
  EXPECT_EQ(few.m(), 1);
  EXPECT_LT((few.values(0, X) - many.values(0, X).leftCols(2)).cwiseAbs().maxCoeff(), 1e-9);
  EXPECT_LT((few.values(0, X).topRows(1) - few.values(0, X.topRows(1))).cwiseAbs().maxCoeff(), 1e-9);
}

TEST(paths, wrong_questions_are_refused) {
  const features::Dataset data = test::make({.runs = 15});
  const auto fit = test::fitted(data, "luban");
  EXPECT_THROW(static_cast<void>(fit->paths(0, core::RandomKey(1))), core::ConfigurationError);
  EXPECT_THROW(static_cast<void>(fit->paths(1, core::RandomKey(1), 0)), core::ConfigurationError);
  const PosteriorPaths paths = fit->paths(1, core::RandomKey(1));
  EXPECT_THROW(static_cast<void>(paths.values(1, data.X)), core::ConfigurationError);
  EXPECT_THROW(static_cast<void>(paths.gradient(0, 1, data.X)), core::ConfigurationError);
  EXPECT_THROW(static_cast<void>(paths.values(0, data.X.leftCols(1))), core::DataError);
}

}  // namespace
}  // namespace luban::surrogate
