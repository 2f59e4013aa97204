#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <luban/core/random.hpp>
#include <luban/features/dataset.hpp>

namespace luban::surrogate::test {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

inline features::EncodedVariable numeric(const std::string& name, features::Role role = features::Role::parameter) {
  return {.name = name, .unit = "mm", .role = role};
}

inline features::EncodedVariable categorical(const std::string& name, int levels,
                                             features::Role role = features::Role::context) {
  std::vector<std::string> categories;
  for (int level = 0; level < levels; ++level) categories.push_back("level " + std::to_string(level));
  return {.name = name, .unit = {}, .role = role, .kind = process::VariableKind::categorical, .categories = categories};
}

/// Inputs drawn at random: numeric uniform in [0, 1], categories uniform.
inline MatrixXd random_inputs(const features::Encoder& encoder, Index rows, std::uint64_t seed) {
  core::Generator generator(seed);
  MatrixXd out(rows, encoder.p());
  for (Index i = 0; i < rows; ++i) {
    for (Index k = 0; k < encoder.p(); ++k) {
      const features::EncodedVariable& variable = encoder.variables()[static_cast<std::size_t>(k)];
      out(i, k) = variable.is_numeric() ? generator.uniform()
                                        : static_cast<double>(generator.below(variable.categories.size()));
    }
  }
  return out;
}

/// A dataset of `runs` runs, each read at `points` input points (parameters and context shared, noise variables drawn
/// anew), `repeats` readings at each; a smooth response with run, point and reading noise.
struct Plan {
  std::vector<features::EncodedVariable> variables = {numeric("feed"), numeric("speed"), categorical("material", 3)};
  int runs = 12;
  int points = 1;
  int repeats = 1;
  int responses = 1;
  double run_sd = 0.1;
  double reading_sd = 0.1;
  std::uint64_t seed = 1;
};

inline double truth(const VectorXd& x, int response) {
  double sum = 0.3 * response;
  for (Index k = 0; k < x.size(); ++k)
    sum += std::sin(2.0 * x(k) + static_cast<double>(k)) / (1.0 + static_cast<double>(k));
  return 10.0 + 3.0 * sum;
}

inline features::Dataset make(const Plan& plan) {
  features::Dataset out;
  out.encoder = features::Encoder(plan.variables);
  const Index n = static_cast<Index>(plan.runs) * plan.points * plan.repeats;
  out.X.resize(n, out.encoder.p());
  out.Y.resize(n, plan.responses);
  core::Generator generator(plan.seed);
  const MatrixXd base = random_inputs(out.encoder, plan.runs, plan.seed + 1);
  const MatrixXd anew = random_inputs(out.encoder, static_cast<Index>(plan.runs) * plan.points, plan.seed + 2);
  Index row = 0;
  for (int run = 0; run < plan.runs; ++run) {
    const double effect = plan.run_sd * generator.normal();
    for (int point = 0; point < plan.points; ++point) {
      VectorXd x = base.row(run);
      for (const Index k : out.encoder.columns_of(features::Role::noise)) x(k) = anew(run * plan.points + point, k);
      for (int repeat = 0; repeat < plan.repeats; ++repeat, ++row) {
        out.X.row(row) = x;
        for (int response = 0; response < plan.responses; ++response) {
          out.Y(row, response) = truth(x, response) + effect + plan.reading_sd * generator.normal();
        }
        out.run.push_back(run);
        out.source_row.push_back(row);
        out.repeat.push_back(repeat);
      }
    }
    out.run_ids.push_back("run " + std::to_string(run));
    out.group.push_back(run);
    out.group_labels.push_back("group " + std::to_string(run));
    out.run_time.push_back(std::numeric_limits<std::int64_t>::min());
  }
  for (int response = 0; response < plan.responses; ++response) {
    out.responses.push_back({"response " + std::to_string(response), "um"});
  }
  return out;
}

}  // namespace luban::surrogate::test
