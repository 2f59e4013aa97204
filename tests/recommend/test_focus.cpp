#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/recommend/detail/focus.hpp>
#include <luban/surrogate/gaussian_process.hpp>

#include "turning.hpp"

namespace luban::recommend {
namespace {

using surrogate::VarianceOf;

std::shared_ptr<const surrogate::GaussianProcess> three_responses() {
  features::Dataset data = test::turning_data();
  const Eigen::VectorXd y = data.Y.col(0);
  data.Y.resize(y.size(), 3);
  data.Y << y, -2.0 * y, y.cwiseAbs2();
  data.responses = {{"a", ""}, {"b", ""}, {"c", ""}};
  return surrogate::GaussianProcess::fit(data, {.starts = 1}, core::RandomKey(1));
}

TEST(Focus, chosen_responses_are_as_before_and_the_others_cost_nothing) {
  const auto whole = three_responses();
  const auto focused = detail::focused(whole, {2, 1, 2, 7});
  ASSERT_NE(focused, whole);
  ASSERT_EQ(focused->responses().size(), 3U);
  const Eigen::MatrixXd X = test::turning_data().X.topRows(4);
  const surrogate::PosteriorRequest request{.gradients = true, .joint = true};
  const auto before = whole->posterior(X, request);
  const auto after = focused->posterior(X, request);
  for (const Eigen::Index r : {1, 2}) {
    EXPECT_EQ(after->mean().col(r), before->mean().col(r));
    EXPECT_EQ(after->covariance(r, VarianceOf::latent), before->covariance(r, VarianceOf::latent));
    EXPECT_EQ(after->mean_gradient(r), before->mean_gradient(r));
    EXPECT_EQ(after->variance_gradient(r), before->variance_gradient(r));
    const Eigen::MatrixXd weights = Eigen::MatrixXd::Ones(4, 4);
    EXPECT_EQ(after->covariance_gradient(r, weights), before->covariance_gradient(r, weights));
    for (const VarianceOf of : {VarianceOf::latent, VarianceOf::run_mean, VarianceOf::reading}) {
      EXPECT_TRUE(after->variance(of).col(r).isApprox(before->variance(of).col(r), 1e-12));
    }
  }
  EXPECT_TRUE(after->mean().col(0).isZero());
  EXPECT_TRUE(after->covariance_gradient(0, Eigen::MatrixXd::Ones(4, 4)).isZero());
  EXPECT_TRUE(after->variance(VarianceOf::reading).col(0).isOnes());
  EXPECT_EQ(detail::focused(whole, {0, 1, 2}), whole);
  EXPECT_EQ(detail::focused(whole, {})->posterior(X)->q(), 4);
  EXPECT_THROW(static_cast<void>(whole->only({3})), core::ConfigurationError);
}

TEST(Focus, asks_the_surrogate_and_takes_no_for_an_answer) {
  const auto two = std::make_shared<test::AnalyticSurrogate>(  // it leaves nothing out
      test::turning_encoder(), std::vector<std::string>{"a", "b"},
      std::vector<test::Function>{test::coded_roughness, test::coded_roughness}, test::turning_data().X,
      test::AnalyticSurrogate::Options{});
  EXPECT_EQ(two->only({0}), nullptr);
  EXPECT_EQ(detail::focused(two, {1}), two);
}

}  // namespace
}  // namespace luban::recommend
