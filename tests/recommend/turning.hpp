#pragma once

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <luban/recommend/recommend.hpp>
#include <luban/recommend/sobol.hpp>

#include "analytic_surrogate.hpp"

namespace luban::recommend::test {

/// A small turning process: roughness over speed and feed, worse with a worn tool; the removal rate is computed.
inline double roughness(double speed, double feed, bool worn) {
  const double s = (speed - 100.0) / 200.0;
  const double f = (feed - 0.05) / 0.10;
  return 1.0 + 1.5 * std::pow(s - 0.6, 2) + 2.0 * std::pow(f - 0.25, 2) + 0.4 * f * s + (worn ? 0.5 + 0.5 * f : 0.0);
}

inline process::Parameter parameter(const std::string& name, const std::string& unit, double low, double high) {
  process::Parameter p;
  p.name = name;
  p.unit = unit;
  p.low = low;
  p.high = high;
  return p;
}

inline process::ProcessDefinition turning_definition() {
  process::ProcessDefinition definition;
  definition.name = "turning";
  definition.parameters = {parameter("speed", "m/min", 100.0, 300.0), parameter("feed", "mm/rev", 0.05, 0.15)};
  process::ContextVariable tool;
  tool.name = "tool";
  tool.kind = process::VariableKind::categorical;
  tool.categories = {"New", "Worn"};
  definition.context = {tool};
  process::Response response;
  response.name = "roughness";
  response.unit = "um";
  definition.responses = {response};
  definition.derived = {{.name = "rate", .unit = "cm3/min", .sum = {{{{"speed", 1.0}, {"feed", 1.0}}}}}};
  definition.objectives = {{.response = "roughness", .goal = process::Goal::minimize},
                           {.response = "rate", .goal = process::Goal::maximize}};
  definition.parameter_constraints = {{.sum = {{"speed", 1.0}, {"feed", 1000.0}}, .upper = 400.0}};
  return definition;
}

inline features::Encoder turning_encoder() {
  features::EncodedVariable speed = numeric("speed", 100.0, 300.0);
  speed.unit = "m/min";
  features::EncodedVariable feed = numeric("feed", 0.05, 0.15);
  feed.unit = "mm/rev";
  return features::Encoder({speed, feed, named("tool", {"New", "Worn"}, features::Role::context)});
}

inline double coded_roughness(const Eigen::VectorXd& x) {
  return roughness(100.0 + 200.0 * x(0), 0.05 + 0.10 * x(1), x(2) == 1.0);
}

struct TurningOptions {
  int runs = 24;
  double noise_sd = 0.02;
};

/// Run i of one reading, in a group of its own; its row of X and Y is set by the caller.
inline void add_run(features::Dataset& data, int i) {
  data.run.push_back(i);
  data.group.push_back(i);
  data.run_ids.push_back("r" + std::to_string(i));
  data.group_labels.push_back("g" + std::to_string(i));
  data.run_time.push_back(0);
  data.source_row.push_back(i);
  data.repeat.push_back(0);
}

/// The history: runs at Sobol settings, new and worn in turn, one reading each, numbered r0, r1, …
inline features::Dataset turning_data(const TurningOptions& options = {}) {
  features::Dataset data;
  data.encoder = turning_encoder();
  const Eigen::MatrixXd points = Sobol(2, core::RandomKey(6)).points(0, options.runs);
  core::Generator generator = core::RandomKey(17).generator();
  data.X.resize(options.runs, 3);
  data.Y.resize(options.runs, 1);
  data.responses = {{"roughness", "um"}};
  for (int i = 0; i < options.runs; ++i) {
    data.X.row(i) << points(i, 0), points(i, 1), static_cast<double>(i % 2);
    data.Y(i, 0) = coded_roughness(data.X.row(i).transpose()) + options.noise_sd * generator.normal();
    add_run(data, i);
  }
  return data;
}

inline Basis turning_basis(process::ProcessDefinition definition = turning_definition(),
                           const TurningOptions& options = {}) {
  auto data = std::make_shared<const features::Dataset>(turning_data(options));
  auto index = std::make_shared<std::size_t>(0);
  // The surrogate learns the noisy values: its function is asked for each row in turn.
  const Function observed = [data, index](const Eigen::VectorXd&) {
    return data->Y(static_cast<Eigen::Index>((*index)++), 0);
  };
  auto surrogate = std::make_shared<AnalyticSurrogate>(
      data->encoder, std::vector<std::string>{"roughness"}, std::vector<Function>{observed}, data->X,
      AnalyticSurrogate::Options{.lengthscale = 0.7, .signal_sd = 1.5, .noise_sd = options.noise_sd, .mean = 2.0});
  return {std::make_shared<const process::Process>(std::move(definition)), surrogate, data, nullptr};
}

inline std::vector<process::NamedValue> tool(const std::string& state) {
  return {{"tool", state, ""}};
}

inline process::Recipe recipe(double speed, double feed) {
  return process::Recipe({{"speed", speed, "m/min"}, {"feed", feed, "mm/rev"}});
}

/// The true optimum of a context by brute force over the admissible grid.
inline double best_roughness(bool worn) {
  double best = 1e9;
  for (int i = 0; i <= 400; ++i) {
    for (int j = 0; j <= 400; ++j) {
      const double speed = 100.0 + 0.5 * i;
      const double feed = 0.05 + 0.00025 * j;
      if (speed + 1000.0 * feed <= 400.0) best = std::min(best, roughness(speed, feed, worn));
    }
  }
  return best;
}

}  // namespace luban::recommend::test
