#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <luban/core/normal.hpp>
#include <luban/core/random.hpp>
#include <luban/surrogate/detail/normal_moments.hpp>

#include "hand_made.hpp"

namespace luban::surrogate::detail {
namespace {

using Function = std::function<double(double)>;

double simpson(const Function& f, double a, double fa, double b, double fb, double middle, double fm, double whole,
               double tolerance, int depth) {
  const double left = 0.5 * (a + middle);
  const double right = 0.5 * (middle + b);
  const double fl = f(left);
  const double fr = f(right);
  const double one = (middle - a) / 6.0 * (fa + 4.0 * fl + fm);
  const double two = (b - middle) / 6.0 * (fm + 4.0 * fr + fb);
  if (depth == 0 || std::abs(one + two - whole) < 15.0 * tolerance) return one + two + (one + two - whole) / 15.0;
  return simpson(f, a, fa, middle, fm, left, fl, one, 0.5 * tolerance, depth - 1) +
         simpson(f, middle, fm, b, fb, right, fr, two, 0.5 * tolerance, depth - 1);
}

/// ∫ f φ by adaptive Simpson, panel by panel: the reference.
double expectation(const Function& f, double tolerance) {
  const Function weighted = [&](double x) { return f(x) * std::exp(core::log_normal_density(x)); };
  double out = 0.0;
  for (double a = -12.0; a < 12.0; a += 0.5) {
    const double b = a + 0.5;
    const double fa = weighted(a);
    const double fb = weighted(b);
    const double fm = weighted(a + 0.25);
    out += simpson(weighted, a, fa, b, fb, a + 0.25, fm, 0.5 / 6.0 * (fa + 4.0 * fm + fb), tolerance, 30);
  }
  return out;
}

std::shared_ptr<const ResponseTransform> fitted(const std::string& name) {
  core::Generator generator(5);
  Eigen::VectorXd values(80);
  for (double& y : values) y = 0.3 + std::exp(0.8 * generator.normal());
  if (name == "bilog" || name == "left") values = (1.2 - values.array()).matrix();
  return fit_response_transform(name == "left" ? "yeo_johnson" : name, values);
}

struct Worst {
  double mean = 0.0;
  double variance = 0.0;
  double latent = 0.0;
};

TEST(normal_moments, agree_with_adaptive_quadrature) {
  for (const std::string name : {"yeo_johnson", "left", "box_cox", "bilog", "standardise+bilog", "bilog+yeo_johnson"}) {
    const NormalMoments moments(fitted(name));
    const auto& g = moments.transform();
    Worst worst;
    for (const double mean : {-1.5, -0.1, 0.4}) {
      for (const double sd : {0.02, 0.3, 1.0}) {
        const auto expansion = moments.expand(mean, sd * sd);
        const double spread = std::sqrt(expansion.variance);
        const double middle = g.inverse(mean);
        const double first = middle + expectation([&](double x) { return g.inverse(mean + sd * x) - middle; }, 1e-13);
        const double second =
            expectation([&](double x) { return std::pow(g.inverse(mean + sd * x) - first, 2); }, 1e-14);
        worst.mean = std::max(worst.mean, std::abs(expansion.mean - first) / spread);
        worst.variance = std::max(worst.variance, std::abs(expansion.variance / second - 1.0));
        if (sd < 0.1 || mean < -1.0) continue;  // two nested integrals cost most of the time
        for (const double share : {0.1, 0.98}) {
          const double f_sd = std::sqrt(share) * sd;
          const double rest = std::sqrt(1.0 - share) * sd;
          const double scale = expansion.variance;
          const double latent = expectation(
              [&](double x) {
                const double inner =
                    expectation([&](double e) { return g.inverse(mean + f_sd * x + rest * e) - first; }, 1e-6 * spread);
                return inner * inner;
              },
              1e-6 * scale);
          const double ours = moments.covariance(expansion, expansion, f_sd * f_sd);
          worst.latent = std::max(worst.latent, std::abs(ours - latent) / scale);
        }
      }
    }
    EXPECT_LT(worst.mean, 1e-11) << name;
    EXPECT_LT(worst.variance, 1e-10) << name;
    EXPECT_LT(worst.latent, 2e-5) << name;
  }
}

TEST(normal_moments, series_and_closed_form_agree_where_both_are_known) {
  // Logarithms hidden behind a transform that knows no closed form.
  class Hidden final : public ResponseTransform {
   public:
    explicit Hidden(std::shared_ptr<const ResponseTransform> inner) : inner_(std::move(inner)) {}
    [[nodiscard]] std::string name() const override { return "hidden"; }
    [[nodiscard]] double forward(double y) const override { return inner_->forward(y); }
    [[nodiscard]] double inverse(double z) const override { return inner_->inverse(z); }
    [[nodiscard]] double inverse_slope(double z) const override { return inner_->inverse_slope(z); }
    [[nodiscard]] double log_jacobian(double y) const override { return inner_->log_jacobian(y); }
    [[nodiscard]] core::Json to_json() const override { return {}; }

   private:
    std::shared_ptr<const ResponseTransform> inner_;
  };
  for (const std::string name : {"log", "shifted_log", "log_warp_high", "log_warp_low", "standardise"}) {
    const NormalMoments closed(fitted(name));
    const NormalMoments series(std::make_shared<const Hidden>(fitted(name)));
    const auto near = [&](double got, double wanted) { EXPECT_NEAR(got, wanted, 1e-9 * std::abs(wanted) + 1e-9); };
    const auto a = closed.expand(0.3, 0.5);
    const auto b = closed.expand(-0.2, 0.2);
    const auto a2 = series.expand(0.3, 0.5);
    const auto b2 = series.expand(-0.2, 0.2);
    near(a2.mean, a.mean);
    near(a2.slope, a.slope);
    near(a2.variance, a.variance);
    for (const double covariance : {-0.2, 0.0, 0.1, 0.3}) {
      near(series.covariance(a2, b2, covariance), closed.covariance(a, b, covariance));
      const auto wanted = closed.partials(a, b, covariance);
      const auto got = series.partials(a2, b2, covariance);
      near(got.by_covariance, wanted.by_covariance);
      near(got.by_mean_a, wanted.by_mean_a);
      near(got.by_mean_b, wanted.by_mean_b);
      near(got.by_variance_a, wanted.by_variance_a);
      near(got.by_variance_b, wanted.by_variance_b);
    }
    near(series.mean_partials(a2).by_mean, closed.mean_partials(a).by_mean);
    near(series.mean_partials(a2).by_variance, closed.mean_partials(a).by_variance);
    const double y = closed.smooth(0.1, 0.3).mean;
    near(series.inverse_of_smooth(y, 0.3), 0.1);
    near(closed.inverse_of_smooth(y, 0.3), 0.1);
  }
}

TEST(normal_moments, a_point_without_spread_is_a_straight_line) {
  for (const std::string name : {"yeo_johnson", "log", "bilog"}) {
    const NormalMoments moments(fitted(name));
    const auto nothing = moments.expand(0.4, 0.0);
    EXPECT_DOUBLE_EQ(nothing.mean, moments.transform().inverse(0.4));
    EXPECT_DOUBLE_EQ(nothing.variance, 0.0);
    EXPECT_NEAR(nothing.slope, moments.transform().inverse_slope(0.4), 1e-12);
    for (const double sd : {3e-8, 3e-7}) {  // on either side of the border
      const auto little = moments.expand(0.4, sd * sd);
      EXPECT_NEAR(std::sqrt(little.variance), nothing.slope * sd, 1e-6 * nothing.slope * sd) << name;
      EXPECT_NEAR(moments.covariance(little, little, 0.5 * sd * sd), 0.5 * little.variance, 1e-6 * little.variance);
    }
  }
}

}  // namespace
}  // namespace luban::surrogate::detail
