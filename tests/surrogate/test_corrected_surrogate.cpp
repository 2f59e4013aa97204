#include <cmath>
#include <limits>
#include <memory>

#include <gtest/gtest.h>
#include <Eigen/LU>

#include <luban/core/error.hpp>
#include <luban/surrogate/corrected_surrogate.hpp>
#include <luban/surrogate/gaussian_process.hpp>

#include "hand_made.hpp"

namespace luban::surrogate {
namespace {

using features::Role;
using test::Index;
using test::MatrixXd;
using test::VectorXd;

constexpr double always = std::numeric_limits<double>::infinity();

const test::Plan plan{.variables = {test::numeric("feed"), test::numeric("speed"), test::categorical("wear", 2),
                                    test::categorical("position", 3, Role::noise)},
                      .runs = 14,
                      .points = 3,
                      .repeats = 2,
                      .responses = 2};

std::vector<ResidualTerm> two_terms() {
  return {{.variance = 0.5, .lengths = (VectorXd(4) << always, always, 1.4, always).finished(), .time_constant = 8.0},
          {.variance = 0.1, .lengths = (VectorXd(4) << 0.5, 0.4, 2.0, always).finished()}};
}

struct Seen {
  MatrixXd points;
  VectorXd times;
  VectorXd residuals;
  VectorXd noise;
};

Seen seen(const features::Encoder& encoder, Index runs) {
  core::Generator generator(3);
  Seen out{test::random_inputs(encoder, runs, 5), VectorXd::LinSpaced(runs, 0.0, static_cast<double>(runs - 1)),
           VectorXd(runs), VectorXd::Constant(runs, 0.04)};
  for (double& value : out.residuals) value = generator.normal();
  return out;
}

ResidualProcess process_of(const features::Encoder& encoder, const Seen& s) {
  return {encoder, s.points, s.times, s.residuals, s.noise, two_terms()};
}

// The covariance written out, one pair at a time.
double kernel(const VectorXd& a, const VectorXd& b, double elapsed) {
  const double wear = a(2) != b(2) ? 1.0 : 0.0;
  const double near = std::pow((a(0) - b(0)) / 0.5, 2) + std::pow((a(1) - b(1)) / 0.4, 2);
  return 0.5 * std::exp(-std::abs(elapsed) / 8.0) * std::exp(-wear / 1.4) +
         0.1 * std::exp(-0.5 * near) * std::exp(-wear / 2.0);
}

TEST(residual_process, is_the_textbook_posterior) {
  const features::Encoder encoder(plan.variables);
  const Seen s = seen(encoder, 9);
  const ResidualProcess process = process_of(encoder, s);
  const MatrixXd X = test::random_inputs(encoder, 4, 8);
  const double now = 11.0;
  MatrixXd own(9, 9);
  MatrixXd cross(4, 9);
  MatrixXd ahead(4, 4);
  for (Index i = 0; i < 9; ++i) {
    for (Index j = 0; j < 9; ++j) own(i, j) = kernel(s.points.row(i), s.points.row(j), s.times(i) - s.times(j));
    for (Index a = 0; a < 4; ++a) cross(a, i) = kernel(X.row(a), s.points.row(i), now - s.times(i));
  }
  for (Index a = 0; a < 4; ++a) {
    for (Index b = 0; b < 4; ++b) ahead(a, b) = kernel(X.row(a), X.row(b), 0.0);
  }
  own.diagonal() += s.noise;
  const MatrixXd inverse = own.inverse();
  const GaussianPosterior::Moments moments = process.moments(X, now, {.joint = true});
  const VectorXd mean = cross * inverse * s.residuals;
  const MatrixXd covariance = ahead - cross * inverse * cross.transpose();
  EXPECT_LT((moments.mean - mean).cwiseAbs().maxCoeff(), 1e-12);
  EXPECT_LT((moments.covariance - covariance).cwiseAbs().maxCoeff(), 1e-12);
  EXPECT_LT((moments.variance - covariance.diagonal()).cwiseAbs().maxCoeff(), 1e-12);
  const double expected =
      -0.5 * s.residuals.dot(inverse * s.residuals) - 0.5 * std::log(own.determinant()) - 4.5 * std::log(2.0 * M_PI);
  EXPECT_NEAR(process.log_likelihood(), expected, 1e-10);
}

TEST(residual_process, gradients_are_those_of_differences) {
  const features::Encoder encoder(plan.variables);
  const ResidualProcess process = process_of(encoder, seen(encoder, 9));
  const MatrixXd X = test::random_inputs(encoder, 3, 4);
  const auto at = process.moments(X, 10.0, {.gradients = true});
  for (Index column = 0; column < 2; ++column) {
    MatrixXd up = X;
    MatrixXd down = X;
    up.col(column).array() += 1e-5;
    down.col(column).array() -= 1e-5;
    const auto high = process.moments(up, 10.0);
    const auto low = process.moments(down, 10.0);
    const VectorXd mean = (high.mean - low.mean) / 2e-5;
    const VectorXd variance = (high.variance - low.variance) / 2e-5;
    EXPECT_LT((at.mean_gradient.col(column) - mean).cwiseAbs().maxCoeff(), 1e-8);
    EXPECT_LT((at.variance_gradient.col(column) - variance).cwiseAbs().maxCoeff(), 1e-8);
  }
  EXPECT_EQ(at.mean_gradient.rightCols(2).cwiseAbs().maxCoeff(), 0.0);
}

TEST(residual_process, forgets_in_time) {
  const features::Encoder encoder(plan.variables);
  Seen s = seen(encoder, 9);
  const ResidualProcess process(encoder, s.points, s.times, s.residuals, s.noise, {two_terms().front()});
  const MatrixXd X = test::random_inputs(encoder, 5, 4);
  const auto later = process.moments(X, 1000.0);
  EXPECT_LT(later.mean.cwiseAbs().maxCoeff(), 1e-12);
  EXPECT_LT((later.variance.array() - 0.5).abs().maxCoeff(), 1e-12);
  EXPECT_LT(process.moments(X, 9.0).variance.maxCoeff(), 0.5);
}

TEST(residual_process, refuses_what_does_not_fit) {
  const features::Encoder encoder(plan.variables);
  const Seen s = seen(encoder, 5);
  const auto make = [&](const VectorXd& residuals, const VectorXd& noise, std::vector<ResidualTerm> terms) {
    return ResidualProcess(encoder, s.points, s.times, residuals, noise, std::move(terms));
  };
  EXPECT_THROW(make(VectorXd::Zero(4), s.noise, two_terms()), core::DataError);
  EXPECT_THROW(make(VectorXd::Constant(5, std::nan("")), s.noise, two_terms()), core::DataError);
  EXPECT_THROW(make(s.residuals, VectorXd::Zero(5), two_terms()), core::DataError);
  EXPECT_THROW(make(s.residuals, s.noise, {{.variance = -1.0, .lengths = VectorXd::Ones(4)}}), core::DataError);
  EXPECT_THROW(make(s.residuals, s.noise, {{.variance = 1.0, .lengths = VectorXd::Ones(3)}}), core::DataError);
  EXPECT_THROW(make(s.residuals, s.noise, {{.variance = 1.0, .lengths = VectorXd::Zero(4)}}), core::DataError);
  EXPECT_NO_THROW(make(s.residuals, s.noise, {}));
}

class corrected_surrogate : public testing::Test {
 protected:
  const features::Dataset data = test::make(plan);
  const std::shared_ptr<const Surrogate> inner = GaussianProcess::fit(data, {.starts = 1}, core::RandomKey(1));
  const std::shared_ptr<const ResidualProcess> missed =
      std::make_shared<ResidualProcess>(process_of(data.encoder, seen(data.encoder, 9)));
  const CorrectedSurrogate corrected{inner, {nullptr, missed}, 9.0};
};

TEST_F(corrected_surrogate, adds_to_the_response_that_was_corrected) {
  const MatrixXd X = test::random_inputs(data.encoder, 6, 4);
  const PosteriorRequest all{.gradients = true, .joint = true};
  const auto before = inner->posterior(X, all);
  const auto after = corrected.posterior(X, all);
  const auto more = missed->moments(X, 9.0, all);
  EXPECT_EQ(after->mean().col(0), before->mean().col(0));
  EXPECT_LT((after->mean().col(1) - before->mean().col(1) - more.mean).cwiseAbs().maxCoeff(), 1e-12);
  for (const VarianceOf of : {VarianceOf::latent, VarianceOf::run_mean, VarianceOf::reading}) {
    EXPECT_LT((after->variance(of).col(1) - before->variance(of).col(1) - more.variance).cwiseAbs().maxCoeff(), 1e-12);
  }
  const MatrixXd covariance =
      before->covariance(1, VarianceOf::latent) + more.covariance - after->covariance(1, VarianceOf::latent);
  EXPECT_LT(covariance.cwiseAbs().maxCoeff(), 1e-12);
  EXPECT_LT((after->mean_gradient(1) - before->mean_gradient(1) - more.mean_gradient).cwiseAbs().maxCoeff(), 1e-12);
}

TEST_F(corrected_surrogate, of_an_average_is_the_average_of_the_corrected) {
  const VectorXd weights = (VectorXd(3) << 0.5, 0.3, 0.2).finished();
  MatrixXd X = test::random_inputs(data.encoder, 12, 4);
  for (Index i = 0; i < 12; ++i) {
    X.row(i).head(3) = X.row(3 * (i / 3)).head(3);
    X(i, 3) = static_cast<double>(i % 3);
  }
  const auto fast = corrected.average(X, weights, {.gradients = true, .joint = true});
  const auto plain = corrected.Surrogate::average(X, weights, {.joint = true});
  EXPECT_LT((fast->mean() - plain->mean()).cwiseAbs().maxCoeff(), 1e-10);
  for (const VarianceOf of : {VarianceOf::latent, VarianceOf::reading}) {
    EXPECT_LT((fast->variance(of) - plain->variance(of)).cwiseAbs().maxCoeff(), 1e-9);
  }
}

TEST_F(corrected_surrogate, leaves_out_responses) {
  const MatrixXd X = test::random_inputs(data.encoder, 6, 4);
  const auto narrow = corrected.only({1});
  ASSERT_NE(narrow, nullptr);
  EXPECT_LT((narrow->posterior(X)->mean().col(0) - corrected.posterior(X)->mean().col(1)).cwiseAbs().maxCoeff(), 1e-12);
}

TEST_F(corrected_surrogate, refuses_what_does_not_fit) {
  EXPECT_THROW(CorrectedSurrogate(inner, {missed}, 0.0), core::DataError);
  const Seen s = seen(data.encoder, 4);
  const auto by_position =
      std::make_shared<ResidualProcess>(data.encoder, s.points, s.times, s.residuals, s.noise,
                                        std::vector<ResidualTerm>{{.variance = 1.0, .lengths = VectorXd::Ones(4)}});
  EXPECT_THROW(CorrectedSurrogate(inner, {nullptr, by_position}, 0.0), core::DataError);
}

}  // namespace
}  // namespace luban::surrogate
