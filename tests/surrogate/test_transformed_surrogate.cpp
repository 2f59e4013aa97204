#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <numbers>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <Eigen/Eigenvalues>

#include <luban/core/error.hpp>
#include <luban/core/normal.hpp>
#include <luban/surrogate/gaussian_process.hpp>
#include <luban/surrogate/linear_model.hpp>
#include <luban/surrogate/transformed_surrogate.hpp>

#include "hand_made.hpp"

namespace luban::surrogate {
namespace {

using features::Role;
using test::Index;
using test::MatrixXd;
using test::VectorXd;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

const SurrogateFactory gaussian = [](const features::Dataset& data, core::RandomKey key,
                                     const core::CallControl& control) {
  return GaussianProcess::fit(data, {.starts = 1, .threads = 1}, key, control);
};

/// A positive, skewed response with noise at three levels and a noise variable that is averaged over.
features::Dataset skewed(int runs = 24) {
  features::Dataset out = test::make(
      {.variables = {test::numeric("feed"), test::numeric("speed"), test::categorical("position", 3, Role::noise)},
       .runs = runs,
       .points = 3,
       .repeats = 2,
       .run_sd = 0.3,
       .reading_sd = 0.3});
  out.Y = (0.4 * (out.Y.array() - 11.0)).exp();
  return out;
}

std::shared_ptr<const TransformedSurrogate> fitted(const std::string& name, const features::Dataset& data = skewed()) {
  return TransformedSurrogate::fit(data, {name}, gaussian, core::RandomKey(1));
}

const std::vector<std::string> names{"none",  "log",           "yeo_johnson",          "box_cox",
                                     "bilog", "log_warp_high", "winsorise+yeo_johnson"};
constexpr std::array<VarianceOf, 3> spreads{VarianceOf::latent, VarianceOf::run_mean, VarianceOf::reading};

TEST(transformed_surrogate, logarithms_give_the_moments_of_the_log_normal_distribution) {
  const auto model = fitted("log");
  const MatrixXd X = test::random_inputs(model->encoder(), 5, 3);
  const auto posterior = model->posterior(X, {.joint = true});
  const auto inner = model->inner()->posterior(X, {.joint = true});
  const VectorXd mean = inner->mean().col(0);
  const VectorXd total = inner->variance(VarianceOf::reading).col(0);
  const VectorXd expected = (mean + 0.5 * total).array().exp();
  const MatrixXd K = inner->covariance(0, VarianceOf::latent);
  for (Index i = 0; i < 5; ++i) {
    EXPECT_NEAR(posterior->mean()(i, 0), expected(i), 1e-12 * expected(i));
    for (const VarianceOf of : spreads) {
      const double wanted = expected(i) * expected(i) * std::expm1(inner->variance(of)(i, 0));
      EXPECT_NEAR(posterior->variance(of)(i, 0), wanted, 1e-12 * wanted);
    }
    for (Index j = 0; j < i; ++j) {
      const double wanted = expected(i) * expected(j) * std::expm1(K(i, j));
      EXPECT_NEAR(posterior->covariance(0, VarianceOf::latent)(i, j), wanted, 1e-12 * std::abs(wanted));
    }
    const double z = core::normal_quantile(0.8);
    EXPECT_NEAR(posterior->quantile(0.8, VarianceOf::reading)(i, 0), std::exp(mean(i) + z * std::sqrt(total(i))), 1e-9);
    const double y = 1.7;
    const double away = (std::log(y) - mean(i)) / std::sqrt(total(i));
    EXPECT_NEAR(posterior->log_density(MatrixXd::Constant(5, 1, y), VarianceOf::reading)(i, 0),
                -0.5 * away * away - 0.5 * std::log(2.0 * std::numbers::pi * total(i)) - std::log(y), 1e-10);
  }
}

TEST(transformed_surrogate, without_a_transform_says_what_the_surrogate_inside_says) {
  for (const std::string name : {"none", "standardise", "winsorise_deviations"}) {
    const features::Dataset data = skewed();
    const auto model = TransformedSurrogate::fit(data, {name}, gaussian, core::RandomKey(1),
                                                 {.transform = {.winsorise_deviations = 1e6}});
    const auto plain = gaussian(data, core::RandomKey(1), {});
    const MatrixXd X = test::random_inputs(model->encoder(), 6, 3);
    const auto one = model->posterior(X, {.gradients = true, .joint = true});
    const auto other = plain->posterior(X, {.gradients = true, .joint = true});
    const double tolerance = name == "standardise" ? 1e-5 : 1e-12;  // another start of the same optimisation
    EXPECT_LT((one->mean() - other->mean()).norm(), tolerance * other->mean().norm()) << name;
    for (const VarianceOf of : spreads) {
      const MatrixXd wanted = other->covariance(0, of);
      EXPECT_LT((one->covariance(0, of) - wanted).norm(), tolerance * wanted.norm() * 10.0) << name;
      EXPECT_LT((one->quantile(0.2, of) - other->quantile(0.2, of)).norm(), 10.0 * tolerance) << name;
    }
    const MatrixXd slope = other->variance_gradient(0);
    EXPECT_LT((one->variance_gradient(0) - slope).norm(), 100.0 * tolerance * slope.norm()) << name;
    const MatrixXd Y = data.Y.topRows(6);
    EXPECT_LT((one->log_density(Y, VarianceOf::reading) - other->log_density(Y, VarianceOf::reading)).norm(),
              100.0 * tolerance);
  }
}

TEST(transformed_surrogate, spreads_are_nested_and_covariances_positive) {
  for (const std::string& name : names) {
    const auto model = fitted(name);
    const auto posterior = model->posterior(test::random_inputs(model->encoder(), 9, 3), {.joint = true});
    const MatrixXd latent = posterior->variance(VarianceOf::latent);
    const MatrixXd run = posterior->variance(VarianceOf::run_mean);
    EXPECT_TRUE((latent.array() > 0.0).all() && (latent.array() <= run.array()).all()) << name;
    EXPECT_TRUE((run.array() <= posterior->variance(VarianceOf::reading).array()).all()) << name;
    for (const VarianceOf of : spreads) {
      const MatrixXd covariance = posterior->covariance(0, of);
      EXPECT_EQ(covariance, MatrixXd(covariance.transpose()));
      const Eigen::SelfAdjointEigenSolver<MatrixXd> solver(covariance);
      EXPECT_GT(solver.eigenvalues()(0), -1e-10 * solver.eigenvalues()(8)) << name;
    }
  }
}

TEST(transformed_surrogate, quantiles_densities_and_moments_are_of_one_distribution) {
  for (const std::string& name : names) {
    const auto model = fitted(name);
    const auto posterior = model->posterior(test::random_inputs(model->encoder(), 3, 5));
    for (const VarianceOf of : spreads) {
      // By the quantile: mean and variance are ∫ Q du and ∫ (Q - mean)² du; the density is 1 / Q'.
      constexpr int steps = 4000;
      VectorXd mean = VectorXd::Zero(3);
      VectorXd square = VectorXd::Zero(3);
      const VectorXd centre = posterior->mean().col(0);
      for (int k = 0; k < steps; ++k) {
        const double z = -8.0 + 16.0 * (k + 0.5) / steps;
        const double p = 0.5 * std::erfc(-z / std::numbers::sqrt2);
        if (p <= 0.0 || p >= 1.0) continue;
        const VectorXd y = posterior->quantile(p, of).col(0);
        const double weight = 16.0 / steps * std::exp(core::log_normal_density(z));
        mean += weight * y;
        square += weight * (y - centre).cwiseAbs2();
        if (k % 500 != 250) continue;
        const double step = 1e-5 * p * (1.0 - p);
        const VectorXd slope = (posterior->quantile(p + step, of) - posterior->quantile(p - step, of)) / (2.0 * step);
        const VectorXd density = posterior->log_density(y, of);
        if (std::abs(z) < 4.0) {
          EXPECT_LT((density.array() + slope.array().log()).abs().maxCoeff(), 2e-3) << name << " " << z;
        }
      }
      const VectorXd variance = posterior->variance(of).col(0);
      EXPECT_LT(((mean - centre).array() / variance.array().sqrt()).abs().maxCoeff(), 1e-5) << name;
      EXPECT_LT((square.array() / variance.array() - 1.0).abs().maxCoeff(), 1e-4) << name;
    }
  }
}

TEST(transformed_surrogate, samples_have_its_moments) {
  for (const std::string& name : names) {
    const auto model = fitted(name);
    const auto posterior = model->posterior(test::random_inputs(model->encoder(), 2, 5), {.joint = true});
    for (const VarianceOf of : spreads) {
      constexpr Index count = 6000;
      const auto drawn = posterior->sample(count, core::RandomKey(2), of);
      Eigen::Vector2d mean = Eigen::Vector2d::Zero();
      Eigen::Matrix2d square = Eigen::Matrix2d::Zero();
      const Eigen::Vector2d centre = posterior->mean().col(0);
      for (const MatrixXd& one : drawn) {
        mean += one.col(0) / count;
        square += (one.col(0) - centre) * (one.col(0) - centre).transpose() / count;
      }
      const MatrixXd covariance = posterior->covariance(0, of);
      EXPECT_LT((mean - centre).cwiseAbs().maxCoeff(), 5.0 * std::sqrt(covariance.diagonal().maxCoeff() / count));
      EXPECT_LT((square - covariance).cwiseAbs().maxCoeff(), 0.12 * covariance.diagonal().maxCoeff()) << name;
    }
  }
}

TEST(transformed_surrogate, gradients_are_those_of_finite_differences) {
  constexpr double step = 1e-5;
  for (const std::string& name : names) {
    const auto model = fitted(name);
    const MatrixXd X = test::random_inputs(model->encoder(), 4, 9);
    const auto posterior = model->posterior(X, {.gradients = true});
    for (Index column = 0; column < 3; ++column) {
      if (column == 2) {
        EXPECT_EQ(posterior->mean_gradient(0).col(2).norm() + posterior->variance_gradient(0).col(2).norm(), 0.0);
        continue;
      }
      MatrixXd above = X;
      MatrixXd below = X;
      above.col(column).array() += step;
      below.col(column).array() -= step;
      const auto high = model->posterior(above);
      const auto low = model->posterior(below);
      const VectorXd mean = (high->mean() - low->mean()) / (2.0 * step);
      const VectorXd variance = (high->variance(VarianceOf::latent) - low->variance(VarianceOf::latent)) / (2.0 * step);
      EXPECT_LT((posterior->mean_gradient(0).col(column) - mean).norm(), 1e-6 * mean.norm() + 1e-8) << name;
      EXPECT_LT((posterior->variance_gradient(0).col(column) - variance).norm(), 2e-4 * variance.norm() + 1e-8) << name;
      const VectorXd run = (high->variance(VarianceOf::run_mean) - low->variance(VarianceOf::run_mean)) / (2.0 * step);
      EXPECT_LT((posterior->run_variance_gradient(0).col(column) - run).norm(), 2e-4 * run.norm() + 1e-8) << name;
    }
  }
}

TEST(transformed_surrogate, averages_are_of_the_responses) {
  const VectorXd weights = Eigen::Vector3d(0.2, 0.5, 0.3);
  for (const std::string& name : names) {
    const auto model = fitted(name);
    MatrixXd X = test::random_inputs(model->encoder(), 12, 9);
    for (Index i = 0; i < 12; ++i) {
      X.row(i).head(2) = X.row(i - i % 3).head(2);
      X(i, 2) = static_cast<double>(i % 3);
    }
    const auto whole = model->posterior(X, {.joint = true});
    const auto average = model->average(X, weights, {.gradients = true, .joint = true});
    const auto marginal = model->average(X, weights);
    MatrixXd functional = MatrixXd::Zero(4, 12);
    for (Index i = 0; i < 4; ++i) functional.row(i).segment(3 * i, 3) = weights.transpose();
    const MatrixXd wanted = functional * whole->covariance(0, VarianceOf::latent) * functional.transpose();
    EXPECT_LT((average->mean() - functional * whole->mean()).norm(), 1e-12 * whole->mean().norm()) << name;
    EXPECT_LT((average->covariance(0, VarianceOf::latent) - wanted).norm(), 1e-10 * wanted.norm()) << name;
    EXPECT_LT((average->mean() - marginal->mean()).norm(), 1e-12) << name;
    for (const VarianceOf of : spreads) {
      const MatrixXd variance = marginal->variance(of);
      EXPECT_LT((average->variance(of) - variance).norm(), 1e-9 * variance.norm()) << name;
    }
    const double step = 1e-5;
    for (Index column = 0; column < 2; ++column) {
      MatrixXd above = X;
      MatrixXd below = X;
      above.col(column).array() += step;
      below.col(column).array() -= step;
      const auto high = model->average(above, weights);
      const auto low = model->average(below, weights);
      const VectorXd mean = (high->mean() - low->mean()) / (2.0 * step);
      const VectorXd variance = (high->variance(VarianceOf::latent) - low->variance(VarianceOf::latent)) / (2.0 * step);
      EXPECT_LT((average->mean_gradient(0).col(column) - mean).norm(), 1e-6 * mean.norm() + 1e-8) << name;
      EXPECT_LT((average->variance_gradient(0).col(column) - variance).norm(), 2e-4 * variance.norm() + 1e-8) << name;
      const VectorXd run = (high->variance(VarianceOf::run_mean) - low->variance(VarianceOf::run_mean)) / (2.0 * step);
      EXPECT_LT((average->run_variance_gradient(0).col(column) - run).norm(), 2e-4 * run.norm() + 1e-8) << name;
    }
  }
}

TEST(transformed_surrogate, covariance_gradients_are_those_of_finite_differences) {
  const VectorXd levels = Eigen::Vector3d(0.2, 0.5, 0.3);
  const MatrixXd weights = (Eigen::Matrix2d() << 0.7, -0.4, -0.4, 1.1).finished();
  for (const std::string& name : names) {
    const auto model = fitted(name);
    MatrixXd X = test::random_inputs(model->encoder(), 6, 9);
    for (Index i = 0; i < 6; ++i) {
      X.row(i).head(2) = X.row(i - i % 3).head(2);
      X(i, 2) = static_cast<double>(i % 3);
    }
    const MatrixXd points = X(std::vector<Index>{0, 4}, Eigen::all);
    const PosteriorRequest all{.gradients = true, .joint = true};
    const MatrixXd of_points = model->posterior(points, all)->covariance_gradient(0, weights);
    const MatrixXd of_averages = model->average(X, levels, all)->covariance_gradient(0, weights);
    const double step = 1e-5;
    for (Index column = 0; column < 2; ++column) {
      for (Index i = 0; i < 2; ++i) {
        const auto moved = [&](double by, bool averages) {
          MatrixXd there = averages ? X : points;
          const Index rows = averages ? 3 : 1;
          there.block(i * rows, column, rows, 1).array() += by;
          const auto posterior =
              averages ? model->average(there, levels, {.joint = true}) : model->posterior(there, {.joint = true});
          return weights.cwiseProduct(posterior->covariance(0, VarianceOf::latent)).sum();
        };
        const double slope = (moved(step, false) - moved(-step, false)) / (2.0 * step);
        EXPECT_NEAR(of_points(i, column), slope, 3e-4 * of_points.norm() + 1e-8) << name;
        const double averaged = (moved(step, true) - moved(-step, true)) / (2.0 * step);
        EXPECT_NEAR(of_averages(i, column), averaged, 3e-4 * of_averages.norm() + 1e-8) << name;
      }
    }
  }
}

TEST(transformed_surrogate, a_run_shares_its_effect_between_the_levels) {
  const VectorXd weights = Eigen::Vector3d(0.2, 0.5, 0.3);
  const auto model = fitted("log");
  MatrixXd X = test::random_inputs(model->encoder(), 3, 9);
  for (Index i = 0; i < 3; ++i) {
    X.row(i).head(2) = X.row(0).head(2);
    X(i, 2) = static_cast<double>(i);
  }
  const auto inner = std::dynamic_pointer_cast<const GaussianProcess>(model->inner());
  ASSERT_GT(inner->between_sd(0), 0.05);
  const auto latent = inner->posterior(X, {.joint = true});
  const auto values = latent->sample(40000, core::RandomKey(4), VarianceOf::latent);
  core::Generator generator(8);
  const double rest = std::pow(inner->within_sd(0), 2);
  double sum = 0.0;
  double square = 0.0;
  for (const MatrixXd& f : values) {
    const double run = inner->between_sd(0) * generator.normal();
    double mean = 0.0;
    for (Index l = 0; l < 3; ++l) {
      mean += weights(l) * std::exp(f(l, 0) + run + inner->between_points_sd(0) * generator.normal() + 0.5 * rest);
    }
    sum += mean / 40000.0;
    square += mean * mean / 40000.0;
  }
  const auto average = model->average(X, weights);
  EXPECT_NEAR(average->mean()(0, 0), sum, 5.0 * std::sqrt((square - sum * sum) / 40000.0));
  EXPECT_NEAR(average->variance(VarianceOf::run_mean)(0, 0), square - sum * sum, 0.06 * (square - sum * sum));
}

TEST(transformed_surrogate, survives_an_artefact) {
  features::Dataset data = skewed();
  const auto model = fitted("winsorise+yeo_johnson", data);
  Artefact artefact;
  model->write(artefact);
  std::dynamic_pointer_cast<const GaussianProcess>(model->inner())->write(artefact);
  const auto again = TransformedSurrogate::read(artefact, GaussianProcess::read(artefact));
  const MatrixXd X = test::random_inputs(model->encoder(), 5, 3);
  EXPECT_LT((again->posterior(X)->mean() - model->posterior(X)->mean()).norm(), 1e-12);
  EXPECT_EQ(again->responses().front().unit, data.responses.front().unit);
  EXPECT_EQ(again->kind(), "transformed gaussian_process");
  Artefact empty;
  EXPECT_THROW((void)TransformedSurrogate::read(empty, model->inner()), core::IntegrityError);
  artefact.metadata.set("response_transforms", core::Json::object().set("responses", core::Json::array()));
  EXPECT_THROW((void)TransformedSurrogate::read(artefact, model->inner()), core::IntegrityError);
}

TEST(transformed_surrogate, keeps_some_responses) {
  features::Dataset data = test::make({.runs = 20, .responses = 3});
  data.Y.col(1) = data.Y.col(1).array().exp().matrix() * 1e-4;
  const auto model = TransformedSurrogate::fit(data, {"none", "log", "yeo_johnson"}, gaussian, core::RandomKey(1));
  const auto some = model->only({2, 1});
  const MatrixXd X = test::random_inputs(model->encoder(), 4, 3);
  const MatrixXd whole = model->posterior(X)->mean();
  const MatrixXd few = some->posterior(X)->mean();
  EXPECT_EQ(few.col(0), whole.col(2));
  EXPECT_EQ(few.col(1), whole.col(1));
  EXPECT_EQ(some->responses()[1].name, data.responses[1].name);
  const std::vector<std::string> two{"none", "log"};
  EXPECT_THROW((void)TransformedSurrogate::fit(data, two, gaussian, core::RandomKey(1)), core::ConfigurationError);
  EXPECT_THROW((void)TransformedSurrogate::fit(data, {"lgo"}, gaussian, core::RandomKey(1)), core::ConfigurationError);
}

TEST(transformed_surrogate, hard_responses_have_an_answer_or_a_clear_error) {
  for (const std::string& name : names) {
    for (const double unit : {1e-12, 1e12}) {
      features::Dataset data = skewed();
      const MatrixXd X = test::random_inputs(data.encoder, 4, 3);
      const auto plain = fitted(name, data)->posterior(X);
      data.Y *= unit;
      if (name == "none" || name == "log" || name == "winsorise+yeo_johnson") data.Y(3, 0) = nan;
      const auto scaled = fitted(name, data)->posterior(X);
      const double tolerance = std::isnan(data.Y(3, 0)) ? 0.08 : 2e-3;  // one value less moves some
      EXPECT_LT((scaled->mean() / unit - plain->mean()).norm(), tolerance * plain->mean().norm()) << name << unit;
      EXPECT_TRUE(scaled->variance(VarianceOf::reading).allFinite()) << name;
    }
    features::Dataset constant = skewed();
    constant.Y.setConstant(3.5);
    const auto model = fitted(name, constant);
    const auto posterior = model->posterior(test::random_inputs(model->encoder(), 3, 3));
    EXPECT_NEAR(posterior->mean()(0, 0), 3.5, 1e-2) << name;
    features::Dataset nothing = skewed();
    nothing.Y.setConstant(nan);
    EXPECT_THROW((void)fitted(name, nothing), core::DataError) << name;
  }
  features::Dataset negative = skewed();
  negative.Y(5, 0) = -0.5;
  EXPECT_THROW((void)fitted("log", negative), core::DataError);
  const auto model = fitted("log");
  const auto posterior = model->posterior(test::random_inputs(model->encoder(), 2, 3));
  const MatrixXd density = posterior->log_density(Eigen::Vector2d(-1.0, nan), VarianceOf::reading);
  EXPECT_EQ(density(0, 0), -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(density(1, 0)));
}

TEST(transformed_surrogate, serves_any_surrogate) {
  const features::Dataset data = skewed();
  const SurrogateFactory ridge = [](const features::Dataset& some, core::RandomKey, const core::CallControl&) {
    return fit_ridge(some, {});
  };
  const auto model = TransformedSurrogate::fit(data, {"log"}, ridge, core::RandomKey(1));
  const auto posterior = model->posterior(data.X.topRows(3));
  EXPECT_TRUE((posterior->quantile(0.01, VarianceOf::reading).array() > 0.0).all());
  EXPECT_EQ(model->kind().substr(0, 12), "transformed ");
}

TEST(transform_choice, takes_the_logarithm_of_log_normal_data_and_nothing_of_normal_data) {
  features::Dataset data = test::make({.runs = 60, .repeats = 2, .responses = 2, .run_sd = 0.6, .reading_sd = 0.4});
  data.Y.col(1) = data.Y.col(1).array().exp().matrix();
  const auto choices = choose_response_transforms(data, gaussian, core::RandomKey(3));
  ASSERT_EQ(choices.size(), 2);
  EXPECT_EQ(choices[0].chosen, "none");
  EXPECT_NE(choices[1].chosen, "none");
  EXPECT_EQ(choices[1].trials.size(), 3);
  EXPECT_EQ(choices[1].trials[0].name, "none");
  EXPECT_GT(choices[1].trials[1].lead, 0.2);
  const auto model = TransformedSurrogate::fit(data, {"auto"}, gaussian, core::RandomKey(3));
  EXPECT_EQ(model->transforms()[0]->name(), "none");
  EXPECT_NE(model->transforms()[1]->name(), "none");
  EXPECT_EQ(model->choices().size(), 2);
}

TEST(transform_choice, passes_over_what_cannot_be_fitted_and_refuses_what_would_flatter_itself) {
  features::Dataset data = test::make({.runs = 20});
  data.Y.array() -= data.Y.mean();
  const auto choices = choose_response_transforms(data, gaussian, core::RandomKey(3));
  EXPECT_FALSE(choices[0].trials[1].refused.empty());
  EXPECT_TRUE(std::isnan(choices[0].trials[1].lead));
  EXPECT_TRUE(choices[0].trials[2].refused.empty());
  const auto refused = [&](const TransformChoiceOptions& options) {
    EXPECT_THROW((void)choose_response_transforms(data, gaussian, core::RandomKey(3), options),
                 core::ConfigurationError);
  };
  refused({.candidates = {"winsorise+log"}});
  refused({.candidates = {"lgo"}});
  refused({.folds = 1});
  refused({.standard_errors = -1.0});
  features::Dataset few = test::make({.runs = 2});
  EXPECT_TRUE(choose_response_transforms(few, gaussian, core::RandomKey(3))[0].trials.empty());
}

}  // namespace
}  // namespace luban::surrogate
