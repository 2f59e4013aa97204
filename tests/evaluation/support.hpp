#pragma once

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include <luban/core/random.hpp>
#include <luban/evaluation/cross_validation.hpp>
#include <luban/features/dataset.hpp>
#include <luban/surrogate/surrogate.hpp>

namespace luban::evaluation::testing {

/// What a simulated process does: y = 5 + 2 x + group + run + reading.
struct World {
  int groups = 12;
  int runs = 3;  ///< per group, at the group's point
  int readings = 4;
  double group_sd = 0.0;
  double run_sd = 0.5;
  double reading_sd = 0.3;
};

inline features::Dataset simulate(const World& world, core::RandomKey key) {
  core::Generator random = key.generator();
  features::Dataset data;
  data.encoder = features::Encoder({{.name = "x", .unit = "mm", .low = 0.0, .high = 1.0}});
  data.responses = {{"y", "um"}};
  const int n = world.groups * world.runs * world.readings;
  data.X.resize(n, 1);
  data.Y.resize(n, 1);
  for (int g = 0, i = 0; g < world.groups; ++g) {
    data.group_labels.push_back("g" + std::to_string(g));
    const double x = random.uniform();
    const double of_group = world.group_sd * random.normal();
    for (int r = 0; r < world.runs; ++r) {
      const double of_run = world.run_sd * random.normal();
      data.run_ids.push_back(std::to_string(g) + "/" + std::to_string(r));
      data.group.push_back(g);
      data.run_time.push_back(static_cast<std::int64_t>(data.run_ids.size()));
      for (int k = 0; k < world.readings; ++k, ++i) {
        data.X(i, 0) = x;
        data.Y(i, 0) = 5.0 + 2.0 * x + of_group + of_run + world.reading_sd * random.normal();
        data.run.push_back(static_cast<std::int32_t>(data.run_ids.size()) - 1);
        data.source_row.push_back(i);
        data.repeat.push_back(k + 1);
      }
    }
  }
  return data;
}

/// A line through the training readings, with standard deviations that the test chooses.
class Line final : public surrogate::Surrogate {
 public:
  Line(const features::Dataset& data, double latent_sd, double between_sd, double within_sd)
      : encoder_(data.encoder),
        responses_(data.responses),
        latent_(latent_sd * latent_sd),
        between_(between_sd * between_sd),
        within_(within_sd * within_sd) {
    const Eigen::VectorXd x = data.X.col(0);
    const Eigen::VectorXd y = data.Y.col(0);
    const Eigen::VectorXd centred = x.array() - x.mean();
    slope_ = centred.dot(y) / centred.squaredNorm();
    start_ = y.mean() - slope_ * x.mean();
  }
  [[nodiscard]] std::string kind() const override { return "line"; }
  [[nodiscard]] const features::Encoder& encoder() const noexcept override { return encoder_; }
  [[nodiscard]] const std::vector<features::ResponseColumn>& responses() const noexcept override { return responses_; }
  [[nodiscard]] std::unique_ptr<surrogate::Posterior> posterior(const Eigen::MatrixXd& X,
                                                                const surrogate::PosteriorRequest&) const override {
    surrogate::GaussianPosterior::Moments moments;
    moments.mean = (start_ + slope_ * X.col(0).array()).matrix();
    moments.variance = Eigen::VectorXd::Constant(X.rows(), latent_);
    moments.between_variance = Eigen::VectorXd::Constant(X.rows(), between_);
    moments.within_variance = Eigen::VectorXd::Constant(X.rows(), within_);
    return std::make_unique<surrogate::GaussianPosterior>(
        std::vector<surrogate::GaussianPosterior::Moments>{std::move(moments)});
  }

 private:
  features::Encoder encoder_;
  std::vector<features::ResponseColumn> responses_;
  double latent_, between_, within_;
  double slope_ = 0.0;
  double start_ = 0.0;
};

inline Contender line(std::string name, double latent_sd, double between_sd, double within_sd) {
  return {.name = std::move(name),
          .make = [=](const features::Dataset& data, core::RandomKey, const core::CallControl&) {
            return std::make_shared<const Line>(data, latent_sd, between_sd, within_sd);
          }};
}

}  // namespace luban::evaluation::testing
