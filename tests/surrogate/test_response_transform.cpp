#include <cmath>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/core/random.hpp>
#include <luban/surrogate/detail/normal_moments.hpp>
#include <luban/surrogate/response_transform.hpp>

#include "hand_made.hpp"

namespace luban::surrogate {
namespace {

using test::VectorXd;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// scipy 1.17.1: yeojohnson_llf and boxcox_llf maximised by minimize_scalar(method="bounded", bounds=(-2, 4),
// options={"xatol": 1e-12}) of u = (y - median) / (1.4826 MAD) and of y / geometric mean.
VectorXd skewed() {
  return (VectorXd(10) << 0.4, 0.7, 0.9, 1.1, 1.3, 1.8, 2.2, 3.1, 4.9, 9.6).finished();
}

VectorXd values_of(const std::string& name) {
  if (name.find("log") == 0 || name == "box_cox") return skewed();
  core::Generator generator(7);
  VectorXd out(60);
  for (double& y : out) y = std::exp(generator.normal()) - 0.8;
  return out;
}

std::vector<std::string> all_names() {
  std::vector<std::string> out;
  for (const ResponseTransformKind& kind : response_transforms()) out.push_back(kind.name);
  out.insert(out.end(), {"winsorise+yeo_johnson", "standardise+bilog", "log+standardise", "bilog+yeo_johnson"});
  return out;
}

TEST(response_transform, goes_and_comes_back_increasing_with_its_own_slope) {
  for (const std::string& name : all_names()) {
    const VectorXd values = values_of(name);
    const auto transform = fit_response_transform(name, values);
    EXPECT_EQ(transform->name(), name);
    double before = -std::numeric_limits<double>::infinity();
    const double range = values.maxCoeff() - values.minCoeff();
    for (int k = 0; k <= 200; ++k) {
      // From beyond the range, but inside the domain, to two ranges above.
      const bool positive = name == "log" || name == "box_cox" || name == "log+standardise";
      const double least = values.minCoeff();
      const double low = positive ? 0.01 * least : name == "shifted_log" ? least : least - 1.9 * range;
      const double y = low + (values.maxCoeff() + 1.9 * range - low) * k / 200.0;
      const double z = transform->forward(y);
      if (std::isnan(z)) {  // log warps end two ranges out
        EXPECT_TRUE(name.find("log_warp") == 0) << name << " at " << y;
        continue;
      }
      EXPECT_GT(z, before) << name << " at " << y;
      before = z;
      EXPECT_NEAR(transform->inverse(z), y, 1e-11 * (std::abs(y) + range)) << name;
      EXPECT_NEAR(std::log(transform->inverse_slope(z)), -transform->log_jacobian(y), 1e-9) << name << " at " << y;
      const double step = 1e-6 * range;
      const double slope = (transform->forward(y + step) - transform->forward(y - step)) / (2.0 * step);
      if (!std::isfinite(slope)) continue;
      EXPECT_NEAR(std::log(slope), transform->log_jacobian(y), 2e-3) << name << " at " << y;
    }
    EXPECT_TRUE(std::isnan(transform->forward(nan))) << name;
    EXPECT_TRUE(std::isnan(transform->training_value(nan))) << name;
  }
}

TEST(response_transform, survives_json_to_the_last_bit) {
  for (const std::string& name : all_names()) {
    const VectorXd values = values_of(name);
    const auto transform = fit_response_transform(name, values);
    const auto again = response_transform_from_json(core::Json::parse(transform->to_json().dump()));
    EXPECT_EQ(again->name(), name);
    EXPECT_EQ(again->kinks(), transform->kinks());
    for (const double y : values) {
      EXPECT_EQ(again->forward(y), transform->forward(y)) << name;
      EXPECT_EQ(again->training_value(y), transform->training_value(y)) << name;
      EXPECT_EQ(again->inverse(transform->forward(y)), transform->inverse(transform->forward(y))) << name;
    }
  }
}

TEST(response_transform, shapes_are_those_of_greatest_likelihood) {
  const auto yeo_johnson = fit_response_transform("yeo_johnson", skewed());
  EXPECT_NEAR(yeo_johnson->to_json().at("shape").as_double(), -0.11612631, 1e-6);
  EXPECT_NEAR(yeo_johnson->forward(0.4), -1.65101041, 1e-6);
  EXPECT_NEAR(yeo_johnson->forward(1.8), 0.20043284, 1e-6);
  EXPECT_NEAR(yeo_johnson->forward(9.6), 1.87055121, 1e-6);
  const auto box_cox = fit_response_transform("box_cox", skewed());
  EXPECT_NEAR(box_cox->to_json().at("shape").as_double(), -0.17356381, 1e-6);
  EXPECT_NEAR(box_cox->forward(0.4), -1.64889466, 1e-6);
  EXPECT_NEAR(box_cox->forward(9.6), 1.49291821, 1e-6);
  const VectorXd left = (VectorXd(10) << -3.0, -1.2, -0.5, -0.1, 0.05, 0.3, 0.6, 0.8, 0.85, 0.9).finished();
  EXPECT_NEAR(fit_response_transform("yeo_johnson", left)->to_json().at("shape").as_double(), 2.16512026, 1e-6);
}

TEST(response_transform, yeo_johnson_undoes_itself_on_normal_values) {
  core::Generator generator(11);
  VectorXd values(4000);
  for (double& y : values) y = generator.normal();
  EXPECT_NEAR(fit_response_transform("yeo_johnson", values)->to_json().at("shape").as_double(), 1.0, 0.06);
}

TEST(response_transform, does_not_depend_on_the_unit) {
  const VectorXd values = values_of("yeo_johnson");
  for (const std::string name : {"yeo_johnson", "bilog", "standardise", "log_warp_high", "winsorise+yeo_johnson"}) {
    const auto plain = fit_response_transform(name, values);
    for (const double unit : {1e-12, 1e12}) {
      const auto scaled = fit_response_transform(name, unit * values);
      for (const double y : values) {
        EXPECT_NEAR(scaled->forward(unit * y), plain->forward(y), 1e-6 * (1.0 + std::abs(plain->forward(y)))) << name;
      }
    }
  }
  for (const double unit : {1e-12, 1e12}) {
    const auto box_cox = fit_response_transform("box_cox", unit * skewed());
    EXPECT_NEAR(box_cox->forward(unit * 1.8), fit_response_transform("box_cox", skewed())->forward(1.8), 1e-6);
  }
}

TEST(response_transform, shapes_at_a_bound_keep_an_inverse_for_every_z) {
  VectorXd values(40);
  for (int k = 0; k < 40; ++k) values(k) = std::exp(0.1 * k * k / 10.0);  // far more than exponential
  for (const std::string name : {"yeo_johnson", "box_cox"}) {
    for (const double sign : {1.0, -1.0}) {
      if (name == "box_cox" && sign < 0.0) continue;
      const auto transform = fit_response_transform(name, sign * values);
      for (double z = -1000.0; z <= 1000.0; z += 7.0) {
        EXPECT_TRUE(std::isfinite(transform->inverse(z))) << name << " at " << z;
        EXPECT_GT(transform->inverse_slope(z), 0.0) << name << " at " << z;
      }
    }
  }
}

TEST(response_transform, straight_where_values_say_nothing) {
  for (const std::string name : {"yeo_johnson", "box_cox", "bilog", "standardise", "winsorise", "winsorise_deviations",
                                 "log", "shifted_log", "log_warp_high", "log_warp_low"}) {
    for (const double level : {3.0, 1e-12, 1e12}) {
      for (const Eigen::Index n : {1, 2, 30}) {
        const VectorXd constant = VectorXd::Constant(n, level);
        const auto transform = fit_response_transform(name, constant);
        EXPECT_NEAR(transform->inverse(transform->training_value(level)), level, 1e-9 * level + 1e-15) << name;
      }
    }
  }
  const auto shape = [](const std::string& name) {
    return fit_response_transform(name, VectorXd::Constant(9, 2.0))->to_json().at("shape").as_double();
  };
  EXPECT_EQ(shape("yeo_johnson"), 1.0);
  EXPECT_EQ(shape("box_cox"), 1.0);
}

TEST(response_transform, a_collapse_is_refused) {
  VectorXd values = VectorXd::LinSpaced(41, -1.0, 1.0);
  // Most values in a lump at the edge of a wide, flat spread: the likeliest shape squeezes all else together.
  for (int k = 0; k < 30; ++k) values(k) = -1e6 - 1e-3 * k;
  const auto transform = fit_response_transform("yeo_johnson", values);
  double sum = 0.0;
  double square = 0.0;
  for (const double y : values) {
    const double z = transform->forward(y);
    sum += z / 41.0;
    square += z * z / 41.0;
  }
  EXPECT_GE(std::sqrt(square - sum * sum), 0.5);
}

TEST(response_transform, winsorise_clips_what_is_learned_and_nothing_else) {
  const VectorXd values = VectorXd::LinSpaced(101, 0.0, 100.0);
  const auto transform = fit_response_transform("winsorise", values, {.winsorise_share = 0.1});
  EXPECT_DOUBLE_EQ(transform->training_value(3.0), 10.0);
  EXPECT_DOUBLE_EQ(transform->training_value(99.0), 90.0);
  EXPECT_DOUBLE_EQ(transform->training_value(50.0), 50.0);
  EXPECT_DOUBLE_EQ(transform->forward(99.0), 99.0);
  EXPECT_DOUBLE_EQ(transform->inverse(99.0), 99.0);
  VectorXd wild = values;
  wild(100) = 1e6;
  const auto deviations = fit_response_transform("winsorise_deviations", wild, {.winsorise_deviations = 3.0});
  EXPECT_NEAR(deviations->training_value(1e6), 50.0 + 3.0 * 1.4826 * 25.0, 1.0);
  EXPECT_DOUBLE_EQ(deviations->training_value(0.0), 0.0);
}

TEST(response_transform, refuses_what_it_cannot_take_and_names_the_row) {
  VectorXd values = skewed();
  values(2) = nan;
  values(4) = -0.25;
  for (const std::string name : {"log", "box_cox", "winsorise+log"}) {
    try {
      (void)fit_response_transform(name, values, {.winsorise_share = 0.0}, "Ra");
      FAIL() << name;
    } catch (const core::DataError& error) {
      EXPECT_NE(error.detail().place.find("row 4"), std::string::npos) << error.what();
      EXPECT_NE(error.detail().place.find("Ra"), std::string::npos) << error.what();
      EXPECT_EQ(error.detail().received, "-0.25");
    }
  }
  values(7) = std::numeric_limits<double>::infinity();
  EXPECT_THROW((void)fit_response_transform("none", values), core::DataError);
  EXPECT_THROW((void)fit_response_transform("log", VectorXd::Constant(4, nan)), core::DataError);
  EXPECT_THROW((void)fit_response_transform("log", VectorXd()), core::DataError);
  EXPECT_THROW((void)fit_response_transform("logg", skewed()), core::ConfigurationError);
  EXPECT_THROW((void)fit_response_transform("", skewed()), core::ConfigurationError);
  EXPECT_THROW((void)fit_response_transform("log+", skewed()), core::ConfigurationError);
  EXPECT_THROW((void)fit_response_transform("winsorise", skewed(), {.winsorise_share = 0.5}), core::ConfigurationError);
  EXPECT_THROW((void)fit_response_transform("winsorise", skewed(), {.winsorise_deviations = 0.0}),
               core::ConfigurationError);
}

TEST(response_transform, damaged_json_is_refused) {
  const auto refused = [](const char* text) {
    EXPECT_THROW((void)response_transform_from_json(core::Json::parse(text)), core::DataError) << text;
  };
  refused(R"({})");
  refused(R"({"name": "nothing"})");
  refused(R"({"name": "bilog", "scale": 0})");
  refused(R"({"name": "bilog", "scale": null})");
  refused(R"({"name": "log", "offset": 0, "scale": 1, "rate": -1})");
  refused(R"({"name": "yeo_johnson", "location": 0, "scale": 1, "shape": 7, "low": -1, "high": 1})");
  refused(R"({"name": "yeo_johnson", "location": 0, "scale": 1, "shape": 1, "low": 1, "high": 1})");
  refused(R"({"name": "box_cox", "scale": 1, "shape": 1, "low": 2, "high": 1})");
  refused(R"({"name": "winsorise", "low": 2, "high": 1})");
  refused(R"({"name": "a", "parts": []})");
  refused(R"({"name": "a", "parts": [{"name": "b", "parts": [{"name": "none"}]}]})");
}

}  // namespace
}  // namespace luban::surrogate
