// One suite for every kernel: formula, symmetry, positive definiteness, derivatives by hyperparameters and by inputs.
#include <algorithm>
#include <cmath>
#include <numbers>

#include <gtest/gtest.h>
#include <Eigen/Dense>

#include <luban/core/error.hpp>
#include <luban/features/reduction.hpp>
#include <luban/surrogate/detail/kernels/kernels.hpp>
#include <luban/surrogate/detail/log_posterior.hpp>

#include "hand_made.hpp"

namespace luban::surrogate {
namespace {

using detail::Covariance;
using detail::LogPosterior;
using test::Index;
using test::MatrixXd;
using test::Plan;
using test::VectorXd;

struct Case {
  FactorKind kind;
  bool isotropic = false;
  bool with_categories = false;
};

std::string name_of(const Case& one) {
  return std::string(detail::kernel(one.kind).name) + (one.isotropic ? "_isotropic" : "") +
         (one.with_categories ? "_with_categories" : "");
}

std::vector<Case> cases() {
  std::vector<Case> out;
  const std::vector<FactorKind> without_lengths{FactorKind::linear, FactorKind::embedding, FactorKind::forgetting,
                                                FactorKind::coregionalisation};
  for (const detail::KernelEntry& entry : detail::kernels()) {
    out.push_back({entry.kind});
    const bool lengths = std::find(without_lengths.begin(), without_lengths.end(), entry.kind) == without_lengths.end();
    if (lengths) out.push_back({.kind = entry.kind, .isotropic = true});
  }
  for (const FactorKind kind : {FactorKind::rbf, FactorKind::matern12, FactorKind::matern52}) {
    out.push_back({.kind = kind, .with_categories = true});
  }
  return out;
}

HyperparameterSpec around(double start) {
  return {.prior = {.kind = Prior::Kind::normal_log, .a = std::log(start), .b = 1.0},
          .low = 1e-3,
          .high = 1e3,
          .start = start};
}

ModelSpec model_of(const Case& one) {
  ModelSpec model;
  model.factors = {{.name = "factor",
                    .kind = one.kind,
                    .isotropic = one.isotropic,
                    .length = around(0.7),
                    .period = 0.6,
                    .with_categories = one.with_categories}};
  FactorSpec& factor = model.factors.front();
  if (one.kind == FactorKind::forgetting) {
    factor.inputs = {"b"};
    factor.length = around(0.2);
    factor.length.high = 0.9;
  }
  if (one.kind == FactorKind::coregionalisation) {
    factor.inputs = {"c"};
    factor.own = around(0.4);
  }
  model.terms = {{.name = "signal", .factors = {0}, .variance = around(0.8)}};
  model.between = model.point = model.within = around(0.05);
  return model;
}

Plan plan() {
  features::EncodedVariable b = test::numeric("b");
  b.low = 10.0;
  b.high = 50.0;
  return {.variables = {test::numeric("a"), b, test::categorical("c", 3)},
          .runs = 14,
          .points = 1,
          .repeats = 2,
          .responses = 1};
}

VectorXd somewhere(const std::vector<detail::Hyperparameter>& parameters) {
  core::Generator generator(5);
  VectorXd theta(static_cast<Index>(parameters.size()));
  for (Index k = 0; k < theta.size(); ++k) {
    theta(k) = std::log(parameters[static_cast<std::size_t>(k)].spec.start) + 0.3 * generator.normal();
  }
  return theta;
}

class EveryKernel : public testing::TestWithParam<Case> {};

// What the kernel's documentation says, pair by pair.
double documented(const Case& one, const VectorXd& theta, const VectorXd& x, const VectorXd& z) {
  const auto length = [&](Index k) { return std::exp(theta(one.isotropic ? 0 : k)); };
  const double variance = std::exp(theta(theta.size() - 1));
  const auto distance = [&] {
    double r2 = 0.0;
    for (Index k = 0; k < 2; ++k) r2 += std::pow((x(k) - z(k)) / length(k), 2);
    if (one.with_categories && x(2) != z(2)) r2 += std::pow(length(2), -2);
    return std::sqrt(r2);
  };
  switch (one.kind) {
    case FactorKind::rbf:
      return variance * std::exp(-0.5 * std::pow(distance(), 2));
    case FactorKind::matern12:
      return variance * std::exp(-distance());
    case FactorKind::matern32: {
      const double r = std::sqrt(3.0) * distance();
      return variance * (1.0 + r) * std::exp(-r);
    }
    case FactorKind::matern52: {
      const double r = std::sqrt(5.0) * distance();
      return variance * (1.0 + r + r * r / 3.0) * std::exp(-r);
    }
    case FactorKind::linear:
      return variance * ((2 * x(0) - 1) * (2 * z(0) - 1) + (2 * x(1) - 1) * (2 * z(1) - 1)) / 2.0;
    case FactorKind::periodic: {
      double sum = 0.0;
      for (Index k = 0; k < 2; ++k) {
        sum += std::pow(std::sin(std::numbers::pi * (x(k) - z(k)) / 0.6) / length(k), 2);
      }
      return variance * std::exp(-2.0 * sum);
    }
    case FactorKind::categorical:
      return variance * (x(2) == z(2) ? 1.0 : std::exp(-1.0 / length(0)));
    case FactorKind::embedding: {  // two coordinates of each of three categories
      const auto place = [&](double category, Index c) {
        return std::exp(theta(2 * static_cast<Index>(category) + c));
      };
      const double first = place(x(2), 0) - place(z(2), 0);
      const double second = place(x(2), 1) - place(z(2), 1);
      return variance * std::exp(-0.5 * (first * first + second * second));
    }
    case FactorKind::forgetting:  // from 0 to 40 days
      return variance * std::pow(1.0 - std::exp(theta(0)), 0.5 * 40.0 * std::abs(x(1) - z(1)));
    case FactorKind::coregionalisation: {  // two loadings of each of three tasks, then what each has alone
      const auto w = [&](double task, Index k) { return std::exp(theta(2 * static_cast<Index>(task) + k)); };
      const double own = x(2) == z(2) ? std::exp(theta(6 + static_cast<Index>(x(2)))) : 0.0;
      return variance * (w(x(2), 0) * w(z(2), 0) + w(x(2), 1) * w(z(2), 1) + own);
    }
  }
  return 0.0;
}

TEST_P(EveryKernel, is_what_its_documentation_says) {
  const features::Dataset data = test::make(plan());
  const Covariance covariance(model_of(GetParam()), data.encoder);
  const VectorXd theta = somewhere(covariance.hyperparameters());
  const MatrixXd X = data.X.topRows(12);
  const auto coordinates = covariance.coordinates(theta, covariance.points(X));
  const MatrixXd k = covariance.cross(theta, coordinates, covariance.points(X)).value;
  for (Index i = 0; i < X.rows(); ++i) {
    for (Index j = 0; j < X.rows(); ++j) {
      ASSERT_NEAR(k(i, j), documented(GetParam(), theta, X.row(i), X.row(j)), 1e-12) << i << ", " << j;
    }
  }
  Covariance::Workspace work;
  MatrixXd lower;
  covariance.evaluate_lower(theta, covariance.points(X), work, lower);
  EXPECT_LT((MatrixXd(lower.triangularView<Eigen::Lower>()) - MatrixXd(k.triangularView<Eigen::Lower>()))
                .cwiseAbs()
                .maxCoeff(),
            1e-12);
  EXPECT_LT((k.diagonal() - covariance.diagonal(theta, covariance.points(X))).cwiseAbs().maxCoeff(), 1e-12);
  EXPECT_GT(Eigen::SelfAdjointEigenSolver<MatrixXd>(k).eigenvalues().minCoeff(), -1e-10);
}

TEST_P(EveryKernel, hyperparameter_gradients_are_those_of_finite_differences) {
  const features::Dataset data = test::make(plan());
  const ModelSpec model = model_of(GetParam());
  const LogPosterior target(model, std::make_shared<const Covariance>(model, data.encoder),
                            detail::standardise(features::reduce(data, 0, VectorXd::Ones(data.n()))));
  const VectorXd theta = somewhere(target.hyperparameters());
  LogPosterior::Workspace work;
  static_cast<void>(target.value(theta, work));
  const Eigen::VectorXd gradient = target.gradient(theta, work);
  for (Index k = 0; k < theta.size(); ++k) {
    const auto at = [&](double step) {
      VectorXd moved = theta;
      moved(k) += step;
      return target.value(moved, work).log_posterior;
    };
    const double h = 1e-5;
    const double difference = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
    EXPECT_NEAR(gradient(k), difference, 1e-5 * std::max(1.0, std::abs(difference)));
  }
}

TEST_P(EveryKernel, input_gradients_are_those_of_finite_differences) {
  const features::Dataset data = test::make(plan());
  const Covariance covariance(model_of(GetParam()), data.encoder);
  const VectorXd theta = somewhere(covariance.hyperparameters());
  const auto coordinates = covariance.coordinates(theta, covariance.points(data.X.topRows(8)));
  const MatrixXd X = data.X.bottomRows(5);
  const auto cross = covariance.cross(theta, coordinates, covariance.points(X));
  const MatrixXd coefficient = MatrixXd::Random(8, 5);
  const MatrixXd gradient = covariance.input_gradients(theta, cross, {&coefficient}).front();
  const MatrixXd own = covariance.diagonal_gradient(theta, covariance.points(X));
  for (Index column = 0; column < 2; ++column) {
    const auto at = [&](double step) {
      MatrixXd moved = X;
      moved.col(column).array() += step;
      return covariance.cross(theta, coordinates, covariance.points(moved)).value;
    };
    const auto diagonal_at = [&](double step) {
      MatrixXd moved = X;
      moved.col(column).array() += step;
      return covariance.diagonal(theta, covariance.points(moved));
    };
    const double h = 1e-5;
    const VectorXd difference = ((at(h) - at(-h)) / (2.0 * h)).cwiseProduct(coefficient).colwise().sum().transpose();
    EXPECT_LT((gradient.col(column) - difference).cwiseAbs().maxCoeff(), 1e-6);
    EXPECT_LT((own.col(column) - (diagonal_at(h) - diagonal_at(-h)) / (2.0 * h)).cwiseAbs().maxCoeff(), 1e-6);
  }
  EXPECT_TRUE(gradient.col(2).isZero());
}

TEST_P(EveryKernel, comes_back_from_json) {
  const ModelSpec model = model_of(GetParam());
  EXPECT_EQ(to_json(model_from_json(to_json(model))).dump(), to_json(model).dump());
}

TEST(embedding, of_one_category_is_nothing_and_of_two_has_one_dimension) {
  const features::Encoder one({test::numeric("a"), test::categorical("c", 1)});
  ModelSpec model;
  model.factors = {{.name = "a", .kind = FactorKind::rbf, .length = around(0.7)},
                   {.name = "e", .kind = FactorKind::embedding, .length = around(1.0)}};
  model.terms = {{.name = "signal", .factors = {0, 1}, .variance = around(1.0)}};
  EXPECT_EQ(Covariance(model, one).hyperparameters().size(), 2U);
  const features::Encoder two({test::numeric("a"), test::categorical("c", 2), test::categorical("d", 1)});
  const Covariance covariance(model, two);
  ASSERT_EQ(covariance.hyperparameters().size(), 4U);
  EXPECT_EQ(covariance.hyperparameters()[1].name, "log_place:e:c:level 0:0");
  EXPECT_NE(covariance.hyperparameters()[1].spec.start, covariance.hyperparameters()[2].spec.start);
  model.factors[1].rank = 1;
  const features::Encoder five({test::numeric("a"), test::categorical("c", 5)});
  EXPECT_EQ(Covariance(model, five).hyperparameters().size(), 7U);
}

TEST(kernels_of_one_input, refuse_none_and_several) {
  const features::Encoder encoder(
      {test::numeric("a"), test::numeric("b"), test::categorical("c", 2), test::categorical("d", 2)});
  for (const FactorKind kind : {FactorKind::forgetting, FactorKind::coregionalisation}) {
    ModelSpec model;
    model.factors = {{.name = "f", .kind = kind, .length = around(0.1), .own = around(0.1)}};
    model.factors[0].length.high = 0.5;
    model.terms = {{.name = "signal", .factors = {0}, .variance = around(1.0)}};
    EXPECT_THROW(Covariance(model, encoder), core::ConfigurationError);
    model.factors[0].inputs = {kind == FactorKind::forgetting ? "b" : "d"};
    EXPECT_NO_THROW(Covariance(model, encoder));
  }
  ModelSpec model;
  model.factors = {{.name = "f", .kind = FactorKind::forgetting, .length = around(0.1), .inputs = {"a"}}};
  EXPECT_THROW(Covariance(model, encoder), core::ConfigurationError) << "all may be forgotten at once";
}

INSTANTIATE_TEST_SUITE_P(kernels, EveryKernel, testing::ValuesIn(cases()),
                         [](const auto& one) { return name_of(one.param); });

}  // namespace
}  // namespace luban::surrogate
